//! What the system knows of this process, read from /proc; nothing where there is none.

use rustix::process::{Resource, getrlimit};
use std::fs;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) open_files: u64,
    pub(super) max_files: u64,
    pub(super) threads: u64,
}

impl Process {
    /// As it is now.
    pub(super) fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let (cpu_ticks, threads) = parse_stat(&stat)?;
        let memory = fs::read_to_string("/proc/self/statm").ok()?;
        let mut pages = memory.split_ascii_whitespace().map(str::parse::<u64>);
        let (total, resident) = (pages.next()?.ok()?, pages.next()?.ok()?);
        let page = rustix::param::page_size() as u64;
        // The directory that is read counts itself.
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
        Some(Self {
            cpu_seconds: seconds(cpu_ticks),
            resident_bytes: resident * page,
            virtual_bytes: total * page,
            open_files: open_files as u64,
            max_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            threads,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "millions of years of ticks are exact")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// CPU time in ticks, in user mode and in the kernel, and the number of threads: proc_pid_stat(5).
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    // The name, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |number: usize| rest.split(' ').nth(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(20)?))
}

#[cfg(test)]
mod tests {
    use super::parse_stat;

    #[test]
    fn a_name_with_brackets_and_spaces_confuses_nobody() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(parse_stat(stat), Some((200, 4)));
        assert_eq!(parse_stat("7 (x"), None);
    }
}

//! Every command of the documents is run: the `sh` blocks of a page one after another in one shell, in a copy of
//! the project, with the built binary as `redis-sidecar`, a network in which each port is free, and a cloud
//! Redis named cache.example.com that speaks TLS on port 6380. A block `text` behind one is what it prints.
//!
//! A block that can't be run here says why in a comment before it, `<!-- not run: REASON -->`: these are counted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use super::Page;
use super::page::{Block, root};
use crate::harness::{Certs, run_alone};

/// Why a block may not be run, and how many blocks of all pages.
const NOT_RUN: [(&str, usize); 3] = [
    ("needs a container engine", 2),
    ("needs systemd as the first process", 1),
    ("takes minutes", 11),
];

/// What the pages may need of the project: all but what was built or installed.
const PROJECT: [&str; 8] = [
    "Cargo.toml",
    "config.yaml",
    "dashboards",
    "docker-compose.yaml",
    "Dockerfile",
    "helm",
    "packaging",
    "scripts",
];

#[test]
fn every_command_runs_and_prints_what_the_page_shows() {
    let pages: Vec<Page> = Page::all();
    let mut faults = Vec::new();
    // Two at a time: they mostly wait.
    for pair in pages.chunks(2) {
        let shells: Vec<_> = pair.iter().map(|page| (page, Shell::of(page))).collect();
        thread::scope(|scope| {
            let running: Vec<_> = shells
                .iter()
                .filter_map(|(page, shell)| {
                    shell.as_ref().map(|shell| scope.spawn(|| shell.run(page)))
                })
                .collect();
            faults.extend(running.into_iter().filter_map(|thread| thread.join().unwrap().err()));
        });
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn few_commands_are_not_run_and_each_says_why() {
    let mut counts = [0; NOT_RUN.len()];
    let mut run = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| is_shell(block)) {
            let Some(reason) = block.comment.strip_prefix("not run: ") else {
                run += 1;
                continue;
            };
            let known = NOT_RUN.iter().position(|(known, _)| *known == reason);
            counts[known.unwrap_or_else(|| panic!("{}: {reason:?}", page.name))] += 1;
        }
    }
    for ((reason, most), count) in NOT_RUN.iter().zip(counts) {
        assert!(count <= *most, "{count} blocks are not run as it {reason}; {most} are allowed");
    }
    assert!(run >= 15, "only {run} blocks are run");
}

/// Commands are fenced as `sh`, so that none is missed: other names of shells are not used, and an indented
/// block does not begin with a command of ours.
#[test]
fn commands_are_fenced_as_sh() {
    for page in Page::all() {
        for block in page.blocks() {
            let language = block.language.as_str();
            let is_other = ["shell", "bash", "console", "zsh"].contains(&language);
            assert!(!is_other, "{}:{}: write sh", page.name, block.line);
            let starts_as_ours = block.text.trim_start().starts_with("redis-sidecar ")
                && !block.text.trim_start().starts_with("redis-sidecar validate:");
            assert!(!starts_as_ours || language == "sh", "{}:{}: write sh", page.name, block.line);
        }
        let indented = |line: &&str| {
            ["redis-sidecar ", "cargo ", "scripts/", "benches/", "REDIS_URL="]
                .iter()
                .any(|start| line.strip_prefix("    ").is_some_and(|rest| rest.starts_with(start)))
        };
        let mut outside = outside_of_fences(&page.text);
        assert_eq!(outside.find(indented), None, "{}: fence it as sh", page.name);
    }
}

fn outside_of_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.lines().filter(move |line| {
        is_inside ^= line.trim_start().starts_with("```");
        !is_inside
    })
}

fn is_shell(block: &Block) -> bool {
    block.language == "sh"
}

/// The blocks of a page as one script, and the world in which it runs.
struct Shell {
    dir: TempDir,
    script: String,
    /// where each block begins, and what it is to print
    expected: Vec<(usize, Option<String>)>,
}

impl Shell {
    fn of(page: &Page) -> Option<Self> {
        let blocks = page.blocks();
        let mut shell =
            Self { dir: TempDir::new().unwrap(), script: String::new(), expected: Vec::new() };
        for (index, block) in blocks.iter().enumerate() {
            if !is_shell(block) || block.comment.starts_with("not run: ") {
                continue;
            }
            let output = blocks.get(index + 1).filter(|next| {
                next.language == "text" && next.line <= block.line + block.text.lines().count() + 3
            });
            let number = shell.expected.len();
            // Its output goes to a file, since what it leaves running would hold a pipe open.
            let _ = writeln!(shell.script, "echo {} >$OUT/at\n{{", block.line);
            shell.script.push_str(&block.text);
            let _ = writeln!(shell.script, "}} >$OUT/{number}.out 2>$OUT/{number}.err </dev/null");
            shell.expected.push((block.line, output.map(|block| block.text.clone())));
        }
        (!shell.expected.is_empty()).then_some(shell)
    }

    fn run(&self, page: &Page) -> Result<(), String> {
        let dir = self.dir.path();
        self.furnish(page);
        let output = run_alone(&dir.join("script"), &dir.join("project"));
        let read = |name: &str| fs::read_to_string(dir.join("out").join(name)).unwrap_or_default();
        if !output.status.success() {
            let (line, said) = (read("at"), String::from_utf8_lossy(&output.stderr).into_owned());
            let number = self.expected.iter().position(|(at, _)| line.trim() == at.to_string());
            let number = number.map_or("none".to_owned(), |number| number.to_string());
            let (out, err) = (read(&format!("{number}.out")), read(&format!("{number}.err")));
            let name = &page.name;
            return Err(format!("{name}:{}: {}\n{said}{out}{err}", line.trim(), output.status));
        }
        for (number, (line, expected)) in self.expected.iter().enumerate() {
            let out = read(&format!("{number}.out"));
            if expected.as_ref().is_some_and(|expected| !is_like(expected, &out)) {
                return Err(format!("{}:{line}: prints otherwise:\n{out}", page.name));
            }
        }
        Ok(())
    }

    /// A copy of the project, the programs that pages name, and a cloud.
    fn furnish(&self, page: &Page) {
        let dir = self.dir.path();
        for name in ["project", "out", "bin"] {
            fs::create_dir(dir.join(name)).unwrap();
        }
        for name in PROJECT.iter().filter(|name| root().join(name).exists()) {
            let (from, to) = (root().join(name), dir.join("project"));
            let copied = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
            assert!(copied.success(), "{name}");
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_redis-sidecar"));
        std::os::unix::fs::symlink(binary, dir.join("bin/redis-sidecar")).unwrap();
        write_program(&dir.join("bin/my-app"), "#!/bin/sh\nredis-cli ping\n");
        fs::write(dir.join("hosts"), "127.0.0.1 localhost cache.example.com\n").unwrap();
        let certs = Certs::generate();
        for name in ["ca.crt", "cloud.crt", "cloud.key"] {
            fs::copy(certs.file(name), dir.join(name)).unwrap();
        }
        let mut script = String::from(PROLOGUE).replace("@DIR@", &dir.display().to_string());
        if page.text.contains("cache.example.com") {
            script.push_str(CLOUD);
        }
        fs::write(dir.join("script"), script + &self.script).unwrap();
    }
}

/// The world of every page.
const PROLOGUE: &str = "\
cd @DIR@/project
DIR=@DIR@ OUT=@DIR@/out
export HOME=@DIR@ PATH=@DIR@/bin:$PATH:/usr/sbin SSL_CERT_FILE=@DIR@/ca.crt
ip link set lo up
mount --bind $DIR/hosts /etc/hosts
";

/// The cloud: user `user`, password `password`; plain on port 6381.
const CLOUD: &str = "\
redis-server --port 6381 --tls-port 6380 --tls-auth-clients no --save '' --dir $DIR --daemonize yes \\
    --tls-cert-file $DIR/cloud.crt --tls-key-file $DIR/cloud.key --logfile $DIR/cloud.log --requirepass password \\
    --user user on '>password' '~*' '&*' '+@all' >/dev/null
until redis-cli --tls -h cache.example.com -p 6380 --cacert $DIR/ca.crt -a password --no-auth-warning ping \\
    >/dev/null 2>&1; do sleep 0.05; done
";

fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Whether `printed` is what `shown` shows, where `...` stands for anything, in a line or as one.
fn is_like(shown: &str, printed: &str) -> bool {
    let shown: Vec<&str> = shown.trim().lines().map(str::trim_end).collect();
    let printed: Vec<&str> = printed.trim().lines().map(str::trim_end).collect();
    are_lines_like(&shown, &printed)
}

fn are_lines_like(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => {
            (0..=printed.len()).any(|skipped| are_lines_like(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, later)| is_line_like(first, line) && are_lines_like(rest, later)),
    }
}

fn is_line_like(shown: &str, printed: &str) -> bool {
    let (first, parts) = match shown.split_once("...") {
        None => return shown == printed,
        Some((first, rest)) => (first, rest.split("...")),
    };
    let Some(mut left) = printed.strip_prefix(first) else { return false };
    let mut is_whole = true;
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
        is_whole = part.is_empty() || left.is_empty();
    }
    is_whole
}

#[test]
fn what_is_shown_is_compared_line_by_line() {
    for (shown, printed, is) in [
        ("a\n", "a\n", true),
        ("a", "b", false),
        ("a\n...\nz", "a\nb\nc\nz", true),
        ("a\n...\nz", "a\nb\nc", false),
        ("a...", "a1", true),
        ("took ... ms", "took 3 ms", true),
        ("took ... ms", "took 3 s", false),
        ("...", "", true),
        ("a", "a\nb", false),
    ] {
        assert_eq!(is_like(shown, printed), is, "{shown:?} {printed:?}");
    }
}

//! The sidecar started by systemd-socket-activate, which listens first and hands its sockets over with the first client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::process::{Process, find_in_path};
use super::{DEADLINE, eventually};

/// A sidecar that does not run before a client comes; killed on drop.
pub(crate) struct SocketActivated {
    process: Process,
    log: PathBuf,
}

impl SocketActivated {
    /// Listens on `sockets` and hands them to a sidecar that runs in `dir` with `env` and nothing else.
    pub(crate) fn start(dir: &Path, sockets: &[&str], env: &[(&str, &str)]) -> Self {
        const PROGRAM: &str = "systemd-socket-activate";
        assert!(
            find_in_path(PROGRAM).is_some(),
            "these tests need {PROGRAM}; install it: apt-get install systemd"
        );
        let log = dir.join("log");
        let file = fs::File::create(&log).unwrap();
        let process = Process::start(PROGRAM, |command| {
            command.current_dir(dir).env_clear();
            command.args(sockets.iter().flat_map(|socket| ["-l", socket]));
            command.args(env.iter().map(|(name, value)| format!("-E{name}={value}")));
            command.arg(env!("CARGO_BIN_EXE_redis-sidecar"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        });
        let activated = Self { process, log };
        eventually("all sockets are listened on", || {
            activated.log().matches("Listening on").count() == sockets.len()
        });
        activated
    }

    /// What both have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it ends.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.process.wait()
    }

    /// SIGTERM, and the end.
    pub(crate) fn stop(mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.wait(), Some(0), "within {DEADLINE:?}: {}", self.log());
    }
}

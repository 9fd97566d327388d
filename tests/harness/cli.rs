//! The binary run to its end as a command, in an empty directory and with nothing of this machine's environment.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{DEADLINE, PASSWORD, Redis};

/// A command to be run.
pub(crate) struct Cli {
    command: Command,
    /// where it runs
    dir: TempDir,
}

/// What it did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Cli {
    pub(crate) fn new(args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-sidecar"));
        command.args(args).current_dir(dir.path()).env_clear().env("RUST_BACKTRACE", "1");
        Self { command, dir }
    }

    /// With this upstream, and the authority that signed its certificate.
    pub(crate) fn upstream(self, redis: &Redis) -> Self {
        self.env("REDIS_URL", &redis.url())
            .env("REDIS_CA_FILE", &redis.certs().file("ca.crt").display().to_string())
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    /// The content of config.yaml.
    pub(crate) fn config(self, yaml: &str) -> Self {
        std::fs::write(self.dir.path().join("config.yaml"), yaml).unwrap();
        self
    }

    /// Runs it to its end, which must come in time. Nothing that it says may hold a password.
    #[track_caller]
    pub(crate) fn run(mut self) -> Outcome {
        let began = Instant::now();
        let stdio = [Stdio::null(), Stdio::piped(), Stdio::piped()];
        let [stdin, stdout, stderr] = stdio;
        let child = self.command.stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap();
        let id = child.id();
        let waiter = thread::spawn(move || child.wait_with_output().unwrap());
        while !waiter.is_finished() {
            if began.elapsed() > DEADLINE * 4 {
                let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
                panic!("the command did not end in time: {:?}", waiter.join().unwrap());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let output = waiter.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let outcome = Outcome {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
            took: began.elapsed(),
        };
        let all = format!("{}{}", outcome.out, outcome.err);
        assert!(!all.contains(PASSWORD), "a password was shown: {all}");
        outcome
    }
}

//! A script of tests/clients, run by node, python or ruby with a sidecar's address. It prints a line for each
//! scenario, `outage please` when it wants one, and `done`; it reads a line when the outage is over.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::Sidecar;
use super::process::{Process, find_in_path};

/// The longest that a script may take, from its start to `done`.
const LIMIT: Duration = Duration::from_secs(45);

/// A running script; killed on drop.
pub(crate) struct Script {
    process: Process,
    lines: Receiver<String>,
    /// each line once: a library may complain of an outage a thousand times
    output: Vec<String>,
    end: Instant,
}

impl Script {
    /// Starts `script`, a path within tests/clients; `has_outage` tells it to ask for one.
    pub(crate) fn start(script: &str, sidecar: &Sidecar, has_outage: bool) -> Self {
        let program = interpreter(script);
        let mut process = Process::start(&program.to_string_lossy(), |command| {
            command.arg(script).current_dir(directory()).env_clear();
            command.env("REDIS_URL", format!("redis://{}", sidecar.address()));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("OUTAGE", if has_outage { "yes" } else { "no" });
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let (sender, lines) = mpsc::channel();
        forward(process.child.stdout.take().unwrap(), sender.clone());
        forward(process.child.stderr.take().unwrap(), sender);
        Self { process, lines, output: Vec::new(), end: Instant::now() + LIMIT }
    }

    /// Waits for a line that is `text`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            match self.lines.recv_timeout(self.end.saturating_duration_since(Instant::now())) {
                Ok(line) if line == text => return,
                Ok(line) if self.output.contains(&line) => {}
                Ok(line) => self.output.push(line),
                Err(e) => panic!("no line {text:?} ({e}); the script said:\n{}", self.output()),
            }
        }
    }

    /// Tells the script that the outage is over.
    pub(crate) fn end_outage(&mut self) {
        self.process.child.stdin.as_mut().unwrap().write_all(b"over\n").unwrap();
    }

    /// All that it said before the line that was last waited for, errors too.
    pub(crate) fn output(&self) -> String {
        self.output.join("\n")
    }
}

/// Where the scripts are.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The program that runs `script`, when the libraries that it needs are installed as they are pinned.
#[track_caller]
fn interpreter(script: &str) -> PathBuf {
    let extension = Path::new(script).extension().unwrap_or_default().to_string_lossy();
    let read = |name: &str| fs::read(directory().join(name)).ok();
    let is_as_pinned = |pinned, installed| read(pinned) == read(installed);
    let program = match &*extension {
        "py" => Some(directory().join("venv/bin/python"))
            .filter(|_| is_as_pinned("requirements.txt", "venv/installed")),
        // The system's own: Debian pins what there is of Ruby.
        "rb" => find_in_path("ruby").filter(|_| find_in_path("sidekiq").is_some()),
        _ => find_in_path("node")
            .filter(|_| is_as_pinned("package-lock.json", "node_modules/.installed")),
    };
    program.filter(|program| program.exists()).unwrap_or_else(|| {
        panic!("the libraries of tests/clients are missing; run scripts/test once, or scripts/client-libraries")
    })
}

fn forward(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

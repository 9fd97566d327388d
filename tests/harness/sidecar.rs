//! The real binary, on free ports, with nothing of this machine's environment.
//! Its addresses are read from its log, and its log is kept for assertions.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::Process;
use super::{Client, DEADLINE, Redis};

/// How a sidecar is started.
#[derive(Default)]
pub(crate) struct SidecarOptions {
    env: Vec<(String, String)>,
    unset: Vec<String>,
    config: Option<String>,
    args: Vec<String>,
}

impl SidecarOptions {
    /// The upstream, and the authority that signed its certificate.
    pub(crate) fn upstream(redis: &Redis) -> Self {
        Self::default()
            .env("REDIS_URL", &redis.url())
            .env("REDIS_CA_FILE", &redis.certs().file("ca.crt").display().to_string())
    }

    /// Sets a variable, over an earlier one of the same name.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The content of config.yaml.
    pub(crate) fn config(mut self, yaml: &str) -> Self {
        self.config = Some(yaml.to_owned());
        self
    }

    /// Leaves a variable out that is set for every sidecar, so that the file's value stands.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.unset.push(name.to_owned());
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Starts the binary without waiting for anything.
    pub(crate) fn spawn(self) -> Sidecar {
        let dir = TempDir::new().unwrap();
        if let Some(config) = &self.config {
            fs::write(dir.path().join("config.yaml"), config).unwrap();
        }
        let mut process = Process::start(env!("CARGO_BIN_EXE_redis-sidecar"), |command| {
            command.args(&self.args).current_dir(dir.path()).env_clear();
            command.envs([
                ("SIDECAR_LISTEN", "127.0.0.1:0"),
                ("SIDECAR_ADMIN", "127.0.0.1:0"),
                ("SIDECAR_LOG_FORMAT", "json"),
                // What workers share must hold on every machine.
                ("SIDECAR_WORKERS", "2"),
                ("RUST_BACKTRACE", "1"),
            ]);
            command.envs(self.env.iter().map(|(name, value)| (name, value)));
            self.unset.iter().for_each(|name| {
                command.env_remove(name);
            });
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let log = Arc::new(Mutex::new(Vec::new()));
        collect(process.child.stdout.take().unwrap(), &log);
        collect(process.child.stderr.take().unwrap(), &log);
        Sidecar { process, log, dir, address: String::new(), admin: String::new() }
    }

    /// Starts the binary and waits until it listens.
    pub(crate) fn start(self) -> Sidecar {
        let mut sidecar = self.spawn();
        sidecar.address = sidecar.logged_address("\"listening\"");
        sidecar.admin = sidecar.logged_address("\"admin listening\"");
        sidecar
    }
}

/// What the admin port answered.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A running sidecar; killed on drop.
pub(crate) struct Sidecar {
    process: Process,
    log: Arc<Mutex<Vec<String>>>,
    dir: TempDir,
    address: String,
    admin: String,
}

impl Sidecar {
    pub(crate) fn start(redis: &Redis) -> Self {
        SidecarOptions::upstream(redis).start()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn admin_address(&self) -> &str {
        &self.admin
    }

    /// A file in the directory in which it runs.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// Whether a new client is refused, or closed at once.
    pub(crate) fn refuses(&self) -> bool {
        TcpStream::connect(&self.address).is_err()
    }

    /// The whole log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub(crate) fn log_contains(&self, text: &str) -> bool {
        self.log.lock().unwrap().iter().any(|line| line.contains(text))
    }

    /// Waits for a line that contains every one of `texts`.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, texts: &[&str]) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let log = self.log.lock().unwrap();
            if let Some(line) = log.iter().find(|line| texts.iter().all(|text| line.contains(text)))
            {
                return line.clone();
            }
            drop(log);
            assert!(Instant::now() < end, "no line with {texts:?} in the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks the operator to stop it, as a container runtime does.
    pub(crate) fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        self.process.signal("HUP");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits for the end: the exit code, or `None` when a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.process.wait()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Open file descriptors, sockets among them.
    pub(crate) fn cpu_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let times = tasks.map(|task| {
            let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(times.sum())
    }

    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// Threads of the process.
    pub(crate) fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap().count()
    }

    /// Where the admin port is.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// GETs a path of the admin port: status and body.
    #[track_caller]
    pub(crate) fn http(&self, path: &str) -> (u16, String) {
        let answer = self.http_with(&format!("GET {path}"), &[]);
        (answer.status, answer.body)
    }

    /// The JSON at a path of the admin port, whatever the status.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        let (_, body) = self.http(path);
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// The body at a path, asked for by another name than the address.
    #[track_caller]
    pub(crate) fn http_as(&self, host: &str, path: &str) -> String {
        let mut socket = TcpStream::connect(&self.admin).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends `line` (`POST /path`) with more headers to the admin port.
    #[track_caller]
    pub(crate) fn http_with(&self, line: &str, headers: &[&str]) -> HttpAnswer {
        let mut socket = TcpStream::connect(&self.admin).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request =
            format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.admin);
        headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
        request.push_str("\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        HttpAnswer {
            status: status.unwrap_or_else(|| panic!("{answer}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn logged_address(&mut self, message: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let log = self.log.lock().unwrap().clone();
            let line = log.iter().find(|line| line.contains(message) && line.contains("address"));
            if let Some((_, rest)) = line.and_then(|line| line.split_once("\"address\":\"")) {
                return rest.split('"').next().unwrap_or_default().to_owned();
            }
            let (alive, in_time) = (self.process.is_running(), Instant::now() < end);
            assert!(alive && in_time, "no {message} in the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    });
}

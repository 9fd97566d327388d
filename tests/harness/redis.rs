//! A real redis-server with TLS and a password, on free ports, in a directory of its own.
//! Always reachable by a unix socket as well, so that a test can look at it past the sidecar.

use std::hash::{BuildHasher, RandomState};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::process::{Process, find_in_path};
use super::{Certs, Client, DEADLINE, Value, eventually};

/// The password of every server that has one; long enough to be found in a log if it leaks.
pub(crate) const PASSWORD: &str = "s3cret-of-the-cloud";

/// Which certificate the server shows.
#[derive(Clone, Copy)]
pub(crate) enum ServerCert {
    Good,
    Expired,
    NotYetValid,
    WrongHost,
}

/// How a server is started.
pub(crate) struct RedisOptions {
    pub(crate) tls: bool,
    pub(crate) plain_port: bool,
    pub(crate) password: Option<&'static str>,
    /// clients must show a certificate of our authority
    pub(crate) client_certs: bool,
    pub(crate) server_cert: ServerCert,
    /// more lines of redis.conf, such as `user app on >word ~* +@all`
    pub(crate) lines: Vec<String>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            tls: true,
            plain_port: false,
            password: Some(PASSWORD),
            client_certs: false,
            server_cert: ServerCert::Good,
            lines: Vec::new(),
        }
    }
}

/// A running server; killed on drop.
pub(crate) struct Redis {
    process: Option<Process>,
    options: RedisOptions,
    certs: Certs,
    dir: TempDir,
    tls_port: u16,
    plain_port: u16,
}

impl Redis {
    /// TLS and a password, no plain port: what a cloud offers.
    pub(crate) fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// A plain port with neither TLS nor password: what an app knows from its own machine.
    pub(crate) fn start_plain() -> Self {
        Self::start_with(RedisOptions {
            tls: false,
            plain_port: true,
            password: None,
            ..RedisOptions::default()
        })
    }

    pub(crate) fn start_with(options: RedisOptions) -> Self {
        assert!(
            find_in_path("redis-server").is_some(),
            "these tests need redis-server 7; install it: apt-get install redis-server"
        );
        let mut redis = Self {
            process: None,
            options,
            certs: Certs::generate(),
            dir: TempDir::new().unwrap(),
            tls_port: 0,
            plain_port: 0,
        };
        for _ in 0..5 {
            redis.tls_port = if redis.options.tls { free_port() } else { 0 };
            redis.plain_port = if redis.options.plain_port { free_port() } else { 0 };
            if redis.try_launch() {
                return redis;
            }
        }
        panic!("redis-server did not start:\n{}", redis.log());
    }

    /// Kills the server, as a machine that dies would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts again on the same ports: empty, but for what a line such as `appendonly yes` has kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        eventually("redis-server starts again on its port", || self.try_launch());
    }

    /// The URL that an operator would write, with the password where there is one.
    pub(crate) fn url(&self) -> String {
        match self.options.password {
            Some(password) => self.url_as(&format!(":{password}@"), 0),
            None => self.url_as("", 0),
        }
    }

    /// A URL with other credentials (`user:word@`, or empty) and another database.
    pub(crate) fn url_as(&self, credentials: &str, db: u8) -> String {
        if self.options.tls {
            format!("rediss://{credentials}localhost:{}/{db}", self.tls_port)
        } else {
            format!("redis://{credentials}localhost:{}/{db}", self.plain_port)
        }
    }

    pub(crate) fn plain_address(&self) -> String {
        assert_ne!(self.plain_port, 0, "started without a plain port");
        format!("127.0.0.1:{}", self.plain_port)
    }

    pub(crate) fn certs(&self) -> &Certs {
        &self.certs
    }

    /// A connection straight to the server, logged in, past the sidecar.
    pub(crate) fn direct(&self) -> Client {
        let mut client = Client::connect_unix(&self.socket()).unwrap();
        if let Some(password) = self.options.password {
            assert_eq!(client.call(&["AUTH", password]), Value::ok());
        }
        client
    }

    /// Forgets all data, scripts and functions.
    pub(crate) fn wipe(&self) {
        let mut client = self.direct();
        for args in [&["FLUSHALL"][..], &["SCRIPT", "FLUSH"], &["FUNCTION", "FLUSH"]] {
            assert_eq!(client.call(args), Value::ok());
        }
    }

    /// The number behind `name:` in INFO.
    pub(crate) fn info(&self, name: &str) -> i64 {
        let text = self.direct().call(&["INFO"]).text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in INFO")).parse().unwrap()
    }

    /// The lines of CLIENT LIST without those of this harness, which come by the unix socket.
    pub(crate) fn connections(&self) -> Vec<String> {
        let list = self.direct().call(&["CLIENT", "LIST"]).text();
        list.lines().filter(|line| !line.contains(".sock")).map(str::to_owned).collect()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("r.sock")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Whether the server came up; it does not when another process took the port first.
    fn try_launch(&mut self) -> bool {
        let config = self.dir.path().join("redis.conf");
        std::fs::write(&config, self.config()).unwrap();
        let mut process = Process::start("redis-server", |command| {
            command.arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        });
        let end = Instant::now() + DEADLINE;
        while process.is_running() && Instant::now() < end {
            if self.answers() {
                self.process = Some(process);
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn answers(&self) -> bool {
        Client::connect_unix(&self.socket()).is_ok_and(|mut client| {
            client.try_send(b"PING\r\n").is_ok() && !client.read_raw_reply().is_empty()
        })
    }

    fn config(&self) -> String {
        let (dir, options) = (self.dir.path().display(), &self.options);
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("port {}", self.plain_port),
            format!("tls-port {}", self.tls_port),
            format!("unixsocket {}", self.socket().display()),
            format!("dir {dir}"),
            format!("logfile {dir}/log"),
            "save \"\"".to_owned(),
            "enable-debug-command yes".to_owned(),
        ];
        if options.tls {
            let cert = match options.server_cert {
                ServerCert::Good => "server",
                ServerCert::Expired => "expired",
                ServerCert::NotYetValid => "not-yet-valid",
                ServerCert::WrongHost => "wrong-host",
            };
            let file = |name: &str| self.certs.file(name).display().to_string();
            lines.push(format!("tls-cert-file {}", file(&format!("{cert}.crt"))));
            lines.push(format!("tls-key-file {}", file(&format!("{cert}.key"))));
            lines.push(format!("tls-ca-cert-file {}", file("ca.crt")));
            let needed = if options.client_certs { "yes" } else { "no" };
            lines.push(format!("tls-auth-clients {needed}"));
        }
        lines.extend(options.password.map(|password| format!("requirepass {password}")));
        lines.extend(options.lines.iter().cloned());
        lines.join("\n")
    }
}

/// Listens on a port below the range from which the kernel takes those of outgoing connections, so that a
/// server which is restarted finds it free again.
pub(crate) fn listen_on_free_port() -> TcpListener {
    for _ in 0..1_000 {
        let random = RandomState::new().hash_one(0);
        let port = 12_000 + u16::try_from(random % 18_000).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    }
    panic!("no free port");
}

/// Such a port for another process. A child that is just being started may hold it a moment longer.
pub(crate) fn free_port() -> u16 {
    listen_on_free_port().local_addr().unwrap().port()
}

/// A port at which nobody listens, and nobody can while this lives: connections to it are refused at once.
pub(crate) struct Refusing {
    _bound: Socket,
    pub(crate) port: u16,
}

impl Refusing {
    pub(crate) fn start() -> Self {
        let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let port = bound.local_addr().unwrap().as_socket().unwrap().port();
        Self { _bound: bound, port }
    }
}

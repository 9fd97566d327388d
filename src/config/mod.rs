//! The configuration: what every other floor is told, checked and ready to use.
//! It is layered as defaults < file < environment < flags, then checked as a whole: every fault is
//! found at once, each with its path (`upstream.pool.max`) and its mend. It dials nothing and
//! resolves no name. Secrets never reach a fault, a warning or a print.
//!
//! To add a section: its rows in `keys`, its type here, its reading in `check`, its values in
//! `values`.

mod address;
mod changes;
mod check;
mod commands;
mod env;
mod expand;
mod fault;
mod file;
pub mod keys;
mod layers;
mod limits;
mod namespace;
mod nearest;
mod otlp;
mod password;
mod print;
mod read;
mod rules;
mod secret;
mod units;
mod upstream;
mod url;
mod users;
mod values;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use address::is_own_address;
pub use commands::{Commands, KeysCommand, Profile};
pub use fault::{Fault, Faults};
pub use keys::is_live;
pub use layers::{Env, Flags, Origin, Origins, Sources};
pub use limits::{BeforeAuth, Limits, Rates, SubscriberOutput};
pub use namespace::Namespace;
pub use otlp::{Endpoint, Otlp, Share};
pub use password::{Digest, Password};
pub use print::Setting;
pub use rules::{Access, Cache, Fallback, MAX_STALE, Per, Rate, Rule, Ttl};
pub use secret::Secret;
pub use units::{parse_duration, parse_size, show_duration, show_size};
pub use url::{UpstreamUrl, UrlError};
pub use users::User;

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where apps connect, and what is asked of them.
    pub listen: Listen,
    /// How much a client may ask, be owed and be told.
    pub limits: Limits,
    /// The operators' HTTP port.
    pub admin: Admin,
    /// The Redis behind us, and how we reach it.
    pub upstream: Upstream,
    /// When a command is sent again, and how soon.
    pub retry: Retry,
    /// When commands are rejected at once, and for how long.
    pub breaker: Breaker,
    /// The embedded engine behind `memory://`.
    pub memory: Memory,
    /// What is noted of slow commands.
    pub slowlog: SlowLog,
    /// What is kept of the replies to reads.
    pub cache: Cache,
    /// Where the app's keys lie upstream.
    pub namespace: Namespace,
    /// Which commands apps may run.
    pub commands: Commands,
    /// What apps may do with keys that no rule matches.
    pub default_access: Access,
    /// Whether each refusal is logged.
    pub audit: bool,
    /// What may be done with keys, and what they get while the upstream is away; the first that matches counts.
    pub rules: Vec<Rule>,
    /// Single-threaded runtimes, 1 to 1024; `auto` is resolved to one for two cores that we may use: the app and
    /// the kernel need the rest, and fewer workers make larger batches.
    pub workers: usize,
    /// Whether `workers` was `auto`.
    pub is_workers_auto: bool,
    /// How long a worker looks for replies again and again before it sleeps, 1 µs to 1 ms; `None` is not at all.
    pub busy_poll: Option<Duration>,
    /// What is logged, and how.
    pub log: Log,
    /// Of what part of all commands a span is told; 0 is none.
    pub sample: Share,
    /// The export to an OpenTelemetry collector.
    pub otlp: Otlp,
    /// After SIGTERM, how long commands in flight may take to end; 0 to 24 hours.
    pub drain_timeout: Duration,
    /// What is allowed but unwise, or was overruled; to be logged at start. Holds no secret.
    pub warnings: Vec<String>,
    /// Where each value came from.
    pub origins: Origins,
}

/// Where apps connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The TCP address; `None` where it is off. At least one of this and `unix_socket` is set.
    pub address: Option<SocketAddr>,
    /// A Unix socket's path, beside or instead of the address.
    pub unix_socket: Option<PathBuf>,
    /// What clients that are none of `users` must AUTH with; `None` asks nothing.
    pub password: Option<Secret>,
    /// The file from which `password` was read.
    pub password_file: Option<PathBuf>,
    /// Whether clients are let in that are none of `users`.
    pub default_user: bool,
    /// Apps with a password and a namespace of their own.
    pub users: Vec<User>,
    /// TLS towards apps.
    pub tls: Option<ListenTls>,
    /// Clients at once, 1 to 1,000,000; one more is told so and closed.
    pub max_clients: usize,
    /// Commands of one client on the way, 1 to 1,000,000; past them it is not read.
    pub max_in_flight: u64,
    /// After how long a silent client is closed; `None` is never.
    pub idle_timeout: Option<Duration>,
}

/// TLS towards apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTls {
    /// Our certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// Clients must show a certificate signed by one of these, PEM; `None` asks for none.
    pub client_ca_file: Option<PathBuf>,
}

/// The operators' HTTP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `None` where it is off.
    pub address: Option<SocketAddr>,
    /// Whether an upstream that is away leaves us ready.
    pub ready_in_outage: bool,
    /// What the key of the check that really asks begins with. Never empty.
    pub health_key: String,
    /// Whether POST /quitquitquit is served.
    pub quit: bool,
}

/// The Redis behind us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is.
    pub target: Target,
    /// TLS towards it: set for `rediss://`, or where REDIS_TLS=true asks for it.
    pub tls: Option<Tls>,
    /// Who we are there.
    pub auth: Auth,
    /// The database that a fresh client is in.
    pub db: u32,
    /// DNS and TCP, and then TLS and greeting, each; 1 ms to 24 h.
    pub connect_timeout: Duration,
    /// From a command's arrival to its answer; 1 ms to 24 h. Blocking commands add their own.
    pub command_timeout: Duration,
    /// TCP keepalive, and a PING on idle connections; 1 ms to 24 h. The kernel counts whole
    /// seconds: round up. `None` is off.
    pub keepalive: Option<Duration>,
    /// A connection that owes replies and is silent for so long is dead; 100 ms to 24 h.
    pub probe_timeout: Duration,
    /// Bytes queued for each lane before its clients are no longer read, 1 MiB to 4 GiB.
    pub max_queued: usize,
    /// Shared connections for each worker, protocol and database, 1 to 64.
    pub lanes: usize,
    /// Connections for what needs one of its own.
    pub pool: Pool,
}

/// What the upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The embedded engine: no Redis at all.
    Memory,
    /// A Redis over TCP.
    Tcp {
        /// A name, or an address (IPv6 without brackets).
        host: String,
        /// Never 0.
        port: u16,
    },
    /// A Redis on a Unix socket.
    Unix(PathBuf),
}

/// TLS towards the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Roots to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Our certificate for mutual TLS, PEM; set together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
    /// The name asked for and checked; `None` is the URL's host.
    pub server_name: Option<String>,
    /// Whether the server's certificate is checked.
    pub verify: Verify,
}

/// Whether the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Chain and name.
    #[default]
    Full,
    /// Nothing: anyone on the way can read and change everything.
    None,
}

/// Who we are at the upstream. At most one of `password` and `password_file` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// `None` is Redis's `default` user.
    pub username: Option<String>,
    /// The password itself.
    pub password: Option<Secret>,
    /// A file that holds it, to be read at each connect (so that it can rotate).
    pub password_file: Option<PathBuf>,
}

/// The pool of checkouts. `min <= max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// How many are kept warm, 0 to 10,000.
    pub min: usize,
    /// How many there may be, 1 to 10,000.
    pub max: usize,
    /// How long a client waits for one; 1 ms to 24 h.
    pub acquire_timeout: Duration,
    /// After how long an unused one is closed; `None` is never.
    pub idle_timeout: Option<Duration>,
}

/// When a command is sent again. `initial_delay <= max_delay`. Its own deadline, the upstream's
/// `command_timeout`, bounds all its attempts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often a command may be sent again, 0 to 100; 0 is never.
    pub attempts: u32,
    /// Before the first time; twice as long before each further one. 1 ms to 24 h.
    pub initial_delay: Duration,
    /// The longest that the delay grows to; 1 ms to 24 h.
    pub max_delay: Duration,
    /// Whether delays are spread.
    pub jitter: Jitter,
    /// Which writes may be sent again; commands that only read always may.
    pub writes: RetryWrites,
}

/// Whether delays are spread, so that clients who failed together don't come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Anywhere from nothing to the whole delay.
    Full,
    /// The whole delay each time.
    None,
}

/// Which writes may be sent again; each allows what the one above it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryWrites {
    /// Those of which not one byte was handed to the socket.
    Unsent,
    /// And those that Redis refused without running them (LOADING, READONLY and the like).
    Refused,
    /// And those of which nobody knows: they may be applied twice.
    Always,
}

/// When commands are rejected at once instead of waiting for an upstream that is not there.
/// `cooldown <= max_cooldown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// How long a lost upstream is waited for before all is rejected; 0 to 24 h.
    pub grace: Duration,
    /// So many timeouts within `window` reject too, 1 to 1,000,000.
    pub failures: u32,
    /// The time in which `failures` are counted; 1 ms to 24 h.
    pub window: Duration,
    /// Before the first probe; longer before each further one. 1 ms to 24 h.
    pub cooldown: Duration,
    /// The longest that the cooldown grows to; 1 ms to 24 h.
    pub max_cooldown: Duration,
}

/// The embedded engine behind `memory://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that its keys and values may take, 1 MiB to 1 TiB; past them, writes are refused.
    pub maxmemory: usize,
}

/// What is noted of slow commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowLog {
    /// From this time on a command is slow; 1 ms to 24 h. `None` notes none.
    pub threshold: Option<Duration>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe that is logged.
    pub level: Level,
    /// For people or for machines.
    pub format: Format,
}

/// The least severe that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only what failed.
    Error,
    /// And what is unwise or degraded.
    Warn,
    /// And each change of state.
    Info,
    /// And each connection.
    Debug,
    /// And each command.
    Trace,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Layers the sources and checks the whole.
    ///
    /// # Errors
    /// Every fault there is, in one go, each with its path and mend.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let layers = layers::Layers::collect(sources, &mut faults);
        let config = check::check(&layers, &mut faults);
        config.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// The whole as it takes effect, as YAML with a line of why for each key and where its value
    /// came from. Secrets are `***`; unset keys are `~`.
    pub fn to_yaml(&self) -> String {
        print::render(self)
    }

    /// The same key by key, for a page.
    pub fn settings(&self) -> Vec<Setting> {
        print::settings(self)
    }

    /// The paths of all keys whose effective value is another in `newer`, in the catalogue's
    /// order. Secrets are compared too; no value is told. [`is_live`] tells which of them can be
    /// taken without a restart.
    pub fn changes(&self, newer: &Self) -> Vec<&'static str> {
        changes::between(self, newer)
    }
}

//! The catalogue: every key there is, with its default, its bounds, its environment names, its flag
//! and one line of why. It is the only place that says these: the file is read against it (a key
//! that is not here is refused), defaults are taken from it, `check` prints its words, and tests
//! hold config.yaml and docs/configuration.md to it.

mod commands;
mod limits;
pub mod otlp;
mod policy;
mod takes;

use std::time::Duration;

pub use commands::{
    AUDIT, COMMANDS_ALLOW, COMMANDS_ALLOW_UNKNOWN, COMMANDS_DENY, COMMANDS_DRY_RUN, COMMANDS_KEYS,
    COMMANDS_PROFILE, DEFAULT_ACCESS, RULES,
};
pub use limits::{
    LIMITS_AUTH_ARGUMENTS, LIMITS_AUTH_BULK, LIMITS_AUTH_TIMEOUT, LIMITS_CLIENT_OUTPUT,
    LIMITS_DEPTH, LIMITS_MAX_ARGUMENTS, LIMITS_MAX_BULK, LIMITS_MAX_REQUEST, LIMITS_RATE_ALL,
    LIMITS_RATE_CLIENT, LIMITS_SUBSCRIBER_HARD, LIMITS_SUBSCRIBER_SOFT,
    LIMITS_SUBSCRIBER_SOFT_TIME,
};
pub use policy::{
    LISTEN_DEFAULT_USER, LISTEN_PASSWORD_FILE, LISTEN_USERS, NAMESPACE, NAMESPACE_CHANNELS, SCRIPTS,
};
pub use takes::Takes;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its path in the file, such as `upstream.pool.max`.
    pub path: &'static str,
    /// What it takes, with bounds.
    pub takes: Takes,
    /// Its default as it would be written in the file; empty is unset.
    pub default: &'static str,
    /// The environment variables that set it.
    pub env: &'static [&'static str],
    /// The flag that sets it.
    pub flag: Option<&'static str>,
    /// Whether a running sidecar can take a new value.
    pub is_live: bool,
    /// One line of why.
    pub why: &'static str,
}

impl Key {
    const fn new(path: &'static str, takes: Takes, default: &'static str) -> Self {
        Self { path, takes, default, env: &[], flag: None, is_live: false, why: "" }
    }

    const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    const fn flag(mut self, name: &'static str) -> Self {
        self.flag = Some(name);
        self
    }

    const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    const fn why(mut self, line: &'static str) -> Self {
        self.why = line;
        self
    }
}

/// Whether a running sidecar can take a new value of the key at `path`; all others need a restart.
pub fn is_live(path: &str) -> bool {
    ALL.iter().any(|key| key.path == path && key.is_live)
}

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);
const TIMEOUT: Takes = Takes::Span(MS, DAY);
const TIMEOUT_OR_OFF: Takes = Takes::SpanOrOff(MS, DAY);

/// `listen.address`
pub const LISTEN_ADDRESS: Key = Key::new("listen.address", Takes::Address, "127.0.0.1:6379")
    .env(&["SIDECAR_LISTEN"])
    .flag("--listen")
    .why("Where apps connect: loopback, so that plain text never leaves the machine.");
/// `listen.unix_socket`
pub const LISTEN_UNIX_SOCKET: Key = Key::new("listen.unix_socket", Takes::Path, "")
    .why("A Unix socket beside the address, or instead of it (address: off).");
/// `listen.password`
pub const LISTEN_PASSWORD: Key = Key::new("listen.password", Takes::Secret, "")
    .live()
    .why("What apps must AUTH with; unset, whoever reaches the address is let in.");
/// `listen.tls.cert_file`
pub const LISTEN_CERT_FILE: Key = Key::new("listen.tls.cert_file", Takes::Path, "")
    .why("TLS towards apps, for those on other machines: the certificate chain, PEM.");
/// `listen.tls.key_file`
pub const LISTEN_KEY_FILE: Key =
    Key::new("listen.tls.key_file", Takes::Path, "").why("The certificate's private key, PEM.");
/// `listen.tls.client_ca_file`
pub const LISTEN_CLIENT_CA_FILE: Key = Key::new("listen.tls.client_ca_file", Takes::Path, "")
    .why("Mutual TLS: clients must show a certificate signed by one of these, PEM.");
/// `listen.max_clients`
pub const LISTEN_MAX_CLIENTS: Key =
    Key::new("listen.max_clients", Takes::Count(1, 1_000_000), "10000")
        .live()
        .why("Clients at once; one more is told so and closed. Redis's own default.");
/// `listen.max_in_flight`
pub const LISTEN_MAX_IN_FLIGHT: Key =
    Key::new("listen.max_in_flight", Takes::Count(1, 1_000_000), "10000")
        .why("Commands of one client on the way; past them it is not read, for the others' sake.");
/// `listen.idle_timeout`
pub const LISTEN_IDLE_TIMEOUT: Key = Key::new("listen.idle_timeout", TIMEOUT_OR_OFF, "off")
    .live()
    .why("Closes a client that is silent for so long; off, as in Redis, for apps with pools.");
/// `admin.address`
pub const ADMIN_ADDRESS: Key = Key::new("admin.address", Takes::Address, "127.0.0.1:9121")
    .env(&["SIDECAR_ADMIN"])
    .flag("--admin")
    .why("HTTP for operators and probes (docs/observability.md); never on the apps' port.");
/// `admin.ready_in_outage`
pub const ADMIN_READY_IN_OUTAGE: Key = Key::new("admin.ready_in_outage", Takes::Switch, "off")
    .live()
    .why("Whether /ready stays 200 while an upstream that was reached is away.");
/// `admin.health_key`
pub const ADMIN_HEALTH_KEY: Key = Key::new("admin.health_key", Takes::Text, "redis-sidecar:health")
    .why("/health/redis sets and deletes a key of this name and a number: ACLs must allow it.");
/// `admin.quit`
pub const ADMIN_QUIT: Key = Key::new("admin.quit", Takes::Switch, "off")
    .why("Whether POST /quitquitquit drains and ends the sidecar with exit code 0: for Jobs.");
/// `upstream.url`
pub const UPSTREAM_URL: Key = Key::new("upstream.url", Takes::Url, "memory://")
    .env(&["REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_TLS", "USE_MOCK_REDIS"])
    .flag("--upstream")
    .why("The Redis behind; with none, an engine in memory, so that everything runs at once.");
/// `upstream.tls.ca_file`
pub const UPSTREAM_CA_FILE: Key = Key::new("upstream.tls.ca_file", Takes::Path, "")
    .env(&["REDIS_CA_FILE"])
    .why("Roots to trust instead of the system's, PEM, for a private authority.");
/// `upstream.tls.cert_file`
pub const UPSTREAM_CERT_FILE: Key = Key::new("upstream.tls.cert_file", Takes::Path, "")
    .env(&["REDIS_CERT_FILE"])
    .why("Mutual TLS: the certificate that we show the server, PEM.");
/// `upstream.tls.key_file`
pub const UPSTREAM_KEY_FILE: Key = Key::new("upstream.tls.key_file", Takes::Path, "")
    .env(&["REDIS_KEY_FILE"])
    .why("That certificate's private key, PEM.");
/// `upstream.tls.server_name`
pub const UPSTREAM_SERVER_NAME: Key = Key::new("upstream.tls.server_name", Takes::Text, "")
    .env(&["REDIS_SERVER_NAME"])
    .why("The name asked for and checked, where it is not the URL's host (a tunnel, an IP).");
/// `upstream.tls.verify`
pub const UPSTREAM_VERIFY: Key =
    Key::new("upstream.tls.verify", Takes::Word(&["full", "none"]), "full")
        .why("full checks chain and name; none checks nothing, and warns loudly at each start.");
/// `upstream.auth.username`
pub const UPSTREAM_USERNAME: Key = Key::new("upstream.auth.username", Takes::Text, "")
    .env(&["REDIS_USERNAME"])
    .why("Over the URL's; unset is Redis's user `default`.");
/// `upstream.auth.password`
pub const UPSTREAM_PASSWORD: Key = Key::new("upstream.auth.password", Takes::Secret, "")
    .env(&["REDIS_PASSWORD"])
    .why("Over the URL's; better from the environment (${VAR}) or from password_file.");
/// `upstream.auth.password_file`
pub const UPSTREAM_PASSWORD_FILE: Key = Key::new("upstream.auth.password_file", Takes::Path, "")
    .why("A file that holds the password, read at each connect, so that it can rotate.");
/// `upstream.connect_timeout`
pub const UPSTREAM_CONNECT_TIMEOUT: Key = Key::new("upstream.connect_timeout", TIMEOUT, "10s")
    .env(&["REDIS_CONNECT_TIMEOUT"])
    .why("DNS and TCP, then TLS and greeting: each within this; a cloud's cold start fits in.");
/// `upstream.command_timeout`
pub const UPSTREAM_COMMAND_TIMEOUT: Key = Key::new("upstream.command_timeout", TIMEOUT, "30s")
    .env(&["REDIS_COMMAND_TIMEOUT"])
    .why("From a command's arrival to its answer or a TIMEOUT error; blocking adds its own.");
/// `upstream.keepalive`
pub const UPSTREAM_KEEPALIVE: Key = Key::new("upstream.keepalive", TIMEOUT_OR_OFF, "30s")
    .env(&["REDIS_KEEP_ALIVE"])
    .why("Keeps idle connections alive, well below the minutes after which clouds cut them.");
/// `upstream.probe_timeout`
pub const UPSTREAM_PROBE_TIMEOUT: Key =
    Key::new("upstream.probe_timeout", Takes::Span(Duration::from_millis(100), DAY), "5s")
        .why("A connection that owes replies and is silent for so long is dead.");
/// `upstream.max_queued`
pub const UPSTREAM_MAX_QUEUED: Key =
    Key::new("upstream.max_queued", Takes::Size(1 << 20, 4 << 30), "64mb")
        .why("Bytes queued for a lane; past them its clients are not read, so memory is bounded.");
/// `upstream.lanes`
pub const UPSTREAM_LANES: Key = Key::new("upstream.lanes", Takes::Count(1, 64), "1")
    .why("Shared connections for each worker, protocol and database; fewer make larger batches.");
/// `upstream.pool.min`
pub const POOL_MIN: Key = Key::new("upstream.pool.min", Takes::Count(0, 10_000), "0")
    .env(&["REDIS_POOL_MIN"])
    .why("Connections kept warm for blocking commands and transactions; 0 fills on demand.");
/// `upstream.pool.max`
pub const POOL_MAX: Key = Key::new("upstream.pool.max", Takes::Count(1, 10_000), "10")
    .env(&["REDIS_POOL_MAX"])
    .why("The most of them at once: as many clients can block or hold MULTI together.");
/// `upstream.pool.acquire_timeout`
pub const POOL_ACQUIRE_TIMEOUT: Key = Key::new("upstream.pool.acquire_timeout", TIMEOUT, "30s")
    .env(&["REDIS_POOL_ACQUIRE_TIMEOUT"])
    .why("How long a client waits for one before it is told that the pool is full.");
/// `upstream.pool.idle_timeout`
pub const POOL_IDLE_TIMEOUT: Key = Key::new("upstream.pool.idle_timeout", TIMEOUT_OR_OFF, "5m")
    .why("Closes those that nobody used for so long, down to min.");
/// `retry.attempts`
pub const RETRY_ATTEMPTS: Key = Key::new("retry.attempts", Takes::Count(0, 100), "3")
    .why("How often a command may be sent again, within its command_timeout; 0 is never.");
/// `retry.initial_delay`
pub const RETRY_INITIAL_DELAY: Key = Key::new("retry.initial_delay", TIMEOUT, "50ms")
    .why("Before the first time, longer than a blip; twice as long before each further one.");
/// `retry.max_delay`
pub const RETRY_MAX_DELAY: Key =
    Key::new("retry.max_delay", TIMEOUT, "5s").why("The longest that the delay grows to.");
/// `retry.jitter`
pub const RETRY_JITTER: Key = Key::new("retry.jitter", Takes::Word(&["full", "none"]), "full")
    .why("full spreads the delays, so that those who failed together don't return together.");
/// `retry.writes`
pub const RETRY_WRITES: Key =
    Key::new("retry.writes", Takes::Word(&["unsent", "refused", "always"]), "refused")
        .why("Unsent writes; also those Redis refused without running; or all, maybe twice.");
/// `breaker.grace`
pub const BREAKER_GRACE: Key = Key::new("breaker.grace", Takes::Span(Duration::ZERO, DAY), "3s")
    .why("How long commands wait for a lost upstream: a restart of 2s costs no error.");
/// `breaker.failures`
pub const BREAKER_FAILURES: Key = Key::new("breaker.failures", Takes::Count(1, 1_000_000), "5")
    .why("So many timeouts within window, and commands are rejected at once.");
/// `breaker.window`
pub const BREAKER_WINDOW: Key =
    Key::new("breaker.window", TIMEOUT, "10s").why("The time in which failures are counted.");
/// `breaker.cooldown`
pub const BREAKER_COOLDOWN: Key = Key::new("breaker.cooldown", TIMEOUT, "500ms")
    .why("How long is rejected before a PING probes the upstream; longer after each that fails.");
/// `breaker.max_cooldown`
pub const BREAKER_MAX_COOLDOWN: Key = Key::new("breaker.max_cooldown", TIMEOUT, "5s")
    .why("The longest that the cooldown grows to: so soon is the upstream's return seen.");
/// `memory.maxmemory`
pub const MEMORY_MAXMEMORY: Key =
    Key::new("memory.maxmemory", Takes::Size(1 << 20, 1 << 40), "256mb")
        .why("The embedded engine's bound in bytes; past it, writes get Redis's OOM error.");
/// `slowlog.threshold`
pub const SLOWLOG_THRESHOLD: Key = Key::new("slowlog.threshold", TIMEOUT_OR_OFF, "10ms")
    .why("Commands that take so long are noted, by name and keys, never by value: /slowlog.");
/// `cache.enabled`
pub const CACHE_ENABLED: Key = Key::new("cache.enabled", Takes::Switch, "on")
    .why("Keeps the last replies of reads, so that they go on while the upstream is away.");
/// `cache.size`
pub const CACHE_SIZE: Key = Key::new("cache.size", Takes::Size(1 << 20, 64 << 30), "64mb")
    .why("Bytes of replies that are kept in all; what is seldom read goes first.");
/// `cache.entry_size`
pub const CACHE_ENTRY_SIZE: Key =
    Key::new("cache.entry_size", Takes::Size(1 << 10, 512 << 20), "1mb")
        .why("Bytes of one reply; a longer one is not kept. At most a quarter of cache.size.");
/// `workers`
pub const WORKERS: Key = Key::new("workers", Takes::CountOrAuto(1, 1024), "auto")
    .env(&["SIDECAR_WORKERS"])
    .flag("--workers")
    .why(
        "Single-threaded runtimes, each with its own clients and lanes; auto is one for two cores.",
    );
/// `busy_poll`
pub const BUSY_POLL: Key = Key::new(
    "busy_poll",
    Takes::SpanOrOff(Duration::from_micros(1), Duration::from_millis(1)),
    "off",
)
.why("How long to look for replies again and again before sleeping: less latency for more CPU, where a core is idle.");
/// `log.level`
pub const LOG_LEVEL: Key =
    Key::new("log.level", Takes::Word(&["error", "warn", "info", "debug", "trace"]), "info")
        .env(&["SIDECAR_LOG_LEVEL"])
        .flag("--log-level")
        .live()
        .why("info tells each change of state and no command.");
/// `log.format`
pub const LOG_FORMAT: Key = Key::new("log.format", Takes::Word(&["text", "json"]), "text")
    .env(&["SIDECAR_LOG_FORMAT"])
    .flag("--log-format")
    .why("text is for people, json for machines.");
/// `spans.sample`
pub const SPANS_SAMPLE: Key = Key::new("spans.sample", Takes::Share, "0")
    .env(&["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"])
    .why(
        "Of so many commands a span is told: by OTLP where there is an endpoint, else in the log.",
    );
/// `drain_timeout`
pub const DRAIN_TIMEOUT: Key = Key::new("drain_timeout", Takes::Span(Duration::ZERO, DAY), "10s")
    .live()
    .why("After SIGTERM, how long commands in flight may take to end; below Kubernetes' 30s.");

/// Every key, in the order in which they are shown. Keys of one section stand together.
pub const ALL: &[&Key] = &[
    &LISTEN_ADDRESS,
    &LISTEN_UNIX_SOCKET,
    &LISTEN_PASSWORD,
    &LISTEN_PASSWORD_FILE,
    &LISTEN_DEFAULT_USER,
    &LISTEN_USERS,
    &LISTEN_CERT_FILE,
    &LISTEN_KEY_FILE,
    &LISTEN_CLIENT_CA_FILE,
    &LISTEN_MAX_CLIENTS,
    &LISTEN_MAX_IN_FLIGHT,
    &LISTEN_IDLE_TIMEOUT,
    &LIMITS_MAX_ARGUMENTS,
    &LIMITS_MAX_BULK,
    &LIMITS_MAX_REQUEST,
    &LIMITS_DEPTH,
    &LIMITS_AUTH_ARGUMENTS,
    &LIMITS_AUTH_BULK,
    &LIMITS_AUTH_TIMEOUT,
    &LIMITS_CLIENT_OUTPUT,
    &LIMITS_SUBSCRIBER_HARD,
    &LIMITS_SUBSCRIBER_SOFT,
    &LIMITS_SUBSCRIBER_SOFT_TIME,
    &LIMITS_RATE_CLIENT,
    &LIMITS_RATE_ALL,
    &ADMIN_ADDRESS,
    &ADMIN_READY_IN_OUTAGE,
    &ADMIN_HEALTH_KEY,
    &ADMIN_QUIT,
    &UPSTREAM_URL,
    &UPSTREAM_CA_FILE,
    &UPSTREAM_CERT_FILE,
    &UPSTREAM_KEY_FILE,
    &UPSTREAM_SERVER_NAME,
    &UPSTREAM_VERIFY,
    &UPSTREAM_USERNAME,
    &UPSTREAM_PASSWORD,
    &UPSTREAM_PASSWORD_FILE,
    &UPSTREAM_CONNECT_TIMEOUT,
    &UPSTREAM_COMMAND_TIMEOUT,
    &UPSTREAM_KEEPALIVE,
    &UPSTREAM_PROBE_TIMEOUT,
    &UPSTREAM_MAX_QUEUED,
    &UPSTREAM_LANES,
    &POOL_MIN,
    &POOL_MAX,
    &POOL_ACQUIRE_TIMEOUT,
    &POOL_IDLE_TIMEOUT,
    &RETRY_ATTEMPTS,
    &RETRY_INITIAL_DELAY,
    &RETRY_MAX_DELAY,
    &RETRY_JITTER,
    &RETRY_WRITES,
    &BREAKER_GRACE,
    &BREAKER_FAILURES,
    &BREAKER_WINDOW,
    &BREAKER_COOLDOWN,
    &BREAKER_MAX_COOLDOWN,
    &MEMORY_MAXMEMORY,
    &SLOWLOG_THRESHOLD,
    &CACHE_ENABLED,
    &CACHE_SIZE,
    &CACHE_ENTRY_SIZE,
    &NAMESPACE,
    &NAMESPACE_CHANNELS,
    &SCRIPTS,
    &COMMANDS_PROFILE,
    &COMMANDS_DENY,
    &COMMANDS_ALLOW,
    &COMMANDS_ALLOW_UNKNOWN,
    &COMMANDS_KEYS,
    &COMMANDS_DRY_RUN,
    &DEFAULT_ACCESS,
    &AUDIT,
    &RULES,
    &WORKERS,
    &BUSY_POLL,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &SPANS_SAMPLE,
    &otlp::ENDPOINT,
    &otlp::HEADERS,
    &otlp::TIMEOUT,
    &otlp::CA_FILE,
    &otlp::METRICS_INTERVAL,
    &otlp::SERVICE_NAME,
    &otlp::RESOURCE,
    &DRAIN_TIMEOUT,
];

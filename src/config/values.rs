//! Every key with its value as it takes effect: what `check` prints and what changes are found by.
//! A test holds it to the catalogue. Secrets are in it as secrets: they can be compared, and
//! whatever prints them prints `***`.

use std::{path::Path, time::Duration};

use super::{
    Admin, Breaker, Config, Format, Jitter, Level, Listen, Retry, RetryWrites, Secret, Upstream,
    User, Verify, commands,
    keys::{self, Key},
    limits, otlp, rules,
    units::{show_duration, show_size},
};

/// The value of one key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Nothing, and no default.
    Unset,
    /// As it would be written in the file.
    Shown(String),
    /// Never shown.
    Hidden(&'a Secret),
    /// Shown but for their passwords.
    Users(&'a [User]),
}

impl<T: ToString> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unset, |value| Self::Shown(value.to_string()))
    }
}

pub(super) type Row<'a> = (&'static Key, Value<'a>);

/// Every key with its value, in the catalogue's order.
pub(super) fn values(config: &Config) -> Vec<Row<'_>> {
    let workers =
        if config.is_workers_auto { "auto".to_owned() } else { config.workers.to_string() };
    let level = match config.log.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let format = match config.log.format {
        Format::Text => "text",
        Format::Json => "json",
    };
    let scripts = if config.namespace.allows_scripts { "declared" } else { "deny" };
    let mut values = listen(&config.listen);
    values.extend(limits::values(&config.limits));
    values.extend(admin(&config.admin));
    values.extend(upstream(&config.upstream));
    values.extend(retry(&config.retry));
    values.extend(breaker(&config.breaker));
    let size = |bytes: usize| shown(show_size(u64::try_from(bytes).unwrap_or(u64::MAX)));
    values.extend([
        (&keys::CACHE_ENABLED, switch(config.cache.enabled)),
        (&keys::CACHE_SIZE, size(config.cache.size)),
        (&keys::CACHE_ENTRY_SIZE, size(config.cache.entry_size)),
        (&keys::NAMESPACE, config.namespace.prefix.as_ref().into()),
        (&keys::NAMESPACE_CHANNELS, switch(config.namespace.channels)),
        (&keys::SCRIPTS, shown(scripts)),
        (&keys::COMMANDS_PROFILE, shown(config.commands.profile.name())),
        (&keys::COMMANDS_DENY, shown(commands::show(&config.commands.deny))),
        (&keys::COMMANDS_ALLOW, shown(commands::show(&config.commands.allow))),
        (&keys::COMMANDS_ALLOW_UNKNOWN, shown(commands::show(&config.commands.allow_unknown))),
        (&keys::COMMANDS_KEYS, shown(config.commands.keys.name())),
        (&keys::COMMANDS_DRY_RUN, switch(config.commands.dry_run)),
        (&keys::DEFAULT_ACCESS, shown(config.default_access.name())),
        (&keys::AUDIT, switch(config.audit)),
        (&keys::RULES, shown(rules::show(&config.rules))),
    ]);
    values.extend([
        (&keys::MEMORY_MAXMEMORY, size(config.memory.maxmemory)),
        (&keys::SLOWLOG_THRESHOLD, or_off(config.slowlog.threshold.map(show_duration))),
        (&keys::WORKERS, shown(workers)),
        (&keys::BUSY_POLL, or_off(config.busy_poll.map(show_duration))),
        (&keys::LOG_LEVEL, shown(level)),
        (&keys::LOG_FORMAT, shown(format)),
    ]);
    values.extend(otlp::values(config.sample, &config.otlp));
    values.push((&keys::DRAIN_TIMEOUT, span(config.drain_timeout)));
    values
}

fn listen(listen: &Listen) -> Vec<Row<'_>> {
    let tls = listen.tls.as_ref();
    vec![
        (&keys::LISTEN_ADDRESS, or_off(listen.address)),
        (&keys::LISTEN_UNIX_SOCKET, path(listen.unix_socket.as_deref())),
        (&keys::LISTEN_PASSWORD, hidden(listen.password.as_ref())),
        (&keys::LISTEN_PASSWORD_FILE, path(listen.password_file.as_deref())),
        (&keys::LISTEN_DEFAULT_USER, switch(listen.default_user)),
        (&keys::LISTEN_USERS, Value::Users(&listen.users)),
        (&keys::LISTEN_CERT_FILE, path(tls.map(|tls| tls.cert_file.as_path()))),
        (&keys::LISTEN_KEY_FILE, path(tls.map(|tls| tls.key_file.as_path()))),
        (&keys::LISTEN_CLIENT_CA_FILE, path(tls.and_then(|tls| tls.client_ca_file.as_deref()))),
        (&keys::LISTEN_MAX_CLIENTS, shown(listen.max_clients)),
        (&keys::LISTEN_MAX_IN_FLIGHT, shown(listen.max_in_flight)),
        (&keys::LISTEN_IDLE_TIMEOUT, or_off(listen.idle_timeout.map(show_duration))),
    ]
}

fn admin(admin: &Admin) -> [Row<'_>; 4] {
    [
        (&keys::ADMIN_ADDRESS, or_off(admin.address)),
        (&keys::ADMIN_READY_IN_OUTAGE, switch(admin.ready_in_outage)),
        (&keys::ADMIN_HEALTH_KEY, shown(&admin.health_key)),
        (&keys::ADMIN_QUIT, switch(admin.quit)),
    ]
}

fn upstream(upstream: &Upstream) -> Vec<Row<'_>> {
    let (auth, pool) = (&upstream.auth, &upstream.pool);
    let tls = upstream.tls.clone().unwrap_or_default();
    let verify = match tls.verify {
        Verify::Full => "full",
        Verify::None => "none",
    };
    let max_queued = u64::try_from(upstream.max_queued).unwrap_or(u64::MAX);
    vec![
        (&keys::UPSTREAM_URL, shown(upstream.shown_url())),
        (&keys::UPSTREAM_CA_FILE, path(tls.ca_file.as_deref())),
        (&keys::UPSTREAM_CERT_FILE, path(tls.cert_file.as_deref())),
        (&keys::UPSTREAM_KEY_FILE, path(tls.key_file.as_deref())),
        (&keys::UPSTREAM_SERVER_NAME, tls.server_name.into()),
        (&keys::UPSTREAM_VERIFY, shown(verify)),
        (&keys::UPSTREAM_USERNAME, auth.username.as_ref().into()),
        (&keys::UPSTREAM_PASSWORD, hidden(auth.password.as_ref())),
        (&keys::UPSTREAM_PASSWORD_FILE, path(auth.password_file.as_deref())),
        (&keys::UPSTREAM_CONNECT_TIMEOUT, span(upstream.connect_timeout)),
        (&keys::UPSTREAM_COMMAND_TIMEOUT, span(upstream.command_timeout)),
        (&keys::UPSTREAM_KEEPALIVE, or_off(upstream.keepalive.map(show_duration))),
        (&keys::UPSTREAM_PROBE_TIMEOUT, span(upstream.probe_timeout)),
        (&keys::UPSTREAM_MAX_QUEUED, shown(show_size(max_queued))),
        (&keys::UPSTREAM_LANES, shown(upstream.lanes)),
        (&keys::POOL_MIN, shown(pool.min)),
        (&keys::POOL_MAX, shown(pool.max)),
        (&keys::POOL_ACQUIRE_TIMEOUT, span(pool.acquire_timeout)),
        (&keys::POOL_IDLE_TIMEOUT, or_off(pool.idle_timeout.map(show_duration))),
    ]
}

fn retry(retry: &Retry) -> [Row<'_>; 5] {
    let jitter = match retry.jitter {
        Jitter::Full => "full",
        Jitter::None => "none",
    };
    let writes = match retry.writes {
        RetryWrites::Unsent => "unsent",
        RetryWrites::Refused => "refused",
        RetryWrites::Always => "always",
    };
    [
        (&keys::RETRY_ATTEMPTS, shown(retry.attempts)),
        (&keys::RETRY_INITIAL_DELAY, span(retry.initial_delay)),
        (&keys::RETRY_MAX_DELAY, span(retry.max_delay)),
        (&keys::RETRY_JITTER, shown(jitter)),
        (&keys::RETRY_WRITES, shown(writes)),
    ]
}

fn breaker(breaker: &Breaker) -> [Row<'_>; 5] {
    [
        (&keys::BREAKER_GRACE, span(breaker.grace)),
        (&keys::BREAKER_FAILURES, shown(breaker.failures)),
        (&keys::BREAKER_WINDOW, span(breaker.window)),
        (&keys::BREAKER_COOLDOWN, span(breaker.cooldown)),
        (&keys::BREAKER_MAX_COOLDOWN, span(breaker.max_cooldown)),
    ]
}

pub(super) fn shown(value: impl ToString) -> Value<'static> {
    Value::Shown(value.to_string())
}

fn switch(is_on: bool) -> Value<'static> {
    shown(if is_on { "on" } else { "off" })
}

pub(super) fn hidden(secret: Option<&Secret>) -> Value<'_> {
    secret.map_or(Value::Unset, Value::Hidden)
}

pub(super) fn or_off(value: Option<impl ToString>) -> Value<'static> {
    value.map_or_else(|| shown("off"), shown)
}

pub(super) fn path(path: Option<&Path>) -> Value<'static> {
    path.map(Path::display).into()
}

pub(super) fn span(span: Duration) -> Value<'static> {
    shown(show_duration(span))
}

//! The configuration as YAML that explains itself: every key with its value as it takes effect, a
//! line of why, what it takes, and where the value came from. Secrets are `***`. What is printed
//! parses as YAML whatever the values hold.

use std::{path::Path, time::Duration};

use super::{
    Config, Format, Level, Verify,
    keys::{self, Key, Takes},
    units::show_duration,
};

/// The whole as YAML.
pub(super) fn render(config: &Config) -> String {
    let mut yaml = String::from(
        "# The configuration as it takes effect. Behind each value: where it came from.\n",
    );
    let mut open: Vec<&str> = Vec::new();
    for (key, value) in values(config) {
        let mut sections: Vec<&str> = key.path.split('.').collect();
        let name = sections.pop().unwrap_or_default();
        if open.first() != sections.first() || sections.is_empty() {
            yaml.push('\n');
        }
        let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            yaml.push_str(&format!("{}{section}:\n", "  ".repeat(depth)));
        }
        let indent = "  ".repeat(sections.len());
        let origin = config.origins.origin(key.path);
        yaml.push_str(&format!("{indent}# {}\n", key.why));
        yaml.push_str(&format!(
            "{indent}{name}: {}  # {origin}{}\n",
            scalar(key, &value),
            bounds(key)
        ));
        open = sections;
    }
    yaml
}

/// What the key takes, where its value does not show it.
fn bounds(key: &Key) -> String {
    match key.takes {
        Takes::Path | Takes::Text | Takes::Secret => String::new(),
        _ => format!("; takes {}", key.takes.describe()),
    }
}

/// Every key with its value; `None` is unset. A test holds it to the catalogue.
fn values(config: &Config) -> Vec<(&'static Key, Option<String>)> {
    let listen = listen(config);
    let upstream = upstream(config);
    let admin = config.admin.address;
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
    let mut values = listen;
    values.push((&keys::ADMIN_ADDRESS, or_off(admin.map(|address| address.to_string()))));
    values.extend(upstream);
    values.extend([
        (&keys::WORKERS, Some(workers)),
        (&keys::LOG_LEVEL, Some(level.to_owned())),
        (&keys::LOG_FORMAT, Some(format.to_owned())),
        (&keys::DRAIN_TIMEOUT, span(config.drain_timeout)),
    ]);
    values
}

fn listen(config: &Config) -> Vec<(&'static Key, Option<String>)> {
    let listen = &config.listen;
    let tls = listen.tls.as_ref();
    vec![
        (&keys::LISTEN_ADDRESS, or_off(listen.address.map(|address| address.to_string()))),
        (&keys::LISTEN_UNIX_SOCKET, path(listen.unix_socket.as_deref())),
        (&keys::LISTEN_PASSWORD, listen.password.as_ref().map(ToString::to_string)),
        (&keys::LISTEN_CERT_FILE, path(tls.map(|tls| tls.cert_file.as_path()))),
        (&keys::LISTEN_KEY_FILE, path(tls.map(|tls| tls.key_file.as_path()))),
        (&keys::LISTEN_CLIENT_CA_FILE, path(tls.and_then(|tls| tls.client_ca_file.as_deref()))),
        (&keys::LISTEN_MAX_CLIENTS, Some(listen.max_clients.to_string())),
        (&keys::LISTEN_IDLE_TIMEOUT, or_off(listen.idle_timeout.and_then(span))),
    ]
}

fn upstream(config: &Config) -> Vec<(&'static Key, Option<String>)> {
    let upstream = &config.upstream;
    let (auth, pool) = (&upstream.auth, &upstream.pool);
    let tls = upstream.tls.clone().unwrap_or_default();
    let verify = match tls.verify {
        Verify::Full => "full",
        Verify::None => "none",
    };
    vec![
        (&keys::UPSTREAM_URL, Some(upstream.shown_url())),
        (&keys::UPSTREAM_CA_FILE, path(tls.ca_file.as_deref())),
        (&keys::UPSTREAM_CERT_FILE, path(tls.cert_file.as_deref())),
        (&keys::UPSTREAM_KEY_FILE, path(tls.key_file.as_deref())),
        (&keys::UPSTREAM_SERVER_NAME, tls.server_name.clone()),
        (&keys::UPSTREAM_VERIFY, Some(verify.to_owned())),
        (&keys::UPSTREAM_USERNAME, auth.username.clone()),
        (&keys::UPSTREAM_PASSWORD, auth.password.as_ref().map(ToString::to_string)),
        (&keys::UPSTREAM_PASSWORD_FILE, path(auth.password_file.as_deref())),
        (&keys::UPSTREAM_CONNECT_TIMEOUT, span(upstream.connect_timeout)),
        (&keys::UPSTREAM_COMMAND_TIMEOUT, span(upstream.command_timeout)),
        (&keys::UPSTREAM_KEEPALIVE, or_off(upstream.keepalive.and_then(span))),
        (&keys::UPSTREAM_LANES, Some(upstream.lanes.to_string())),
        (&keys::POOL_MIN, Some(pool.min.to_string())),
        (&keys::POOL_MAX, Some(pool.max.to_string())),
        (&keys::POOL_ACQUIRE_TIMEOUT, span(pool.acquire_timeout)),
        (&keys::POOL_IDLE_TIMEOUT, or_off(pool.idle_timeout.and_then(span))),
    ]
}

fn or_off(value: Option<String>) -> Option<String> {
    value.or_else(|| Some("off".to_owned()))
}

fn path(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn span(span: Duration) -> Option<String> {
    Some(show_duration(span))
}

/// One value as YAML: words and numbers bare, all else in double quotes.
fn scalar(key: &Key, value: &Option<String>) -> String {
    let Some(value) = value else { return "~".to_owned() };
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_');
    let is_free = matches!(key.takes, Takes::Text | Takes::Secret | Takes::Path);
    let begins_safely = value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !is_free && begins_safely && !value.ends_with(':') && value.chars().all(is_safe) {
        return value.clone();
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || u32::from(c) > 0x7e => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

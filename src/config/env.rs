//! The environment, under the names that apps already use.
//! REDIS_URL, or REDIS_HOST and its companions, say where the upstream is; where REDIS_URL is set
//! it wins, its companions only fill in what it leaves out, and a disagreement is a warning.
//! USE_MOCK_REDIS wins over both. Bare numbers in REDIS_* timeouts are milliseconds.

use std::net::Ipv6Addr;

use super::{
    Target,
    fault::Faults,
    keys::{self, Key, Takes, UPSTREAM_PASSWORD, UPSTREAM_URL, UPSTREAM_USERNAME},
    layers::{Env, Layers, Origin},
    otlp,
    url::{self, UpstreamUrl},
};

/// What the environment says of the upstream beside its keys.
#[derive(Debug, Default)]
pub(super) struct UpstreamEnv {
    /// REDIS_DB
    pub(super) db: Option<u32>,
    /// REDIS_TLS
    pub(super) tls: Option<bool>,
}

/// Lays the environment over what is there.
pub(super) fn lay(env: &Env, layers: &mut Layers, faults: &mut Faults) {
    // A URL that is wrong is told of where the layers are checked.
    let url = env.var("REDIS_URL").and_then(|text| text.parse::<UpstreamUrl>().ok());
    let has_username = url.as_ref().is_some_and(|url| url.username.is_some());
    let has_password = url.as_ref().is_some_and(|url| url.password.is_some());
    for key in keys::ALL {
        let is_in_url = (has_username && key.path == UPSTREAM_USERNAME.path)
            || (has_password && key.path == UPSTREAM_PASSWORD.path);
        if let [name] = key.env
            && !is_in_url
            && let Some(value) = env.var(name)
        {
            layers.set(key, with_unit(key, value), Origin::Env(name));
        }
    }
    otlp::env::lay(env, layers);
    Surroundings { env, layers, faults }.upstream(url.as_ref());
}

/// REDIS_CONNECT_TIMEOUT=5000 is 5000ms; 0 is off where there is an off.
fn with_unit(key: &Key, value: &str) -> String {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match key.takes {
        Takes::SpanOrOff(..) if value == "0" => "off".to_owned(),
        Takes::Span(..) | Takes::SpanOrOff(..) if is_number => format!("{value}ms"),
        _ => value.to_owned(),
    }
}

struct Surroundings<'a> {
    env: &'a Env,
    layers: &'a mut Layers,
    faults: &'a mut Faults,
}

impl Surroundings<'_> {
    fn upstream(&mut self, url: Option<&UpstreamUrl>) {
        let is_mock = self.truth("USE_MOCK_REDIS").unwrap_or(false);
        self.layers.upstream.tls = self.truth("REDIS_TLS");
        self.layers.upstream.db = self.number("REDIS_DB");
        if is_mock {
            self.layers.set(&UPSTREAM_URL, "memory://", Origin::Env("USE_MOCK_REDIS"));
            if let Some(beaten) = ["REDIS_URL", "REDIS_HOST"].iter().find(|name| self.has(name)) {
                self.warn(format!("USE_MOCK_REDIS wins over {beaten}: the upstream is memory://"));
            }
        } else if let Some(text) = self.env.var("REDIS_URL") {
            self.layers.set(&UPSTREAM_URL, text, Origin::Env("REDIS_URL"));
            if let Some(url) = url {
                self.companions(url);
            }
        } else if let Some(host) = self.env.var("REDIS_HOST") {
            self.host_form(host.trim());
        } else if self.has("REDIS_PORT") && !self.is_service_link() {
            self.warn("REDIS_PORT has no effect without REDIS_HOST");
        }
    }

    /// What stands beside a REDIS_URL: filled in where the URL leaves it out, else overruled.
    fn companions(&mut self, url: &UpstreamUrl) {
        let (host, port) = match &url.target {
            Target::Tcp { host, port } => (host.as_str(), *port),
            Target::Memory | Target::Unix(_) => ("", 0),
        };
        let is_other = |name, expected: &str| self.env.var(name).is_some_and(|v| v != expected);
        let username = url.username.as_deref();
        let password = url.password.as_ref().map(|password| password.expose());
        let port = port.to_string();
        let tls = self.layers.upstream.tls;
        let db = self.layers.upstream.db;
        let is_port_other = is_other("REDIS_PORT", &port) && !self.is_service_link();
        let overruled: Vec<_> = [
            ("REDIS_HOST", is_other("REDIS_HOST", host)),
            ("REDIS_PORT", is_port_other),
            ("REDIS_USERNAME", username.is_some_and(|own| is_other("REDIS_USERNAME", own))),
            ("REDIS_PASSWORD", password.is_some_and(|own| is_other("REDIS_PASSWORD", own))),
            ("REDIS_DB", url.db.is_some() && db.is_some() && db != url.db),
            ("REDIS_TLS", url.is_tls && tls == Some(false)),
        ]
        .into_iter()
        .filter_map(|(name, is_overruled)| is_overruled.then_some(name))
        .collect();
        if !overruled.is_empty() {
            let names = overruled.join(", ");
            self.warn(format!("REDIS_URL wins over {names}, which say otherwise: unset one side"));
        }
    }

    fn host_form(&mut self, host: &str) {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if host.contains("://") || (host.contains(':') && bare.parse::<Ipv6Addr>().is_err()) {
            let what = "REDIS_HOST is more than a host";
            let mend = "give the host alone, or the whole URL in REDIS_URL";
            return self.fault("REDIS_HOST", what, mend);
        }
        let port = if self.is_service_link() {
            self.warn("REDIS_PORT is a Kubernetes service link, not a port: 6379 is used");
            url::DEFAULT_PORT
        } else {
            self.number("REDIS_PORT").unwrap_or(url::DEFAULT_PORT)
        };
        let scheme = if self.layers.upstream.tls == Some(true) { "rediss" } else { "redis" };
        let url = format!("{scheme}://{}:{port}", url::bracketed(bare));
        self.layers.set(&UPSTREAM_URL, url, Origin::Env("REDIS_HOST"));
    }

    /// Kubernetes sets REDIS_PORT=tcp://10.0.0.1:6379 in every pod beside a service named redis.
    fn is_service_link(&self) -> bool {
        self.env.var("REDIS_PORT").is_some_and(|value| value.contains("://"))
    }

    fn has(&self, name: &str) -> bool {
        self.env.var(name).is_some_and(|value| value != url::DISABLED)
    }

    fn truth(&mut self, name: &'static str) -> Option<bool> {
        let value = self.env.var(name)?.trim().to_ascii_lowercase();
        match value.as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => {
                self.fault(name, &format!("{name} is neither true nor false"), "use true or false");
                None
            }
        }
    }

    fn number<N: std::str::FromStr>(&mut self, name: &'static str) -> Option<N> {
        let number = self.env.var(name)?.trim().parse().ok();
        if number.is_none() {
            let what = format!("{name} is not a whole number, or too large");
            self.fault(name, &what, "give a number, or unset it");
        }
        number
    }

    fn fault(&mut self, name: &'static str, what: &str, mend: &str) {
        self.faults.add(UPSTREAM_URL.path, Origin::Env(name), what, mend);
    }

    fn warn(&mut self, warning: impl Into<String>) {
        self.layers.warnings.push(warning.into());
    }
}

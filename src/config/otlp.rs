//! What is told of single commands, and the export to an OpenTelemetry collector: the section `otlp`, and
//! `spans.sample`.
//!
//! A build without the feature `otlp` refuses the key and passes the environment over, with a warning: a pod may set
//! it for its app.

pub(super) mod env;

use super::layers::Origin;
use super::read::Reader;
use super::values::{Value, hidden, or_off, path, shown, span};
use super::{Secret, keys, keys::Key, show_duration};
use std::{fmt, path::PathBuf, time::Duration};

/// The export to a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// `None` exports nothing.
    pub endpoint: Option<Endpoint>,
    /// As they are written; see [`Otlp::header_pairs`].
    pub headers: Option<Secret>,
    /// For one export, 1 ms to 24 h.
    pub timeout: Duration,
    /// Roots to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Between two exports of the metrics, 100 ms to 24 h; `None` is never.
    pub metrics_interval: Option<Duration>,
    /// `service.name`; never empty.
    pub service_name: String,
    /// More attributes of the resource.
    pub resource: Vec<(String, String)>,
}

/// Where a collector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether by TLS.
    pub is_tls: bool,
    /// A name, or an address (IPv6 without brackets).
    pub host: String,
    /// Never 0.
    pub port: u16,
    /// What the paths of the signals follow: empty, or `/...` without a slash at its end.
    pub path: String,
}

/// A part of all, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share(pub u32);

impl Share {
    /// All.
    pub const ALL: Self = Self(1_000_000);

    fn parse(text: &str) -> Option<Self> {
        let part: f64 = text.parse().ok()?;
        let millionths = (part * 1e6).round();
        // What is too small to be told from nothing is no nothing.
        let is_right = (0.0..=1.0).contains(&part) && (millionths > 0.0 || part == 0.0);
        is_right.then(|| format!("{millionths}").parse().ok().map(Self))?
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1e6)
    }
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("has no http:// or https://")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err("is neither http:// nor https://"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("holds credentials, which belong into otlp.headers");
        }
        if path.contains(['?', '#']) || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has more than a host, a port and a path");
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let standard = if is_tls { 443 } else { 80 };
        let port = port.map_or(Ok(standard), str::parse).ok().filter(|port| *port != 0);
        if host.is_empty() || host.contains(|letter: char| !letter.is_ascii_graphic()) {
            return Err("has no host");
        }
        Ok(Self {
            is_tls,
            host: host.to_owned(),
            port: port.ok_or("has no port from 1 to 65535")?,
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Host and port, as the Host header has them.
    pub fn authority(&self) -> String {
        let host = super::url::bracketed(&self.host);
        let standard = if self.is_tls { 443 } else { 80 };
        if self.port == standard { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl Otlp {
    /// Names and values of the headers.
    pub fn header_pairs(&self) -> Vec<(String, Secret)> {
        let pairs = self.headers.as_ref().and_then(|headers| pairs(headers.expose()));
        let secret = |(name, value): (String, String)| (name, Secret::new(value));
        pairs.unwrap_or_default().into_iter().map(secret).collect()
    }
}

/// `spans.sample`
pub(super) fn sample(reader: &mut Reader<'_>) -> Option<Share> {
    let key = &keys::SPANS_SAMPLE;
    Share::parse(reader.text(key)).or_else(|| reader.refuse(key, "is no such number"))
}

/// The section, where `is_built` says whether this build can export.
pub(super) fn check(reader: &mut Reader<'_>, is_built: bool) -> Option<Otlp> {
    let endpoint = endpoint(reader, is_built);
    let headers = reader.secret(&keys::otlp::HEADERS);
    let timeout = reader.span(&keys::otlp::TIMEOUT);
    let ca_file = reader.path(&keys::otlp::CA_FILE);
    let metrics_interval = reader.span_or_off(&keys::otlp::METRICS_INTERVAL);
    let service_name = reader.text(&keys::otlp::SERVICE_NAME).to_owned();
    let key = &keys::otlp::RESOURCE;
    let resource = pairs(reader.text(key)).or_else(|| reader.refuse(key, "is no list of them"));
    if matches!(endpoint, Some(Some(_))) {
        reader.check_file(&keys::otlp::CA_FILE, ca_file.as_deref());
        check_headers(reader, headers.as_ref());
    }
    Some(Otlp {
        endpoint: endpoint?,
        headers,
        timeout: timeout?,
        ca_file,
        metrics_interval: metrics_interval?,
        service_name,
        resource: resource?,
    })
}

fn endpoint(reader: &mut Reader<'_>, is_built: bool) -> Option<Option<Endpoint>> {
    let key = &keys::otlp::ENDPOINT;
    let Some(text) = reader.optional(key) else { return Some(None) };
    if !is_built {
        if matches!(reader.layers.origin(key), Origin::Env(_)) {
            reader.warn(key, "has no effect: this build is without the feature otlp");
            return Some(None);
        }
        let mend = "build with --features otlp, or leave it out";
        return reader.fault(
            key,
            "is more than this build can: it is without the feature otlp",
            mend,
        );
    }
    match Endpoint::parse(&text) {
        Ok(endpoint) => Some(Some(endpoint)),
        Err(what) => reader.refuse(key, what),
    }
}

/// No value is told: they are secrets.
fn check_headers(reader: &mut Reader<'_>, headers: Option<&Secret>) {
    let is_right = |(name, value): &(String, String)| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && name.bytes().all(is_name) && !value.contains(char::is_control)
    };
    let pairs = headers.map(|headers| pairs(headers.expose()));
    if pairs.is_some_and(|pairs| !pairs.is_some_and(|pairs| pairs.iter().all(is_right))) {
        let mend = "give name=value,name=value, percent-encoded";
        reader.fault::<()>(&keys::otlp::HEADERS, "is no list of headers", mend);
    }
}

/// `a=b,c=d`, as W3C's baggage has it: spaces around are nothing, values are percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    let pair = |member: &str| {
        let (name, value) = member.split_once('=')?;
        let name = Some(name.trim()).filter(|name| !name.is_empty())?;
        Some((name.to_owned(), decode(value.trim())?))
    };
    members.map(pair).collect()
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            out.push(*first);
        }
    }
    String::from_utf8(out).ok()
}

/// The keys with their values, in the catalogue's order.
pub(super) fn values(sample: Share, otlp: &Otlp) -> [(&'static Key, Value<'_>); 8] {
    let escape = |value: &str| value.replace('%', "%25").replace(',', "%2C");
    let pairs = otlp.resource.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    let resource = Some(pairs.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty());
    [
        (&keys::SPANS_SAMPLE, shown(sample)),
        (&keys::otlp::ENDPOINT, otlp.endpoint.as_ref().into()),
        (&keys::otlp::HEADERS, hidden(otlp.headers.as_ref())),
        (&keys::otlp::TIMEOUT, span(otlp.timeout)),
        (&keys::otlp::CA_FILE, path(otlp.ca_file.as_deref())),
        (&keys::otlp::METRICS_INTERVAL, or_off(otlp.metrics_interval.map(show_duration))),
        (&keys::otlp::SERVICE_NAME, shown(&otlp.service_name)),
        (&keys::otlp::RESOURCE, resource.into()),
    ]
}

#[cfg(test)]
mod tests;

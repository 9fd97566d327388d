//! The upstream's URL: `redis://user:password@host:port/db`, `rediss://` (TLS),
//! `unix:///path?db=N`, `memory://` and its other name `disabled`.
//! Strict: what it does not know is refused, never passed over. No error holds any part of the
//! text that could be a credential. <https://www.iana.org/assignments/uri-schemes/prov/redis>

use std::{net::Ipv6Addr, path::PathBuf, str::FromStr};

use super::{Target, secret::Secret};

/// Redis's own port.
pub(super) const DEFAULT_PORT: u16 = 6379;

/// Another name of `memory://`, as apps write it.
pub(super) const DISABLED: &str = "disabled";

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Where it points.
    pub target: Target,
    /// Whether it is `rediss://`.
    pub is_tls: bool,
    /// Never empty.
    pub username: Option<String>,
    /// Never empty.
    pub password: Option<Secret>,
    /// The database, where the URL names one.
    pub db: Option<u32>,
}

/// Why a text is no upstream URL. Never says what the text holds, but for a query key's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// `host:6379`, `http://...`
    #[error("does not begin with redis://, rediss://, unix:// or memory://")]
    Scheme,
    /// A space, a line break or the like.
    #[error("holds a space or a control character")]
    Space,
    /// `memory://host`
    #[error("has something after memory://")]
    AfterMemory,
    /// An `@` after the first `/`, `?` or `#`.
    #[error("has a /, ? or # before its @")]
    Unencoded,
    /// `redis://:6380`
    #[error("has no host")]
    NoHost,
    /// `redis://a,b`
    #[error("has a host that is neither a name nor an address")]
    Host,
    /// `redis://host:port`, `redis://host:0`
    #[error("has a port that is not 1 to 65535")]
    Port,
    /// `%zz`, or what is not UTF-8 once decoded.
    #[error("has a % that is not followed by two hexadecimal digits of a UTF-8 text")]
    Percent,
    /// `redis://host/one`
    #[error("has a database that is not a whole number")]
    Db,
    /// `redis://host/1?db=2`
    #[error("names its database twice")]
    TwoDbs,
    /// `?timeout=5`
    #[error("has the query parameter {0}, which is not known")]
    Query(String),
    /// `#insecure`
    #[error("has a # part")]
    Fragment,
    /// `unix://`, `unix://host/path`
    #[error("has no absolute path after unix://")]
    Path,
}

impl UrlError {
    /// What to do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Scheme => "write redis://host:port/db, rediss:// for TLS, or memory://",
            Self::Space => "remove it, or write it as %20 and the like",
            Self::AfterMemory => "write memory:// alone",
            Self::Unencoded => "in a user name or password write / as %2F, ? as %3F, # as %23",
            Self::NoHost | Self::Host => "write redis://host:port/db, IPv6 as [::1]",
            Self::Port => "give the port, or leave it out for 6379",
            Self::Percent => "write % itself as %25",
            Self::Db => "write /0 or ?db=0",
            Self::TwoDbs => "keep one of /db and ?db=",
            Self::Query(_) => "keep only ?db=; what else there is has keys under upstream",
            Self::Fragment => "remove it; for #insecure there is upstream.tls.verify",
            Self::Path => "write unix:///path/to/redis.sock",
        }
    }
}

impl FromStr for UpstreamUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(DISABLED) {
            return Ok(Self::memory());
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(UrlError::Space);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "memory" if rest.is_empty() => Ok(Self::memory()),
            "memory" => Err(UrlError::AfterMemory),
            "redis" => tcp(rest),
            "rediss" => Ok(Self { is_tls: true, ..tcp(rest)? }),
            "unix" => unix(rest),
            _ => Err(UrlError::Scheme),
        }
    }
}

impl UpstreamUrl {
    /// `memory://`
    pub(super) fn memory() -> Self {
        Self::new(Target::Memory)
    }

    fn new(target: Target) -> Self {
        Self { target, is_tls: false, username: None, password: None, db: None }
    }

    fn with_userinfo(mut self, userinfo: Option<&str>) -> Result<Self, UrlError> {
        let userinfo = userinfo.unwrap_or("");
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (username, password) = (decode(username)?, decode(password)?);
        self.username = (!username.is_empty()).then_some(username);
        self.password = (!password.is_empty()).then(|| Secret::new(password));
        Ok(self)
    }
}

fn tcp(rest: &str) -> Result<UpstreamUrl, UrlError> {
    let parts = Parts::split(rest)?;
    let (host, port) = host_and_port(parts.host)?;
    let mut url = UpstreamUrl::new(Target::Tcp { host, port }).with_userinfo(parts.userinfo)?;
    let path = parts.path.strip_prefix('/').unwrap_or("");
    url.db = one_db(path, parts.query)?;
    Ok(url)
}

fn unix(rest: &str) -> Result<UpstreamUrl, UrlError> {
    let parts = Parts::split(rest)?;
    let path = decode(parts.path)?;
    if !parts.host.is_empty() || path.len() < 2 {
        return Err(UrlError::Path);
    }
    let target = Target::Unix(PathBuf::from(path));
    let mut url = UpstreamUrl::new(target).with_userinfo(parts.userinfo)?;
    url.db = one_db("", parts.query)?;
    Ok(url)
}

/// What stands after `://`.
struct Parts<'a> {
    userinfo: Option<&'a str>,
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, UrlError> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // Else a part of a password would be taken for a port, a path or a query.
        if tail.contains('@') && !authority.is_empty() {
            return Err(UrlError::Unencoded);
        }
        if tail.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        Ok(Self { userinfo, host, path, query })
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), UrlError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| UrlError::Host)?;
        match port.strip_prefix(':') {
            Some(port) => (host, port),
            None if port.is_empty() => (host, ""),
            None => return Err(UrlError::Host),
        }
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        if !host.chars().all(is_plain) {
            return Err(UrlError::Host);
        }
        (host, port)
    };
    let port = match port {
        "" => DEFAULT_PORT,
        port => port.parse().map_err(|_| UrlError::Port)?,
    };
    if port == 0 { Err(UrlError::Port) } else { Ok((host.to_owned(), port)) }
}

/// The database of a path and a query, of which one at most may name it.
fn one_db(path: &str, query: &str) -> Result<Option<u32>, UrlError> {
    let mut db = None;
    if !path.is_empty() {
        db = Some(path.parse().map_err(|_| UrlError::Db)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "db" {
            let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            return Err(UrlError::Query(name.chars().take_while(is_plain).take(32).collect()));
        }
        let value = value.parse().map_err(|_| UrlError::Db)?;
        if db.replace(value).is_some_and(|other| other != value) {
            return Err(UrlError::TwoDbs);
        }
    }
    Ok(db)
}

/// Percent-decoding. `+` stays a plus: that rule is of forms, not of URLs.
fn decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else { return Err(UrlError::Percent) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| UrlError::Percent)?);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Percent)
}

/// A host as it stands in a URL: IPv6 in brackets.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests;

//! The upstream section, whose parts can be said in more than one place: who wins, what is filled
//! in, and what is unwise. Credentials: a `--upstream` URL's own, else `upstream.auth` (and its
//! environment names), else the URL's. TLS is never weaker than any of them asked for.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use super::{
    Auth, Listen, Target, Tls, Upstream, UpstreamUrl, Verify,
    address::is_own_address,
    check::pool,
    keys::{self, Key, UPSTREAM_PASSWORD, UPSTREAM_PASSWORD_FILE, UPSTREAM_URL, UPSTREAM_USERNAME},
    layers::Origin,
    read::Reader,
    secret::Secret,
};

impl Upstream {
    /// Where it is, as a URL with `***` for the credentials where there are any:
    /// `rediss://***@cache.example.com:6380/2`.
    pub fn masked_url(&self) -> String {
        let Auth { username, password, password_file } = &self.auth;
        let has_any = username.is_some() || password.is_some() || password_file.is_some();
        let url = self.shown_url();
        match (&self.target, url.split_once("://")) {
            (Target::Tcp { .. }, Some((scheme, place))) if has_any => {
                format!("{scheme}://***@{place}")
            }
            _ => url,
        }
    }

    /// Where it is, as a URL without credentials: `rediss://cache.example.com:6380/2`.
    pub fn shown_url(&self) -> String {
        let db = self.db;
        match &self.target {
            Target::Memory => "memory://".to_owned(),
            Target::Unix(path) if db == 0 => format!("unix://{}", path.display()),
            Target::Unix(path) => format!("unix://{}?db={db}", path.display()),
            Target::Tcp { host, port } => {
                let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
                format!("{scheme}://{}:{port}/{db}", super::url::bracketed(host))
            }
        }
    }
}

/// Reads the section; `listen` is for the check that we are not our own upstream.
pub(super) fn check(reader: &mut Reader<'_>, listen: Option<&Listen>) -> Option<Upstream> {
    let url = url(reader);
    // Without a URL the rest is read all the same, for its own faults.
    let assumed = url.clone().unwrap_or_else(UpstreamUrl::memory);
    let auth = auth(reader, &assumed);
    let tls = tls(reader, &assumed);
    let connect_timeout = reader.span(&keys::UPSTREAM_CONNECT_TIMEOUT);
    let command_timeout = reader.span(&keys::UPSTREAM_COMMAND_TIMEOUT);
    let keepalive = reader.span_or_off(&keys::UPSTREAM_KEEPALIVE);
    let probe_timeout = reader.span(&keys::UPSTREAM_PROBE_TIMEOUT);
    let max_queued = reader.size(&keys::UPSTREAM_MAX_QUEUED);
    let lanes = reader.count(&keys::UPSTREAM_LANES);
    let pool = pool(reader);
    let url = url?;
    if let Some(listen) = listen {
        check_not_ourselves(reader, &url.target, listen);
    }
    let upstream = Upstream {
        db: db(reader, &url),
        target: url.target,
        tls: tls?,
        auth: auth?,
        connect_timeout: connect_timeout?,
        command_timeout: command_timeout?,
        keepalive: keepalive?,
        probe_timeout: probe_timeout?,
        max_queued: max_queued?,
        lanes: lanes?,
        pool: pool?,
    };
    warn_of_plain_text(reader, &upstream);
    Some(upstream)
}

fn url(reader: &mut Reader<'_>) -> Option<UpstreamUrl> {
    let key = &UPSTREAM_URL;
    match reader.text(key).parse::<UpstreamUrl>() {
        Ok(url) => {
            if matches!(reader.layers.origin(key), Origin::Flag(_)) && url.password.is_some() {
                let warning = "a password in a flag is seen by everyone who can list processes; \
                               use REDIS_URL";
                reader.warn(key, warning);
            }
            Some(url)
        }
        Err(error) => reader.fault(key, &error.to_string(), error.mend()),
    }
}

/// Each part for itself: a `--upstream` URL's, else `upstream.auth`, else the URL's.
fn auth(reader: &mut Reader<'_>, url: &UpstreamUrl) -> Option<Auth> {
    let is_flag = matches!(reader.layers.origin(&UPSTREAM_URL), Origin::Flag(_));
    let mut username = reader.optional(&UPSTREAM_USERNAME);
    if url.username.is_some() && (is_flag || username.is_none()) {
        username.clone_from(&url.username);
        origin_is_url(reader, &UPSTREAM_USERNAME);
    }
    let (mut password, mut password_file) = own_password(reader)?;
    if url.password.is_some() && (is_flag || (password.is_none() && password_file.is_none())) {
        (password, password_file) = (url.password.clone(), None);
        origin_is_url(reader, &UPSTREAM_PASSWORD);
        reader.origins.0.remove(UPSTREAM_PASSWORD_FILE.path);
    }
    if url.target != Target::Memory {
        reader.check_file(&UPSTREAM_PASSWORD_FILE, password_file.as_deref());
        if username.is_some() && password.is_none() && password_file.is_none() {
            reader.warn(&UPSTREAM_USERNAME, "is set, but no password is");
        }
    }
    Some(Auth { username, password, password_file })
}

/// The password of `upstream.auth`, or its file; one of the two at most.
fn own_password(reader: &mut Reader<'_>) -> Option<(Option<Secret>, Option<PathBuf>)> {
    let password = reader.secret(&UPSTREAM_PASSWORD);
    let file = reader.path(&UPSTREAM_PASSWORD_FILE);
    if password.is_none() || file.is_none() {
        return Some((password, file));
    }
    if matches!(reader.layers.origin(&UPSTREAM_PASSWORD), Origin::Env(_)) {
        reader.warn(&UPSTREAM_PASSWORD, "wins over upstream.auth.password_file");
        reader.origins.0.remove(UPSTREAM_PASSWORD_FILE.path);
        return Some((password, None));
    }
    let what = "stands beside upstream.auth.password";
    reader.fault(&UPSTREAM_PASSWORD_FILE, what, "keep one of the two")
}

/// Notes that the value of `key` was taken from the URL.
fn origin_is_url(reader: &mut Reader<'_>, key: &Key) {
    let origin = reader.layers.origin(&UPSTREAM_URL);
    reader.origins.0.insert(key.path, origin);
}

fn tls(reader: &mut Reader<'_>, url: &UpstreamUrl) -> Option<Option<Tls>> {
    let tls = Tls {
        ca_file: reader.path(&keys::UPSTREAM_CA_FILE),
        cert_file: reader.path(&keys::UPSTREAM_CERT_FILE),
        key_file: reader.path(&keys::UPSTREAM_KEY_FILE),
        server_name: reader.optional(&keys::UPSTREAM_SERVER_NAME),
        verify: match reader.word(&keys::UPSTREAM_VERIFY)? {
            "none" => Verify::None,
            _ => Verify::Full,
        },
    };
    if !is_tls(reader, url) {
        let is_tcp = matches!(url.target, Target::Tcp { .. });
        if is_tcp && tls != Tls::default() {
            let warning = "upstream.tls has no effect on redis://; write rediss:// to use TLS";
            reader.warn(&UPSTREAM_URL, warning);
        }
        return Some(None);
    }
    reader.check_file(&keys::UPSTREAM_CA_FILE, tls.ca_file.as_deref());
    reader.check_file(&keys::UPSTREAM_CERT_FILE, tls.cert_file.as_deref());
    reader.check_file(&keys::UPSTREAM_KEY_FILE, tls.key_file.as_deref());
    match (&tls.cert_file, &tls.key_file) {
        (Some(_), None) => {
            let mend = "give upstream.tls.key_file too";
            return reader.fault(&keys::UPSTREAM_CERT_FILE, "has no private key beside it", mend);
        }
        (None, Some(_)) => {
            let mend = "give upstream.tls.cert_file too";
            return reader.fault(&keys::UPSTREAM_KEY_FILE, "has no certificate beside it", mend);
        }
        _ => {}
    }
    if tls.verify == Verify::None {
        let warning = "the upstream's certificate is not checked: anyone on the way can read and \
                       change everything, the password too";
        reader.warn(&keys::UPSTREAM_VERIFY, warning);
    }
    Some(Some(tls))
}

/// `rediss://`, or a `redis://` under REDIS_TLS=true; a flag's scheme stands.
fn is_tls(reader: &mut Reader<'_>, url: &UpstreamUrl) -> bool {
    let is_asked = reader.layers.upstream.tls == Some(true);
    let is_flag = matches!(reader.layers.origin(&UPSTREAM_URL), Origin::Flag(_));
    let is_tcp = matches!(url.target, Target::Tcp { .. });
    if is_tcp && is_asked && !url.is_tls {
        let warning = if is_flag {
            "REDIS_TLS=true is overruled: no TLS is used; write rediss://"
        } else {
            "REDIS_TLS=true: TLS is used though the URL says redis://; write rediss://"
        };
        reader.warn(&UPSTREAM_URL, warning);
    }
    url.is_tls || (is_tcp && is_asked && !is_flag)
}

/// The URL's database, but REDIS_DB over the file's.
fn db(reader: &Reader<'_>, url: &UpstreamUrl) -> u32 {
    let env = reader.layers.upstream.db;
    let db = match reader.layers.origin(&UPSTREAM_URL) {
        Origin::Env(_) | Origin::Flag(_) => url.db.or(env),
        Origin::Default | Origin::File => env.or(url.db),
    };
    db.unwrap_or(0)
}

fn check_not_ourselves(reader: &mut Reader<'_>, target: &Target, listen: &Listen) {
    let own = match target {
        Target::Memory => None,
        Target::Unix(path) => {
            let own = listen.unix_socket.as_ref().filter(|own| *own == path);
            own.map(|own| own.display().to_string())
        }
        Target::Tcp { host, port } => {
            let own = listen.address.filter(|own| is_ours(own, host, *port));
            own.map(|own| own.to_string())
        }
    };
    if let Some(own) = own {
        let what = format!("is this sidecar's own listen address {own}");
        let mend = "give the Redis behind; the app's own REDIS_URL points here, ours must not";
        reader.fault::<()>(&UPSTREAM_URL, &what, mend);
    }
}

fn is_ours(listen: &SocketAddr, host: &str, port: u16) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return is_own_address(listen, &SocketAddr::new(ip, port));
    }
    let ip = listen.ip();
    is_localhost(host) && port == listen.port() && (ip.is_loopback() || ip.is_unspecified())
}

/// The names that mean this machine everywhere (RFC 6761, section 6.3).
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn warn_of_plain_text(reader: &mut Reader<'_>, upstream: &Upstream) {
    let Target::Tcp { host, .. } = &upstream.target else { return };
    let is_here = is_localhost(host) || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let has_password = upstream.auth.password.is_some() || upstream.auth.password_file.is_some();
    if upstream.tls.is_none() && has_password && !is_here {
        let warning = format!("the password goes to {host} in plain text; use rediss://");
        reader.warn(&UPSTREAM_URL, &warning);
    }
}

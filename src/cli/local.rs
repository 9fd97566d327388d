//! How a running sidecar is reached from beside it: as an upstream in plain text, so that one way of dialing serves.

use super::args::Through;
use super::http::reachable;
use crate::config::{Auth, Config, Listen, Origin, Password, Target, Tls, Upstream, Verify};
use std::net::SocketAddr;
use std::time::Duration;

/// The configuration of `config`, with the sidecar itself in the upstream's place.
///
/// # Errors
/// Why the sidecar can't be reached; what to do about it is in it.
pub(super) fn behind(
    config: &Config,
    through: &Through,
    bound: Duration,
) -> Result<Config, String> {
    // Of a hash nobody knows the password.
    let password = config.listen.password.clone().filter(|secret| !Password::is_hash(secret));
    let own = Auth { password, ..Auth::default() };
    let (target, auth, tls, db) = match through {
        Through::At(url) => {
            let auth = Auth {
                username: url.username.clone(),
                password: url.password.clone().or(own.password),
                password_file: None,
            };
            let tls = url.is_tls.then(Tls::default);
            (url.target.clone(), auth, tls, url.db.unwrap_or(0))
        }
        Through::Configured => {
            let (target, tls) = listener(&config.listen)?;
            (target, own, tls, 0)
        }
    };
    if target == Target::Memory {
        return Err(
            "memory:// is no address of a sidecar; give HOST:PORT or unix:///path".to_owned()
        );
    }
    let upstream = Upstream { target, auth, tls, db, ..config.upstream.clone() };
    Ok(bounded(Config { upstream, ..config.clone() }, bound))
}

/// The same configuration, connecting within `bound` at most.
pub(super) fn bounded(mut config: Config, bound: Duration) -> Config {
    config.upstream.connect_timeout = config.upstream.connect_timeout.min(bound);
    config
}

/// Where the sidecar's admin port is, as far as this configuration speaks of the same sidecar.
pub(super) fn admin(config: &Config, through: &Through) -> Option<SocketAddr> {
    let is_same = *through == Through::Configured
        || config.origins.origin("admin.address") != Origin::Default;
    config.admin.address.filter(|address| is_same && address.port() != 0).map(reachable)
}

/// The Unix socket where TCP would mean TLS: its certificate is for other machines.
fn listener(listen: &Listen) -> Result<(Target, Option<Tls>), String> {
    let tcp = listen.address.filter(|address| address.port() != 0).map(|address| {
        let address = reachable(address);
        Target::Tcp { host: address.ip().to_string(), port: address.port() }
    });
    let unix = listen.unix_socket.clone().map(Target::Unix);
    // The listener is our own, on this machine: its certificate need not name the loopback address.
    let unchecked = Tls { verify: Verify::None, ..Tls::default() };
    match (tcp, unix, &listen.tls) {
        (Some(tcp), _, None) => Ok((tcp, None)),
        (_, Some(unix), _) => Ok((unix, None)),
        (Some(tcp), None, Some(_)) => Ok((tcp, Some(unchecked))),
        (None, None, _) => Err("listen.address names no port; give --through HOST:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{admin, behind};
    use crate::cli::args::Through;
    use crate::config::{Config, Env, Sources, Target, Verify};
    use std::time::Duration;

    fn config(yaml: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.yaml");
        std::fs::write(&file, yaml).unwrap();
        let env = [("REDIS_URL", "redis://u:hunter2@cache.example.com:6380/3")];
        let env: Env = env.into_iter().collect();
        Config::load(&Sources { file: Some(file), env, ..Sources::default() }).unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_listener_takes_the_upstreams_place_and_its_password() {
        let config = config("listen: {address: '0.0.0.0:7000', password: word}");
        let local = behind(&config, &Through::Configured, SECOND).unwrap().upstream;
        assert_eq!(local.target, Target::Tcp { host: "127.0.0.1".to_owned(), port: 7000 });
        assert_eq!((local.tls, local.db, local.auth.username), (None, 0, None));
        assert_eq!(local.auth.password.unwrap().expose(), "word");
        assert_eq!(local.connect_timeout, SECOND);
    }

    #[test]
    fn a_unix_socket_is_taken_where_tcp_would_be_tls() {
        let tls = "tls: {cert_file: /dev/null, key_file: /dev/null}";
        let both = config(&format!("listen: {{unix_socket: /tmp/x.sock, {tls}}}"));
        let local = behind(&both, &Through::Configured, SECOND).unwrap().upstream;
        assert_eq!(local.target, Target::Unix("/tmp/x.sock".into()));
        let tcp = config(&format!("listen: {{{tls}}}"));
        let local = behind(&tcp, &Through::Configured, SECOND).unwrap().upstream;
        assert_eq!(local.tls.unwrap().verify, Verify::None);
    }

    #[test]
    fn an_address_given_wins_and_its_admin_port_is_known_only_if_it_is_said() {
        let at = |text: &str| Through::At(text.parse().unwrap());
        let plain = config("listen: {password: word}");
        let local = behind(&plain, &at("redis://side:7001/2"), SECOND).unwrap().upstream;
        assert_eq!(local.target, Target::Tcp { host: "side".to_owned(), port: 7001 });
        assert_eq!((local.db, local.auth.password.unwrap().expose()), (2, "word"));
        assert_eq!(admin(&plain, &at("redis://side:7001")), None);
        let said = config("admin: {address: '0.0.0.0:9000'}");
        let known = Some("127.0.0.1:9000".parse().unwrap());
        assert_eq!(admin(&said, &at("redis://side:7001")), known);
        assert_eq!(admin(&plain, &Through::Configured), Some("127.0.0.1:9121".parse().unwrap()));
        assert!(behind(&plain, &at("memory://"), SECOND).is_err());
    }
}

//! Every form of the URL, and what is refused without a word of what it held.

use std::path::PathBuf;

use super::{UpstreamUrl, UrlError};
use crate::config::Target;

fn parse(text: &str) -> Result<UpstreamUrl, UrlError> {
    text.parse()
}

fn tcp(host: &str, port: u16) -> Target {
    Target::Tcp { host: host.to_owned(), port }
}

#[test]
fn tcp_forms() {
    for (text, target, is_tls, db) in [
        ("redis://cache", tcp("cache", 6379), false, None),
        ("redis://cache/", tcp("cache", 6379), false, None),
        ("redis://cache:/", tcp("cache", 6379), false, None),
        ("rediss://cache.example.com:6380/3", tcp("cache.example.com", 6380), true, Some(3)),
        ("REDISS://Cache:1?db=4", tcp("Cache", 1), true, Some(4)),
        ("redis://cache/4?db=4", tcp("cache", 6379), false, Some(4)),
        ("redis://10.0.0.5:7000", tcp("10.0.0.5", 7000), false, None),
        ("redis://[::1]", tcp("::1", 6379), false, None),
        ("redis://[2001:db8::1]:6380/0", tcp("2001:db8::1", 6380), false, Some(0)),
        ("redis://my_service-0.ns.svc", tcp("my_service-0.ns.svc", 6379), false, None),
        ("  redis://cache\n", tcp("cache", 6379), false, None),
    ] {
        let expected = UpstreamUrl { target, is_tls, username: None, password: None, db };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn credentials_are_decoded() {
    for (userinfo, username, password) in [
        ("", None, None),
        (":", None, None),
        ("app", Some("app"), None),
        (":secret", None, Some("secret")),
        ("app:secret", Some("app"), Some("secret")),
        ("app:se:cret", Some("app"), Some("se:cret")),
        ("app:p%40ss%2Fw%3ard%25+", Some("app"), Some("p@ss/w:rd%+")),
        ("app:p@ss", Some("app"), Some("p@ss")),
        ("%C3%A9t%c3%a9:%E2%82%AC", Some("été"), Some("€")),
    ] {
        for text in [format!("rediss://{userinfo}@h:1/2"), format!("unix://{userinfo}@/s?db=2")] {
            let url = parse(&text).unwrap();
            assert_eq!(url.username.as_deref(), username, "{text}");
            assert_eq!(url.password.as_ref().map(|password| password.expose()), password);
            assert_eq!(url.db, Some(2), "{text}");
        }
    }
}

#[test]
fn sockets_and_memory() {
    let unix = |path: &str| Ok(Target::Unix(PathBuf::from(path)));
    for (text, target) in [
        ("unix:///run/redis.sock", unix("/run/redis.sock")),
        ("unix:///run/a%20b%3F.sock?db=0", unix("/run/a b?.sock")),
        ("unix:///run/a@b.sock", unix("/run/a@b.sock")),
        ("memory://", Ok(Target::Memory)),
        ("MEMORY://", Ok(Target::Memory)),
        ("disabled", Ok(Target::Memory)),
    ] {
        assert_eq!(parse(text).map(|url| url.target), target, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let query = |name: &str| UrlError::Query(name.to_owned());
    for (text, error) in [
        ("", UrlError::Scheme),
        ("cache:6379", UrlError::Scheme),
        ("http://cache", UrlError::Scheme),
        ("redis:/cache", UrlError::Scheme),
        ("redis://ca che", UrlError::Space),
        ("redis://cache\r\nFLUSHALL", UrlError::Space),
        ("memory://cache", UrlError::AfterMemory),
        ("redis://", UrlError::NoHost),
        ("redis://:6379", UrlError::NoHost),
        ("redis://:secret@", UrlError::NoHost),
        ("redis://a,b", UrlError::Host),
        ("redis://::1", UrlError::NoHost),
        ("redis://[::1", UrlError::Host),
        ("redis://[::1]6379", UrlError::Host),
        ("redis://[cache]", UrlError::Host),
        ("redis://cache:0", UrlError::Port),
        ("redis://cache:65536", UrlError::Port),
        ("redis://cache:secret", UrlError::Port),
        ("redis://:%zz@cache", UrlError::Percent),
        ("redis://:%4", UrlError::NoHost),
        ("redis://:%4@cache", UrlError::Percent),
        ("redis://:%ff@cache", UrlError::Percent),
        ("redis://cache/one", UrlError::Db),
        ("redis://cache/-1", UrlError::Db),
        ("redis://cache/0/1", UrlError::Db),
        ("redis://cache?db=", UrlError::Db),
        ("redis://cache/99999999999", UrlError::Db),
        ("redis://cache/1?db=2", UrlError::TwoDbs),
        ("rediss://cache?ssl_cert_reqs=none", query("ssl_cert_reqs")),
        ("redis://cache?DB=1", query("DB")),
        ("rediss://cache#insecure", UrlError::Fragment),
        ("redis://:se/cret@cache", UrlError::Unencoded),
        ("redis://:se?cret@cache", UrlError::Unencoded),
        ("redis://:s@e#cret@cache", UrlError::Unencoded),
        ("unix://", UrlError::Path),
        ("unix:///", UrlError::Path),
        ("unix://host/path", UrlError::Path),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn no_error_holds_a_password() {
    for text in [
        "redis://:hunter2",
        "redis://:hunter2@",
        "redis://u:hunter2@ho st",
        "redis://u:hunter2@host:port",
        "redis://u:hunter2/x@host",
        "redis://u:x?hunter2@host",
        "redis://u:x@y?hunter2@host",
        "redis://u:hunter2%@host",
        "hunter2",
        "hunter2://x",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.mend()).contains("hunter2"), "{text}");
    }
}

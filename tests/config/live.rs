//! What a newer configuration changes, and which of it a running sidecar can take.

use redis_sidecar::config::{Config, Flags, is_live, keys};

use super::{from_yaml, load};

fn changes(older: &str, newer: &str) -> Vec<&'static str> {
    from_yaml(older).unwrap().changes(&from_yaml(newer).unwrap())
}

#[test]
fn every_key_that_differs_is_named_in_order() {
    for (older, newer, expected) in [
        ("", "", vec![]),
        ("", "log: {level: debug}", vec!["log.level"]),
        ("log: {level: debug}", "", vec!["log.level"]),
        (
            "",
            "drain_timeout: 1s\nlisten: {idle_timeout: 5m}",
            vec!["listen.idle_timeout", "drain_timeout"],
        ),
        ("", "upstream: {url: 'redis://cache'}", vec!["upstream.url"]),
        (
            "upstream: {url: 'redis://cache'}",
            "upstream: {url: 'rediss://cache/1'}",
            vec!["upstream.url"],
        ),
        (
            "upstream: {url: 'redis://cache'}",
            "upstream: {url: 'redis://u:p@cache'}",
            vec!["upstream.auth.username", "upstream.auth.password"],
        ),
        (
            "",
            "retry: {attempts: 0, writes: unsent}\nbreaker: {grace: 0}",
            vec!["retry.attempts", "retry.writes", "breaker.grace"],
        ),
        (
            "",
            "listen: {max_in_flight: 5}\nupstream: {max_queued: 1mb, probe_timeout: 1s}",
            vec!["listen.max_in_flight", "upstream.probe_timeout", "upstream.max_queued"],
        ),
    ] {
        assert_eq!(changes(older, newer), expected, "{older:?} to {newer:?}");
    }
}

#[test]
fn secrets_are_compared_though_they_print_the_same() {
    let password = |text: &str| format!("listen: {{password: '{text}'}}");
    let expected = ["listen.password"];
    assert_eq!(changes(&password("one"), &password("two")), expected);
    assert_eq!(changes(&password("one"), ""), expected);
    assert!(changes(&password("one"), &password("one")).is_empty());
    let upstream = |text: &str| format!("upstream: {{url: 'rediss://:{text}@cache'}}");
    assert_eq!(changes(&upstream("one"), &upstream("two")), ["upstream.auth.password"]);
}

#[test]
fn the_same_said_in_another_way_is_no_change() {
    let cores = from_yaml("").unwrap().workers;
    for (older, newer) in [
        ("", "log: {level: INFO}\ndrain_timeout: 10000ms\nupstream: {max_queued: 65536kb}"),
        ("", "listen: {address: 'localhost:6379', idle_timeout: 0}"),
        ("", &format!("workers: {cores}")),
        (
            "upstream: {url: 'rediss://cache/2', auth: {password: pw}}",
            "upstream: {url: 'rediss://:pw@cache:6379?db=2'}",
        ),
        // Without TLS its keys have no effect.
        ("upstream: {url: 'redis://a'}", "upstream: {url: 'redis://a', tls: {server_name: x}}"),
    ] {
        assert_eq!(changes(older, newer), Vec::<&str>::new(), "{older:?} to {newer:?}");
    }
    let more = format!("workers: {}", cores + 1);
    assert_eq!(changes("", &more), ["workers"]);
    let file = from_yaml("log: {level: debug}").unwrap();
    let env = load("", &[("SIDECAR_LOG_LEVEL", "debug")], Flags::default()).unwrap();
    assert!(file.changes(&env).is_empty());
}

#[test]
fn only_what_a_running_sidecar_can_take_is_live() {
    let live: Vec<_> = keys::ALL.iter().map(|key| key.path).filter(|path| is_live(path)).collect();
    assert_eq!(
        live,
        [
            "listen.password",
            "listen.password_file",
            "listen.users",
            "listen.max_clients",
            "listen.idle_timeout",
            "limits.before_auth.timeout",
            "admin.ready_in_outage",
            "log.level",
            "drain_timeout",
        ]
    );
    assert!(!is_live("listen") && !is_live("no.such.key"));
    let whole = Config::load(&redis_sidecar::config::Sources::default()).unwrap();
    assert!(whole.changes(&whole.clone()).is_empty());
}

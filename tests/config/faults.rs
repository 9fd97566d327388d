//! Every fault with its path and its mend, all at once, and never a secret among them.

use std::path::PathBuf;

use redis_sidecar::config::{Config, Flags, Sources};

use super::{faults, from_env, from_yaml, load};

#[test]
fn all_faults_come_at_once_each_with_its_path_and_mend() {
    let yaml = "
listen:
  address: redis.example.com:6379
  adress: 127.0.0.1:1
  max_clients: 0
  idle_timeout: 10
  tls: {cert_file: /none/cert.pem}
upstream:
  url: http://cache
  connect_timeout: 2d
  pool: {min: 5, max: 2, mx: 3}
  tls: {verify: maybe}
max: 3
colours: [red]
1: 2
log: loud
";
    let found = faults(load(yaml, &[("SIDECAR_WORKERS", "many")], Flags::default()));
    for expected in [
        "listen.adress: is no key; did you mean listen.address?",
        "upstream.pool.mx: is no key; did you mean upstream.pool.max?",
        "max: is no key; did you mean upstream.pool.max?",
        "colours: is no key; known here: listen, limits, admin, upstream, retry, breaker, memory, \
         slowlog, cache, namespace, namespace_channels, scripts, commands, default_access, audit, rules, workers, busy_poll, log, spans, otlp, drain_timeout",
        "the file: has a key that is not a text; use one of listen, limits, admin, upstream, retry, \
         breaker, memory, slowlog, cache, namespace, namespace_channels, scripts, commands, default_access, audit, rules, workers, busy_poll, log, spans, otlp, drain_timeout",
        "log: is one value where a section of keys belongs; write below it, further in: level, \
         format",
        "listen.address: \"redis.example.com:6379\" names a host; only IP addresses and localhost \
         are listened on; give IP:PORT, localhost:PORT, :PORT (loopback), or off",
        "listen.max_clients: 0 is out of bounds; give 1 to 1000000",
        "listen.idle_timeout: 10 has no unit; write 10s or 10ms",
        "listen.tls.cert_file: \"/none/cert.pem\" can't be read: No such file or directory (os \
         error 2); give a file that this process can read",
        "listen.tls.cert_file: has no private key beside it; give listen.tls.key_file too",
        "upstream.url: does not begin with redis://, rediss://, unix:// or memory://; write \
         redis://host:port/db, rediss:// for TLS, or memory://",
        "upstream.connect_timeout: 2d is out of bounds; give 1ms to 24h",
        "upstream.pool.min: min 5 is more than max 2; lower upstream.pool.min, or raise \
         upstream.pool.max",
        "upstream.tls.verify: \"maybe\" is not known; give full or none",
        "workers: \"many\" is not a whole number (from SIDECAR_WORKERS); give auto, or 1 to 1024",
    ] {
        assert!(found.iter().any(|fault| fault == expected), "{expected}\nnot in {found:#?}");
    }
    assert_eq!(found.len(), 16, "{found:#?}");
}

#[test]
fn environment_faults_name_the_variable_and_hold_no_secret() {
    for (env, expected) in [
        (vec![("REDIS_URL", "rediss://u:hunter2/@h")], "upstream.url: has a /, ? or # before"),
        (vec![("REDIS_HOST", "redis://:hunter2@h")], "upstream.url: REDIS_HOST is more than"),
        (vec![("REDIS_HOST", "h:1")], "upstream.url: REDIS_HOST is more than"),
        (vec![("REDIS_HOST", "h"), ("REDIS_PORT", "x")], "upstream.url: REDIS_PORT is not a"),
        (vec![("REDIS_DB", "hunter2")], "upstream.url: REDIS_DB is not a whole number"),
        (vec![("REDIS_TLS", "hunter2")], "upstream.url: REDIS_TLS is neither true nor false"),
        (vec![("REDIS_POOL_MAX", "10001")], "upstream.pool.max: 10001 is out of bounds"),
        (vec![("REDIS_POOL_MIN", "11")], "upstream.pool.min: min 11 is more than max 10"),
    ] {
        let found = faults(from_env(&env));
        assert_eq!(found.len(), 1, "{env:?}: {found:?}");
        assert!(found[0].starts_with(expected), "{env:?}: {found:?}");
        assert!(found[0].contains(&format!("(from {})", env.last().unwrap().0)), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn what_is_no_yaml_file_is_one_fault() {
    for yaml in ["a: [", "a: 1\na: 2", "just words", "- a list", "listen: {a: 1}\n---\nb: 2"] {
        assert_eq!(faults(from_yaml(yaml)).len(), 1, "{yaml}");
    }
    for yaml in ["", "# nothing", "listen:\nupstream: ~", "---\nlog:\n  level:\n"] {
        assert!(from_yaml(yaml).is_ok(), "{yaml}");
    }
    let file = Some(PathBuf::from("/none/config.yaml"));
    let found = faults(Config::load(&Sources { file, ..Sources::default() }));
    assert!(found[0].starts_with("/none/config.yaml: can't be read"), "{found:?}");
}

#[test]
fn there_is_always_a_way_in() {
    let found = faults(from_yaml("listen: {address: off}"));
    assert!(found[0].starts_with("listen.address: is off, and there is no other way in"));
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("r.sock");
    let yaml = format!("listen: {{address: off, unix_socket: '{}'}}", socket.display());
    let config = from_yaml(&yaml).unwrap();
    assert_eq!((config.listen.address, config.listen.unix_socket), (None, Some(socket)));
    let found = faults(from_yaml("admin: {address: '127.0.0.1:6379'}"));
    assert!(found[0].starts_with("admin.address: is listen.address too"), "{found:?}");
    let long = format!("listen: {{unix_socket: '/tmp/{}'}}", "x".repeat(120));
    assert!(faults(from_yaml(&long))[0].contains("longer than 107 bytes"));
    let nowhere = "listen: {unix_socket: /none/r.sock}";
    assert!(faults(from_yaml(nowhere))[0].contains("a directory that is not there"));
}

#[test]
fn what_grows_has_its_most_above_its_least() {
    for (yaml, expected) in [
        (
            "retry: {initial_delay: 2s, max_delay: 1s}",
            "retry.initial_delay: initial_delay 2s is more than max_delay 1s; lower \
             retry.initial_delay, or raise retry.max_delay",
        ),
        (
            "breaker: {max_cooldown: 100ms}",
            "breaker.max_cooldown: cooldown 500ms is more than max_cooldown 100ms; lower \
             breaker.cooldown, or raise breaker.max_cooldown",
        ),
    ] {
        assert_eq!(faults(from_yaml(yaml)), [expected]);
    }
    let equal = "{retry: {initial_delay: 1s, max_delay: 1000ms}, \
                 breaker: {cooldown: 1s, max_cooldown: 1s}}";
    assert!(from_yaml(equal).is_ok());
}

#[test]
fn bounds_hold_at_both_ends() {
    for (key, inside, outside) in [
        ("workers", vec!["1", "1024", "auto"], vec!["0", "1025", "-1", "1.5", ""]),
        ("listen.max_clients", vec!["1", "1000000"], vec!["0", "1000001"]),
        ("listen.max_in_flight", vec!["1", "1000000"], vec!["0", "1000001"]),
        ("upstream.probe_timeout", vec!["100ms", "24h"], vec!["99ms", "0", "off", "25h"]),
        (
            "upstream.max_queued",
            vec!["1mb", "4gb", "1048576", "64MB", "2m"],
            vec!["1048575", "1m", "4294967297", "5gb", "64 mb", "-1", "off"],
        ),
        ("retry.attempts", vec!["0", "100"], vec!["101", "-1", "4294967297"]),
        ("retry.initial_delay", vec!["1ms", "5s"], vec!["0", "0s", "5001ms", "off"]),
        ("retry.max_delay", vec!["50ms", "24h"], vec!["49ms", "25h", "5"]),
        ("retry.jitter", vec!["full", "none", "None"], vec!["half", "off"]),
        ("retry.writes", vec!["unsent", "refused", "ALWAYS"], vec!["never"]),
        ("breaker.grace", vec!["0", "0s", "24h"], vec!["25h", "3", "off"]),
        ("breaker.failures", vec!["1", "1000000"], vec!["0", "1000001"]),
        ("breaker.window", vec!["1ms", "24h"], vec!["0s", "25h"]),
        ("breaker.cooldown", vec!["1ms", "5s"], vec!["0s", "5001ms", "25h"]),
        ("breaker.max_cooldown", vec!["500ms", "24h"], vec!["499ms", "25h"]),
        ("listen.idle_timeout", vec!["off", "0", "1ms", "24h"], vec!["25h", "on"]),
        ("upstream.lanes", vec!["1", "64"], vec!["0", "65"]),
        ("upstream.pool.max", vec!["1", "10000"], vec!["0", "10001"]),
        ("upstream.pool.min", vec!["0", "10"], vec!["11", "10001"]),
        ("upstream.command_timeout", vec!["1ms", "24h"], vec!["0", "0s", "86401s", "off"]),
        ("drain_timeout", vec!["0", "0s", "1d"], vec!["86401s", "10", "-1s"]),
        ("log.level", vec!["error", "WARN", "trace"], vec!["loud"]),
    ] {
        let yaml = |value: &str| {
            let names: Vec<_> = key.split('.').collect();
            let open = names.join(": {");
            format!("{{{open}: '{value}'{}", "}".repeat(names.len()))
        };
        for value in inside {
            assert!(from_yaml(&yaml(value)).is_ok(), "{key}: {value}");
        }
        for value in outside.into_iter().filter(|value| !value.is_empty()) {
            let found = faults(from_yaml(&yaml(value)));
            assert!(found[0].starts_with(key), "{key}: {value}: {found:?}");
        }
    }
}

#[test]
fn limits_that_contradict_each_other_are_faults() {
    for (yaml, expected) in [
        ("max_bulk: 2gb", "limits.max_bulk: max_bulk 2gb is more than max_request 1gb"),
        ("max_request: 1mb", "limits.max_request: max_bulk 512mb is more than max_request 1mb"),
        ("depth: 7", "limits.depth: 7 is out of bounds; give 8 to 10000"),
        ("max_arguments: 8", "limits.max_arguments: 8 is out of bounds"),
        ("client_output: 1kb", "limits.client_output: 1kb is out of bounds; give 1mb to 4gb"),
        ("before_auth: {max_arguments: 3}", "limits.before_auth.max_arguments: 3 is out of bounds"),
        (
            "subscriber_output: {soft: 64mb}",
            "limits.subscriber_output.soft: soft 64mb is more than",
        ),
        (
            "requests_per_second: {client: fast}",
            "limits.requests_per_second.client: \"fast\" is not a whole number; give off, or 1 to 10000000",
        ),
    ] {
        let found = faults(from_yaml(&format!("limits: {{{yaml}}}")));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{yaml}: {found:?}");
    }
    let limits = from_yaml("limits: {requests_per_second: {client: 0, all: 7}}").unwrap().limits;
    assert_eq!(
        (limits.requests_per_second.client, limits.requests_per_second.all),
        (None, Some(7))
    );
}

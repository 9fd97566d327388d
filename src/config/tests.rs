//! The layers, the faults, and the print, each against the catalogue.

use std::{collections::BTreeSet, io::Write, time::Duration};

use serde_yaml::Value;

use super::{
    Breaker, Config, Env, Faults, Flags, Jitter, Origin, Retry, RetryWrites, Sources, Target, Tls,
    Verify, keys,
};

fn load(yaml: &str, env: &[(&str, &str)]) -> Result<Config, Faults> {
    load_with(yaml, env, Flags::default())
}

fn load_with(yaml: &str, env: &[(&str, &str)], flags: Flags) -> Result<Config, Faults> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let env: Env = env.iter().copied().collect();
    Config::load(&Sources { file: Some(file.path().to_owned()), env, flags })
}

/// Each fault as `path: what`.
fn faults(yaml: &str, env: &[(&str, &str)]) -> Vec<String> {
    let faults = load(yaml, env).unwrap_err();
    faults.iter().map(|fault| format!("{}: {}", fault.path, fault.what)).collect()
}

fn password(config: &Config) -> Option<&str> {
    config.upstream.auth.password.as_ref().map(|password| password.expose())
}

fn warns_of(config: &Config, part: &str) -> bool {
    config.warnings.iter().any(|warning| warning.contains(part))
}

/// The paths of all leaves.
fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let Value::Mapping(entries) = value else {
        into.insert(path.to_owned());
        return;
    };
    for (name, value) in entries {
        let name = name.as_str().unwrap();
        let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        leaves(value, &below, into);
    }
}

#[test]
fn every_default_is_within_its_own_bounds_and_warns_of_nothing() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.listen.address.unwrap().to_string(), "127.0.0.1:6379");
    assert_eq!(config.admin.address.unwrap().to_string(), "127.0.0.1:9121");
    assert_eq!(config.upstream.target, Target::Memory);
    assert_eq!(config.upstream.command_timeout, Duration::from_secs(30));
    assert_eq!(config.upstream.pool.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(config.listen.idle_timeout, None);
    assert_eq!(config.drain_timeout, Duration::from_secs(10));
    assert!(config.is_workers_auto && config.workers >= 1);
}

#[test]
fn retry_breaker_and_bounds_on_queues_have_their_defaults() {
    let config = Config::load(&Sources::default()).unwrap();
    let retry = Retry {
        attempts: 3,
        initial_delay: Duration::from_millis(50),
        max_delay: Duration::from_secs(5),
        jitter: Jitter::Full,
        writes: RetryWrites::Refused,
    };
    let breaker = Breaker {
        grace: Duration::from_secs(3),
        failures: 5,
        window: Duration::from_secs(10),
        cooldown: Duration::from_millis(500),
        max_cooldown: Duration::from_secs(5),
    };
    assert_eq!((config.retry, config.breaker), (retry, breaker));
    assert_eq!(config.upstream.probe_timeout, Duration::from_secs(5));
    assert_eq!(config.upstream.max_queued, 64 << 20);
    assert_eq!(config.listen.max_in_flight, 10_000);
}

#[test]
fn the_catalogue_is_in_order_and_documented() {
    let mut sections = Vec::new();
    for key in keys::ALL {
        assert!(!key.why.is_empty(), "{}", key.path);
        let section = key.path.split('.').next().unwrap();
        if sections.last() != Some(&section) {
            assert!(!sections.contains(&section), "{section} stands in two places");
            sections.push(section);
        }
    }
}

#[test]
fn the_print_is_yaml_with_every_key_and_no_secret() {
    let config = load(
        "listen: {password: \"hunter2\", unix_socket: \"/tmp/a\\\"b: #é\\n.sock\"}\n\
         upstream: {url: 'rediss://u\"x:hunter2@[::1]:6380/7', keepalive: off}\n\
         workers: 3\n",
        &[("REDIS_POOL_MAX", "20")],
    )
    .unwrap();
    let yaml = config.to_yaml();
    assert!(!yaml.contains("hunter2"), "{yaml}");
    let parsed: Value = serde_yaml::from_str(&yaml).unwrap();
    let mut printed = BTreeSet::new();
    leaves(&parsed, "", &mut printed);
    let known: BTreeSet<_> = keys::ALL.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(printed, known);
    assert_eq!(parsed["listen"]["password"], "***");
    assert_eq!(parsed["listen"]["unix_socket"], "/tmp/a\"b: #é\n.sock");
    assert_eq!(parsed["upstream"]["url"], "rediss://[::1]:6380/7");
    assert_eq!(parsed["upstream"]["auth"]["username"], "u\"x");
    assert_eq!(parsed["upstream"]["auth"]["password"], "***");
    assert_eq!(parsed["upstream"]["keepalive"], "off");
    assert_eq!(parsed["workers"], 3);
    assert!(yaml.contains("    max: 20  # REDIS_POOL_MAX; takes 1 to 10000\n"), "{yaml}");
    assert!(yaml.contains("    min: 0  # default; takes 0 to 10000\n"), "{yaml}");
    assert!(yaml.contains("    password: \"***\"  # file\n"), "{yaml}");
    assert!(yaml.contains("  max_queued: 64mb  # default; takes 1mb to 4gb\n"), "{yaml}");
    assert!(yaml.contains("\nbreaker:\n"), "{yaml}");
}

#[test]
fn a_print_without_secrets_reads_back_as_the_same() {
    let yaml = "listen: {address: '[::1]:7000', max_clients: 5, idle_timeout: 90s}\n\
                admin: {address: off}\n\
                upstream: {url: 'redis://cache:6380/2', lanes: 2, max_queued: 1500kb, pool: {min: 1, max: 1}}\n\
                retry: {attempts: 0, initial_delay: 1ms, max_delay: 2ms, jitter: none, \
                writes: unsent}\n\
                breaker: {grace: 0, failures: 7, window: 1m, cooldown: 1s, max_cooldown: 1s}\n\
                log: {level: trace, format: json}\n\
                drain_timeout: 0\n";
    let first = load(yaml, &[]).unwrap();
    let mut second = load(&first.to_yaml(), &[]).unwrap();
    second.origins = first.origins.clone();
    assert_eq!(first, second);
}

#[test]
fn tls_and_auth_are_read_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let yaml = format!(
        "upstream:\n  url: rediss://cache\n  tls: {{ca_file: '{path}', cert_file: '{path}', \
         key_file: '{path}', server_name: cache.internal, verify: none}}\n  \
         auth: {{username: app, password_file: '{path}'}}\n"
    );
    let config = load(&yaml, &[]).unwrap();
    let expected = Tls {
        ca_file: Some(path.into()),
        cert_file: Some(path.into()),
        key_file: Some(path.into()),
        server_name: Some("cache.internal".into()),
        verify: Verify::None,
    };
    assert_eq!(config.upstream.tls, Some(expected));
    assert_eq!(config.upstream.auth.password_file, Some(path.into()));
    assert!(warns_of(&config, "upstream.tls.verify: the upstream's certificate is not checked"));
}

#[test]
fn values_that_yaml_would_garble_must_be_quoted() {
    let expected = "listen.password: is a number or a truth value to YAML, not a text";
    for value in ["1.10", "0x10", "true", "12345"] {
        assert_eq!(faults(&format!("listen: {{password: {value}}}"), &[]), [expected], "{value}");
    }
    let config = load("listen: {password: '1.10'}", &[]).unwrap();
    assert_eq!(config.listen.password.unwrap().expose(), "1.10");
}

#[test]
fn a_secret_keeps_its_spaces() {
    let config = load("listen: {password: ' a b '}", &[]).unwrap();
    assert_eq!(config.listen.password.unwrap().expose(), " a b ");
}

#[test]
fn credentials_come_from_where_the_rule_says() {
    let file = "upstream: {url: 'rediss://u:in-url@cache', auth: {password: in-auth}}";
    let flags = |url: &str| Flags { upstream: Some(url.to_owned()), ..Flags::default() };
    let none = Flags::default;
    for (yaml, env, flags, expected, origin) in [
        (file, vec![], none(), "in-auth", Origin::File),
        (file, vec![("REDIS_PASSWORD", "env")], none(), "env", Origin::Env("REDIS_PASSWORD")),
        ("", vec![("REDIS_URL", "redis://:a@h")], none(), "a", Origin::Env("REDIS_URL")),
        (file, vec![("REDIS_URL", "redis://:a@h")], none(), "in-auth", Origin::File),
        (
            "",
            vec![("REDIS_URL", "redis://:a@h"), ("REDIS_PASSWORD", "b")],
            none(),
            "a",
            Origin::Env("REDIS_URL"),
        ),
        (
            "",
            vec![("REDIS_URL", "redis://h"), ("REDIS_PASSWORD", "b")],
            none(),
            "b",
            Origin::Env("REDIS_PASSWORD"),
        ),
        (
            file,
            vec![("REDIS_PASSWORD", "b")],
            flags("redis://:flag@h"),
            "flag",
            Origin::Flag("--upstream"),
        ),
        ("", vec![("REDIS_PASSWORD", "b")], flags("redis://h"), "b", Origin::Env("REDIS_PASSWORD")),
        (
            "",
            vec![("REDIS_PASSWORD", "b")],
            flags("redis://u@h"),
            "b",
            Origin::Env("REDIS_PASSWORD"),
        ),
        (
            "",
            vec![("REDIS_URL", "redis://u@h"), ("REDIS_PASSWORD", "b")],
            none(),
            "b",
            Origin::Env("REDIS_PASSWORD"),
        ),
    ] {
        let config = load_with(yaml, &env, flags).unwrap();
        assert_eq!(password(&config), Some(expected), "{yaml} {env:?}");
        assert_eq!(config.origins.origin("upstream.auth.password"), origin, "{yaml} {env:?}");
    }
}

#[test]
fn a_password_and_its_file_exclude_each_other_but_for_the_environment() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let both = format!("upstream: {{auth: {{password: a, password_file: '{path}'}}}}");
    let found = faults(&both, &[]);
    assert_eq!(found, ["upstream.auth.password_file: stands beside upstream.auth.password"]);
    let alone = format!("upstream: {{auth: {{password_file: '{path}'}}}}");
    let config = load(&alone, &[("REDIS_PASSWORD", "b")]).unwrap();
    assert_eq!(
        (password(&config), config.upstream.auth.password_file.is_none()),
        (Some("b"), true)
    );
    assert!(warns_of(&config, "wins over upstream.auth.password_file"));
}

#[test]
fn files_are_not_asked_for_where_they_are_not_used() {
    let yaml = "upstream: {url: 'rediss://cache', tls: {ca_file: /none}, \
                auth: {password_file: /none}}";
    assert_eq!(load(yaml, &[]).unwrap_err().iter().count(), 2);
    assert!(load(yaml, &[("USE_MOCK_REDIS", "1")]).is_ok());
}

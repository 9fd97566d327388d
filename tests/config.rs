//! The configuration from outside: the shipped config.yaml, the layers, the names that apps use,
//! and every fault with its path and mend.

mod faults;
mod live;
mod rules;
mod users;

use std::{collections::BTreeSet, io::Write, path::Path, path::PathBuf, time::Duration};

use redis_sidecar::config::{Config, Env, Faults, Flags, Format, Level, Origin, Sources, keys};
use serde_yaml::Value;

fn project_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn environment(variables: &[(&str, &str)]) -> Env {
    variables.iter().copied().collect()
}

fn load(yaml: &str, env: &[(&str, &str)], flags: Flags) -> Result<Config, Faults> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    Config::load(&Sources { file: Some(file.path().into()), env: environment(env), flags })
}

fn from_yaml(yaml: &str) -> Result<Config, Faults> {
    load(yaml, &[], Flags::default())
}

fn from_env(env: &[(&str, &str)]) -> Result<Config, Faults> {
    Config::load(&Sources { env: environment(env), ..Sources::default() })
}

/// With the shipped config.yaml, as a fresh checkout runs.
fn from_shipped(env: &[(&str, &str)]) -> Result<Config, Faults> {
    let file = Some(project_file("config.yaml"));
    Config::load(&Sources { file, env: environment(env), ..Sources::default() })
}

/// Each fault as it is printed.
fn faults(loaded: Result<Config, Faults>) -> Vec<String> {
    loaded.unwrap_err().iter().map(ToString::to_string).collect()
}

fn warns_of(config: &Config, part: &str) -> bool {
    config.warnings.iter().any(|warning| warning.contains(part))
}

fn url(config: &Config) -> String {
    config.upstream.shown_url()
}

#[test]
fn the_shipped_file_means_exactly_the_defaults() {
    let mut shipped = from_shipped(&[]).unwrap();
    let defaults = Config::load(&Sources::default()).unwrap();
    assert_eq!(shipped.origins.origin("upstream.url"), Origin::File);
    shipped.origins = defaults.origins.clone();
    assert_eq!(shipped, defaults);
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default_and_its_why() {
    let text = std::fs::read_to_string(project_file("config.yaml")).unwrap();
    let parsed: Value = serde_yaml::from_str(&text).unwrap();
    for key in keys::ALL {
        let mut value = &parsed;
        for name in key.path.split('.') {
            value = value.get(name).unwrap_or_else(|| panic!("{} is not in it", key.path));
        }
        let shown = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Sequence(list) if list.is_empty() => "[]".to_owned(),
            other => panic!("{}: {other:?}", key.path),
        };
        let expected = match key.path {
            "upstream.url" => "${REDIS_URL:-memory://}",
            _ => key.default,
        };
        assert_eq!(shown, expected, "{}", key.path);
        assert!(text.contains(&format!("# {}", key.why)), "no why at {}: {}", key.path, key.why);
    }
}

/// The table is made from the catalogue, never by hand: `UPDATE_DOCS=1 cargo test --test main -- config::` writes it.
#[test]
fn the_documentation_s_table_is_made_from_the_catalogue() {
    const HEAD: &str = "| key | default | takes | environment | flag | live | why |\n|---|---|---|---|---|---|---|\n";
    let file = project_file("docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let code = |text: &str| format!("`{text}`");
    let rows = keys::ALL.iter().map(|key| {
        let default = if key.default.is_empty() { "unset".into() } else { code(key.default) };
        let env: Vec<_> = key.env.iter().map(|name| code(name)).collect();
        let flag = key.flag.map(code).unwrap_or_default();
        let takes = key.takes.describe();
        let env = env.join(" ");
        let live = if key.is_live { "yes" } else { "" };
        let (path, why) = (key.path, key.why);
        format!("| `{path}` | {default} | {takes} | {env} | {flag} | {live} | {why} |\n")
    });
    let made: String = rows.collect();
    let (before, rest) = text.split_once(HEAD).expect("the table's head");
    let end = rest.find("\n\n").expect("a line after the table") + 1;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, format!("{before}{HEAD}{made}{}", &rest[end..])).unwrap();
        return;
    }
    assert_eq!(rest[..end], made, "make it anew: UPDATE_DOCS=1 cargo test --test main -- config::");
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let yaml = "listen: {address: ':1001'}\nworkers: 1\nlog: {level: error, format: json}\n\
                admin: {address: ':1002'}\nupstream: {url: 'redis://file'}";
    let env = [
        ("SIDECAR_LISTEN", ":2001"),
        ("SIDECAR_ADMIN", ":2002"),
        ("SIDECAR_WORKERS", "2"),
        ("SIDECAR_LOG_LEVEL", "debug"),
        ("SIDECAR_LOG_FORMAT", "text"),
        ("REDIS_URL", "redis://env"),
    ];
    let flags = Flags {
        listen: Some(":3001".into()),
        admin: Some("off".into()),
        upstream: Some("redis://flag".into()),
        workers: Some("3".into()),
        log_level: Some("trace".into()),
        log_format: Some("json".into()),
    };
    let shown = |config: Config| {
        let admin = config.admin.address.map(|address| address.port());
        let listen = config.listen.address.unwrap().port();
        (listen, admin, config.workers, config.log.level, config.log.format, url(&config))
    };
    let file = from_yaml(yaml).unwrap();
    let file_url = "redis://file:6379/0".to_owned();
    assert_eq!(shown(file), (1001, Some(1002), 1, Level::Error, Format::Json, file_url));
    let both = load(yaml, &env, Flags::default()).unwrap();
    let env_url = "redis://env:6379/0".to_owned();
    assert_eq!(shown(both), (2001, Some(2002), 2, Level::Debug, Format::Text, env_url));
    let all = load(yaml, &env, flags).unwrap();
    assert_eq!(all.origins.origin("workers"), Origin::Flag("--workers"));
    let flag_url = "redis://flag:6379/0".to_owned();
    assert_eq!(shown(all), (3001, None, 3, Level::Trace, Format::Json, flag_url));
}

#[test]
fn every_environment_name_works_beside_the_shipped_file() {
    let pem = tempfile::NamedTempFile::new().unwrap();
    let path = pem.path().to_str().unwrap();
    let config = from_shipped(&[
        ("REDIS_HOST", "cache.example.com"),
        ("REDIS_PORT", "6380"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "p@ss/word"),
        ("REDIS_DB", "3"),
        ("REDIS_TLS", "true"),
        ("REDIS_CA_FILE", path),
        ("REDIS_CERT_FILE", path),
        ("REDIS_KEY_FILE", path),
        ("REDIS_SERVER_NAME", "redis.internal"),
        ("REDIS_POOL_MIN", "2"),
        ("REDIS_POOL_MAX", "20"),
        ("REDIS_POOL_ACQUIRE_TIMEOUT", "1500"),
        ("REDIS_CONNECT_TIMEOUT", "2500"),
        ("REDIS_COMMAND_TIMEOUT", "3s"),
        ("REDIS_KEEP_ALIVE", "0"),
    ])
    .unwrap();
    assert_eq!(url(&config), "rediss://cache.example.com:6380/3");
    let upstream = config.upstream;
    assert_eq!(upstream.auth.username.as_deref(), Some("app"));
    assert_eq!(upstream.auth.password.unwrap().expose(), "p@ss/word");
    let tls = upstream.tls.unwrap();
    assert_eq!(tls.ca_file.as_deref(), Some(pem.path()));
    assert_eq!((tls.cert_file, tls.key_file), (Some(path.into()), Some(path.into())));
    assert_eq!(tls.server_name.as_deref(), Some("redis.internal"));
    assert_eq!((upstream.pool.min, upstream.pool.max), (2, 20));
    assert_eq!(upstream.pool.acquire_timeout, Duration::from_millis(1500));
    assert_eq!(upstream.connect_timeout, Duration::from_millis(2500));
    assert_eq!(upstream.command_timeout, Duration::from_secs(3));
    assert_eq!(upstream.keepalive, None);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_upstream_is_found_in_whichever_form_it_is_given() {
    for (env, expected) in [
        (vec![], "memory://"),
        (vec![("REDIS_URL", "")], "memory://"),
        (vec![("REDIS_URL", "disabled")], "memory://"),
        (vec![("REDIS_URL", "rediss://u:p@h:1/2")], "rediss://h:1/2"),
        (vec![("REDIS_URL", "unix:///run/r.sock?db=1")], "unix:///run/r.sock?db=1"),
        (vec![("REDIS_URL", "redis://h"), ("REDIS_DB", "4")], "redis://h:6379/4"),
        (vec![("REDIS_URL", "redis://h"), ("REDIS_TLS", "1")], "rediss://h:6379/0"),
        (vec![("REDIS_HOST", "h")], "redis://h:6379/0"),
        (vec![("REDIS_HOST", "::2"), ("REDIS_PORT", "7")], "redis://[::2]:7/0"),
        (vec![("REDIS_HOST", "[::2]"), ("REDIS_TLS", "0")], "redis://[::2]:6379/0"),
        (vec![("REDIS_HOST", "h"), ("USE_MOCK_REDIS", "1")], "memory://"),
        (vec![("REDIS_HOST", "h"), ("USE_MOCK_REDIS", "true")], "memory://"),
        (vec![("REDIS_HOST", "h"), ("USE_MOCK_REDIS", "false")], "redis://h:6379/0"),
        // What Kubernetes sets beside a service that is named redis.
        (vec![("REDIS_PORT", "tcp://10.0.0.1:6379")], "memory://"),
        (vec![("REDIS_HOST", "h"), ("REDIS_PORT", "tcp://10.0.0.1:6379")], "redis://h:6379/0"),
    ] {
        for config in [from_env(&env).unwrap(), from_shipped(&env).unwrap()] {
            assert_eq!(url(&config), expected, "{env:?}");
        }
    }
}

#[test]
fn a_disagreement_is_a_warning_that_says_who_won() {
    let config = from_env(&[
        ("REDIS_URL", "rediss://a:hunter2@one:1/2"),
        ("REDIS_HOST", "two"),
        ("REDIS_PORT", "3"),
        ("REDIS_USERNAME", "b"),
        ("REDIS_PASSWORD", "hunter3"),
        ("REDIS_DB", "4"),
        ("REDIS_TLS", "false"),
    ])
    .unwrap();
    assert_eq!(url(&config), "rediss://one:1/2");
    assert_eq!(config.upstream.auth.password.as_ref().unwrap().expose(), "hunter2");
    let names = "REDIS_HOST, REDIS_PORT, REDIS_USERNAME, REDIS_PASSWORD, REDIS_DB, REDIS_TLS";
    assert!(warns_of(&config, &format!("REDIS_URL wins over {names}")), "{:?}", config.warnings);
    assert!(!format!("{config:?}").contains("hunter"));
    let agreeing = [("REDIS_URL", "rediss://one:1/2"), ("REDIS_HOST", "one"), ("REDIS_PORT", "1")];
    assert_eq!(from_env(&agreeing).unwrap().warnings, Vec::<String>::new());
    let mock = from_env(&[("REDIS_URL", "redis://one"), ("USE_MOCK_REDIS", "1")]).unwrap();
    assert!(warns_of(&mock, "USE_MOCK_REDIS wins over REDIS_URL"));
}

#[test]
fn what_is_unwise_is_warned_of() {
    for (yaml, part) in [
        ("upstream: {url: 'redis://:pw@cache'}", "goes to cache in plain text"),
        ("upstream: {url: 'rediss://cache', tls: {verify: none}}", "certificate is not checked"),
        ("upstream: {url: 'redis://cache', tls: {server_name: x}}", "no effect on redis://"),
        ("listen: {address: '0.0.0.0:6379'}", "no listen.password is asked"),
        ("retry: {writes: always}", "retry.writes: a write whose fate is not known is sent again"),
    ] {
        let config = from_yaml(yaml).unwrap();
        assert!(warns_of(&config, part), "{yaml}: {:?}", config.warnings);
    }
    for yaml in [
        "upstream: {url: 'redis://:pw@localhost:6380'}",
        "upstream: {url: 'redis://:pw@[::1]:6380'}",
        "upstream: {url: 'rediss://:pw@cache'}",
        "listen: {address: '0.0.0.0:6379', password: pw}",
    ] {
        assert_eq!(from_yaml(yaml).unwrap().warnings, Vec::<String>::new(), "{yaml}");
    }
}

#[test]
fn our_own_listen_address_is_no_upstream() {
    for (listen, upstream) in [
        ("127.0.0.1:6379", "redis://localhost:6379"),
        ("127.0.0.1:6379", "redis://LOCALHOST."),
        ("127.0.0.1:6379", "rediss://:pw@127.0.0.1/3"),
        ("127.0.0.1:6379", "redis://0.0.0.0"),
        ("0.0.0.0:6379", "redis://127.0.0.1"),
        ("'[::1]:7000'", "redis://[::1]:7000"),
        ("'[::]:7000'", "redis://localhost:7000"),
        ("10.1.2.3:6379", "redis://10.1.2.3"),
    ] {
        let yaml = format!("listen: {{address: {listen}}}\nupstream: {{url: '{upstream}'}}");
        let found = faults(from_yaml(&yaml));
        assert_eq!(found.len(), 1, "{yaml}");
        let expected = "upstream.url: is this sidecar's own listen address";
        assert!(found[0].starts_with(expected), "{yaml}: {found:?}");
    }
    let socket = "listen: {unix_socket: /tmp/r.sock}\nupstream: {url: 'unix:///tmp/r.sock'}";
    assert!(faults(from_yaml(socket))[0].contains("own listen address /tmp/r.sock"));
    for other in ["redis://127.0.0.1:6380", "redis://10.1.2.3:6379", "redis://cache:6379"] {
        assert!(from_env(&[("REDIS_URL", other)]).is_ok(), "{other}");
    }
}

#[test]
fn variables_are_put_into_values_and_never_become_yaml() {
    let env = [
        ("HOST", "cache"),
        ("TRICK", "x\"}\nworkers: 9\n# ${HOST}"),
        ("COUNT", "7"),
        ("EMPTY", ""),
    ];
    let yaml = "upstream: {url: 'redis://${HOST}:${PORT:-6380}/1'}\nworkers: ${COUNT}\n\
                listen: {password: \"${TRICK}\", max_clients: \"${EMPTY:-12}\"}";
    let config = load(yaml, &env, Flags::default()).unwrap();
    assert_eq!(url(&config), "redis://cache:6380/1");
    assert_eq!((config.workers, config.listen.max_clients), (7, 12));
    assert_eq!(config.listen.password.unwrap().expose(), "x\"}\nworkers: 9\n# ${HOST}");

    let yaml = "listen: {password: '${NO_SUCH}'}\nlog: {level: '${EMPTY}', format: '${BAD-NAME}'}";
    assert_eq!(
        faults(load(yaml, &env, Flags::default())),
        [
            "listen.password: the environment variable NO_SUCH is not set; \
             set NO_SUCH, or give a default: ${NO_SUCH:-...}",
            "log.level: the environment variable EMPTY is not set; \
             set EMPTY, or give a default: ${EMPTY:-...}",
            "log.format: `BAD-NAME` is no name of an environment variable; \
             use letters, digits and _ only, as in ${REDIS_URL}",
        ]
    );
}

#[test]
fn off_may_be_written_as_yaml_writes_it() {
    for off in ["off", "false", "0"] {
        let yaml = format!("upstream: {{keepalive: {off}}}");
        assert_eq!(from_yaml(&yaml).unwrap().upstream.keepalive, None, "{off}");
    }
}

#[test]
fn no_two_keys_share_an_environment_name_or_a_flag() {
    let mut seen = BTreeSet::new();
    for key in keys::ALL {
        for name in key.env.iter().chain(key.flag.iter()) {
            assert!(seen.insert(name), "{name}");
        }
    }
}

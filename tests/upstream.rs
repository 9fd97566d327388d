//! Towards the cloud: who we say we are, how few connections we need, and how we come back.

use std::fs;

use crate::harness::{
    PASSWORD, Redis, RedisOptions, ServerCert, Sidecar, SidecarOptions, Value, eventually,
};

fn with_user() -> Redis {
    let lines = vec!["user app on >p@ss/w:rd ~* &* +@all".to_owned()];
    Redis::start_with(RedisOptions { lines, ..RedisOptions::default() })
}

/// Towards the cloud we are `user`; the app is told of its own user alone.
fn assert_works_as(user: &str, redis: &Redis, sidecar: &Sidecar) {
    for mut client in [sidecar.client(), sidecar.client().resp3()] {
        assert_eq!(client.call(&["ACL", "WHOAMI"]), Value::bulk("default"));
        assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
        assert_eq!(client.call(&["BLPOP", "nothing", "0.01"]), Value::Nil);
        assert_eq!(client.call(&["SUBSCRIBE", "c"]).items()[2], Value::Int(1));
    }
    eventually("/ready says so", || sidecar.http("/ready").0 == 200);
    let ours = redis.connections();
    assert!(!ours.is_empty() && ours.iter().all(|line| line.contains(&format!(" user={user} "))));
}

#[test]
fn an_app_needs_neither_tls_nor_password() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    assert_works_as("default", &redis, &sidecar);
    assert_eq!(sidecar.http("/live").0, 200);
}

#[test]
fn a_user_of_the_servers_acl_by_the_url() {
    let redis = with_user();
    let url = redis.url_as("app:p%40ss%2Fw%3Ard@", 0);
    assert_works_as(
        "app",
        &redis,
        &SidecarOptions::upstream(&redis).env("REDIS_URL", &url).start(),
    );
}

#[test]
fn a_user_by_separate_variables() {
    let redis = with_user();
    let url = redis.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let (host, port) = address.trim_end_matches("/0").split_once(':').unwrap();
    let sidecar = SidecarOptions::default()
        .env("REDIS_HOST", host)
        .env("REDIS_PORT", port)
        .env("REDIS_USERNAME", "app")
        .env("REDIS_PASSWORD", "p@ss/w:rd")
        .env("REDIS_TLS", "true")
        .env("REDIS_DB", "2")
        .env("REDIS_CA_FILE", &redis.certs().file("ca.crt").display().to_string())
        .start();
    assert_works_as("app", &redis, &sidecar);
    let mut direct = redis.direct();
    direct.call(&["SELECT", "2"]);
    assert_eq!(direct.call(&["GET", "k"]), Value::bulk("v"));
}

#[test]
fn a_password_from_a_file_goes_over_that_of_the_url() {
    let redis = with_user();
    let file = redis.certs().dir().join("password");
    fs::write(&file, "p@ss/w:rd\n").unwrap();
    let config =
        format!("upstream: {{auth: {{username: app, password_file: '{}'}}}}", file.display());
    assert_works_as("app", &redis, &SidecarOptions::upstream(&redis).config(&config).start());
}

#[test]
fn the_database_of_the_url_is_where_apps_begin() {
    let redis = Redis::start();
    let url = redis.url_as(&format!(":{PASSWORD}@"), 5);
    let sidecar = SidecarOptions::upstream(&redis).env("REDIS_URL", &url).start();
    for (mut client, key) in [(sidecar.client(), "a"), (sidecar.client().resp3(), "b")] {
        assert_eq!(client.call(&["SET", key, "five"]), Value::ok());
        client.pipeline(&[&["MULTI"], &["RPUSH", "l", key], &["EXEC"]]);
        assert_eq!(client.call(&["BLPOP", "l", "0"]), Value::bulks(&["l", key]));
        client.call(&["SELECT", "0"]);
        assert_eq!(client.call(&["GET", key]), Value::Nil);
    }
    let mut direct = redis.direct();
    direct.call(&["SELECT", "5"]);
    assert_eq!(direct.call(&["DBSIZE"]), Value::Int(2));
}

#[test]
fn two_hundred_clients_are_few_connections_with_our_name() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_WORKERS", "2").start();
    let mut clients: Vec<_> = (0..200)
        .map(|n| if n % 2 == 0 { sidecar.client() } else { sidecar.client().resp3() })
        .collect();
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.call(&["ECHO", &n.to_string()]), Value::bulk(n.to_string()));
    }
    let lines = redis.connections();
    // two workers, two protocols, one lane each, and one more for what we ask ourselves
    assert!((1..=5).contains(&lines.len()), "{lines:#?}");
    for line in &lines {
        assert!(line.contains("name=redis-sidecar"), "{line}");
    }
}

#[test]
fn a_plain_upstream_without_password_works_as_well() {
    let redis = Redis::start_plain();
    assert_works_as(
        "default",
        &redis,
        &SidecarOptions::default().env("REDIS_URL", &redis.url()).start(),
    );
}

#[test]
fn a_client_certificate_where_the_server_asks_for_one() {
    let redis = Redis::start_with(RedisOptions { client_certs: true, ..RedisOptions::default() });
    let file = |name: &str| redis.certs().file(name).display().to_string();
    let sidecar = SidecarOptions::upstream(&redis)
        .env("REDIS_CERT_FILE", &file("client.crt"))
        .env("REDIS_KEY_FILE", &file("client.key"))
        .start();
    assert_works_as("default", &redis, &sidecar);
}

#[test]
fn the_name_in_the_certificate_may_be_given() {
    let server_cert = ServerCert::WrongHost;
    let redis = Redis::start_with(RedisOptions { server_cert, ..RedisOptions::default() });
    let options = SidecarOptions::upstream(&redis);
    assert_works_as("default", &redis, &options.env("REDIS_SERVER_NAME", "elsewhere.test").start());
}

#[test]
fn a_certificate_that_is_not_checked_is_a_loud_warning() {
    let server_cert = ServerCert::Expired;
    let redis = Redis::start_with(RedisOptions { server_cert, ..RedisOptions::default() });
    let options = SidecarOptions::default().env("REDIS_URL", &redis.url());
    let sidecar = options.config("upstream: {tls: {verify: none}}").start();
    sidecar.wait_for_log(&["WARN", "verify"]);
    assert_works_as("default", &redis, &sidecar);
}

#[test]
fn after_a_restart_of_the_server_everything_works_again() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = [sidecar.client(), sidecar.client().resp3()];
    for client in &mut clients {
        assert_eq!(client.call(&["SET", "k", "before"]), Value::ok());
    }
    for _ in 0..2 {
        redis.restart();
        for client in &mut clients {
            eventually("commands work again", || {
                client.call(&["SET", "k", "after"]) == Value::ok()
            });
            assert_eq!(client.call(&["GET", "k"]), Value::bulk("after"));
            assert_eq!(client.call(&["BLPOP", "nothing", "0.01"]), Value::Nil);
        }
        eventually("/ready says so", || sidecar.http("/ready").0 == 200);
    }
}

#[test]
fn a_read_survives_the_loss_of_its_connection() {
    let redis = Redis::start();
    // the server's own answer is wanted, not memory's
    let config = "rules: [{match: '*', fallback: none}]";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    let mut direct = redis.direct();
    for round in 0..10 {
        assert!(direct.call(&["CLIENT", "KILL", "TYPE", "normal"]).int() >= 1, "round {round}");
        assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"), "round {round}");
    }
}

#[test]
fn a_connection_that_fails_disturbs_no_other() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let (mut blocked, mut other) = (sidecar.client(), sidecar.client());
    other.call(&["SET", "k", "v"]);
    blocked.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    let list = redis.connections();
    let line = list.iter().find(|line| line.contains("cmd=blpop")).unwrap();
    let id = line.split(' ').next().and_then(|id| id.strip_prefix("id=")).unwrap();
    assert_eq!(redis.direct().call(&["CLIENT", "KILL", "ID", id]), Value::Int(1));
    let lost = blocked.read();
    assert!(lost.error().starts_with("UNAVAILABLE"), "{lost:?}");
    assert_eq!(other.call(&["INCR", "n"]), Value::Int(1));
    assert_eq!(blocked.call(&["GET", "k"]), Value::bulk("v"));
}

#[test]
fn a_new_connection_resumes_the_tls_session_of_an_earlier_one() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_LOG_LEVEL", "debug").start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    sidecar.wait_for_log(&["\"resumed\":false"]);
    redis.direct().call(&["CLIENT", "KILL", "TYPE", "normal"]);
    sidecar.wait_for_log(&["\"resumed\":true"]);
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"));
}

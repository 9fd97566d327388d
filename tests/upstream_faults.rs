//! What goes wrong towards the cloud, how it is named, and what an app is told meanwhile.

use std::time::{Duration, Instant};

use crate::harness::{
    Client, PASSWORD, Redis, RedisOptions, ServerCert, Sidecar, SidecarOptions, Value, eventually,
    free_port,
};

/// The upstream cannot be used: apps hear so in time, the operator learns the class and no secret.
fn assert_unavailable(options: SidecarOptions, class: &str) -> Sidecar {
    let sidecar = options.env("REDIS_COMMAND_TIMEOUT", "1500").start();
    for mut client in [sidecar.client(), sidecar.client()] {
        let hello = &["HELLO", "3"][..];
        for args in [hello, &["GET", "k"], &["SET", "k", "v"], &["BLPOP", "l", "0"], &["MULTI"]] {
            let start = Instant::now();
            let reply = client.call(args);
            assert!(reply.error().starts_with("UNAVAILABLE"), "{args:?}: {reply:?}");
            assert!(!reply.error().contains(PASSWORD), "{reply:?}");
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{args:?} took {:?}",
                start.elapsed()
            );
        }
        assert_eq!(client.call(&["CLIENT", "GETNAME"]), Value::Nil);
    }
    sidecar.wait_for_log(&[&format!("\"class\":\"{class}\"")]);
    assert_eq!(sidecar.http("/ready").0, 503);
    assert_eq!(sidecar.http("/live").0, 200);
    assert!(!sidecar.log_contains(PASSWORD) && !sidecar.log_contains("not-the-word"));
    sidecar
}

#[test]
fn a_wrong_password_is_named_and_never_shown() {
    let redis = Redis::start();
    let url = redis.url_as(":not-the-word@", 0);
    assert_unavailable(SidecarOptions::upstream(&redis).env("REDIS_URL", &url), "auth");
}

#[test]
fn a_wrong_user_is_named_and_never_shown_to_apps() {
    let redis = Redis::start();
    let url = redis.url_as("someone:not-the-word@", 0);
    let options = SidecarOptions::upstream(&redis).env("REDIS_URL", &url);
    let sidecar = assert_unavailable(options, "auth");
    assert!(!sidecar.client().call(&["GET", "k"]).error().contains("someone"));
}

#[test]
fn a_missing_password_is_named() {
    let redis = Redis::start();
    let url = redis.url_as("", 0);
    assert_unavailable(SidecarOptions::upstream(&redis).env("REDIS_URL", &url), "auth");
}

#[test]
fn an_upstream_that_is_away_at_the_start_is_found_when_it_comes() {
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = assert_unavailable(SidecarOptions::upstream(&redis), "refused");
    redis.restart();
    eventually("/ready says so", || sidecar.http("/ready").0 == 200);
    let mut client = sidecar.client();
    eventually("commands work", || client.call(&["SET", "k", "v"]) == Value::ok());
}

#[test]
fn an_authority_that_we_do_not_know() {
    let redis = Redis::start();
    let other = redis.certs().file("unknown-ca.crt").display().to_string();
    assert_unavailable(SidecarOptions::upstream(&redis).env("REDIS_CA_FILE", &other), "tls");
}

#[test]
fn a_certificate_for_another_host() {
    let server_cert = ServerCert::WrongHost;
    let redis = Redis::start_with(RedisOptions { server_cert, ..RedisOptions::default() });
    assert_unavailable(SidecarOptions::upstream(&redis), "tls");
}

#[test]
fn a_certificate_that_has_expired() {
    let server_cert = ServerCert::Expired;
    let redis = Redis::start_with(RedisOptions { server_cert, ..RedisOptions::default() });
    assert_unavailable(SidecarOptions::upstream(&redis), "tls");
}

#[test]
fn a_server_that_asks_for_a_certificate_we_do_not_have() {
    let redis = Redis::start_with(RedisOptions { client_certs: true, ..RedisOptions::default() });
    assert_unavailable(SidecarOptions::upstream(&redis), "tls");
}

#[test]
fn a_host_that_no_one_knows() {
    let url = format!("rediss://:{PASSWORD}@no-such-host.invalid:6380/0");
    assert_unavailable(SidecarOptions::default().env("REDIS_URL", &url), "dns");
}

#[test]
fn an_upstream_that_goes_away_is_reported_and_so_is_its_return() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("REDIS_COMMAND_TIMEOUT", "1000").start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    redis.kill();
    eventually("/ready says 503", || sidecar.http("/ready").0 == 503);
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"), "from memory");
    assert!(client.call(&["GET", "other"]).error().starts_with("UNAVAILABLE"));
    redis.restart();
    eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
    eventually("commands work", || client.call(&["GET", "k"]) == Value::Nil);
}

#[test]
fn our_own_address_as_upstream_is_refused() {
    let port = free_port();
    let mut sidecar = SidecarOptions::default()
        .env("SIDECAR_LISTEN", &format!("127.0.0.1:{port}"))
        .arg("--upstream")
        .arg(&format!("redis://localhost:{port}"))
        .spawn();
    assert_eq!(sidecar.wait(), Some(2), "{}", sidecar.log());
    sidecar.wait_for_log(&["own listen address"]);
}

#[test]
fn no_level_of_logging_shows_a_secret() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("listen: {password: word-of-the-app}")
        .env("SIDECAR_LOG_LEVEL", "trace")
        .start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["AUTH", "word-of-the-app"]), Value::ok());
    client.call(&["AUTH", "wrong-word"]);
    client.call(&["BLPOP", "l", "0.01"]);
    client.call(&["SUBSCRIBE", "c"]);
    for secret in [PASSWORD, "word-of-the-app", "wrong-word"] {
        assert!(!sidecar.log_contains(secret), "{secret} is in the log");
    }
}

/// Holds writes back at the server, so that one can be seen in flight.
fn hold_writes(redis: &Redis) -> Client {
    let mut operator = redis.direct();
    assert_eq!(operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]), Value::ok());
    operator
}

fn until_held(redis: &Redis) {
    eventually("the server holds a command back", || {
        redis.connections().iter().any(|line| line.contains("flags=b"))
    });
}

#[test]
fn a_write_that_was_sent_is_never_sent_again() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    client.call(&["SET", "a", "1"]);
    let mut operator = hold_writes(&redis);
    client.send_raw(b"GET a\r\nINCR n\r\n");
    assert_eq!(client.read(), Value::bulk("1"));
    until_held(&redis);
    operator.call(&["CLIENT", "KILL", "TYPE", "normal"]);
    let lost = client.read();
    assert!(lost.error().starts_with("UNAVAILABLE") && lost.error().contains("may"), "{lost:?}");
    operator.call(&["CLIENT", "UNPAUSE"]);
    assert_eq!(client.call(&["EXISTS", "n"]), Value::Int(0));
    assert_eq!(client.call(&["INCR", "n"]), Value::Int(1));
}

#[test]
fn a_transaction_whose_connection_is_lost_is_an_error_and_not_played_again() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    for stage in ["watching", "queueing"] {
        client.call(&["WATCH", "k"]);
        if stage == "queueing" {
            client.pipeline(&[&["MULTI"], &["INCR", "n"]]);
        }
        redis.direct().call(&["CLIENT", "KILL", "TYPE", "normal"]);
        if stage == "watching" {
            client.pipeline(&[&["MULTI"], &["INCR", "n"]]);
        }
        let reply = client.call(&["EXEC"]);
        assert!(matches!(reply, Value::Error(_)), "{stage}: {reply:?}");
        assert_eq!(client.call(&["EXISTS", "n"]), Value::Int(0), "{stage}");
        client.pipeline(&[&["MULTI"], &["PING"], &["EXEC"]]);
    }
}

#[test]
fn a_timeout_is_an_error_for_its_caller_and_the_late_reply_is_thrown_away() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("REDIS_COMMAND_TIMEOUT", "300").start();
    let mut client = sidecar.client();
    client.call(&["PING"]);
    let mut operator = hold_writes(&redis);
    let late = client.call(&["SET", "k", "late"]);
    assert!(late.error().starts_with("TIMEOUT") && late.error().contains("may"), "{late:?}");
    operator.call(&["CLIENT", "UNPAUSE"]);
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("late"));
    for n in 0..20 {
        assert_eq!(client.call(&["ECHO", &n.to_string()]), Value::bulk(n.to_string()));
        let other = sidecar.client().call(&["ECHO", "other"]);
        assert_eq!(other, Value::bulk("other"));
    }
}

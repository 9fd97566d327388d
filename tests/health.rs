//! The admin port's health routes: what probes and people are told, and that nothing secret is in it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::harness::{
    Answer, DEADLINE, Redis, RedisOptions, Scripted, Sidecar, SidecarOptions, Value, eventually,
};

fn wait_until_ready(sidecar: &Sidecar) {
    eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
}

#[test]
fn a_sidecar_with_its_redis_is_live_started_ready_and_healthy() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    wait_until_ready(&sidecar);
    let _client = sidecar.client();
    for path in ["/live", "/ready", "/startup", "/health", "/health/redis", "/health/detailed"] {
        let answer = sidecar.http_with(&format!("GET {path}"), &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    }
    let health = sidecar.json("/health");
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["clients"], 1);
    let details = sidecar.json("/api/health/detailed");
    assert_eq!(details["listener"]["addresses"][0], sidecar.address());
    assert_eq!(details["upstream"]["role"], "master");
    assert_eq!(details["upstream"]["version"], Json::from(version(&redis)));
    assert_eq!(details["breaker"]["state"], "closed");
    assert_eq!(details["policy"]["status"], "none");
    assert_eq!(
        details["memory"],
        serde_json::json!({ "status": "healthy", "replies": 0, "bytes": 0 })
    );
    assert_eq!((&details["pool"]["max"], &details["pool"]["lent"]), (&10.into(), &0.into()));
}

fn version(redis: &Redis) -> String {
    let text = redis.direct().call(&["INFO", "server"]).text();
    let line = text.lines().find_map(|line| line.strip_prefix("redis_version:"));
    line.unwrap().trim().to_owned()
}

#[test]
fn the_redis_check_really_asks_and_leaves_nothing_behind() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    wait_until_ready(&sidecar);
    let mut monitor = redis.direct();
    monitor.call(&["MONITOR"]);
    let check = sidecar.json("/health/redis");
    assert_eq!(check["status"], "healthy", "{check}");
    assert!(check["latency_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 2000.0), "{check}");
    let steps = check["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["command"].as_str().unwrap()).collect();
    assert_eq!(names, ["PING", "SET", "GET", "DEL"]);
    let url = check["upstream"].as_str().unwrap();
    assert!(url.starts_with("rediss://***@localhost:"), "{url}");
    let mut seen = String::new();
    while !seen.contains("\"DEL\"") {
        seen.push_str(&monitor.read().text());
    }
    assert!(seen.contains("\"SET\" \"redis-sidecar:health:"), "{seen}");
    assert!(seen.contains("\"PX\" \"10000\""), "{seen}");
    assert_eq!(redis.direct().call(&["DBSIZE"]), Value::Int(0));
}

#[test]
fn however_many_ask_the_upstream_is_asked_once_a_second() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    wait_until_ready(&sidecar);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(sidecar.http("/health/redis").0, 200);
                }
            });
        }
    });
    let stats = redis.direct().call(&["INFO", "commandstats"]).text();
    let sets: u64 = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_set:calls=")?.split(',').next()?.parse().ok())
        .unwrap();
    let most = start.elapsed().as_secs() + 1;
    assert!((1..=most).contains(&sets), "{sets} times in {:?}", start.elapsed());
}

#[test]
fn an_upstream_that_dies_is_told_and_so_is_its_return() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 200ms}").start();
    wait_until_ready(&sidecar);
    redis.kill();
    eventually("/ready says 503", || sidecar.http("/ready").0 == 503);
    let (status, body) = sidecar.http("/health/redis");
    assert_eq!(status, 503, "{body}");
    eventually("the breaker opens", || {
        let details = sidecar.json("/health/detailed");
        details["breaker"]["state"] != "closed" && details["redis"]["class"] == "refused"
    });
    let (status, body) = sidecar.http("/health/detailed");
    assert_eq!(status, 503, "{body}");
    let details = sidecar.json("/health/detailed");
    assert_eq!(details["status"], "unhealthy");
    assert!(details["redis"]["mend"].as_str().unwrap().contains("REDIS_URL"), "{details}");
    assert_eq!(sidecar.http("/live").0, 200);
    assert_eq!(sidecar.http("/startup").0, 200, "what has started stays started");
    redis.restart();
    wait_until_ready(&sidecar);
    eventually("the check succeeds again", || sidecar.http("/health/redis").0 == 200);
}

#[test]
fn an_outage_may_count_as_ready() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("breaker: {grace: 200ms}\nadmin: {ready_in_outage: on}")
        .start();
    wait_until_ready(&sidecar);
    redis.kill();
    eventually("the outage is told", || sidecar.json("/health")["status"] == "degraded");
    let (status, body) = sidecar.http("/ready");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("reason"), "{body}");
    assert_eq!(sidecar.http("/health/redis").0, 503);
}

#[test]
fn an_upstream_that_was_never_reached_is_never_ready() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .env("REDIS_URL", &redis.url_as(":wrong@", 0))
        .config("breaker: {grace: 200ms}\nadmin: {ready_in_outage: on}")
        .start();
    eventually("it is known to be away", || sidecar.http("/startup").0 == 200);
    // On a busy machine that is known before the first attempt to connect has been answered.
    eventually("the cause is known", || sidecar.http("/ready").1.contains("WRONGPASS"));
    let (status, body) = sidecar.http("/ready");
    assert_eq!(status, 503, "{body}");
    assert_eq!(sidecar.json("/health")["status"], "unhealthy");
}

#[test]
fn without_an_upstream_it_starts_once_commands_are_answered() {
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = SidecarOptions::upstream(&redis).config("breaker: {grace: 1s}").start();
    let (status, body) = sidecar.http("/startup");
    assert_eq!(status, 503, "{body}");
    eventually("commands are answered, if with errors", || sidecar.http("/startup").0 == 200);
    assert_eq!(sidecar.http("/ready").0, 503);
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let upstream = Scripted::start(|call| call.is("SET").then_some(Answer::Silence));
    let sidecar = SidecarOptions::default().env("REDIS_URL", &upstream.url()).start();
    wait_until_ready(&sidecar);
    let start = Instant::now();
    let (status, body) = sidecar.http("/health/redis");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("no answer within 2s"), "{body}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn what_an_acl_forbids_is_named_without_the_user() {
    let redis = Redis::start_with(RedisOptions {
        lines: vec!["user app on >word ~app:* +@all".to_owned()],
        ..RedisOptions::default()
    });
    let with = |config: &str| {
        SidecarOptions::upstream(&redis)
            .env("REDIS_URL", &redis.url_as("app:word@", 0))
            .config(config)
            .start()
    };
    let sidecar = with("");
    wait_until_ready(&sidecar);
    let (status, body) = sidecar.http("/health/redis");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("NOPERM") && body.contains("admin.health_key"), "{body}");
    assert!(!body.contains("'app'") && !body.contains("user app"), "{body}");
    let sidecar = with("admin: {health_key: 'app:health'}");
    wait_until_ready(&sidecar);
    let (status, body) = sidecar.http("/health/redis");
    assert_eq!(status, 200, "{body}");
}

#[test]
fn with_a_namespace_the_check_stays_within_it_and_the_policy_is_told() {
    let redis = Redis::start_with(RedisOptions {
        lines: vec!["user app on >word ~shop:* &shop:* +@all".to_owned()],
        ..RedisOptions::default()
    });
    let sidecar = SidecarOptions::upstream(&redis)
        .env("REDIS_URL", &redis.url_as("app:word@", 0))
        .config("namespace: 'shop:'\ncache: {enabled: off}")
        .start();
    wait_until_ready(&sidecar);
    let (status, body) = sidecar.http("/health/redis");
    assert_eq!(status, 200, "{body}");
    let details = sidecar.json("/health/detailed");
    let policy = &details["policy"];
    assert_eq!(policy["status"], "healthy");
    assert_eq!(policy["apps"][0]["namespace"], "shop:");
    assert_eq!(details["memory"]["status"], "none");
    assert_eq!(redis.direct().call(&["DBSIZE"]).int(), 0, "the check left its key behind");
}

#[test]
fn a_busy_pool_is_not_taken_for_a_sick_redis() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("upstream: {pool: {max: 1}}").start();
    let mut waiter = sidecar.client();
    waiter.send(&["BLPOP", "l", "0"]);
    eventually("the only connection is lent", || redis.info("blocked_clients") == 1);
    let details = sidecar.json("/health/detailed");
    assert_eq!(details["pool"]["status"], "exhausted", "{details}");
    assert_eq!(details["redis"]["status"], "healthy", "{details}");
    redis.direct().call(&["RPUSH", "l", "x"]);
    assert_eq!(waiter.read(), Value::bulks(&["l", "x"]));
}

#[test]
fn the_memory_upstream_is_checked_in_the_same_way() {
    let sidecar = SidecarOptions::default().env("REDIS_URL", "memory://").start();
    wait_until_ready(&sidecar);
    sidecar.client().call(&["SET", "k", "v"]);
    let details = sidecar.json("/health/detailed");
    assert_eq!(details["status"], "healthy", "{details}");
    assert_eq!(details["redis"]["steps"].as_array().unwrap().len(), 4);
    assert_eq!(details["upstream"]["address"], "memory://");
    assert_eq!(details["memory"]["keys"], 1);
    assert!(details["memory"]["bytes"].as_u64().unwrap() > 0);
}

#[test]
fn while_draining_it_is_not_ready() {
    let redis = Redis::start();
    let mut sidecar = Sidecar::start(&redis);
    wait_until_ready(&sidecar);
    let mut client = sidecar.client();
    client.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    sidecar.terminate();
    eventually("/ready says 503", || sidecar.http("/ready").0 == 503);
    let health = sidecar.json("/health");
    assert_eq!(health["status"], "draining");
    assert_eq!((sidecar.http("/live").0, sidecar.http("/startup").0), (200, 200));
    redis.direct().call(&["RPUSH", "l", "x"]);
    assert_eq!(client.read(), Value::bulks(&["l", "x"]));
    assert_eq!(sidecar.wait(), Some(0));
}

#[test]
fn quitting_by_http_is_off_unless_it_is_turned_on() {
    let mut sidecar = SidecarOptions::default().start();
    let answer = sidecar.http_with("POST /quitquitquit", &["Content-Length: 0"]);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("admin.quit"), "{}", answer.body);
    assert!(sidecar.is_running());

    let mut sidecar = SidecarOptions::default().config("admin: {quit: on}").start();
    let mut client = sidecar.client();
    assert_eq!(sidecar.http("/quitquitquit").0, 405);
    let foreign = ["Origin: http://evil.example", "Content-Length: 0"];
    assert_eq!(sidecar.http_with("POST /quitquitquit", &foreign).status, 403);
    assert_eq!(client.call(&["PING"]), Value::Simple("PONG".to_owned()));
    let answer = sidecar.http_with("POST /quitquitquit", &["Content-Length: 0"]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
    client.expect_close();
}

#[test]
fn methods_and_paths_that_are_not_served_are_answered_properly() {
    let sidecar = SidecarOptions::default().start();
    let head = sidecar.http_with("HEAD /health", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: "), "{}", head.head);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = sidecar.http_with(&format!("{method} /health"), &["Content-Length: 0"]);
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("allow: get, head"), "{}", answer.head);
    }
    let missing = sidecar.http_with("GET /nowhere", &[]);
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("/health/redis"), "{}", missing.body);
    assert_eq!(sidecar.http("/health/?verbose=1").0, 200);
    assert_eq!(sidecar.http("/api/live").0, 404);
    assert_eq!(sidecar.http("/..%2f..%2fetc/passwd").0, 404);
}

#[test]
fn what_is_no_request_is_refused_and_closed() {
    let sidecar = SidecarOptions::default().start();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(64 * 1024));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for garbage in ["PING\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "\u{0}\u{1}\r\n\r\n", &long, &many] {
        let mut socket = TcpStream::connect(sidecar.admin()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        // What is refused half way may be closed before all is written.
        let _ = socket.write_all(garbage.as_bytes());
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{}: {answer}", &garbage[..4]);
    }
    assert_eq!(sidecar.http("/live").0, 200);
}

#[test]
fn slow_visitors_do_not_keep_others_out_for_ever() {
    let sidecar = SidecarOptions::default().start();
    // As many as there are places, and one more waits; each says half a request.
    let mut slow: Vec<TcpStream> = (0..70)
        .map(|_| {
            let mut socket = TcpStream::connect(sidecar.admin()).unwrap();
            socket.write_all(b"GET /live HTTP/1.1\r\nHo").unwrap();
            socket
        })
        .collect();
    let start = Instant::now();
    assert_eq!(sidecar.http("/live").0, 200);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    slow.clear();
}

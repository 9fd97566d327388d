//! Clients that apps and people use, unmodified, with nothing but our address.

use std::process::Command;

use redis::Commands;

use crate::harness::{Redis, Sidecar, SidecarOptions};

fn tool(name: &str, sidecar: &Sidecar, args: &[&str]) -> String {
    let (host, port) = sidecar.address().split_once(':').unwrap();
    let mut command = Command::new(name);
    command.args(["-h", host, "-p", port]).args(args);
    let output = command.output().unwrap_or_else(|e| {
        panic!("{name}: {e}; install it: apt-get install redis-tools");
    });
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn open(sidecar: &Sidecar, suffix: &str) -> redis::Client {
    redis::Client::open(format!("redis://{}/{suffix}", sidecar.address())).unwrap()
}

#[test]
fn redis_cli() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    assert_eq!(tool("redis-cli", &sidecar, &["SET", "k", "v"]), "OK\n");
    assert_eq!(tool("redis-cli", &sidecar, &["-3", "HSET", "h", "f", "v"]), "1\n");
    assert_eq!(tool("redis-cli", &sidecar, &["-3", "HGETALL", "h"]), "f v\n");
    assert_eq!(tool("redis-cli", &sidecar, &["-n", "4", "EXISTS", "k"]), "0\n");
    assert_eq!(tool("redis-cli", &sidecar, &["--scan"]).lines().count(), 2);
    assert_eq!(tool("redis-cli", &sidecar, &["--eval", "/dev/null"]), "\n");
}

#[test]
fn redis_benchmark() {
    let redis = Redis::start();
    for sidecar in [Sidecar::start(&redis), SidecarOptions::default().start()] {
        for depth in ["1", "16"] {
            let args = ["-t", "ping,set,get,incr", "-n", "2000", "-c", "50", "-P", depth, "-q"];
            let report = tool("redis-benchmark", &sidecar, &args);
            assert!(report.contains("INCR:"), "{report}");
            assert!(!report.contains("rror"), "{report}");
        }
    }
}

#[test]
fn a_client_library_in_both_protocols() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    for suffix in ["3", "3?protocol=resp3"] {
        let mut app = open(&sidecar, suffix).get_connection().unwrap();
        let _: () = app.set("k", "v").unwrap();
        assert_eq!(app.get::<_, String>("k").unwrap(), "v");
        let (one, two): (i64, i64) =
            redis::pipe().atomic().incr("n", 1).incr("n", 1).query(&mut app).unwrap();
        assert_eq!(two, one + 1);
        let sum: i64 = redis::transaction(&mut app, &["n"], |app, pipe| {
            let n: i64 = app.get("n")?;
            pipe.set("n", n + 10).ignore().get("n").query::<Option<(i64,)>>(app)
        })
        .map(|(n,)| n)
        .unwrap();
        assert_eq!(sum, two + 10);
        let script = redis::Script::new("return redis.call('GET', KEYS[1]) .. ARGV[1]");
        assert_eq!(script.key("k").arg("!").invoke::<String>(&mut app).unwrap(), "v!");
        let scanned: Vec<String> = app.scan_match("*").unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(scanned.len(), 2);
        let _: () = app.del("n").unwrap();
    }
}

#[test]
fn a_client_library_that_subscribes() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut subscriber = open(&sidecar, "").get_connection().unwrap();
    let mut publisher = open(&sidecar, "").get_connection().unwrap();
    let mut subscription = subscriber.as_pubsub();
    subscription.subscribe("c").unwrap();
    subscription.psubscribe("p*").unwrap();
    let _: i64 = publisher.publish("c", "one").unwrap();
    let _: i64 = publisher.publish("pp", "two").unwrap();
    assert_eq!(subscription.get_message().unwrap().get_payload::<String>().unwrap(), "one");
    let message = subscription.get_message().unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "two");
    assert_eq!(message.get_pattern::<String>().unwrap(), "p*");
}

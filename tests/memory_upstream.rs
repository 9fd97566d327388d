//! With no Redis at all: the sidecar's own memory answers, and an app starts on a bare machine.

use crate::harness::{Client, Redis, SidecarOptions, Sides, Value, encode, eventually};

#[test]
fn plain_commands_answer_as_redis_does() {
    Sides::start_in_memory().compare(|s| {
        let mut client = s.client();
        for line in [
            "PING",
            "PING hello",
            "ECHO hello",
            "SET k v",
            "GET k",
            "GET nothing",
            "SET k w NX",
            "SET k w XX GET",
            "EXISTS k nothing k",
            "DEL k nothing",
            "INCR n",
            "INCR n",
            "SET n x",
            "INCR n",
            "TTL n",
            "EXPIRE n 100",
            "TTL n",
            "EXPIRE nothing 100",
            "TTL nothing",
            "SET n 1 EX 50",
            "TTL n",
            "SET n 1",
            "TTL n",
            "GET",
            "SET k",
            "EXPIRE n x",
            "NOSUCH a b",
            "SELECT 3",
            "GET n",
            "SET k three",
            "SELECT 0",
            "GET k",
            "SELECT 99",
            "CLIENT SETNAME me",
            "CLIENT GETNAME",
            "FLUSHALL",
            "GET n",
            "RESET",
            "CLIENT GETNAME",
        ] {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
        client.pipeline(&[
            &["SET", "a", "1"],
            &["INCR", "a"],
            &["CLIENT", "GETNAME"],
            &["GET", "a"],
        ]);
        client.send_raw(&b"INCR n\r\n".repeat(10_000));
        (0..10_000).for_each(|_| drop(client.read()));
        assert_eq!(s.client().call(&["GET", "n"]), Value::bulk("10000"));
        client.call(&["QUIT"]);
        client.expect_close();
    });
}

#[test]
fn it_describes_itself() {
    let sidecar = SidecarOptions::default().start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["HELLO", "3"]).field("proto"), Value::Int(3));
    assert!(client.call(&["INFO"]).text().contains("redis_version:"));
    assert!(client.call(&["COMMAND", "COUNT"]).int() > 10);
    eventually("/ready says so", || sidecar.http("/ready").0 == 200);
}

#[test]
fn what_it_says_it_uses_is_what_the_process_grows() {
    type Fill = (&'static str, usize, fn(usize) -> Vec<String>);
    let fills: [Fill; 6] = [
        ("strings", 60_000, |n| vec!["SET".into(), format!("string:{n}"), "v".repeat(20 + n % 90)]),
        ("deadlines", 60_000, |n| {
            vec!["SETEX".into(), format!("session:{n}"), "1000".into(), "v".repeat(30)]
        }),
        ("small hashes", 20_000, |n| {
            let fields = (0..12).flat_map(|f| [format!("field:{f}"), format!("value {n}")]);
            ["HSET".into(), format!("hash:{n}")].into_iter().chain(fields).collect()
        }),
        ("a large hash", 60_000, |n| {
            vec!["HSET".into(), "hash".into(), format!("field:{n}"), "v".repeat(n % 50)]
        }),
        ("a large set", 100_000, |n| vec!["SADD".into(), "set".into(), format!("member:{n}")]),
        ("small sets", 20_000, |n| {
            let members = (0..10).map(|m| (m * n).to_string());
            ["SADD".into(), format!("set:{n}")].into_iter().chain(members).collect()
        }),
    ];
    for (what, count, command) in fills {
        let sidecar = SidecarOptions::default().start();
        let mut client = sidecar.client();
        let used = |client: &mut Client| {
            let info = client.call(&["INFO", "memory"]).text();
            let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
            line.unwrap().parse::<u64>().unwrap()
        };
        // Buffers grow with the first batches, and are no data.
        let fill = |client: &mut Client, range: std::ops::Range<usize>| {
            for batch in range.collect::<Vec<_>>().chunks(500) {
                let bytes: Vec<u8> = batch.iter().flat_map(|n| encode(&command(*n))).collect();
                client.send_raw(&bytes);
                batch.iter().for_each(|_| drop(client.read()));
            }
        };
        fill(&mut client, 0..500);
        client.call(&["FLUSHALL"]);
        let before = (used(&mut client), sidecar.memory());
        fill(&mut client, 0..count);
        let said = used(&mut client) - before.0;
        let grown = sidecar.memory() - before.1;
        let ratio = said as f64 / grown as f64;
        assert!((0.8..1.2).contains(&ratio), "{what}: says {said}, grew by {grown}: {ratio:.2}");
    }
}

#[test]
fn past_its_bound_it_refuses_what_needs_more_and_serves_the_rest() {
    let sidecar = SidecarOptions::default().config("memory: {maxmemory: 1mb}").start();
    let mut client = sidecar.client();
    let value = "v".repeat(10_000);
    let replies: Vec<Value> =
        (0..200).map(|n| client.call(&["SET", &format!("k{n}"), &value])).collect();
    let stored = replies.iter().take_while(|reply| **reply == Value::ok()).count();
    assert!((90..110).contains(&stored), "{stored} values of 10,000 bytes in 1 MB");
    let refused = replies.last().unwrap().error();
    assert_eq!(refused, "OOM command not allowed when used memory > 'maxmemory'.");
    assert_eq!(client.call(&["GET", "k0"]), Value::bulk(&value));
    assert_eq!(client.call(&["DEL", "k0", "k1"]), Value::Int(2));
    assert_eq!(client.call(&["SET", "k0", &value]), Value::ok());
}

#[test]
fn a_disabled_or_mocked_upstream_is_memory() {
    let redis = Redis::start();
    for options in [
        SidecarOptions::default().env("REDIS_URL", "disabled"),
        SidecarOptions::upstream(&redis).env("USE_MOCK_REDIS", "1"),
    ] {
        let sidecar = options.start();
        assert_eq!(sidecar.client().call(&["SET", "k", "v"]), Value::ok());
        assert_eq!(sidecar.client().call(&["GET", "k"]), Value::bulk("v"));
    }
    assert!(redis.connections().is_empty());
}

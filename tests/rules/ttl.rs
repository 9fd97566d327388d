//! Keys that do not live for ever: deadlines that are put in, shortened, sent behind, or required.

use super::{Bench, both, call, expect};
use std::time::{Duration, Instant};

use crate::harness::{Client, End, Proxy, Redis, SidecarOptions, Value, eventually};

const RULES: &str = "rules: [{match: 't:*', ttl: {default: 100s, max: 1000s}}, {match: 'm:*', ttl: {max: 50s}}, \
                     {match: 'r:*', ttl: {max: 1000s, require: on}}]";

/// Seconds that a key still has, rounded up: -1 for ever, -2 not there.
fn ttl(client: &mut Client, key: &str) -> i64 {
    match client.call(&["PTTL", key]).int() {
        left @ ..0 => left,
        left => (left + 999) / 1000,
    }
}

#[track_caller]
fn assert_ttl(client: &mut Client, key: &str, expected: i64) {
    let found = ttl(client, key);
    let is_right = found == expected || expected > 0 && (expected - 5..=expected).contains(&found);
    assert!(is_right, "{key}: {found}, not {expected}");
}

#[test]
fn what_is_set_gets_a_deadline_in_the_same_command() {
    both(RULES, |bench| {
        let mut client = bench.sidecar.client();
        for (line, key, expected) in [
            ("SET t:a v", "t:a", 100),
            ("SET t:b v EX 10", "t:b", 10),
            ("SET t:c v EX 5000", "t:c", 1000),
            ("SET t:d v NX GET", "t:d", 100),
            ("SETEX t:e 5000 v", "t:e", 1000),
            ("PSETEX t:f 5000000 v", "t:f", 1000),
            ("SET t:g v PXAT 99999999999999", "t:g", 1000),
            ("SET m:a v", "m:a", 50),
            ("SET other v", "other", -1),
            ("EXPIRE other 5000", "other", 5000),
            ("EXPIRE t:a 5000", "t:a", 1000),
            ("GETEX t:b EX 5000", "t:b", 1000),
            ("SET t:b v KEEPTTL", "t:b", 1000),
            ("SET t:new v KEEPTTL", "t:new", 100),
        ] {
            let reply = call(&mut client, line);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
            assert_ttl(&mut client, key, expected);
        }
        expect(
            &mut client,
            &[
                ("PERSIST t:a", "-DENIED user default must give the key 't:a' a time to live"),
                ("SET t:a v EX 0", "-ERR invalid expire time"),
                ("SET t:a v EX x", "-ERR value is not an integer"),
            ],
        );
    });
}

#[test]
fn what_can_carry_no_deadline_is_followed_by_one_and_the_replies_are_the_apps() {
    both(RULES, |bench| {
        let mut client = bench.sidecar.client();
        let replies = client.pipeline(&[
            &["HSET", "t:h", "f", "v"],
            &["LPUSH", "t:l", "a", "b"],
            &["INCR", "t:n"],
            &["SADD", "t:s", "m"],
            &["ZADD", "t:z", "1", "m"],
            &["MSET", "t:1", "a", "other", "b", "t:2", "c"],
            &["SETNX", "t:3", "v"],
            &["SUNIONSTORE", "t:u", "t:s"],
            &["GETSET", "t:3", "w"],
            &["HGET", "t:h", "f"],
        ]);
        let ints = [1, 2, 1, 1, 1].map(Value::Int);
        assert_eq!(replies[..5], ints);
        let rest = [Value::ok(), Value::Int(1), Value::Int(1), Value::bulk("v"), Value::bulk("v")];
        assert_eq!(replies[5..], rest);
        for key in ["t:h", "t:l", "t:n", "t:s", "t:z", "t:1", "t:2", "t:3", "t:u"] {
            assert_ttl(&mut client, key, 100);
        }
        assert_ttl(&mut client, "other", -1);
        expect(
            &mut client,
            &[("EXPIRE t:h 10", "1"), ("HSET t:h g w", "1"), ("RENAME other m:x", "OK")],
        );
        assert_ttl(&mut client, "t:h", 10);
        assert_ttl(&mut client, "m:x", 50);
        expect(&mut client, &[("SETEX late 5000 v", "OK"), ("RENAME late t:late", "OK")]);
        assert_ttl(&mut client, "t:late", 1000);
        client.send(&["CLIENT", "REPLY", "OFF"]);
        client.send(&["HSET", "t:quiet", "f", "v"]);
        assert_eq!(client.call(&["CLIENT", "REPLY", "ON"]), Value::ok());
        assert_ttl(&mut client, "t:quiet", 100);
    });
}

#[test]
fn within_a_transaction_they_come_behind_exec_each_in_its_database() {
    both(RULES, |bench| {
        let mut client = bench.sidecar.client();
        let replies = client.pipeline(&[
            &["MULTI"],
            &["HSET", "t:h", "f", "v"],
            &["SET", "t:a", "v"],
            &["SELECT", "2"],
            &["INCR", "t:n"],
            &["EXEC"],
            &["PTTL", "t:n"],
            &["SELECT", "0"],
            &["PTTL", "t:h"],
        ]);
        let expected = [Value::Int(1), Value::ok(), Value::ok(), Value::Int(1)];
        assert_eq!(replies[5], Value::Array(expected.to_vec()));
        for reply in [&replies[6], &replies[8]] {
            assert!((95_000..=100_000).contains(&reply.int()), "{replies:?}");
        }
        assert_ttl(&mut client, "t:a", 100);
        let replies = client.pipeline(&[
            &["MULTI"],
            &["INCR", "t:gone"],
            &["DISCARD"],
            &["EXISTS", "t:gone"],
        ]);
        assert_eq!(replies[3], Value::Int(0));
        client.pipeline(&[&["MULTI"], &["HSET", "t:k", "f", "v"], &["CLIENT", "ID"], &["EXEC"]]);
        assert_ttl(&mut client, "t:k", 100);
    });
}

#[test]
fn what_blocks_is_followed_when_it_has_its_element() {
    both(RULES, |bench| {
        let (mut taker, mut giver) = (bench.sidecar.client(), bench.sidecar.client());
        taker.send(&["BLMOVE", "q", "t:taken", "LEFT", "RIGHT", "0"]);
        eventually("it blocks", || {
            giver.call(&["INFO", "clients"]).text().contains("blocked_clients:1\r\n")
        });
        expect(&mut giver, &[("RPUSH q x", "1")]);
        assert_eq!(taker.read(), Value::bulk("x"));
        assert_ttl(&mut taker, "t:taken", 100);
    });
}

#[test]
fn a_large_command_and_one_of_a_client_that_tracks_are_followed_too() {
    let bench = Bench::cloud(RULES);
    let mut client = bench.sidecar.client();
    let large = "x".repeat(2 << 20);
    assert_eq!(client.call(&["HSET", "t:h", "f", &large]), Value::Int(1));
    assert_ttl(&mut client, "t:h", 100);
    let mut tracker = bench.sidecar.client().resp3();
    assert_eq!(tracker.call(&["CLIENT", "TRACKING", "ON"]), Value::ok());
    assert_eq!(tracker.call(&["HSET", "t:i", "f", "v"]), Value::Int(1));
    assert_ttl(&mut client, "t:i", 100);
    let mut script = bench.sidecar.client();
    script.call(&["EVAL", "return redis.call('SET', KEYS[1], 'v', 'EX', 5000)", "1", "t:e"]);
    assert_ttl(&mut client, "t:e", 1000);
}

#[test]
fn where_a_deadline_is_required_each_write_must_say_it() {
    both(RULES, |bench| {
        let mut client = bench.sidecar.client();
        expect(
            &mut client,
            &[
                ("SET r:a v", "-DENIED user default must give the key 'r:a' a time to live"),
                ("HSET r:a f v", "-DENIED"),
                ("INCR r:a", "-DENIED"),
                ("MSET x 1 r:a 1", "-DENIED"),
                ("SET r:a v EX 10", "OK"),
                ("SET r:b v EX 5000", "OK"),
                ("PERSIST r:a", "-DENIED"),
                ("APPEND other v", "1"),
            ],
        );
        assert_ttl(&mut client, "r:a", 10);
        assert_ttl(&mut client, "r:b", 1000);
    });
}

#[test]
fn under_a_namespace_deadlines_are_those_of_its_keys() {
    let config = format!("{{namespace: 'shop:', {}}}", RULES);
    let bench = Bench::cloud(&config);
    let (mut client, mut free) = (bench.sidecar.client(), bench.free());
    client.pipeline(&[&["SET", "t:a", "v"], &["HSET", "t:h", "f", "v"], &["SET", "other", "v"]]);
    client.pipeline(&[&["MULTI"], &["INCR", "t:n"], &["EXEC"]]);
    for key in ["shop:t:a", "shop:t:h", "shop:t:n"] {
        assert_ttl(&mut free, key, 100);
    }
    assert_ttl(&mut free, "shop:other", -1);
    assert_ttl(&mut free, "t:h", -2);
}

#[test]
fn what_memory_answers_in_an_outage_waits_for_nothing_that_follows() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config =
        "{breaker: {grace: 60s}, rules: [{match: 'rl:*', fallback: local, ttl: {default: 100s}}]}";
    let options = SidecarOptions::upstream(&redis).env("REDIS_URL", &proxy.url(&redis));
    let sidecar = options.config(config).start();
    let mut client = sidecar.client();
    expect(&mut client, &[("INCR rl:a", "1"), ("INCR rl:a", "2")]);
    assert_ttl(&mut client, "rl:a", 100);
    proxy.refuse();
    proxy.break_all(End::Reset);
    eventually("the outage is known", || {
        !client.call(&["INFO", "sidecar"]).text().contains("sidecar_state:up")
    });
    for n in ["1", "2", "3"] {
        let start = Instant::now();
        expect(&mut client, &[("INCR rl:b", n)]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    proxy.accept_again();
    eventually("it is over", || {
        client.call(&["INFO", "sidecar"]).text().contains("sidecar_state:up")
    });
    expect(&mut client, &[("HSET rl:c f v", "1")]);
    assert_ttl(&mut client, "rl:c", 100);
    assert_ttl(&mut redis.direct(), "rl:c", 100);
}

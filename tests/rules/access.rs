//! Which keys may be read and written, how large values may be, and how often keys may be asked for.

use std::time::{Duration, Instant};

use super::{Bench, both, call, expect};
use crate::harness::Value;

const NO_WRITE: &str = "-NOPERM User default has no permissions to write the key";
const NO_ACCESS: &str = "-NOPERM User default has no permissions to access the key";

#[test]
fn keys_can_be_read_only_or_out_of_reach() {
    let config = "rules: [{match: 'cfg:*', access: read_only}, {match: 'secret:*', access: none}]";
    both(config, |bench| {
        let mut client = bench.sidecar.client();
        let mut free = bench.free();
        if bench.redis.is_some() {
            free.call(&["MSET", "cfg:a", "1", "secret:a", "2"]);
        }
        let read = if bench.redis.is_some() { "1" } else { "nil" };
        expect(
            &mut client,
            &[
                ("GET cfg:a", read),
                ("SET cfg:a 2", &format!("{NO_WRITE} 'cfg:a' by 'set' (rules[0].access)")),
                ("GET secret:a", &format!("{NO_ACCESS} 'secret:a' by 'get' (rules[1].access)")),
                ("MSET a 1 cfg:a 2", NO_WRITE),
                ("MGET a secret:a", NO_ACCESS),
                ("RENAME a cfg:b", NO_WRITE),
                ("SET a 1", "OK"),
                ("COPY a cfg:a", NO_WRITE),
                ("BLPOP l cfg:a 1", NO_WRITE),
                ("FLUSHALL", "-NOPERM"),
                ("JSON.GET a", "-NOPERM"),
                ("GET", "-ERR wrong number of arguments for 'get' command"),
                ("EXISTS a", "1"),
            ],
        );
        let replies = client.pipeline(&[&["MULTI"], &["GET", "secret:a"], &["EXEC"]]);
        assert!(replies[2].error().starts_with("EXECABORT"));
    });
}

#[test]
fn keys_of_no_rule_follow_the_default() {
    let config = "{default_access: none, rules: [{match: 'shop:*'}, {match: 'all', access: read_only}], \
                  commands: {allow_unknown: [json.get]}}";
    both(config, |bench| {
        let unknown = call(&mut bench.sidecar.client(), "JSON.GET x");
        assert!(unknown.error().starts_with("ERR"), "it went to the server: {unknown:?}");
        expect(
            &mut bench.sidecar.client(),
            &[
                ("SET shop:a 1", "OK"),
                ("GET other", &format!("{NO_ACCESS} 'other' by 'get' (default_access)")),
                ("GET all", "nil"),
                ("SET all 1", NO_WRITE),
                ("PING", "PONG"),
            ],
        );
    });
}

#[test]
fn a_value_that_is_too_large_never_leaves() {
    both("rules: [{match: 's:*', max_value: 1kb}, {match: 'l:*', max_value: 2mb}]", |bench| {
        let mut client = bench.sidecar.client();
        let (fits, large, huge) = ("x".repeat(1024), "x".repeat(1025), "x".repeat((2 << 20) + 1));
        let refused = |reply: Value, rule: &str| {
            let text = reply.error().to_owned();
            assert!(text.starts_with("DENIED user default may store "), "{text}");
            assert!(text.ends_with(rule) && text.len() < 200, "no value is in it: {text}");
        };
        assert_eq!(client.call(&["SET", "s:a", &fits]), Value::ok());
        refused(client.call(&["SET", "s:a", &large]), "(rules[0].max_value)");
        refused(client.call(&["HSET", "s:h", "f", "v", "g", &large]), "(rules[0].max_value)");
        refused(client.call(&["SETRANGE", "s:a", "2000", "x"]), "(rules[0].max_value)");
        assert_eq!(client.call(&["SET", "other", &large]), Value::ok());
        refused(client.call(&["SET", "l:a", &huge]), "(rules[1].max_value)");
        assert_eq!(client.call(&["SET", "l:a", &huge[1..]]), Value::ok());
        assert_eq!(client.call(&["STRLEN", "l:a"]), Value::Int(2 << 20));
    });
}

#[test]
fn keys_are_asked_for_no_more_often_than_may_be() {
    let config = "rules: [{match: 'all:*', rate: {per_second: 1, burst: 5, per: all}}, \
                  {match: 'own:*', rate: {per_second: 20, burst: 2}}]";
    both(config, |bench| {
        let mut clients: Vec<_> = (0..4).map(|_| bench.sidecar.client()).collect();
        let is_ok = |reply: &Value| !matches!(reply, Value::Error(_));
        let replies: Vec<Value> = clients
            .iter_mut()
            .flat_map(|client| [0; 3].map(|_| call(client, "GET all:a")))
            .collect();
        let passed = replies.iter().filter(|reply| is_ok(reply)).count();
        assert!((5..=6).contains(&passed), "all clients together: {replies:?}");
        let text = replies.last().unwrap().error();
        assert!(
            text.starts_with("DENIED the clients of this sidecar may ask 1 times a second"),
            "{text}"
        );
        assert!(text.ends_with("ms (rules[0].rate)"), "{text}");
        for client in &mut clients {
            let own = client.pipeline(&[&["GET", "own:a"], &["GET", "own:b"]]);
            assert!(own.iter().all(is_ok), "each has its own: {own:?}");
        }
        let start = Instant::now();
        let mut passed = 0;
        while start.elapsed() < Duration::from_millis(500) {
            passed += usize::from(is_ok(&call(&mut clients[0], "GET own:a")));
        }
        assert!((5..=14).contains(&passed), "20 a second: {passed}");
        assert!(is_ok(&call(&mut clients[0], "GET other")));
    });
}

#[test]
fn rules_speak_of_keys_as_the_app_says_them() {
    let config = "{namespace: 'shop:', rules: [{match: 'cfg:*', access: read_only}, {match: 'shop:*', access: none}]}";
    let bench = Bench::cloud(config);
    expect(
        &mut bench.sidecar.client(),
        &[("SET cfg:a 1", NO_WRITE), ("SET shop:a 1", NO_ACCESS), ("SET a 1", "OK")],
    );
    assert_eq!(bench.free().call(&["KEYS", "*"]), Value::bulks(&["shop:a"]));
}

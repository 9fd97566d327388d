//! Keys whose rule says local: reads and writes go on in memory, which is thrown away afterwards.

use super::{AT_ONCE, Cloud, timed};
use crate::harness::{Redis, SidecarOptions, Value, Way, eventually};

const LOCAL: &str = "{breaker: {grace: 60s}, rules: [{match: 'rl:*', fallback: local}]}";

#[test]
fn counters_and_idempotency_keys_go_on_in_an_outage_and_are_gone_after_it() {
    let cloud = Cloud::start(LOCAL);
    let mut clients: Vec<_> = (0..4).map(|_| cloud.sidecar.client()).collect();
    assert_eq!(clients[0].call(&["INCRBY", "rl:a", "100"]), Value::Int(100));
    cloud.cut();
    for (n, client) in (1..).zip(&mut clients) {
        let (reply, time) = timed(client, &["INCR", "rl:a"]);
        assert_eq!(reply, Value::Int(n), "the workers share it");
        assert!(time < AT_ONCE, "{time:?}");
    }
    let client = &mut clients[0];
    assert_eq!(client.call(&["EXPIRE", "rl:a", "100"]), Value::Int(1));
    assert!((99..=100).contains(&client.call(&["TTL", "rl:a"]).int()));
    assert_eq!(client.call(&["SET", "rl:once", "1", "NX", "EX", "10"]), Value::ok());
    assert_eq!(client.call(&["SET", "rl:once", "1", "NX", "EX", "10"]), Value::Nil);
    assert_eq!(client.call(&["MGET", "rl:a", "rl:none"]), {
        Value::Array(vec![Value::bulk("4"), Value::Nil])
    });
    assert_eq!(client.call(&["SET", "rl:short", "1", "PX", "50"]), Value::ok());
    eventually("it expires", || client.call(&["GET", "rl:short"]) == Value::Nil);
    let replies = client.pipeline(&[&["INCR", "rl:p"], &["INCR", "rl:p"], &["GET", "rl:p"]]);
    assert_eq!(replies, [Value::Int(1), Value::Int(2), Value::bulk("2")]);
    cloud.heal();
    assert_eq!(client.call(&["GET", "rl:a"]), Value::bulk("100"), "the cloud's own");
    assert_eq!(client.call(&["GET", "rl:once"]), Value::Nil);
    cloud.cut();
    assert_eq!(client.call(&["INCR", "rl:a"]), Value::Int(1), "each outage begins anew");
    cloud.sidecar.wait_for_log(&["keys whose rule says local"]);
}

#[test]
fn a_command_with_other_keys_too_is_not_local() {
    let cloud =
        Cloud::start("{breaker: {grace: 200ms}, rules: [{match: 'rl:*', fallback: local}]}");
    let mut client = cloud.sidecar.client();
    cloud.cut();
    for args in [&["MSET", "rl:a", "1", "b", "2"][..], &["EVAL", "return 1", "1", "rl:a"]] {
        let reply = client.call(args);
        assert!(reply.error().starts_with("UNAVAILABLE"), "{args:?}: {reply:?}");
    }
    assert_eq!(client.call(&["GET", "rl:a"]), Value::Nil);
}

#[test]
fn it_works_though_the_upstream_was_never_there() {
    let redis = Redis::start();
    let nobody = redis.url();
    drop(redis);
    let sidecar = SidecarOptions::default().env("REDIS_URL", &nobody).config(LOCAL).start();
    let mut client = sidecar.client();
    eventually("it counts", || matches!(client.call(&["INCR", "rl:x"]), Value::Int(_)));
}

#[test]
fn a_write_that_may_have_been_run_is_not_run_in_memory_too() {
    let config = "{retry: {writes: always}, upstream: {command_timeout: 60s},
        breaker: {grace: 60s}, rules: [{match: 'rl:*', fallback: local}]}";
    let cloud = Cloud::start(config);
    let (mut client, mut other) = (cloud.sidecar.client(), cloud.sidecar.client());
    client.call(&["SET", "rl:a", "100"]);
    cloud.proxy.black_hole(Way::Down);
    let before = cloud.proxy.bytes(Way::Up);
    client.send(&["INCR", "rl:a"]);
    eventually("it is on its way", || cloud.proxy.bytes(Way::Up) > before);
    cloud.cut();
    assert_eq!(other.call(&["INCR", "rl:a"]), Value::Int(1), "in memory");
    cloud.proxy.heal();
    cloud.heal();
    let reply = client.read();
    assert!(matches!(reply, Value::Int(101 | 102)), "once or twice, but by the cloud: {reply:?}");
}

//! Stale reads: which, from when on, for how long.

use std::thread;
use std::time::{Duration, Instant};

use super::{AT_ONCE, Cloud, timed};
use crate::harness::{End, Value, Way, eventually};

const PATIENT: &str = "breaker: {grace: 60s}";

#[test]
fn reads_go_on_at_once_and_do_not_wait_for_the_breaker() {
    let cloud = Cloud::start(PATIENT);
    let mut clients = [cloud.sidecar.client(), cloud.sidecar.client().resp3()];
    clients[0].call(&["SET", "k", "v"]);
    clients[0].call(&["HSET", "h", "f", "1"]);
    for client in &mut clients {
        for _ in 0..2 {
            assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"));
            client.call(&["HGETALL", "h"]);
            client.call(&["MGET", "k", "none"]);
            client.call(&["GET", "none"]);
        }
    }
    cloud.cut();
    let expected = [Value::Array(vec![Value::bulk("f"), Value::bulk("1")]), {
        Value::Map(vec![(Value::bulk("f"), Value::bulk("1"))])
    }];
    for (client, hash) in clients.iter_mut().zip(expected) {
        for (args, reply) in [
            (&["GET", "k"][..], Value::bulk("v")),
            (&["get", "k"], Value::bulk("v")),
            (&["HGETALL", "h"], hash),
            (&["MGET", "k", "none"], Value::Array(vec![Value::bulk("v"), Value::Nil])),
            (&["GET", "none"], Value::Nil),
        ] {
            let (got, time) = timed(client, args);
            assert_eq!(got, reply, "{args:?}");
            assert!(time < AT_ONCE, "{args:?} took {time:?}");
        }
    }
    cloud.heal();
    assert_eq!(clients[0].call(&["SET", "k", "w"]), Value::ok());
    assert_eq!(clients[1].call(&["GET", "k"]), Value::bulk("w"));
}

#[test]
fn a_read_that_waits_is_answered_as_soon_as_the_outage_is_known() {
    let cloud = Cloud::start(PATIENT);
    let mut client = cloud.sidecar.client();
    let mut reader = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    reader.call(&["GET", "k"]);
    cloud.proxy.black_hole(Way::Down);
    let before = cloud.proxy.bytes(Way::Up);
    reader.send(&["GET", "k"]);
    eventually("it is on its way", || cloud.proxy.bytes(Way::Up) > before);
    let start = Instant::now();
    cloud.proxy.refuse();
    cloud.proxy.break_all(End::Reset);
    assert_eq!(reader.read(), Value::bulk("v"));
    assert!(start.elapsed() < AT_ONCE * 2, "{:?}", start.elapsed());
}

#[test]
fn a_read_that_waits_behind_a_write_gets_its_own_reply_in_its_place() {
    let cloud = Cloud::start("breaker: {grace: 1500ms}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    // connections are made and stay silent, so that nothing is known yet and commands wait
    cloud.proxy.black_hole(Way::Down);
    cloud.proxy.break_all(End::Reset);
    eventually("it is connecting", || cloud.state() != "up");
    client.send(&["SET", "other", "1"]);
    client.send(&["GET", "k"]);
    cloud.proxy.refuse();
    cloud.proxy.break_all(End::Reset);
    let replies = [client.read(), client.read()];
    assert!(replies[0].error().starts_with("UNAVAILABLE"), "{replies:?}");
    assert_eq!(replies[1], Value::bulk("v"));
}

#[test]
fn what_memory_does_not_have_and_every_write_waits_out_the_grace() {
    let cloud = Cloud::start("breaker: {grace: 1s}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    cloud.cut();
    for args in [&["GET", "unknown"][..], &["SET", "k", "w"]] {
        let reply = client.call(args);
        assert!(reply.error().starts_with("UNAVAILABLE"), "{args:?}: {reply:?}");
    }
    eventually("it rejects", || cloud.state() == "rejecting");
    for args in [&["GET", "unknown"][..], &["SET", "k", "w"], &["INCR", "n"]] {
        let (reply, time) = timed(&mut client, args);
        assert!(reply.error().starts_with("UNAVAILABLE"), "{args:?}: {reply:?}");
        assert!(time < AT_ONCE, "{args:?} took {time:?}");
    }
    cloud.heal();
    let reply = cloud.redis.lock().unwrap().direct().call(&["GET", "k"]);
    assert_eq!(reply, Value::bulk("v"), "no write was kept for later");
}

#[test]
fn a_write_that_failed_takes_away_what_it_might_have_changed() {
    let cloud = Cloud::start("breaker: {grace: 500ms}");
    let mut client = cloud.sidecar.client();
    for key in ["a", "b"] {
        client.call(&["SET", key, "1"]);
        client.call(&["GET", key]);
    }
    cloud.cut();
    let replies =
        client.pipeline(&[&["GET", "a"], &["SET", "a", "2"], &["GET", "a"], &["GET", "b"]]);
    assert_eq!(replies[0], Value::bulk("1"));
    assert!(replies[1].error().starts_with("UNAVAILABLE"), "{replies:?}");
    assert!(replies[2].error().starts_with("UNAVAILABLE"), "{replies:?}");
    assert_eq!(replies[3], Value::bulk("1"));
}

#[test]
fn transactions_scripts_and_blocking_reads_never_come_from_memory() {
    let cloud = Cloud::start("breaker: {grace: 300ms}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["XADD", "s", "1-1", "f", "v"]);
    client.call(&["GET", "k"]);
    let script = &["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "k"];
    let block = &["XREAD", "BLOCK", "1", "STREAMS", "s", "0"];
    client.call(script);
    client.call(block);
    cloud.cut();
    eventually("it rejects", || cloud.state() == "rejecting");
    for args in [&script[..], &block[..], &["MULTI"], &["BLPOP", "k", "1"], &["SCAN", "0"]] {
        let reply = client.call(args);
        assert!(reply.error().starts_with("UNAVAILABLE"), "{args:?}: {reply:?}");
    }
}

#[test]
fn no_reply_outlives_its_key_or_max_stale() {
    let cloud = Cloud::start(
        "rules: [{match: 'old:*', max_stale: 1s}, {match: 'never:*', fallback: none}]",
    );
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "short", "v", "PX", "1500"]);
    for key in ["old:1", "never:1", "long"] {
        client.call(&["SET", key, "v"]);
    }
    for key in ["short", "old:1", "never:1", "long"] {
        assert_eq!(client.call(&["GET", key]), Value::bulk("v"));
    }
    let start = Instant::now();
    cloud.cut();
    assert_eq!(client.call(&["GET", "long"]), Value::bulk("v"));
    assert!(matches!(client.call(&["GET", "never:1"]), Value::Error(_)));
    // the time that makes them too old, which is what this test is about
    thread::sleep(Duration::from_millis(1600).saturating_sub(start.elapsed()));
    assert!(matches!(client.call(&["GET", "old:1"]), Value::Error(_)));
    assert!(matches!(client.call(&["GET", "short"]), Value::Error(_)));
    assert_eq!(client.call(&["GET", "long"]), Value::bulk("v"));
}

#[test]
fn with_the_cache_off_nothing_is_kept() {
    let cloud = Cloud::start("{cache: {enabled: false}, breaker: {grace: 300ms}}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    assert_eq!(cloud.told("sidecar_cache_keys"), "0");
    cloud.cut();
    assert!(matches!(client.call(&["GET", "k"]), Value::Error(_)));
}

#[test]
fn a_silent_upstream_is_an_outage_once_the_breaker_says_so() {
    let config = "{breaker: {failures: 3, cooldown: 60s, max_cooldown: 60s},
        upstream: {command_timeout: 400ms, probe_timeout: 60s}}";
    let cloud = Cloud::start(config);
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    cloud.proxy.black_hole(Way::Down);
    eventually("timeouts open the breaker", || client.call(&["GET", "k"]) == Value::bulk("v"));
    let (reply, time) = timed(&mut client, &["GET", "k"]);
    assert_eq!(reply, Value::bulk("v"));
    assert!(time < AT_ONCE, "{time:?}");
}

#[test]
fn transactions_and_blocking_pops_take_away_what_they_changed() {
    let cloud = Cloud::start("breaker: {grace: 300ms}");
    let (mut reader, mut writer) = (cloud.sidecar.client(), cloud.sidecar.client());
    let keys = ["in:multi", "popped", "untouched"];
    writer.call(&["SET", "in:multi", "1"]);
    writer.call(&["SET", "untouched", "1"]);
    writer.call(&["RPUSH", "popped", "a", "b"]);
    let reads: [&[&str]; 3] =
        [&["GET", keys[0]], &["LRANGE", keys[1], "0", "-1"], &["GET", keys[2]]];
    for read in reads {
        reader.call(read);
    }
    writer.pipeline(&[&["MULTI"], &["INCR", keys[0]], &["EXEC"]]);
    assert_eq!(writer.call(&["BLPOP", keys[1], "1"]), Value::bulks(&["popped", "a"]));
    cloud.cut();
    for read in &reads[..2] {
        assert!(matches!(reader.call(read), Value::Error(_)), "{read:?}");
    }
    assert_eq!(reader.call(reads[2]), Value::bulk("1"));
}

//! What is told of an outage: INFO, and the log.

use std::thread;
use std::time::{Duration, Instant};

use super::{Cloud, told};
use crate::harness::{Client, Value, eventually};

fn sections(client: &mut Client, args: &[&str]) -> Vec<String> {
    let text = client.call(args).text();
    text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
}

#[test]
fn info_has_a_section_of_ours_in_both_protocols() {
    let cloud = Cloud::start("");
    for mut client in [cloud.sidecar.client(), cloud.sidecar.client().resp3()] {
        for args in [&["INFO"][..], &["info", "all"], &["INFO", "everything"]] {
            let found = sections(&mut client, args);
            assert_eq!(found.last().unwrap(), "Sidecar", "{args:?}");
            assert!(found.contains(&"Server".to_owned()), "{args:?}");
        }
        assert_eq!(sections(&mut client, &["INFO", "sidecar"]), ["Sidecar"]);
        assert_eq!(sections(&mut client, &["INFO", "server"]), ["Server"]);
        assert_eq!(sections(&mut client, &["INFO", "server", "sidecar"]), ["Server", "Sidecar"]);
        let replies = client.pipeline(&[&["ECHO", "a"], &["INFO"], &["ECHO", "b"]]);
        assert_eq!((&replies[0], &replies[2]), (&Value::bulk("a"), &Value::bulk("b")));
        client.pipeline(&[&["MULTI"], &["INFO"], &["EXEC"]]);
    }
}

#[test]
fn an_outage_is_told_in_info_and_at_its_begin_and_end_in_the_log() {
    let cloud = Cloud::start("{breaker: {grace: 60s}, rules: [{match: 'rl:*', fallback: local}]}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    let read = Instant::now();
    assert_eq!(told(&mut client, "sidecar_outages"), "0");
    cloud.cut();
    // old enough to be told from one that was just read
    thread::sleep(Duration::from_millis(300).saturating_sub(read.elapsed()));
    for _ in 0..7 {
        client.call(&["GET", "k"]);
    }
    client.call(&["INCR", "rl:x"]);
    assert!(["away", "rejecting"].contains(&&*told(&mut client, "sidecar_state")));
    let seconds =
        |client: &mut Client| -> u64 { told(client, "sidecar_state_seconds").parse().unwrap() };
    eventually("it tells since when", || seconds(&mut client) >= 1);
    assert_eq!(sections(&mut client, &["INFO"]), ["Sidecar"], "though nobody else answers");
    assert_eq!(told(&mut client, "sidecar_stale_replies"), "7");
    assert_eq!(told(&mut client, "sidecar_local_commands"), "1");
    cloud.sidecar.wait_for_log(&["outage: what memory can answer"]);
    let healing = Instant::now();
    cloud.heal();
    assert!(seconds(&mut client) <= healing.elapsed().as_secs(), "since it is up");
    let line = cloud.sidecar.wait_for_log(&["outage over"]);
    assert!(line.contains("\"stale_reads\":7") && line.contains("\"local_commands\":1"), "{line}");
    let oldest: u64 = told(&mut client, "sidecar_last_outage_oldest_ms").parse().unwrap();
    assert!((300..60_000).contains(&oldest), "{oldest}");
    assert!(line.contains(&format!("\"oldest_ms\":{oldest},")), "{oldest} in {line}");
    assert_eq!(told(&mut client, "sidecar_outages"), "1");
    cloud.cut();
    client.call(&["GET", "k"]);
    assert_eq!(told(&mut client, "sidecar_last_outage_stale_replies"), "1");
    assert_eq!(told(&mut client, "sidecar_stale_replies"), "8");
}

#[test]
fn what_the_cache_keeps_and_gives_is_counted() {
    let cloud = Cloud::start("{breaker: {grace: 1s}, cache: {size: 1mb, entry_size: 64kb}}");
    let mut client = cloud.sidecar.client();
    let shown = |line: &str, count: u64| {
        let page = cloud.sidecar.http("/metrics").1;
        let name = format!("\nredis_sidecar_{line} ");
        assert!(page.contains(&format!("{name}{count}\n")), "{line} {count} in {page}");
    };
    client.call(&["SET", "a", "1"]);
    client.call(&["GET", "a"]);
    client.call(&["GET", "a"]); // a moment ago it was the same
    client.call(&["HGETALL", "h"]);
    client.call(&["GET", "none"]);
    shown("cache_stores_total", 4);
    shown("cache_entries", 3);
    client.call(&["SET", "a", "2"]); // takes away, and keeps
    client.call(&["INCR", "n"]);
    client.call(&["HSET", "h", "f", "v"]);
    shown("cache_stores_total", 5);
    shown("cache_entries", 2);
    shown("cache_evictions_total{cause=\"write\"}", 2);
    shown("cache_evictions_total{cause=\"room\"}", 0);
    let value = "x".repeat(10_000);
    for n in 0..200 {
        client.call(&["SET", &format!("big:{n}"), &value, "EX", "1000"]);
    }
    let page = cloud.sidecar.http("/metrics").1;
    let number = |name: &str| -> u64 {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    };
    let entries = number("redis_sidecar_cache_entries");
    assert_eq!(entries + number("redis_sidecar_cache_evictions_total{cause=\"room\"}"), 202);
    assert!(entries < 110 && number("redis_sidecar_cache_bytes") <= 1 << 20, "{entries}");
    cloud.cut();
    eventually("it rejects", || cloud.state() == "rejecting");
    for (key, is_there) in [("big:199", true), ("b", false), ("big:199", true), ("n", false)] {
        assert_eq!(matches!(client.call(&["GET", key]), Value::Bulk(_)), is_there, "{key}");
    }
    client.call(&["HGET", "h", "f"]);
    shown("cache_lookups_total{result=\"hit\"}", 2);
    shown("cache_lookups_total{result=\"miss\"}", 3);
    shown("stale_replies_total", 2);
    shown("stale_reply_age_seconds_count", 2);
}

#[test]
fn after_an_outage_what_is_found_to_be_stale_is_dropped() {
    let cloud = Cloud::start("breaker: {grace: 1s}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "old"]);
    client.call(&["SET", "same", "v"]);
    for args in [&["GET", "k"], &["STRLEN", "k"], &["GET", "same"]] {
        client.call(args);
    }
    cloud.cut();
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("old"));
    // by somebody else, while we are cut off
    cloud.redis.lock().unwrap().direct().call(&["SET", "k", "newer"]);
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("old"));
    cloud.heal();
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("newer"));
    cloud.cut();
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("newer"));
    assert_eq!(client.call(&["GET", "same"]), Value::bulk("v"), "nothing speaks against it");
    let reply = client.call(&["STRLEN", "k"]);
    assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
}

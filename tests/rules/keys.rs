//! KEYS as rounds of SCAN.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Bench, both, call, expect};
use crate::harness::{Client, Value};

fn fill(client: &mut Client, count: usize) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(1000) {
        let mut words = vec!["MSET".to_owned()];
        words.extend(chunk.iter().flat_map(|n| [format!("k:{n}"), "v".to_owned()]));
        assert_eq!(client.call(&words), Value::ok());
    }
}

#[test]
fn keys_answers_as_redis_does_and_is_none() {
    both("commands: {keys: scan}", |bench| {
        let mut client = bench.sidecar.client();
        fill(&mut client, 5000);
        let mut found: Vec<String> =
            call(&mut client, "KEYS k:*").items().iter().map(Value::text).collect();
        let apart: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!((found.len(), apart.len()), (5000, 5000));
        found.sort();
        assert_eq!(found[0], "k:0");
        expect(
            &mut client,
            &[
                ("KEYS k:1234", "k:1234"),
                ("keys nothing*", ""),
                ("KEYS", "-ERR wrong number of arguments for 'keys' command"),
                ("KEYS a b", "-ERR wrong number of arguments for 'keys' command"),
                ("SELECT 1", "OK"),
                ("KEYS *", ""),
                ("SELECT 0", "OK"),
            ],
        );
        let replies = client.pipeline(&[&["SET", "a", "1"], &["KEYS", "a"], &["GET", "a"]]);
        assert_eq!(replies, [Value::ok(), Value::bulks(&["a"]), Value::bulk("1")]);
        if let Some(redis) = &bench.redis {
            let stats = redis.direct().call(&["INFO", "commandstats"]).text();
            assert!(stats.contains("cmdstat_scan:"), "{stats}");
            let ran_keys =
                stats.contains("cmdstat_keys:") && !stats.contains("cmdstat_keys:calls=0,");
            assert!(!ran_keys, "{stats}");
        }
    });
}

#[test]
fn within_multi_it_is_refused_and_on_a_watching_connection_it_works() {
    both("commands: {keys: scan}", |bench| {
        let mut client = bench.sidecar.client();
        let replies = client.pipeline(&[&["MULTI"], &["KEYS", "*"], &["EXEC"]]);
        assert!(replies[1].error().starts_with("DENIED KEYS is answered by rounds of SCAN"));
        assert!(replies[2].error().starts_with("EXECABORT"));
        let replies = client.pipeline(&[&["SET", "a", "1"], &["WATCH", "a"], &["KEYS", "*"]]);
        assert_eq!(replies[2], Value::bulks(&["a"]));
        let replies = client.pipeline(&[&["MULTI"], &["SET", "a", "2"], &["EXEC"]]);
        assert_eq!(replies[2], Value::Array(vec![Value::ok()]));
    });
}

#[test]
fn others_are_served_while_it_goes_on_and_it_ends_with_its_client() {
    let bench = Bench::cloud("commands: {keys: scan}");
    fill(&mut bench.free(), 200_000);
    let (mut seeker, mut other) = (bench.sidecar.client(), bench.sidecar.client());
    seeker.set_patience(Duration::from_secs(60));
    seeker.send(&["KEYS", "*"]);
    assert_eq!(other.call(&["GET", "k:1"]), Value::bulk("v"));
    assert_eq!(seeker.read().items().len(), 200_000);
    let mut gone = bench.sidecar.client();
    gone.send(&["KEYS", "*"]);
    drop(gone);
    assert_eq!(other.call(&["GET", "k:1"]), Value::bulk("v"));
}

#[test]
fn it_can_be_refused_and_pass() {
    both("commands: {profile: app, keys: deny}", |bench| {
        expect(&mut bench.sidecar.client(), &[("KEYS *", "-NOPERM"), ("SCAN 0", "0 ")]);
    });
    let bench = Bench::cloud("commands: {profile: app, keys: pass}");
    expect(&mut bench.sidecar.client(), &[("KEYS *", "")]);
    let stats = bench.free().call(&["INFO", "commandstats"]).text();
    assert!(stats.contains("cmdstat_keys:"), "{stats}");
}

#[test]
fn under_a_namespace_it_finds_the_apps_own_keys() {
    let config = "{namespace: 'shop:', commands: {keys: scan}}";
    let bench = Bench::cloud(config);
    bench.free().call(&["MSET", "other", "1", "shop:a", "1", "shop:b", "2"]);
    let mut client = bench.sidecar.client();
    let mut found: Vec<String> =
        call(&mut client, "KEYS *").items().iter().map(Value::text).collect();
    found.sort();
    assert_eq!(found, ["a", "b"]);
}

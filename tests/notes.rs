//! What is noted of single commands, and told by SIDECAR and over HTTP: slow ones, hot keys, big values. Never a value.

use serde_json::Value as Json;

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value, eventually};

const SECRET: &str = "a-value-that-nobody-may-see";

fn started(redis: &Redis) -> Sidecar {
    SidecarOptions::upstream(redis).config("slowlog: {threshold: 50ms}").start()
}

fn entries(sidecar: &Sidecar) -> Vec<Json> {
    sidecar.json("/slowlog")["slowlog"].as_array().unwrap().clone()
}

/// The commands of the slow log with their keys, the newest first.
fn slow_commands(sidecar: &Sidecar) -> Vec<String> {
    let line = |entry: &Json| {
        let keys = entry["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
        let command = entry["command"].as_str().unwrap();
        std::iter::once(command).chain(keys).collect::<Vec<_>>().join(" ")
    };
    entries(sidecar).iter().map(line).collect()
}

#[test]
fn slow_commands_are_noted_by_name_and_keys_with_their_client() {
    let redis = Redis::start();
    let sidecar = started(&redis);
    let mut client = sidecar.client();
    let id = client.call(&["CLIENT", "ID"]).int();
    client.call(&["SET", "user:1", SECRET]);
    assert!(entries(&sidecar).is_empty(), "{:?}", entries(&sidecar));
    client.send(&["DEBUG", "SLEEP", "0.1"]);
    client.send(&["SET", "user:1", SECRET]);
    client.send(&["MGET", "a", "b", "c", "d"]);
    for _ in 0..3 {
        client.read();
    }
    assert_eq!(slow_commands(&sidecar), ["MGET a b c", "SET user:1", "DEBUG"]);
    let newest = &entries(&sidecar)[0];
    assert_eq!(newest["client"], id);
    assert_eq!((&newest["more_keys"], &newest["arguments"]), (&1.into(), &5.into()));
    assert_eq!(newest["route"], "lane");
    let ms = newest["ms"].as_f64().unwrap();
    assert!((90.0..5000.0).contains(&ms), "{newest}");
    assert!(!sidecar.http("/slowlog").1.contains(SECRET));
}

#[test]
fn within_a_transaction_they_are_noted_and_those_that_wait_for_a_key_are_not() {
    let redis = Redis::start();
    let sidecar = started(&redis);
    let mut client = sidecar.client();
    client.send(&["BLPOP", "queue", "0.2"]);
    assert_eq!(client.read(), Value::Nil);
    assert!(entries(&sidecar).is_empty(), "{:?}", entries(&sidecar));
    for words in [&["MULTI"][..], &["DEBUG", "SLEEP", "0.1"], &["INCR", "n"], &["EXEC"]] {
        client.call(words);
    }
    assert_eq!(slow_commands(&sidecar), ["EXEC"]);
    assert_eq!(entries(&sidecar)[0]["route"], "checkout");
}

#[test]
fn the_slow_log_is_bounded_and_can_be_turned_off() {
    let redis = Redis::start();
    let sidecar = started(&redis);
    let mut client = sidecar.client();
    for round in 0..5 {
        client.send(&["DEBUG", "SLEEP", "0.06"]);
        for n in 0..30 {
            client.send(&["GET", &format!("k:{round}:{n}")]);
        }
        for _ in 0..31 {
            client.read();
        }
    }
    let entries = entries(&sidecar);
    assert_eq!(entries.len(), 128);
    assert_eq!((&entries[0]["id"], &entries[0]["keys"][0]), (&155.into(), &"k:4:29".into()));
    assert_eq!(client.call(&["SIDECAR", "SLOWLOG", "RESET"]), Value::ok());
    assert_eq!(client.call(&["SIDECAR", "SLOWLOG"]), Value::Array(Vec::new()));

    let sidecar = SidecarOptions::upstream(&redis).config("slowlog: {threshold: off}").start();
    sidecar.client().call(&["DEBUG", "SLEEP", "0.1"]);
    assert!(self::entries(&sidecar).is_empty());
}

#[test]
fn hot_keys_are_counted_exactly_while_there_are_few_commands() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    for n in 0..100 {
        client.call(&["GET", "hot:1"]);
        client.call(&["SET", &format!("cold:{n}"), SECRET]);
        if n % 2 == 0 {
            client.call(&["MGET", "hot:2", "hot:1"]);
        }
    }
    let hot = sidecar.json("/hotkeys");
    assert_eq!(hot["uses"], 300, "{hot}");
    let keys = hot["keys"].as_array().unwrap();
    assert_eq!((&keys[0]["key"], &keys[0]["uses"]), (&"hot:1".into(), &150.into()));
    assert_eq!((&keys[1]["key"], &keys[1]["uses"]), (&"hot:2".into(), &50.into()));
    assert_eq!(keys[0]["share"], 0.5);
    assert!(!hot.to_string().contains(SECRET));
}

#[test]
fn under_load_hot_keys_are_found_by_samples() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    let batch: Vec<u8> = (0..500_u32)
        .flat_map(|n| {
            let key = if n % 2 == 0 { "hot".to_owned() } else { format!("cold:{n}") };
            format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).into_bytes()
        })
        .collect();
    for _ in 0..80 {
        client.send_raw(&batch);
        for _ in 0..500 {
            client.read();
        }
    }
    let hot = sidecar.json("/hotkeys");
    assert_eq!(hot["keys"][0]["key"], "hot");
    let share = hot["keys"][0]["share"].as_f64().unwrap();
    assert!((0.4..0.6).contains(&share), "{hot}");
    let uses = hot["uses"].as_u64().unwrap();
    assert!((25_000..60_000).contains(&uses), "{uses} of 40000");
}

#[test]
fn big_values_are_noted_whether_written_or_read() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    redis.direct().call(&["SET", "stored", &"x".repeat(50_000)]);
    let mut client = sidecar.client();
    client.call(&["SET", "small", "x"]);
    client.call(&["SET", "written", &"x".repeat(20_000)]);
    client.call(&["GET", "stored"]);
    client.call(&["SET", "huge", &"x".repeat(2_000_000)]);
    let values = sidecar.json("/bigkeys");
    let values = values["values"].as_array().unwrap();
    let seen: Vec<(&str, &str, u64)> = values
        .iter()
        .map(|value| {
            let text = |name: &str| value[name].as_str().unwrap();
            (text("key"), text("command"), value["size"].as_u64().unwrap())
        })
        .collect();
    let [huge, stored, written] = seen[..] else { panic!("{seen:?}") };
    assert_eq!((huge.0, huge.1, huge.2 / 1000), ("huge", "SET", 2000));
    assert_eq!((stored.0, stored.1, stored.2 / 1000), ("stored", "GET", 50));
    assert_eq!((written.0, written.1, written.2 / 1000), ("written", "SET", 20));
}

#[test]
fn who_comes_by_another_name_does_not_see_keys() {
    let redis = Redis::start();
    let sidecar = started(&redis);
    let mut client = sidecar.client();
    client.send(&["DEBUG", "SLEEP", "0.1"]);
    client.send(&["SET", "session:alice", &"x".repeat(10_000)]);
    for _ in 0..2 {
        client.read();
    }
    for path in ["/slowlog", "/hotkeys", "/bigkeys"] {
        let near = sidecar.http(path).1;
        assert!(near.contains("session:alice"), "{path}: {near}");
        let far = sidecar.http_as("evil.example", path);
        assert!(!far.contains("alice") && far.contains("session:***"), "{path}: {far}");
    }
}

/// The fields of a map, or of RESP2's flat array.
fn field(value: &Value, name: &str) -> Value {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(pairs) => pairs.clone(),
        Value::Array(flat) => {
            flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
        }
        other => panic!("{other:?}"),
    };
    let found = pairs.into_iter().find(|(key, _)| *key == Value::bulk(name));
    found.unwrap_or_else(|| panic!("no {name} in {value:?}")).1
}

#[test]
fn the_sidecar_command_answers_in_both_protocols() {
    let redis = Redis::start();
    let sidecar = started(&redis);
    eventually("/ready says 200", || sidecar.http("/ready").0 == 200);
    for mut client in [sidecar.client(), sidecar.client().resp3()] {
        client.send(&["DEBUG", "SLEEP", "0.1"]);
        client.send(&["SET", "user:1", &"x".repeat(10_000)]);
        for _ in 0..2 {
            client.read();
        }
        let health = client.call(&["SIDECAR", "HEALTH"]);
        assert_eq!(field(&health, "status"), Value::bulk("healthy"));
        assert_eq!(field(&field(&health, "redis"), "status"), Value::bulk("healthy"));
        let Value::Array(slow) = client.call(&["sidecar", "slowlog", "1"]) else { panic!() };
        assert_eq!(slow.len(), 1);
        assert_eq!(field(&slow[0], "command"), Value::bulk("SET"));
        let hot = client.call(&["SIDECAR", "HOTKEYS"]);
        assert!(matches!(field(&hot, "uses"), Value::Int(1..)));
        let Value::Array(big) = client.call(&["SIDECAR", "BIGKEYS"]) else { panic!() };
        assert_eq!(field(&big[0], "key"), Value::bulk("user:1"));
        let stats = client.call(&["SIDECAR", "STATS"]);
        assert!(matches!(field(&field(&stats, "by_command"), "set"), Value::Int(1..)));
        let Value::Array(help) = client.call(&["SIDECAR", "HELP"]) else { panic!() };
        assert!(help.len() > 10);
    }
    let stats = redis.direct().call(&["INFO", "commandstats"]).text();
    assert!(!stats.contains("sidecar"), "{stats}");
}

#[test]
fn the_sidecar_command_keeps_its_place_and_its_limits() {
    let mut redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis)
        .config("listen: {password: word}\nbreaker: {grace: 100ms}")
        .start();
    // So short a grace may be over before a busy machine has connected.
    eventually("it is connected", || sidecar.http("/ready").0 == 200);
    let mut client = sidecar.client();
    assert!(client.call(&["SIDECAR", "STATS"]).error().starts_with("NOAUTH"));
    client.call(&["AUTH", "word"]);
    client.send(&["SET", "k", "v"]);
    client.send(&["SIDECAR", "HELP"]);
    client.send(&["GET", "k"]);
    assert_eq!(client.read(), Value::ok());
    assert!(matches!(client.read(), Value::Array(_)));
    assert_eq!(client.read(), Value::bulk("v"));
    for words in [
        &["SIDECAR"][..],
        &["SIDECAR", "NOSUCH"],
        &["SIDECAR", "STATS", "x"],
        &["SIDECAR", "SLOWLOG", "x"],
        &["SIDECAR", "SLOWLOG", "1", "2"],
    ] {
        assert!(client.call(words).error().starts_with("ERR"), "{words:?}");
    }
    client.call(&["MULTI"]);
    assert!(client.call(&["SIDECAR", "STATS"]).error().contains("transaction"));
    client.call(&["DISCARD"]);
    redis.kill();
    eventually("the outage is told to clients", || {
        let health = client.call(&["SIDECAR", "HEALTH"]);
        field(&health, "status") == Value::bulk("unhealthy")
    });
    let outages = sidecar.json("/stats");
    assert!(outages["uptime_seconds"].is_u64(), "{outages}");
}

#[test]
fn the_memory_upstream_notes_the_same() {
    let sidecar = SidecarOptions::default().config("slowlog: {threshold: 1ms}").start();
    let mut client: Client = sidecar.client();
    client.call(&["SET", "user:1", &"x".repeat(10_000)]);
    client.call(&["GET", "user:1"]);
    assert_eq!(sidecar.json("/hotkeys")["keys"][0]["uses"], 2);
    assert_eq!(sidecar.json("/bigkeys")["values"][0]["key"], "user:1");
    assert!(matches!(client.call(&["SIDECAR", "HEALTH"]), Value::Array(_)));
    // Keys enough to take a millisecond.
    for n in 0..200 {
        let words: Vec<String> = (0..500).map(|m| format!("key:{n}:{m}")).collect();
        let pairs = words.iter().flat_map(|key| [key.as_str(), "v"]);
        client.call(&std::iter::once("MSET").chain(pairs).collect::<Vec<_>>());
    }
    client.call(&["KEYS", "*a*"]);
    let slow = entries(&sidecar);
    assert!(slow.iter().any(|slow| slow["command"] == "KEYS"), "{slow:?}");
    assert_eq!(slow[0]["route"], "memory");
}

//! A namespace where one call is not enough to see it: others' messages, keyspace notifications, clients that wait
//! for a key, long replies, memory.

use std::time::Duration;

use crate::harness::{
    Cli, Client, Redis, RedisOptions, Sidecar, SidecarOptions, Value, eventually,
};

const SHOP: &str = "namespace: 'shop:'";

fn upstream() -> Redis {
    let lines = vec!["notify-keyspace-events KEA".to_owned()];
    Redis::start_with(RedisOptions { lines, ..RedisOptions::default() })
}

fn sidecar(upstream: &Redis, config: &str) -> Sidecar {
    SidecarOptions::upstream(upstream).config(config).start()
}

fn subscribed(client: &mut Client, words: &[&str]) -> Vec<Value> {
    client.send(words);
    (1..words.len()).map(|_| client.read()).collect()
}

#[test]
fn an_app_hears_of_its_own_keys_alone() {
    let upstream = upstream();
    let sidecar = sidecar(&upstream, SHOP);
    let mut listener = sidecar.client();
    let confirmed = subscribed(
        &mut listener,
        &["PSUBSCRIBE", "__keyspace@0__:*", "__keyevent@*__:set", "__key*__:mine"],
    );
    assert_eq!(confirmed[0].items()[1].text(), "__keyspace@0__:*");
    let mut others = upstream.direct();
    others.call(&["SET", "shopkeeper", "1"]);
    others.call(&["SET", "mine", "1"]);
    sidecar.client().call(&["SET", "mine", "1"]);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let message = listener.read();
        seen.push(message.items()[1..].iter().map(Value::text).collect::<Vec<_>>().join(" "));
    }
    seen.sort();
    assert_eq!(
        seen,
        ["__keyevent@*__:set __keyevent@0__:set mine", "__keyspace@0__:* __keyspace@0__:mine set"]
    );
    // What is no message of its own: the next that comes is for its own PING.
    listener.send(&["PING"]);
    assert_eq!(listener.read().items()[0].text(), "pong");
}

#[test]
fn channels_lie_in_the_namespace_unless_they_are_to_be_shared() {
    let upstream = upstream();
    for (config, is_shared) in
        [(SHOP.to_owned(), false), (format!("{SHOP}\nnamespace_channels: off"), true)]
    {
        let sidecar = sidecar(&upstream, &config);
        let (mut listener, mut publisher) = (sidecar.client(), sidecar.client());
        let confirmed = subscribed(&mut listener, &["SUBSCRIBE", "news"]);
        assert_eq!(confirmed[0].items()[1].text(), "news");
        subscribed(&mut listener, &["PSUBSCRIBE", "n[e]ws*"]);
        let mut others = upstream.direct();
        let name = if is_shared { "news" } else { "shop:news" };
        assert_eq!(others.call(&["PUBLISH", name, "from outside"]).int(), 2);
        assert_eq!(
            others.call(&["PUBLISH", if is_shared { "shop:news" } else { "news" }, "x"]).int(),
            0
        );
        for kind in ["message", "pmessage"] {
            let message = listener.read();
            let words: Vec<String> = message.items().iter().map(Value::text).collect();
            assert_eq!(
                (words[0].as_str(), words[words.len() - 1].as_str()),
                (kind, "from outside")
            );
            assert_eq!(words[words.len() - 2], "news");
        }
        assert_eq!(publisher.call(&["PUBLISH", "news", "own"]).int(), 2);
        assert_eq!(publisher.call(&["PUBSUB", "CHANNELS"]), Value::bulks(&["news"]));
        assert_eq!(
            publisher.call(&["PUBSUB", "NUMSUB", "news"]),
            Value::Array(vec![Value::bulk("news"), Value::Int(1)])
        );
    }
}

#[test]
fn a_client_that_waits_is_woken_by_its_own_key_alone() {
    let upstream = upstream();
    let sidecar = sidecar(&upstream, SHOP);
    let mut waiting = sidecar.client();
    waiting.send(&["BLPOP", "q", "0"]);
    let mut others = upstream.direct();
    eventually("the client is blocked", || {
        others.call(&["INFO", "clients"]).text().contains("blocked_clients:1")
    });
    others.call(&["RPUSH", "q", "not for it"]);
    sidecar.client().call(&["RPUSH", "q", "job"]);
    assert_eq!(waiting.read(), Value::bulks(&["q", "job"]));
}

#[test]
fn invalidations_name_the_keys_as_the_app_does() {
    let upstream = upstream();
    let sidecar = sidecar(&upstream, SHOP);
    let mut tracking = sidecar.client().resp3();
    assert_eq!(tracking.call(&["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "p"]), Value::ok());
    let mut others = upstream.direct();
    others.call(&["SET", "p1", "1"]);
    sidecar.client().call(&["SET", "p2", "1"]);
    let push = tracking.read();
    assert_eq!(push.items()[1], Value::bulks(&["p2"]));
    assert!(matches!(tracking.call(&["PING"]), Value::Simple(_)));
}

#[test]
fn a_reply_of_any_length_loses_the_prefix() {
    let upstream = upstream();
    let sidecar = sidecar(&upstream, SHOP);
    let mut client = sidecar.client();
    let names: Vec<String> =
        (0..20_000).map(|n| format!("key:{n:06}:{}", "x".repeat(n % 40))).collect();
    for some in names.chunks(1000) {
        let mut words = vec!["MSET".to_owned()];
        words.extend(some.iter().flat_map(|name| [name.clone(), "v".to_owned()]));
        assert_eq!(client.call(&words), Value::ok());
    }
    upstream.direct().call(&["SET", "other", "1"]);
    client.send(&["KEYS", "*"]);
    client.send(&["PING"]);
    let keys = client.read();
    let mut got: Vec<String> = keys.items().iter().map(Value::text).collect();
    got.sort();
    assert!(got == names, "{} keys of {}", got.len(), names.len());
    assert_eq!(client.read(), Value::Simple("PONG".to_owned()));
    assert_eq!(client.call(&["DBSIZE"]).int(), 20_000);
    assert_eq!(client.call(&["FLUSHDB"]), Value::ok());
    assert_eq!(upstream.direct().call(&["KEYS", "*"]), Value::bulks(&["other"]));
}

#[test]
fn memory_has_namespaces_too() {
    let sidecar = SidecarOptions::default().config(SHOP).start();
    let mut client = sidecar.client();
    client.call(&["MSET", "a", "1", "b", "2"]);
    assert_eq!(client.call(&["KEYS", "a*"]), Value::bulks(&["a"]));
    client.call(&["RPUSH", "q", "1"]);
    assert_eq!(client.call(&["BLPOP", "q", "1"]), Value::bulks(&["q", "1"]));
    let mut waiting = sidecar.client();
    waiting.send(&["BLPOP", "later", "0"]);
    eventually("a client waits", || client.call(&["CLIENT", "LIST"]).text().contains("cmd=blpop"));
    client.call(&["RPUSH", "later", "1"]);
    assert_eq!(waiting.read(), Value::bulks(&["later", "1"]));
    let replies = client.pipeline(&[&["MULTI"], &["KEYS", "b*"], &["GET", "a"], &["EXEC"]]);
    assert_eq!(replies[3].items()[0], Value::bulks(&["b"]));
    assert_eq!(client.call(&["DBSIZE"]).int(), 2);
    assert_eq!(client.call(&["FLUSHALL"]), Value::ok());
    assert_eq!(client.call(&["RANDOMKEY"]), Value::Nil);
}

#[test]
fn in_an_outage_keys_are_still_the_apps() {
    let mut upstream = upstream();
    let config = format!("{SHOP}\nrules: [{{match: 'rl:*', fallback: local}}]");
    let sidecar = sidecar(&upstream, &config);
    let mut client = sidecar.client();
    client.set_patience(Duration::from_secs(20));
    client.call(&["XADD", "s", "1-1", "f", "v"]);
    let before = client.call(&["XREAD", "STREAMS", "s", "0"]);
    assert_eq!(before.items()[0].items()[0].text(), "s");
    upstream.kill();
    eventually("reads are answered from memory", || {
        matches!(client.call(&["XREAD", "STREAMS", "s", "0"]), Value::Array(_))
            && sidecar.client().call(&["INFO", "sidecar"]).text().contains("away")
    });
    assert_eq!(client.call(&["XREAD", "STREAMS", "s", "0"]), before);
    assert_eq!(client.call(&["INCR", "rl:1"]).int(), 1);
    assert_eq!(client.call(&["INCR", "rl:1"]).int(), 2);
}

#[test]
fn a_namespace_that_can_not_be_is_a_fault_of_the_configuration() {
    for (namespace, what) in [
        ("a b", "has a blank"),
        ("a*", "has a *"),
        ("__key", "begins with __"),
        (&"x".repeat(129), "is too long"),
    ] {
        let config = format!("namespace: '{namespace}'");
        let outcome = Cli::new(&["check"]).config(&config).run();
        assert_eq!(outcome.code, Some(2), "{namespace}");
        assert!(
            outcome.err.contains("namespace: ") && outcome.err.contains(what),
            "{}",
            outcome.err
        );
    }
}

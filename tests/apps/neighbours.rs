//! Apps with names that are near each other, all at once on one Redis: none sees, hears or touches what is another's.

use super::{call, with};
use crate::harness::{Client, Redis, Sidecar, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// None begins with another; each could be taken for another by a glob that is not escaped, or by a careless compare.
const PREFIXES: [&str; 8] =
    ["shop:", "shop-", "shopa:", "shop?", "sho[p:]", "sho\\p:", "sh^op", "shop{:}"];

fn sidecar(redis: &Redis) -> Sidecar {
    let users: String = PREFIXES
        .iter()
        .enumerate()
        .map(|(at, prefix)| {
            format!("    - {{name: u{at}, password: p{at}, namespace: '{prefix}'}}\n")
        })
        .collect();
    with(
        redis,
        &format!(
            "upstream: {{pool: {{max: 20}}}}\nlisten:\n  default_user: off\n  users:\n{users}"
        ),
    )
}

fn apps(sidecar: &Sidecar, is_resp3: bool) -> Vec<Client> {
    let login = |at: usize| {
        let client = sidecar.client();
        let mut client = if is_resp3 {
            let mut client = client;
            let reply = call(&mut client, &format!("HELLO 3 AUTH u{at} p{at}"));
            assert!(matches!(reply, Value::Map(_)), "{reply:?}");
            client
        } else {
            client
        };
        assert_eq!(call(&mut client, &format!("AUTH u{at} p{at}")), Value::ok());
        client
    };
    (0..PREFIXES.len()).map(login).collect()
}

fn texts(reply: &Value) -> BTreeSet<String> {
    reply.items().iter().map(Value::text).collect()
}

/// Keys that each app has: plain, like a glob, with a tag, and like each other app's name.
fn keys() -> Vec<String> {
    let own = ["k", "*", "{tag}k", "[a-z]", "\\"].map(str::to_owned);
    own.into_iter().chain(PREFIXES.map(|prefix| format!("{prefix}k"))).collect()
}

/// All keys by rounds of SCAN.
fn scanned(client: &mut Client, glob: Option<&str>) -> BTreeSet<String> {
    let (mut cursor, mut found) = ("0".to_owned(), BTreeSet::new());
    loop {
        let mut words = vec!["SCAN", &cursor, "COUNT", "3"];
        words.extend(glob.iter().flat_map(|glob| ["MATCH", glob]));
        let reply = client.call(&words);
        found.extend(texts(&reply.items()[1]));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            return found;
        }
    }
}

#[test]
fn keys_are_each_apps_own() {
    let redis = Redis::start();
    let sidecar = sidecar(&redis);
    let mut apps = apps(&sidecar, false);
    let all: BTreeSet<String> = keys().into_iter().collect();
    for (at, app) in apps.iter_mut().enumerate() {
        for key in keys() {
            assert_eq!(app.call(&["SET", &key, &format!("{at}")]), Value::ok());
        }
    }
    let stored = texts(&call(&mut redis.direct(), "KEYS *"));
    let expected = PREFIXES
        .iter()
        .flat_map(|prefix| keys().into_iter().map(move |key| format!("{prefix}{key}")));
    assert_eq!(stored, expected.collect::<BTreeSet<_>>());
    let count = i64::try_from(all.len()).unwrap();
    for (at, app) in apps.iter_mut().enumerate() {
        for key in keys() {
            assert_eq!(app.call(&["GET", &key]), Value::bulk(at.to_string()));
        }
        assert_eq!(texts(&call(app, "KEYS *")), all);
        assert_eq!(scanned(app, None), all);
        for glob in ["*", "?*", "sh*", "[s]*k", "shop:*", "\\**", "*k"] {
            let found = texts(&app.call(&["KEYS", glob]));
            assert_eq!(scanned(app, Some(glob)), found, "{glob}");
            assert!(found.is_subset(&all), "{glob}: {found:?}");
        }
        assert_eq!(call(app, "DBSIZE"), Value::Int(count));
        assert!(all.contains(&call(app, "RANDOMKEY").text()));
        call(app, "MULTI");
        call(app, "KEYS *");
        call(app, "SCAN 0 COUNT 1000");
        let reply = call(app, "EXEC");
        assert_eq!(texts(&reply.items()[0]), all);
        assert_eq!(texts(&reply.items()[1].items()[1]), all);
    }
    for (at, app) in apps.iter_mut().enumerate() {
        assert_eq!(call(app, if at % 2 == 0 { "FLUSHDB" } else { "FLUSHALL" }), Value::ok());
        assert_eq!(call(app, "DBSIZE"), Value::Int(0));
        let left = texts(&call(&mut redis.direct(), "KEYS *"));
        assert_eq!(left.len(), all.len() * (PREFIXES.len() - at - 1), "others' are still there");
    }
}

#[test]
fn each_hears_its_own_channels_and_keys_alone() {
    let redis = Redis::start();
    call(&mut redis.direct(), "CONFIG SET notify-keyspace-events KEA");
    let sidecar = sidecar(&redis);
    let (mut listeners, mut speakers) = (apps(&sidecar, false), apps(&sidecar, false));
    for listener in &mut listeners {
        for line in ["SUBSCRIBE news", "PSUBSCRIBE n?ws", "PSUBSCRIBE __keyspace@*__:*"] {
            call(listener, line);
        }
        call(listener, "SUBSCRIBE __keyevent@0__:set");
    }
    for (at, speaker) in speakers.iter_mut().enumerate() {
        let text = at.to_string();
        assert_eq!(speaker.call(&["PUBLISH", "news", &text]), Value::Int(2));
        assert_eq!(call(speaker, "PUBSUB CHANNELS news"), Value::bulks(&["news"]));
        assert_eq!(speaker.call(&["SET", &format!("k{at}"), "1"]), Value::ok());
    }
    for (at, listener) in listeners.iter_mut().enumerate() {
        let own: Vec<Vec<String>> =
            (0..4).map(|_| listener.read().items().iter().map(Value::text).collect()).collect();
        let (text, key) = (at.to_string(), format!("k{at}"));
        let space = format!("__keyspace@0__:{key}");
        for expected in [
            vec!["message", "news", &text],
            vec!["pmessage", "n?ws", "news", &text],
            vec!["pmessage", "__keyspace@*__:*", &space, "set"],
            vec!["message", "__keyevent@0__:set", &key],
        ] {
            assert!(own.iter().any(|message| *message == expected), "{expected:?} in {own:?}");
        }
    }
    for listener in &mut listeners {
        // All that the speakers did is heard by now: what was another's would have come before.
        listener.expect_silence(Duration::from_millis(20));
    }
}

#[test]
fn each_hears_of_changes_to_what_it_read_alone() {
    let redis = Redis::start();
    let sidecar = sidecar(&redis);
    let (mut readers, mut broad) = (apps(&sidecar, true), apps(&sidecar, true));
    let mut writers = apps(&sidecar, false);
    for (reader, listener) in readers.iter_mut().zip(&mut broad) {
        call(reader, "CLIENT TRACKING ON");
        call(reader, "MGET k l");
        call(listener, "CLIENT TRACKING ON BCAST");
    }
    let invalidated = |client: &mut Client| {
        let Value::Push(push) = client.read() else { panic!("no push") };
        texts(&push[1])
    };
    for (at, writer) in writers.iter_mut().enumerate() {
        let key = if at % 2 == 0 { "k" } else { "l" };
        writer.call(&["SET", key, "1"]);
        assert_eq!(invalidated(&mut readers[at]), BTreeSet::from([key.to_owned()]));
        assert_eq!(invalidated(&mut broad[at]), BTreeSet::from([key.to_owned()]));
    }
    for client in readers.iter_mut().chain(&mut broad) {
        assert_eq!(call(client, "PING"), Value::Simple("PONG".to_owned()), "and nothing else");
    }
}

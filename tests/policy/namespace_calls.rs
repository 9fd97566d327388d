//! Every command of the server, under a namespace: `calls.txt` has a call of each.

use std::collections::BTreeSet;

use crate::harness::{Client, Redis, RedisOptions, SidecarOptions, Value, escape};

/// With glob characters, so that a pattern that is not escaped would show.
const PREFIX: &str = "shop[1]:";

const CALLS: &str = include_str!("calls.txt");

/// Commands that are played elsewhere (channels, the end of a connection), and why not here.
const ELSEWHERE: [&str; 15] = [
    // Several replies, or pushes: tests/policy/namespace.rs, tests/pubsub.rs.
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "unsubscribe",
    "punsubscribe",
    "sunsubscribe",
    // The connection is another one behind them: tests/connection.rs.
    "quit",
    "reset",
    "hello",
    // The server would be gone: the refusals in src/policy/namespace/tests.rs.
    "shutdown",
    // Nothing but replies to connections that are replicas.
    "sync",
    "psync",
    "replconf",
    "monitor",
    // Would wait for the whole test.
    "failover",
];

#[test]
fn no_command_tells_the_app_of_its_namespace_or_leaves_it() {
    // Which commands are slow depends on the machine, and SLOWLOG LEN counts them.
    let lines =
        vec!["notify-keyspace-events KEA".to_owned(), "slowlog-log-slower-than -1".to_owned()];
    let plain = RedisOptions {
        tls: false,
        plain_port: true,
        password: None,
        lines: lines.clone(),
        ..RedisOptions::default()
    };
    let straight = Redis::start_with(plain);
    let upstream = Redis::start_with(RedisOptions { lines, ..RedisOptions::default() });
    let sidecar =
        SidecarOptions::upstream(&upstream).config(&format!("namespace: '{PREFIX}'")).start();
    for protocol in [2, 3] {
        let mut others = upstream.direct();
        others.call(&["MSET", "key", "others", "shop1:key", "others", "shop", "others"]);
        let before = keys_outside(&mut others);
        let mut app = client(sidecar.address(), protocol);
        let mut expected = client(&straight.plain_address(), protocol);
        for call in calls() {
            let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
            app.send(&words);
            expected.send(&words);
            let (own, wanted) = (app.read_raw_reply(), expected.read_raw_reply());
            let shown = format!("RESP{protocol} {}: {}", words.join(" "), escape(&own));
            assert!(!contains(&own, PREFIX.as_bytes()), "shows the namespace: {shown}");
            match call.compared {
                Compared::Whole => assert!(own == wanted, "{shown}\n   redis: {}", escape(&wanted)),
                Compared::Kind => assert_eq!(own[0], wanted[0], "{shown}"),
                Compared::Nothing => {}
            }
            assert_eq!(keys_outside(&mut others), before, "left the namespace: {shown}");
        }
        assert_eq!(others.call(&["GET", "key"]).text(), "others");
        upstream.wipe();
        straight.wipe();
    }
}

#[test]
fn every_command_of_the_server_is_played_or_refused() {
    let upstream = Redis::start();
    let sidecar =
        SidecarOptions::upstream(&upstream).config(&format!("namespace: '{PREFIX}'")).start();
    let mut played: BTreeSet<String> = ELSEWHERE.iter().map(ToString::to_string).collect();
    for call in calls() {
        let words: Vec<String> = call.words.iter().map(|word| word.to_lowercase()).collect();
        played.insert(words[0].clone());
        played.extend(words.get(1).map(|second| format!("{}|{second}", words[0])));
    }
    let mut client = sidecar.client();
    let mut missing = Vec::new();
    for name in command_names(&mut upstream.direct()) {
        if played.contains(&name) {
            continue;
        }
        let fitting = (0..5).map(|count| {
            let words: Vec<&str> = name.split('|').chain(std::iter::repeat_n("a", count)).collect();
            client.call(&words)
        });
        let is_denied =
            |reply: &Value| matches!(reply, Value::Error(text) if text.starts_with("DENIED "));
        if !fitting.collect::<Vec<_>>().iter().any(is_denied) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "not in calls.txt, and not refused:\n{}", missing.join("\n"));
}

enum Compared {
    Whole,
    Kind,
    Nothing,
}

struct Call {
    words: Vec<String>,
    compared: Compared,
}

fn calls() -> impl Iterator<Item = Call> {
    let lines = CALLS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (compared, line) = match line.split_at(2) {
            ("~ ", rest) => (Compared::Kind, rest),
            ("? ", rest) => (Compared::Nothing, rest),
            _ => (Compared::Whole, line),
        };
        let word = |word: &str| match word {
            "''" => String::new(),
            word => word.replace('%', " ").replace("\\n", "\n"),
        };
        Call { words: line.split(' ').map(word).collect(), compared }
    })
}

/// The names of COMMAND LIST, and of all subcommands.
fn command_names(client: &mut Client) -> Vec<String> {
    let names = client.call(&["COMMAND", "LIST"]);
    names.items().iter().map(Value::text).collect()
}

fn client(address: &str, protocol: u8) -> Client {
    let client = Client::connect(address);
    if protocol == 3 { client.resp3() } else { client }
}

/// All keys of the databases in use that do not begin with the prefix.
fn keys_outside(client: &mut Client) -> Vec<String> {
    let mut outside = Vec::new();
    for db in ["1", "0"] {
        client.call(&["SELECT", db]);
        let keys = client.call(&["KEYS", "*"]);
        let own = |key: &String| key.starts_with(PREFIX);
        outside.extend(keys.items().iter().map(Value::text).filter(|key| !own(key)));
    }
    outside.sort();
    outside
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

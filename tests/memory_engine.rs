//! The embedded engine against a real redis-server: the same commands, the same bytes back, in both
//! protocols. What Redis gives in no order is compared as a set, what runs with the clock within a
//! second; everything else to the byte.

mod lists;
mod sorted_sets;

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use redis_sidecar::command;
use redis_sidecar::memory::{Engine, Now};
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;

use crate::harness::{Client, Redis, Value, escape};

type Command = Vec<Vec<u8>>;

/// An engine and a server that are asked the same.
struct Pair {
    engine: Engine,
    client: Client,
    protocol: Protocol,
    db: usize,
}

impl Pair {
    fn new(redis: &Redis, protocol: Protocol) -> Self {
        let client = Client::connect(&redis.plain_address());
        let client = if protocol == Protocol::Resp3 { client.resp3() } else { client };
        Self { engine: Engine::new(256 * 1024 * 1024), client, protocol, db: 0 }
    }

    /// Asks both, and fails where they do not agree.
    fn agree_on(&mut self, command: &[Vec<u8>]) {
        let real = self.ask_server(command);
        let ours = self.ask_engine(command);
        let (shown_ours, shown_real) = (escape(&ours), escape(&real));
        let shown = escape(&command.join(&b' '));
        assert!(
            is_same(command, &ours, &real),
            "{shown}, {:?}\n engine: {shown_ours}\n  redis: {shown_real}",
            self.protocol,
        );
    }

    /// What would wait is asked within MULTI, where it replies at once.
    fn ask_server(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        if !command[0].to_ascii_lowercase().starts_with(b"b") {
            self.client.send(command);
            return self.client.read_raw_reply();
        }
        self.client.call(&["MULTI"]);
        self.client.send(command);
        let queued = self.client.read_raw_reply();
        self.client.send(&words("EXEC"));
        let reply = self.client.read_raw_reply();
        if queued.starts_with(b"-") { queued } else { reply["*1\r\n".len()..].to_vec() }
    }

    fn ask_engine(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        let arguments: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        let mut frame = Vec::new();
        encode::command(&mut frame, &arguments);
        let request = Request::parse(&frame).unwrap();
        let spec = command::lookup(request.name());
        let mut out = Vec::new();
        self.engine.execute(&request, spec, self.db, self.protocol, now(), &mut out);
        out
    }

    /// SELECT is the session's: here each side gets it in its own way.
    fn select(&mut self, db: usize) {
        self.client.call(&["SELECT", &db.to_string()]);
        self.db = db;
    }
}

fn now() -> Now {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now(u64::try_from(elapsed.as_millis()).unwrap())
}

fn is_same(command: &[Vec<u8>], ours: &[u8], real: &[u8]) -> bool {
    match command[0].to_ascii_lowercase().as_slice() {
        b"keys" | b"config" | b"hgetall" | b"hkeys" | b"hvals"
            if real.starts_with(b"*") || real.starts_with(b"%") =>
        {
            let sorted = |bytes: &[u8]| {
                let mut items = flatten(&Value::parse(bytes));
                items.sort();
                items
            };
            sorted(ours) == sorted(real) && ours[0] == real[0]
        }
        b"pttl" | b"ttl" | b"pexpiretime" | b"expiretime" if ours != real => {
            let both = [ours, real].map(|bytes| match Value::parse(bytes) {
                Value::Int(number) if number > 0 => Some(number),
                _ => None,
            });
            matches!(both, [Some(ours), Some(real)] if ours.abs_diff(real) < 1_000)
        }
        _ => ours == real,
    }
}

fn flatten(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| format!("{item:?}")).collect(),
        Value::Map(pairs) => pairs.iter().map(|pair| format!("{pair:?}")).collect(),
        other => vec![format!("{other:?}")],
    }
}

/// Words, separated by blanks; `~` is an empty argument, `\x` notation gives any byte.
fn words(line: &str) -> Command {
    line.split(' ').map(|word| if word == "~" { Vec::new() } else { unescape(word) }).collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

const SCRIPT: &str = include_str!("memory_engine/script.txt");

#[test]
fn every_line_of_the_script_gets_the_reply_of_a_real_server() {
    let redis = Redis::start_plain();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut pair = Pair::new(&redis, protocol);
        pair.agree_on(&words("FLUSHALL"));
        for line in SCRIPT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            pair.agree_on(&words(line));
        }
    }
}

#[test]
fn databases_are_apart_as_in_a_real_server() {
    let redis = Redis::start_plain();
    let mut pair = Pair::new(&redis, Protocol::Resp2);
    for (db, line) in [
        (0, "SET k zero"),
        (15, "GET k"),
        (15, "SET k fifteen"),
        (15, "DBSIZE"),
        (0, "GET k"),
        (15, "FLUSHDB"),
        (0, "GET k"),
        (15, "SET k again"),
        (0, "FLUSHALL"),
        (15, "EXISTS k"),
    ] {
        pair.select(db);
        pair.agree_on(&words(line));
    }
}

#[test]
fn glob_patterns_match_as_in_a_real_server() {
    let redis = Redis::start_plain();
    let pair = RefCell::new(Pair::new(&redis, Protocol::Resp2));
    let piece = select(vec!["a", "b", "-", "]", "[", "^", "\\", "*", "?", "c"]);
    let text = vec(select(vec!["a", "b", "-", "]", "^", "\\", "c", "*"]), 0..5);
    run(400, (vec(piece, 0..8), vec(text, 1..6)), |(pattern, texts)| {
        let mut pair = pair.borrow_mut();
        pair.agree_on(&words("FLUSHALL"));
        for text in texts {
            pair.agree_on(&[b"SET".to_vec(), text.concat().into_bytes(), b"v".to_vec()]);
        }
        pair.agree_on(&[b"KEYS".to_vec(), pattern.concat().into_bytes()]);
    });
}

#[test]
fn random_commands_get_the_replies_of_a_real_server() {
    let redis = Redis::start_plain();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let pair = RefCell::new(Pair::new(&redis, protocol));
        run(250, vec(any_command(), 1..80), |commands| {
            let mut pair = pair.borrow_mut();
            pair.agree_on(&words("FLUSHALL"));
            for command in commands {
                pair.agree_on(&command);
            }
            pair.agree_on(&words("KEYS *"));
            pair.agree_on(&words("DBSIZE"));
        });
    }
}

/// Random commands in both protocols, `cases` times as many as a hundred.
fn random_work<S: Strategy<Value = Command>>(cases: u32, any_command: impl Fn() -> S) {
    let redis = Redis::start_plain();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let pair = RefCell::new(Pair::new(&redis, protocol));
        run(cases, vec(any_command(), 100), |commands| {
            let mut pair = pair.borrow_mut();
            pair.agree_on(&words("FLUSHALL"));
            pair.agree_on(&words("SET wrong v"));
            for command in commands {
                pair.agree_on(&command);
            }
            pair.agree_on(&words("KEYS *"));
        });
    }
}

fn run<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |input| {
        check(input);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn any_command() -> impl Strategy<Value = Command> {
    let fixed = |words: &'static [&'static str]| select(words.to_vec()).prop_map(words_of);
    let on_key = ["GET", "INCR", "DECR", "TTL", "PTTL", "PEXPIRETIME", "PERSIST", "TYPE", "STRLEN"];
    let on_key_too = ["GETDEL", "GETEX", "EXPIRETIME", "DEL", "EXISTS", "UNLINK", "TOUCH", "KEYS"];
    let with_value = ["SET", "SETNX", "GETSET", "APPEND", "INCRBY", "DECRBY"];
    let with_two = ["SETEX", "PSETEX", "SET", "MSET"];
    let with_time = ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"];
    prop_oneof![
        4 => (select([&on_key[..], &on_key_too].concat()), key()).prop_map(|(n, k)| vec![name(n), k]),
        3 => (select(with_value.to_vec()), key(), value()).prop_map(|(n, k, v)| vec![name(n), k, v]),
        3 => (key(), value(), options()).prop_map(|(k, v, o)| [vec![name("SET"), k, v], o].concat()),
        2 => (key(), options()).prop_map(|(k, o)| [vec![name("GETEX"), k], o].concat()),
        2 => (select(with_time.to_vec()), key(), time(), vec(condition(), 0..3))
            .prop_map(|(n, k, t, c)| [vec![name(n), k, t], c].concat()),
        1 => (select(with_two.to_vec()), key(), time(), value())
            .prop_map(|(n, k, t, v)| vec![name(n), k, t, v]),
        1 => (select(vec!["MGET", "DEL", "EXISTS", "TOUCH", "MSET"]), vec(key(), 0..5))
            .prop_map(|(n, k)| [vec![name(n)], k].concat()),
        1 => fixed(&["DBSIZE", "KEYS *", "PING", "ECHO a", "FLUSHDB", "GET", "FOO a b", "TTL a b"]),
    ]
}

fn words_of(line: &str) -> Command {
    words(line)
}

fn name(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["a", "b", "c", "\u{0}", "", "k\r\n"]).prop_map(name)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "",
        "0",
        "1",
        "-1",
        "10",
        "-0",
        "01",
        " 1",
        "1 ",
        "+1",
        "1.5",
        "abc",
        "a\r\nb",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "99999999999999999999",
    ];
    prop_oneof![
        4 => select(known.to_vec()).prop_map(name),
        1 => any::<i64>().prop_map(|number| name(&number.to_string())),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// Far in the future or in the past, never about to come, so that both clocks agree.
fn time() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "100000",
        "200000",
        "0",
        "-1",
        "-100000",
        "99999999999",
        "99999999999999",
        "abc",
        "",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775",
        "9223372036854776",
    ];
    select(known.to_vec()).prop_map(name)
}

fn condition() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["NX", "XX", "GT", "LT", "gt", "xx", "FOO"]).prop_map(name)
}

fn options() -> impl Strategy<Value = Command> {
    let word = select(vec!["NX", "XX", "GET", "KEEPTTL", "PERSIST", "get", "nx", "XYZ", ""]);
    let unit = select(vec!["EX", "PX", "EXAT", "PXAT", "ex"]);
    let option = prop_oneof![
        3 => word.prop_map(|word| vec![name(word)]),
        2 => (unit.clone(), future()).prop_map(|(unit, time)| vec![name(unit), time]),
        1 => unit.prop_map(|unit| vec![name(unit)]),
        1 => Just(Vec::new()),
    ];
    vec(option, 0..3).prop_map(|options| options.concat())
}

/// As [`time`], without what `SET EXAT` takes for a moment long past: when such a key is
/// removed, now or when someone asks, shows in DBSIZE, and Redis is free in that.
fn future() -> impl Strategy<Value = Vec<u8>> {
    let known = ["99999999999", "99999999999999", "0", "-1", "abc", "9223372036854775807"];
    select(known.to_vec()).prop_map(name)
}

//! The cache by itself: what is kept, and for how long.

mod deadlines;
mod world;

use super::{Bounds, Effect, ReplyCache, Setting};
use crate::command::{Spec, resolve};
use crate::config::{Fallback, Rule};
use crate::memory::rules::Rules;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FOREVER: Duration = Duration::from_secs(600);

fn cache_of(size: usize) -> ReplyCache {
    cache_with(size, &[])
}

fn cache_with(size: usize, rules: &[Rule]) -> ReplyCache {
    let rules = Arc::new(Rules::new(rules));
    ReplyCache::new(Bounds { size, entry_size: 64 * 1024, max_age: FOREVER, rules })
}

fn frame(words: &str) -> Vec<u8> {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let mut frame = Vec::new();
    encode::command(&mut frame, &words);
    frame
}

fn parts(frame: &[u8]) -> (Option<&'static Spec>, Request<'_>) {
    let request = Request::parse(frame).unwrap();
    (resolve(&request), request)
}

/// A cache, and one connection's view of it.
struct Bench {
    cache: ReplyCache,
    now: Instant,
    db: u32,
    protocol: Protocol,
}

impl Bench {
    fn new() -> Self {
        let cache = cache_of(4 << 20);
        Self { cache, now: Instant::now(), db: 0, protocol: Protocol::Resp2 }
    }

    fn setting(&self) -> Setting {
        Setting { db: self.db, protocol: self.protocol, at: self.now }
    }

    fn send(&self, words: &str, writer: u32) -> Effect {
        let frame = frame(words);
        let (spec, request) = parts(&frame);
        let mut effect = self.cache.begin(spec, &request, writer);
        self.cache.count_due(std::iter::once(&mut effect), writer);
        effect
    }

    fn answer(&self, words: &str, writer: u32, effect: Effect, reply: &str) {
        self.cache.end(effect, &frame(words), reply.as_bytes(), writer, || self.setting());
    }

    fn run(&self, words: &str, reply: &str) {
        let effect = self.send(words, 1);
        self.answer(words, 1, effect, reply);
    }

    fn find(&self, words: &str) -> Option<String> {
        self.find_younger(words, FOREVER)
    }

    fn find_younger(&self, words: &str, age: Duration) -> Option<String> {
        let frame = frame(words);
        let (spec, request) = parts(&frame);
        let found = self.cache.find(spec?, &request, &self.setting(), age)?;
        Some(String::from_utf8(found.reply).unwrap())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_last_reply_is_found_by_command_database_and_protocol() {
    let mut bench = Bench::new();
    bench.run("HGETALL h", "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert_eq!(bench.find("hgetall h").unwrap(), "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert_eq!(bench.find("HGETALL i"), None);
    assert_eq!(bench.find("HKEYS h"), None);
    bench.protocol = Protocol::Resp3;
    assert_eq!(bench.find("HGETALL h"), None);
    bench.run("HGETALL h", "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert!(bench.find("HGETALL h").unwrap().starts_with('%'));
    bench.db = 1;
    assert_eq!(bench.find("HGETALL h"), None);
    bench.db = 0;
    bench.protocol = Protocol::Resp2;
    assert!(bench.find("HGETALL h").unwrap().starts_with('*'));
}

#[test]
fn a_write_takes_away_all_that_touches_its_keys_and_nothing_else() {
    let fill = |bench: &Bench| {
        bench.run("GET a", "$1\r\n1\r\n");
        bench.run("STRLEN a", ":1\r\n");
        bench.run("MGET b a", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
        bench.run("GET c", "$1\r\n1\r\n");
    };
    for write in ["SET a 2", "DEL z a", "INCR a", "RENAME z a", "GETEX a", "BLPOP z a 0"] {
        let bench = Bench::new();
        fill(&bench);
        let effect = bench.send(write, 1);
        for read in ["GET a", "STRLEN a", "MGET b a"] {
            assert_eq!(bench.find(read), None, "{read} after {write}");
        }
        assert!(bench.find("GET c").is_some(), "{write}");
        fill(&bench);
        bench.answer(write, 1, effect, ":1\r\n");
        for read in ["GET a", "STRLEN a", "MGET b a"] {
            assert_eq!(bench.find(read), None, "{read} after the reply to {write}");
        }
        assert!(bench.find("GET c").is_some(), "{write}");
    }
    for wide in ["FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "EVAL x 1 z", "FCALL f 0", "NO.SUCH z"] {
        let bench = Bench::new();
        fill(&bench);
        bench.run(wide, "+OK\r\n");
        assert_eq!((bench.find("GET c"), bench.find("MGET b a")), (None, None), "{wide}");
        fill(&bench);
        assert!(bench.find("GET c").is_some(), "{wide} is over");
    }
    for other in ["PING", "EVAL_RO x 1 a", "CONFIG GET x", "OBJECT ENCODING a", "PUBLISH c m"] {
        let bench = Bench::new();
        fill(&bench);
        bench.run(other, "+OK\r\n");
        assert!(bench.find("GET a").is_some() && bench.find("MGET b a").is_some(), "{other}");
    }
}

#[test]
fn a_reply_that_was_asked_for_before_a_write_was_answered_is_not_kept() {
    let bench = Bench::new();
    // On another connection, the write is answered while the read is on its way.
    let write = bench.send("SET k 2", 1);
    let read = bench.send("GET k", 2);
    bench.answer("SET k 2", 1, write, "+OK\r\n");
    bench.answer("GET k", 2, read, "$1\r\n1\r\n");
    assert_ne!(bench.find("GET k").as_deref(), Some("$1\r\n1\r\n"));
    // Lost instead of answered.
    let write = bench.send("INCR k", 1);
    let read = bench.send("GET k", 2);
    bench.cache.lose(write, &frame("INCR k"), 1);
    bench.answer("GET k", 2, read, "$1\r\n1\r\n");
    assert_eq!(bench.find("GET k"), None);
    // The read is answered first.
    let write = bench.send("INCR k", 1);
    bench.run("GET k", "$1\r\n1\r\n");
    bench.answer("INCR k", 1, write, ":2\r\n");
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn errors_too_large_replies_and_what_differs_each_time_are_not_kept() {
    let bench = Bench::new();
    for (words, reply) in [
        ("GET k", "-WRONGTYPE x\r\n".to_owned()),
        ("HGETALL k", "!5\r\nERR x\r\n".to_owned()),
        ("GET big", format!("$70000\r\n{}\r\n", "x".repeat(70_000))),
        ("SRANDMEMBER s", "$1\r\na\r\n".to_owned()),
        ("HSCAN h 0", "*0\r\n".to_owned()),
        ("TTL k", ":5\r\n".to_owned()),
        ("RANDOMKEY", "$1\r\na\r\n".to_owned()),
        ("KEYS *", "*0\r\n".to_owned()),
        ("EVAL_RO x 1 k", ":1\r\n".to_owned()),
        ("OBJECT IDLETIME k", ":1\r\n".to_owned()),
    ] {
        bench.run(words, &reply);
        assert_eq!(bench.find(words), None, "{words}");
    }
    assert_eq!(bench.cache.usage().keys, 1, "only the deadline that TTL told");
}

#[test]
fn of_keys_that_may_not_be_stale_nothing_is_kept() {
    let rule = |pattern: &str, fallback| Rule { fallback, max_stale: FOREVER, ..Rule::of(pattern) };
    let rules = [rule("none:*", Fallback::None), rule("local:*", Fallback::Local)];
    let bench = Bench { cache: cache_with(1 << 20, &rules), ..Bench::new() };
    for words in ["GET none:1", "MGET a none:1", "STRLEN local:1"] {
        bench.run(words, "$1\r\nv\r\n");
        assert_eq!(bench.find(words), None, "{words}");
    }
    bench.run("SET none:1 v", "+OK\r\n");
    assert_eq!(bench.find("GET none:1"), None);
    bench.run("GET a", "$1\r\nv\r\n");
    assert!(bench.find("GET a").is_some());
}

#[test]
fn what_was_set_is_there_to_be_read() {
    let mut bench = Bench::new();
    bench.run("SET k v1", "+OK\r\n");
    assert_eq!(bench.find("GET k").unwrap(), "$2\r\nv1\r\n");
    bench.protocol = Protocol::Resp3;
    assert_eq!(bench.find("get k").unwrap(), "$2\r\nv1\r\n");
    bench.run("SET k v2 NX", "_\r\n");
    assert_eq!(bench.find("GET k"), None);
    bench.run("SETEX k 10 v3", "+OK\r\n");
    assert_eq!(bench.find("GET k").unwrap(), "$2\r\nv3\r\n");
    bench.run("SET k v4", "-OOM x\r\n");
    assert_eq!(bench.find("GET k"), None);
    // Another connection writes at the same time: whose value it is nobody knows.
    let one = bench.send("SET k v5", 1);
    let two = bench.send("SET k v6", 2);
    bench.answer("SET k v5", 1, one, "+OK\r\n");
    bench.answer("SET k v6", 2, two, "+OK\r\n");
    assert_eq!(bench.find("GET k"), None);
    // The same connection: in order.
    let one = bench.send("SET k v7", 1);
    let two = bench.send("SET k v8", 1);
    bench.answer("SET k v7", 1, one, "+OK\r\n");
    bench.answer("SET k v8", 1, two, "+OK\r\n");
    assert_eq!(bench.find("GET k").unwrap(), "$2\r\nv8\r\n");
}

#[test]
fn what_is_too_old_is_not_found() {
    let mut bench = Bench::new();
    bench.run("GET k", "$1\r\nv\r\n");
    bench.pass(SECOND * 30);
    assert!(bench.find_younger("GET k", SECOND * 31).is_some());
    assert_eq!(bench.find_younger("GET k", SECOND * 30), None);
    bench.run("GET k", "$1\r\nv\r\n");
    assert!(bench.find_younger("GET k", SECOND).is_some(), "read again, it is young");
}

#[test]
fn another_reply_than_before_shows_that_all_of_the_key_is_stale() {
    let mut bench = Bench::new();
    bench.run("GET k", "$1\r\nv\r\n");
    bench.run("STRLEN k", ":1\r\n");
    bench.pass(SECOND);
    bench.run("GET k", "$2\r\nvw\r\n");
    assert_eq!(bench.find("STRLEN k"), None);
    assert_eq!(bench.find("GET k").unwrap(), "$2\r\nvw\r\n");
}

#[test]
fn what_is_kept_and_renewed_and_taken_away_is_counted() {
    let bench = Bench::new();
    let counts = |bench: &Bench| {
        let usage = bench.cache.usage();
        (usage.stored, usage.written, usage.crowded_out, usage.keys)
    };
    bench.run("SET a 1", "+OK\r\n");
    assert_eq!(counts(&bench), (1, 0, 0, 1));
    bench.run("GET a", "$1\r\n1\r\n");
    assert_eq!(counts(&bench), (2, 0, 0, 1), "found unchanged");
    bench.run("GET a", "$1\r\n1\r\n");
    assert_eq!(counts(&bench), (2, 0, 0, 1), "looked at a moment ago");
    bench.run("HGETALL h", "*0\r\n");
    assert_eq!(counts(&bench), (3, 0, 0, 2));
    bench.run("DEL a h", ":1\r\n");
    assert_eq!(counts(&bench), (3, 2, 0, 0));
}

#[test]
fn the_value_of_a_set_is_not_put_over_what_was_written_since() {
    let bench = Bench::new();
    // the same connection has sent another write, which is not answered yet
    let set = bench.send("SET k v1", 1);
    let append = bench.send("APPEND k w", 1);
    bench.answer("SET k v1", 1, set, "+OK\r\n");
    bench.answer("APPEND k w", 1, append, ":3\r\n");
    assert_eq!(bench.find("GET k"), None);
    // refused, it has set nothing
    bench.run("SET k v2", "-READONLY x\r\n");
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn of_two_connections_that_set_a_value_at_once_neither_is_put() {
    let bench = Bench::new();
    let one = bench.send("SET k v1 EX 100", 1);
    let two = bench.send("SET k v2 EX 100", 2);
    bench.answer("SET k v2 EX 100", 2, two, "+OK\r\n");
    bench.answer("SET k v1 EX 100", 1, one, "+OK\r\n");
    assert_eq!(bench.find("GET k"), None);
}

#[test]
fn what_scripts_and_the_like_may_have_written_is_known_of_every_key_of_a_reply() {
    let bench = Bench::new();
    bench.run("GET b", "$1\r\n1\r\n");
    bench.run("MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
    bench.run("EVAL x 0", "+OK\r\n");
    // one of its keys is known again, the other is not
    bench.run("GET a", "$1\r\n1\r\n");
    assert_eq!(bench.find("MGET a b"), None);
}

#[test]
fn the_younger_of_two_replies_stays() {
    let mut bench = Bench::new();
    let late = (bench.send("GET k", 1), bench.setting());
    bench.pass(SECOND);
    bench.run("GET k", "$1\r\n2\r\n");
    bench.cache.end(late.0, &frame("GET k"), b"$1\r\n1\r\n", 1, || late.1);
    assert_eq!(bench.find("GET k").unwrap(), "$1\r\n2\r\n");
}

#[test]
fn it_stays_within_its_bytes_and_forgets_no_counter() {
    let mut bench = Bench { cache: cache_of(1 << 20), ..Bench::new() };
    let value = format!("$1000\r\n{}\r\n", "x".repeat(1000));
    for n in 0..20_000 {
        bench.run(&format!("GET key:{n}"), &value);
        bench.pass(Duration::from_millis(1));
    }
    let usage = bench.cache.usage();
    assert!(usage.bytes <= 1 << 20 && usage.keys > 100, "{usage:?}");
    assert_eq!(usage.stored, 20_000);
    assert_eq!(usage.crowded_out + usage.keys, 20_000, "each key is there, or made room");
    // beside a key with more replies than there is room for
    for n in 20_000..40_000 {
        bench.run(&format!("GET key:{n}"), &value);
        bench.run(&format!("HGET hash f{n}"), &value);
        bench.pass(Duration::from_millis(1));
    }
    let usage = bench.cache.usage();
    assert!(usage.bytes <= 1 << 20 && usage.keys > 100, "{usage:?}");
    assert_eq!(usage.stored, 60_000);
    assert!(bench.find("GET key:39999").is_some());
    assert!((20_000..40_000).any(|n| bench.find(&format!("HGET hash f{n}")).is_some()));
    for n in 0..40_000 {
        bench.run(&format!("DEL key:{n}"), ":1\r\n");
    }
    bench.run("DEL hash", ":1\r\n");
    let after = bench.cache.usage();
    assert_eq!((after.bytes, after.keys, after.written), (0, 0, usage.keys));
    for n in 0..40_000 {
        let key = bench.cache.hash(format!("key:{n}").as_bytes());
        let count = bench.cache.slots.count(super::Slots::place(key), 1);
        assert!(!count.has_records, "key:{n}");
    }
}

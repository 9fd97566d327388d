//! What a real server cannot show in a test: time that passes as we say, memory that ends, and the
//! words for what the engine has not. The replies themselves are compared in tests/memory_engine.rs.

use super::{Engine, Facts, Now};
use crate::command;
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};

const START: u64 = 1_700_000_000_000;

fn ask_at(engine: &Engine, now: u64, protocol: Protocol, line: &str) -> String {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let mut frame = Vec::new();
    encode::command(&mut frame, &words);
    let request = Request::parse(&frame).unwrap();
    let mut out = Vec::new();
    let spec = command::lookup(request.name());
    engine.execute(&request, spec, 0, protocol, Now(now), &mut out);
    String::from_utf8(out).unwrap()
}

fn ask(engine: &Engine, line: &str) -> String {
    ask_at(engine, START, Protocol::Resp2, line)
}

fn used(engine: &Engine) -> usize {
    let info = ask(engine, "INFO memory");
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_key_lives_through_the_millisecond_of_its_deadline_and_no_longer() {
    let engine = Engine::new(0);
    ask(&engine, "SET k v PX 1000");
    let get = |after| ask_at(&engine, START + after, Protocol::Resp2, "GET k");
    assert_eq!(get(1000), "$1\r\nv\r\n");
    assert_eq!(get(1001), "$-1\r\n");
    assert_eq!(get(0), "$-1\r\n", "a key that was seen to be gone stays gone");
}

#[test]
fn a_deadline_that_has_passed_is_as_good_as_no_key_for_every_command() {
    for line in [
        "EXISTS k",
        "STRLEN k",
        "PERSIST k",
        "EXPIRE k 100",
        "DEL k",
        "GETEX k",
        "TYPE k",
        "KEYS *",
        "RANDOMKEY",
    ] {
        let engine = Engine::new(0);
        let never = ask_at(&engine, START + 10, Protocol::Resp2, line);
        ask(&engine, "SET k v PX 1");
        assert_eq!(ask_at(&engine, START + 10, Protocol::Resp2, line), never, "{line}");
    }
}

#[test]
fn a_counter_that_expired_begins_anew_and_without_its_deadline() {
    let engine = Engine::new(0);
    ask(&engine, "SET hits 41 PX 1");
    assert_eq!(ask_at(&engine, START + 2, Protocol::Resp2, "INCR hits"), ":1\r\n");
    assert_eq!(ask_at(&engine, START + 2, Protocol::Resp2, "TTL hits"), ":-1\r\n");
}

#[test]
fn expiry_removes_what_is_due_and_at_most_its_budget() {
    let engine = Engine::new(0);
    for number in 0..100 {
        ask(&engine, &format!("SET due:{number} v PX {}", 1 + number % 7));
        ask(&engine, &format!("SET later:{number} v EX 100"));
        ask(&engine, &format!("SET always:{number} v"));
    }
    assert_eq!(engine.expire_some(Now(START), 1000), 0);
    assert_eq!(engine.expire_some(Now(START + 50), 30), 30);
    assert_eq!(engine.expire_some(Now(START + 50), 1000), 70);
    assert_eq!(engine.expire_some(Now(START + 50), 1000), 0);
    assert_eq!(ask(&engine, "DBSIZE"), ":200\r\n");
    assert!(ask(&engine, "INFO stats").contains("expired_keys:100\r\n"));
}

#[test]
fn a_deadline_that_moved_does_not_expire_its_key() {
    let engine = Engine::new(0);
    for line in ["SET a v PX 5", "SET b v PX 5", "SET c v PX 5", "SET d v PX 5"] {
        ask(&engine, line);
    }
    for line in ["PERSIST a", "EXPIRE b 100", "SET c w", "SET d w KEEPTTL"] {
        ask(&engine, line);
    }
    assert_eq!(engine.expire_some(Now(START + 50), 100), 1);
    assert_eq!(ask(&engine, "EXISTS a b c"), ":3\r\n");
}

#[test]
fn every_byte_that_was_taken_is_given_back() {
    let engine = Engine::new(0);
    let empty = used(&engine);
    let fill = || {
        for number in 0..2_000 {
            ask(&engine, &format!("SET k:{number} {}", "v".repeat(number % 90)));
            ask(&engine, &format!("APPEND k:{} tail", number / 2));
            ask(&engine, &format!("EXPIRE k:{number} {}", 1 + number % 3));
            ask(&engine, &format!("INCR c:{}", number % 10));
            ask(&engine, &format!("GETEX k:{} PERSIST", number / 3));
            ask(&engine, &format!("HSET h:{} f{number} {}", number % 9, "v".repeat(number % 70)));
            ask(&engine, &format!("HDEL h:{} f{}", number % 7, number / 2));
        }
    };
    fill();
    assert!(used(&engine) > 2_000 * 64);
    for number in 0..2_000 {
        ask(&engine, &format!("EXPIRE k:{number} 1"));
    }
    engine.expire_some(Now(START + 5_000), usize::MAX);
    for number in 0..10 {
        ask(&engine, &format!("DEL c:{number} h:{number}"));
    }
    assert_eq!((used(&engine), ask(&engine, "DBSIZE").as_str()), (empty, ":0\r\n"));
    fill();
    ask(&engine, "FLUSHALL");
    assert_eq!(used(&engine), empty);
}

#[test]
fn when_memory_is_full_what_may_need_more_is_refused_and_the_rest_goes_on() {
    const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let engine = Engine::new(10_000);
    let value = "v".repeat(1_000);
    let stored = (0..100).take_while(|n| ask(&engine, &format!("SET k{n} {value}")) != OOM);
    let stored = stored.count();
    assert!((5..10).contains(&stored), "{stored} values of 1,000 bytes in 10,000");
    assert!(used(&engine) <= 10_000 + 200, "what surrounds the last value");
    assert_eq!(ask(&engine, &format!("APPEND k0 {value}")), OOM);
    assert_eq!(ask(&engine, &format!("GET k{stored}")), "$-1\r\n");
    assert_eq!(ask(&engine, "EXPIRE k0 100"), ":1\r\n");
    assert_eq!(ask(&engine, "DEL k0 k1"), ":2\r\n");
    assert_eq!(ask(&engine, &format!("SET again {value}")), "+OK\r\n");
    assert_eq!(ask(&Engine::new(10_000), &format!("SET big {}", "v".repeat(20_000))), OOM);
}

#[test]
fn a_command_that_the_engine_has_not_names_the_mode() {
    let engine = Engine::new(0);
    for (line, name) in [
        ("XADD s * f v", "'xadd'"),
        ("pfadd h a", "'pfadd'"),
        ("CONFIG SET maxmemory 1", "'config set'"),
        ("EVAL x 0", "'eval'"),
    ] {
        let reply = ask(&engine, line);
        let start = format!("-ERR {name} is not available with upstream memory://");
        assert!(reply.starts_with(&start), "{reply}");
        assert_eq!(reply.lines().count(), 1);
    }
}

#[test]
fn the_number_of_arguments_is_checked_for_every_command_that_the_engine_has() {
    let engine = Engine::new(0);
    let words = ask(&engine, "COMMAND LIST");
    let names = words.lines().filter_map(|line| command::lookup(line.as_bytes()));
    let names: Vec<_> = names.filter(|spec| super::commands::find(spec).is_some()).collect();
    assert!(names.len() > 40);
    for spec in names.iter().filter(|spec| !spec.is_container()) {
        for argc in (1..8).filter(|argc| !spec.fits(*argc)) {
            let line = format!("{}{}", spec.name, " x".repeat(argc - 1));
            let error = format!("-ERR wrong number of arguments for '{}' command\r\n", spec.name);
            assert_eq!(ask(&engine, &line), error);
        }
    }
}

#[test]
fn a_database_beyond_the_last_is_an_error() {
    let mut out = Vec::new();
    let request = Request::parse(b"*1\r\n$6\r\nDBSIZE\r\n").unwrap();
    let spec = command::lookup(b"dbsize");
    Engine::new(0).execute(&request, spec, 16, Protocol::Resp2, Now(START), &mut out);
    assert_eq!(out, b"-ERR DB index is out of range\r\n");
}

#[test]
fn info_has_the_sections_that_clients_read() {
    let engine = Engine::new(1024 * 1024);
    engine.note(Facts { tcp_port: 6379, connected_clients: 3, max_clients: 10, topics: [1, 2, 3] });
    ask(&engine, "SET k v EX 100");
    ask(&engine, "GET k");
    ask(&engine, "GET none");
    let info = ask_at(&engine, START + 90_000, Protocol::Resp2, "INFO");
    for line in [
        "# Server",
        "redis_version:7.0.15",
        "redis_mode:standalone",
        "tcp_port:6379",
        "uptime_in_seconds:90",
        "# Clients",
        "connected_clients:3",
        "# Memory",
        "maxmemory:1048576",
        "maxmemory_human:1.00M",
        "loading:0",
        "# Stats",
        "keyspace_hits:1",
        "keyspace_misses:1",
        "role:master",
        "# Keyspace",
        "db0:keys=1,expires=1,avg_ttl=10000",
    ] {
        assert!(info.lines().any(|shown| shown == line), "{line} is not in {info}");
    }
    let resp3 = ask_at(&engine, START, Protocol::Resp3, "INFO CLUSTER replication");
    let text = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n";
    assert_eq!(resp3, format!("={}\r\ntxt:{text}\r\n", text.len() + 4));
}

#[test]
fn command_lists_what_is_served_and_nothing_else() {
    let engine = Engine::new(0);
    let list = ask(&engine, "COMMAND LIST");
    let has = |name: &str| list.lines().any(|line| line == name);
    assert!(["get", "set", "incr", "config", "command", "hello", "select"].into_iter().all(has));
    assert!(!["xadd", "eval", "geoadd", "monitor", "pfadd"].into_iter().any(has));
    let count: usize = ask(&engine, "COMMAND COUNT")[1..].trim().parse().unwrap();
    assert!(list.starts_with(&format!("*{count}\r\n")));
    assert!(ask(&engine, "COMMAND").starts_with(&format!("*{count}\r\n*10\r\n")));
    assert!(ask(&engine, "COMMAND DOCS get").ends_with("$5\r\ngroup\r\n$6\r\nstring\r\n"));
}

#[test]
fn random_keys_come_from_all_over_the_database() {
    let engine = Engine::new(0);
    for number in 0..10 {
        ask(&engine, &format!("SET k{number} v"));
        ask(&engine, &format!("SET gone{number} v PX 1"));
    }
    let pick = |_| ask_at(&engine, START + 10, Protocol::Resp2, "RANDOMKEY");
    let seen: std::collections::BTreeSet<String> = (0..500).map(pick).collect();
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|key| key.contains('k')));
}

#[test]
fn many_threads_count_to_the_same_sum() {
    let engine = Engine::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| drop(ask(&engine, "INCR sum"))));
        }
    });
    assert_eq!(ask(&engine, "GET sum"), "$4\r\n4000\r\n");
}

#[test]
fn random_members_that_repeat_are_bounded() {
    let engine = Engine::new(0);
    ask(&engine, "ZADD z 1 a 2 b");
    let refused = ask(&engine, "ZRANDMEMBER z -1000000000000");
    assert_eq!(refused, "-ERR value is out of range\r\n");
    assert!(ask(&engine, "ZRANDMEMBER z -1000").starts_with("*1000\r\n"));
}

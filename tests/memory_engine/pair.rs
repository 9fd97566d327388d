//! An engine and a real redis-server that are asked the same, and what counts as the same reply.
//!
//! Most replies are compared to the byte. Those in no order are compared as sets, scans as wholes,
//! times within a second; random picks by their shape, and by whether the server has what the engine
//! picked. What the engine popped by chance is taken from the server too, so that both go on alike.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use redis_sidecar::command;
use redis_sidecar::memory::{Engine, Now};
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;

use super::words::{name, show, words};
use crate::harness::{Client, Redis, Value, escape};

/// No generator makes this key.
const SCRATCH: &[u8] = b"\x01scratch";

/// SORT of a small sorted set makes it a large one first, and a score of 1e-309 that it reads thereby leaves ERANGE in
/// errno (see [`Pair::level`]). Asked again, it has none to read.
const NOT_SORTED: &[u8] = b"-ERR One or more scores can't be converted into double";

/// What goes wrong, for people.
pub(super) type Outcome = Result<(), String>;

pub(super) struct Pair {
    engine: Engine,
    client: Client,
    protocol: Protocol,
    db: usize,
}

impl Pair {
    pub(super) fn new(redis: &Redis, protocol: Protocol) -> Self {
        let client = Client::connect(&redis.plain_address());
        let client = if protocol == Protocol::Resp3 { client.resp3() } else { client };
        Self { engine: Engine::new(256 * 1024 * 1024), client, protocol, db: 0 }
    }

    /// Both begin anew.
    pub(super) fn wipe(&mut self) {
        self.select(0);
        self.agree_on(&words("FLUSHALL")).unwrap();
    }

    /// Asks both, and says where they do not agree.
    pub(super) fn agree_on(&mut self, command: &[Vec<u8>]) -> Outcome {
        let args = command.get(1..).unwrap_or_default();
        match command[0].to_ascii_lowercase().as_slice() {
            b"select" => {
                self.select(std::str::from_utf8(&args[0]).unwrap().parse().unwrap());
                Ok(())
            }
            b"scan" if args.first().is_some_and(is_start) => self.scan(command, 1),
            b"hscan" | b"sscan" | b"zscan" if args.get(1).is_some_and(is_start) => {
                self.scan(command, 2)
            }
            b"scan" | b"hscan" | b"sscan" | b"zscan" => {
                // In the middle of no scan: what comes is left to chance.
                let (ours, real) = (self.ask_engine(command), self.ask_server(command));
                let is_scan = ours[0] == b'*' && real[0] == b'*';
                self.check(ours == real || is_scan, command, &ours, &real)
            }
            b"randomkey" | b"spop" | b"srandmember" | b"hrandfield" | b"zrandmember" => {
                self.pick(command)
            }
            _ => {
                self.level(command);
                let (ours, mut real) = (self.ask_engine(command), self.ask_server(command));
                if real.starts_with(NOT_SORTED) && ours != real {
                    self.level(command);
                    real = self.ask_server(command);
                }
                self.check(is_same(command, &ours, &real), command, &ours, &real)
            }
        }
    }

    /// Takes away what a reply of the server depends on beside the data.
    fn level(&mut self, command: &[Vec<u8>]) {
        match command[0].to_ascii_lowercase().as_slice() {
            // It refuses to compare numbers if any command before, of anybody, left ERANGE in errno, as
            // ZCOUNT z 1e400 0 does. This one sets errno to 0, and fails.
            b"sort" | b"sort_ro" => {
                self.client.call(&[b"INCRBYFLOAT", SCRATCH, b"x"]);
            }
            // A small integer may be one object of many keys, which was idle since the last of them was used.
            b"object" if command.len() == 3 && command[1].eq_ignore_ascii_case(b"IDLETIME") => {
                let shared = Value::Int(i64::from(i32::MAX));
                if self.client.call(&[&b"OBJECT"[..], b"REFCOUNT", &command[2]]) == shared {
                    let touch = [name("TOUCH"), command[2].clone()];
                    self.ask_engine(&touch);
                    self.ask_server(&touch);
                }
            }
            // It counts keys that are over and not removed yet; SCAN removes them.
            b"dbsize" => {
                self.client.call(&["SCAN", "0", "COUNT", "1000000"]);
                self.engine.expire_some(now(), usize::MAX);
            }
            _ => {}
        }
    }

    fn check(&self, holds: bool, command: &[Vec<u8>], ours: &[u8], real: &[u8]) -> Outcome {
        let (ours, real) = (escape(ours), escape(real));
        let said =
            format!("{}, {:?}\n engine: {ours}\n  redis: {real}", show(command), self.protocol);
        if holds { Ok(()) } else { Err(said) }
    }

    /// A whole scan on each side, its cursor the argument `at`.
    fn scan(&mut self, command: &[Vec<u8>], at: usize) -> Outcome {
        let (mut ours, mut real) = (Vec::new(), Vec::new());
        for (replies, is_engine) in [(&mut ours, true), (&mut real, false)] {
            let mut command = command.to_vec();
            loop {
                let reply =
                    if is_engine { self.ask_engine(&command) } else { self.ask_server(&command) };
                replies.push(reply);
                let Value::Array(parts) = Value::parse(&replies[replies.len() - 1]) else { break };
                command[at] = parts[0].text().into_bytes();
                if command[at] == b"0" {
                    break;
                }
            }
        }
        let is_error = real[0].starts_with(b"-");
        let is_paired = !matches!(command[0].to_ascii_lowercase().as_slice(), b"scan" | b"sscan");
        let holds =
            if is_error { ours == real } else { all(&ours, is_paired) == all(&real, is_paired) };
        self.check(holds, command, &ours.concat(), &real.concat())
    }

    /// A random pick: the engine's is what counts.
    fn pick(&mut self, command: &[Vec<u8>]) -> Outcome {
        let ours = self.ask_engine(command);
        let picked = Value::parse(&ours);
        let elements = flat(&picked);
        let kind = command[0].to_ascii_lowercase();
        if elements.is_empty() {
            let real = self.ask_server(command);
            return self.check(ours == real, command, &ours, &real);
        }
        if kind == b"randomkey" {
            let real = self.ask_server(command);
            let exists = self.ask_server(&[name("EXISTS"), elements[0].clone()]);
            let holds = exists == b":1\r\n" && is_alike(&picked, &Value::parse(&real));
            return self.check(holds, command, &ours, &real);
        }
        let key = command[1].clone();
        self.client.call(&[b"COPY", key.as_slice(), SCRATCH, b"REPLACE"]);
        let mut scratch = command.to_vec();
        scratch[1] = SCRATCH.to_vec();
        let real = self.ask_server(&scratch);
        self.client.call(&[b"DEL", SCRATCH]);
        // With WITHVALUES or WITHSCORES each has something beside it.
        let step = if command.len() > 3 { 2 } else { 1 };
        let names: Vec<Vec<u8>> = elements.iter().step_by(step).cloned().collect();
        let may_repeat = command.get(2).is_some_and(|count| count.starts_with(b"-"));
        let once: BTreeSet<&Vec<u8>> = names.iter().collect();
        let are_there = self.has_all(&kind, &key, &names);
        let holds = is_alike(&picked, &Value::parse(&real))
            && are_there
            && (may_repeat || once.len() == names.len());
        self.check(holds, command, &ours, &real)
    }

    /// Whether the server's collection has these elements; those that were popped it has no more.
    fn has_all(&mut self, kind: &[u8], key: &[u8], elements: &[Vec<u8>]) -> bool {
        let verb = match kind {
            b"spop" => "SREM",
            b"srandmember" => "SMISMEMBER",
            b"hrandfield" => "HMGET",
            _ => "ZMSCORE",
        };
        let ask = [&[name(verb), key.to_vec()], elements].concat();
        match self.client.call(&ask) {
            Value::Int(removed) => usize::try_from(removed).unwrap() == elements.len(),
            Value::Array(found) => {
                found.len() == elements.len()
                    && found.iter().all(|found| !matches!(found, Value::Nil | Value::Int(0)))
            }
            _ => false,
        }
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
    pub(super) fn select(&mut self, db: usize) {
        self.client.call(&["SELECT", &db.to_string()]);
        self.db = db;
    }
}

fn now() -> Now {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now(u64::try_from(elapsed.as_millis()).unwrap())
}

fn is_same(command: &[Vec<u8>], ours: &[u8], real: &[u8]) -> bool {
    if ours == real {
        return true;
    }
    match command[0].to_ascii_lowercase().as_slice() {
        b"keys" | b"config" | b"hgetall" | b"hkeys" | b"hvals" | b"smembers" | b"sinter"
        | b"sunion" | b"sdiff" => {
            let is_map =
                matches!(command[0].to_ascii_lowercase().as_slice(), b"config" | b"hgetall");
            let sorted = |bytes: &[u8]| {
                let step = if is_map { 2 } else { 1 };
                let mut items: Vec<Vec<Vec<u8>>> =
                    flat(&Value::parse(bytes)).chunks(step).map(<[_]>::to_vec).collect();
                items.sort();
                items
            };
            ours[0] == real[0] && sorted(ours) == sorted(real)
        }
        // Redis compares texts up to a zero byte, and leaves the rest to chance.
        b"sort" | b"sort_ro" if ours.contains(&0) => {
            let sorted = |bytes: &[u8]| {
                let mut items = flat(&Value::parse(bytes));
                items.sort();
                items
            };
            sorted(ours) == sorted(real)
        }
        b"pttl" | b"ttl" | b"pexpiretime" | b"expiretime" => {
            let both = [ours, real].map(|bytes| match Value::parse(bytes) {
                Value::Int(number) if number > 0 => Some(number),
                _ => None,
            });
            matches!(both, [Some(ours), Some(real)] if ours.abs_diff(real) < 1_000)
        }
        // Whether a small integer is a shared one depends on how the key came by it.
        b"object" if command[1].eq_ignore_ascii_case(b"REFCOUNT") => {
            let count = |bytes: &[u8]| bytes == b":1\r\n" || bytes == b":2147483647\r\n";
            count(ours) && count(real)
        }
        b"object" if command[1].eq_ignore_ascii_case(b"IDLETIME") => {
            let both = [ours, real].map(Value::parse);
            matches!(both, [Value::Int(ours), Value::Int(real)] if ours.abs_diff(real) < 2)
        }
        _ => false,
    }
}

/// Of a scan: Redis reads nothing as 0.
fn is_start(cursor: &Vec<u8>) -> bool {
    cursor == b"0" || cursor.is_empty()
}

/// Everything that the calls of a scan returned, each element once.
fn all(replies: &[Vec<u8>], is_paired: bool) -> BTreeSet<Vec<Vec<u8>>> {
    let found = replies.iter().flat_map(|reply| match Value::parse(reply) {
        Value::Array(parts) => flat(&parts[1]),
        other => panic!("no reply to a scan: {other:?}"),
    });
    let found: Vec<Vec<u8>> = found.collect();
    found.chunks(if is_paired { 2 } else { 1 }).map(<[_]>::to_vec).collect()
}

/// The strings in a reply, in order.
fn flat(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::Array(items) | Value::Set(items) => items.iter().flat_map(flat).collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(k, v)| [flat(k), flat(v)].concat()).collect(),
        Value::Bulk(bytes) => vec![bytes.clone()],
        Value::Other(text) => vec![text.clone().into_bytes()],
        _ => Vec::new(),
    }
}

/// The same types and lengths, whatever the strings.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) | (Value::Set(one), Value::Set(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_alike(a, b))
        }
        (Value::Bulk(_), Value::Bulk(_)) | (Value::Other(_), Value::Other(_)) => true,
        (one, other) => one == other,
    }
}

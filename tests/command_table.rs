//! The command table against a real server: every column of COMMAND, and the key positions of
//! concrete calls against COMMAND GETKEYSANDFLAGS.
//!
//! Both ways: what the server lists we know, and what we know it lists, except what `since` says
//! is newer. The columns of servers newer than 7.0 differ in places; there, only arity and key
//! specs of the older rows are compared, and all of the newer ones. Another server is compared by
//! being the first redis-server in PATH.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::Value;
use redis_sidecar::command::keys::{Access, Begin, Find, positions};
use redis_sidecar::command::{Spec, all, lookup};
use rows::{Row, compare, list, word};

/// Calls whose keys are in odd places. All other commands get a generated one.
const ODD_CALLS: &[&str] = &[
    "BITFIELD k GET u8 0 GET u8 1",
    "BITFIELD k OVERFLOW SAT INCRBY u8 0 1",
    "BITFIELD k GET u8 0 SET u8 0 1",
    "BITOP AND dst a b c",
    "BITOP NOT dst a",
    "BLMPOP 0 2 a b LEFT COUNT 10",
    "BLPOP a b c 0",
    "BRPOPLPUSH a b 0",
    "BZMPOP 0 2 a b MIN",
    "BZPOPMAX a b 0",
    "COPY a b DB 3 REPLACE",
    "DEL a b c",
    "EVAL script 0",
    "EVAL script 0 x y",
    "EVAL script 2 a b x y",
    "EVALSHA_RO sha 1 a x",
    "FCALL f 2 a b x",
    "FCALL_RO f 0 x",
    "GEORADIUS k 1 2 3 km",
    "GEORADIUS k 1 2 3 km WITHCOORD COUNT 5 ANY ASC",
    "GEORADIUS k 1 2 3 km COUNT 5 STORE dst",
    "GEORADIUS k 1 2 3 km WITHDIST DESC STOREDIST dst",
    "GEORADIUSBYMEMBER k m 3 km STORE dst",
    "GEORADIUSBYMEMBER k m 3 km STOREDIST dst",
    "GEOSEARCHSTORE dst src FROMMEMBER m BYRADIUS 1 km STOREDIST",
    "LCS a b LEN",
    "LMPOP 2 a b RIGHT COUNT 2",
    "MEMORY USAGE k SAMPLES 5",
    "MGET a b c",
    "MIGRATE host 6379 k 0 5000",
    "MIGRATE host 6379 k 0 5000 COPY REPLACE AUTH keys",
    "MIGRATE host 6379 '' 0 5000 KEYS a b c",
    "MIGRATE host 6379 '' 0 5000 COPY AUTH2 user pass KEYS a",
    "MSET a 1 b 2 c 3",
    "MSETNX a 1 b 2",
    "OBJECT FREQ k",
    "PFCOUNT a b",
    "PFMERGE dst a b",
    "RENAME a b",
    "SDIFFSTORE dst a b",
    "SET k v",
    "SET k v EX 10 NX",
    "SET k v GET",
    "SET k v KEEPTTL get",
    "SINTERCARD 2 a b LIMIT 5",
    "SMOVE a b m",
    "SORT k",
    "SORT k ALPHA DESC LIMIT 0 5",
    "SORT k BY w_* GET # GET o_* ASC STORE dst",
    "SORT k STORE x STORE dst",
    "SORT_RO k BY w_* GET o_*->f",
    "WATCH a b",
    "XADD k NOMKSTREAM MAXLEN ~ 10 * f v",
    "XAUTOCLAIM k g c 0 0",
    "XGROUP CREATE k g $ MKSTREAM",
    "XINFO STREAM k FULL",
    "XREAD STREAMS a 0",
    "XREAD COUNT 5 BLOCK 0 STREAMS a b c 0 0 0",
    "XREADGROUP GROUP g c STREAMS a >",
    "XREADGROUP GROUP g c COUNT 5 BLOCK 0 NOACK STREAMS a b > >",
    "ZDIFF 2 a b WITHSCORES",
    "ZDIFFSTORE dst 2 a b",
    "ZINTERCARD 2 a b LIMIT 1",
    "ZMPOP 2 a b MAX COUNT 3",
    "ZRANGESTORE dst src 0 -1",
    "ZUNION 2 a b WEIGHTS 1 2 AGGREGATE SUM",
    "ZUNIONSTORE dst 3 a b c WEIGHTS 1 2 3",
];

/// SINTERSTORE does not look at what it overwrites, as 7.0 says of it.
const CORRECTED: &str = "sinterstore";

/// Calls whose number of keys can't be: neither we nor the server name any.
const WRONG_CALLS: &[&str] = &[
    "EVAL script 3 a b",
    "EVAL script -1 a",
    "EVAL script x a",
    "LMPOP 3 a LEFT",
    "ZUNIONSTORE dst 9 a b",
    "XREAD COUNT 1 a",
];

#[test]
fn every_row_is_what_the_server_says() {
    let mut server = Server::start();
    let theirs = server.commands();
    let ours: BTreeMap<String, Row> =
        all().map(|spec| (spec.name.to_owned(), Row::of_spec(spec, server.version))).collect();
    let mut faults = Vec::new();
    compare(&ours, &theirs, server.version, &mut faults);
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_key_is_where_the_server_finds_it() {
    let mut server = Server::start();
    let mut calls: Vec<Call> = ODD_CALLS.iter().map(|line| words(line)).collect();
    calls.extend(leaves().filter(|spec| spec.since <= server.version).filter_map(generated_call));
    let rows = server.commands();
    let modules: BTreeSet<_> =
        rows.iter().filter(|(_, row)| row.is_of_module()).map(|(name, _)| name.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for call in &calls {
        let ours = our_keys(call);
        let theirs = server.keys(call);
        if ours.as_ref().is_ok_and(|keys| !keys.is_empty()) {
            seen.insert(text(&call[..1]).to_lowercase());
        }
        let name = text(&call[..1]).to_lowercase();
        let is_coarse = server.version > (7, 0) && (name == CORRECTED || modules.contains(&name));
        if ours != theirs && !(is_coarse && places(&ours) == places(&theirs)) {
            faults.push(format!("{}: ours {ours:?}, theirs {theirs:?}", text(call)));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
    for spec in leaves().filter(|spec| spec.since <= server.version && takes_keys(spec)) {
        let name = spec.name.split('|').next().expect("a name");
        assert!(seen.contains(name), "no call shows the keys of {name}");
    }
}

#[test]
fn a_call_whose_keys_can_not_be_told_is_refused_by_both() {
    let mut server = Server::start();
    for line in WRONG_CALLS {
        let call = words(line);
        assert!(our_keys(&call).is_err(), "{line}");
        assert!(!server.keys(&call).is_ok_and(|keys| !keys.is_empty()), "{line}");
    }
}

type Call = Vec<Vec<u8>>;
/// Keys with the names of their access flags, in the order of the arguments.
type KeysOfCall = Result<Vec<(String, BTreeSet<String>)>, String>;

/// Every command that can be called by itself: subcommands in place of their containers.
fn leaves() -> impl Iterator<Item = &'static Spec> {
    let own = |spec: &'static Spec| (!spec.is_container()).then_some(spec);
    all().flat_map(move |spec| spec.subcommands.iter().chain(own(spec)))
}

fn takes_keys(spec: &Spec) -> bool {
    spec.keys.iter().any(|key| !key.access.contains(Access::NOT_KEY))
}

/// The shortest call of a command, with one key where it says how many; `None` where its keys
/// follow a keyword, or where the server has no way to ask about a name without arguments.
fn generated_call(spec: &Spec) -> Option<Call> {
    if spec.name == "pfmerge" {
        // It runs without a source, but GETKEYS calls that invalid.
        return None;
    }
    let mut call: Call = spec.name.split('|').map(|word| word.into()).collect();
    let least = usize::from(spec.arity.unsigned_abs()).max(if spec.arity < 0 { 2 } else { 0 });
    while call.len() < least {
        call.push(format!("arg{}", call.len()).into());
    }
    for key in spec.keys {
        match (key.begin, key.find) {
            (Begin::Keyword(..), _) if spec.first_key == 0 => return None,
            (Begin::Index(at), Find::Count { .. }) => {
                let at = usize::from(at.unsigned_abs());
                call[at] = b"1".to_vec();
                call.resize(call.len().max(at + 2), b"key".to_vec());
            }
            _ => {}
        }
    }
    (call.len() > 1).then_some(call)
}

fn our_keys(call: &Call) -> KeysOfCall {
    let spec = lookup(&call[0]).ok_or("unknown")?;
    let keys = positions(spec, call.as_slice()).map_err(|error| error.to_string())?;
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort_by_key(|key| key.index);
    let names = |access: Access| access.names().map(str::to_owned).collect();
    Ok(keys.iter().map(|key| (text(&call[key.index..=key.index]), names(key.access))).collect())
}

/// Which arguments are keys, whatever is done to them.
fn places(keys: &KeysOfCall) -> Option<Vec<&str>> {
    keys.as_ref().ok().map(|keys| keys.iter().map(|(name, _)| &**name).collect())
}

fn words(line: &str) -> Call {
    line.split(' ').map(|word| if word == "''" { Vec::new() } else { word.into() }).collect()
}

fn text(words: &[Vec<u8>]) -> String {
    words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
}

/// A redis-server of its own on a Unix socket, so that no port is taken; gone when dropped.
struct Server {
    process: Child,
    connection: redis::Connection,
    version: (u8, u8),
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed for this test: apt-get install redis-server");
        let client = redis::Client::open(format!("redis+unix://{}", socket.display()))
            .expect("a client for a Unix socket");
        let give_up = Instant::now() + Duration::from_secs(10);
        let mut connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                Err(error) => assert!(Instant::now() < give_up, "redis-server: {error}"),
            }
            sleep(Duration::from_millis(10));
        };
        let info: String =
            redis::cmd("INFO").arg("server").query(&mut connection).expect("INFO's reply");
        let version = version(&info);
        Self { process, connection, version, _folder: folder }
    }

    fn commands(&mut self) -> BTreeMap<String, Row> {
        let reply: Value =
            redis::cmd("COMMAND").query(&mut self.connection).expect("COMMAND's reply");
        list(&reply).iter().map(Row::of_reply).collect()
    }

    /// What the server takes for keys, sorted as they come in the call.
    fn keys(&mut self, call: &Call) -> KeysOfCall {
        let mut ask = redis::cmd("COMMAND");
        ask.arg("GETKEYSANDFLAGS").arg(call);
        match ask.query::<Value>(&mut self.connection) {
            Ok(reply) => {
                let flags = |key: &Value| list(key).iter().map(word).collect();
                let mut keys: Vec<_> = list(&reply)
                    .iter()
                    .map(|key| (word(&list(key)[0]), flags(&list(key)[1])))
                    .collect();
                let place = |name: &str| call.iter().position(|arg| arg == name.as_bytes());
                keys.sort_by_key(|(name, _)| place(name));
                Ok(keys)
            }
            Err(error) if error.to_string().contains("no key arguments") => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn version(info: &str) -> (u8, u8) {
    let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    let mut parts = line.expect("redis_version in INFO").split('.');
    let mut part = || parts.next().and_then(|part| part.parse().ok()).expect("a version");
    (part(), part())
}

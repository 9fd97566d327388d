//! Commands under rules, word by word.

use super::{Judged, Meters, Moment, Rules};
use crate::command;
use crate::config::{Access, Per, Rate, Rule, Ttl};
use crate::policy::refusal::Refusal;
use crate::wire::decode::{Decoded, Decoder, Limits, Request};
use crate::wire::encode;
use std::time::{Duration, Instant};

/// What the wall clock says.
const WALL: u64 = 1_700_000_000_000;

struct Bench {
    rules: Rules,
    meters: Meters,
    tried: Vec<Refusal>,
    out: Vec<u8>,
    at: Moment,
}

impl Bench {
    fn new(rules: &[Rule], default_access: Access) -> Self {
        let instant = Instant::now();
        Self {
            rules: Rules::new(rules, default_access, "default", instant),
            meters: Meters::default(),
            tried: Vec::new(),
            out: Vec::new(),
            at: Moment { instant, unix_ms: WALL },
        }
    }

    fn judge(&mut self, line: &str) -> Judged {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut frame = Vec::new();
        encode::command(&mut frame, &words);
        let request = Request::parse(&frame).unwrap();
        self.out.clear();
        let spec = command::lookup(request.name());
        let out = (&mut self.out, &mut self.tried);
        self.rules.judge(spec, &request, Some(self.at), &mut self.meters, out)
    }

    /// The rule that refuses; empty for none.
    fn rule(&mut self, line: &str) -> String {
        match self.judge(line) {
            Judged::Refused(refusal) => refusal.rule.into_owned(),
            _ => String::new(),
        }
    }

    /// What is sent: the command as it was changed, or with what follows it; the same for a command that passes.
    fn sent(&mut self, line: &str) -> String {
        match self.judge(line) {
            Judged::Pass => line.to_owned(),
            Judged::Changed => lines(&self.out).join(" ; "),
            Judged::Followed => format!("{line} ; {}", lines(&self.out).join(" ; ")),
            Judged::Refused(refusal) => format!("-{}", refusal.rule),
        }
    }
}

/// Requests as lines.
fn lines(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(Decoded::Request(request)) = Decoder::new().decode(bytes, &Limits::DEFAULT) {
        let words = request.args().map(String::from_utf8_lossy);
        lines.push(words.collect::<Vec<_>>().join(" "));
        bytes = &bytes[request.bytes().len()..];
    }
    lines
}

fn access(pattern: &str, access: Access) -> Rule {
    Rule { access, ..Rule::of(pattern) }
}

fn ttl(pattern: &str, default: u64, max: u64, require: bool) -> Rule {
    let span = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
    let ttl = Ttl { default: span(default), max: span(max), require };
    Rule { ttl: Some(ttl), ..Rule::of(pattern) }
}

#[test]
fn keys_are_read_or_written_as_the_first_rule_that_matches_says() {
    let mut bench = Bench::new(
        &[
            access("cfg:secret", Access::None),
            access("cfg:*", Access::ReadOnly),
            access("tmp:*", Access::ReadWrite),
        ],
        Access::ReadOnly,
    );
    for (line, expected) in [
        ("GET cfg:a", ""),
        ("GET cfg:secret", "rules[0].access"),
        ("EXISTS cfg:a cfg:secret", "rules[0].access"),
        ("SET cfg:a 1", "rules[1].access"),
        ("MSET tmp:a 1 cfg:a 2", "rules[1].access"),
        ("SET tmp:a 1", ""),
        ("SET other 1", "default_access"),
        ("GET other", ""),
        ("COPY cfg:a tmp:a", ""),
        ("RENAME cfg:a tmp:a", "rules[1].access"),
        ("SUNIONSTORE tmp:a cfg:a cfg:b", ""),
        ("SORT cfg:a STORE tmp:a", ""),
        ("SORT cfg:a STORE cfg:b", "rules[1].access"),
        ("SORT tmp:a BY cfg:*", "rules.unreadable"),
        ("SORT tmp:a BY nosort GET #", ""),
        ("PFCOUNT cfg:a", ""),
        ("XREAD STREAMS cfg:a 0", ""),
        ("XREADGROUP GROUP g c STREAMS cfg:a >", "rules[1].access"),
        ("GETEX cfg:a", "rules[1].access"),
        ("OBJECT ENCODING cfg:secret", "rules[0].access"),
        ("OBJECT ENCODING cfg:a", ""),
        ("EVAL x 1 cfg:a", "rules[1].access"),
        ("EVAL_RO x 1 cfg:a", ""),
        ("EVAL x 0 cfg:secret", ""),
        ("WATCH cfg:a", ""),
        ("BLPOP tmp:a cfg:a 0", "rules[1].access"),
        ("FLUSHDB", "rules.unreadable"),
        ("SWAPDB 0 1", "rules.unreadable"),
        ("MONITOR", "rules.unreadable"),
        ("KEYS *", ""),
        ("SCAN 0", ""),
        ("PING", ""),
        ("GET", "arity"),
        ("ZUNION x cfg:a", "rules.unreadable"),
        ("XREAD COUNT STREAMS", "arity"),
        ("XREAD COUNT 1 STREAMS a", "rules.unreadable"),
        ("PUBLISH cfg:secret m", ""),
    ] {
        assert_eq!(bench.rule(line), expected, "{line}");
    }
    assert!(bench.rules.is_strict());
    assert_eq!(
        bench.rules.labels(),
        ["rules[0].access", "rules[1].access", "default_access", "rules.unreadable"]
    );
}

#[test]
fn a_refusal_says_who_what_and_which_rule_and_shows_no_value() {
    let mut bench = Bench::new(&[access("a", Access::ReadOnly)], Access::ReadWrite);
    let Judged::Refused(refusal) = bench.judge("SET a hunter2") else { panic!("it passed") };
    assert_eq!(
        refusal.text,
        "NOPERM User default has no permissions to write the key 'a' by 'set' (rules[0].access)"
    );
    assert_eq!((refusal.key.as_deref(), refusal.is_dry_run), (Some(&b"a"[..]), false));
    let Judged::Refused(refusal) = bench.judge("GET") else { panic!("it passed") };
    assert_eq!(refusal.text, "ERR wrong number of arguments for 'get' command");
}

#[test]
fn a_rule_that_is_only_tried_lets_pass_and_tells() {
    let mut rule = access("a", Access::None);
    rule.dry_run = true;
    rule.ttl = Some(Ttl { default: Some(Duration::from_secs(9)), max: None, require: false });
    let mut bench = Bench::new(&[rule, access("b", Access::ReadOnly)], Access::ReadWrite);
    assert_eq!(bench.sent("SET a 1"), "SET a 1");
    assert_eq!(bench.sent("MSET a 1 a 2"), "MSET a 1 a 2");
    assert_eq!(bench.tried.len(), 1, "once: {:?}", bench.tried);
    assert!(bench.tried[0].is_dry_run && bench.tried[0].rule == "rules[0].access");
    assert_eq!(bench.sent("MSET a 1 b 2"), "-rules[1].access", "others hold");
    let mut only = access("a", Access::None);
    only.dry_run = true;
    let mut bench = Bench::new(&[only], Access::ReadWrite);
    assert!(!bench.rules.is_strict() && bench.rule("FLUSHALL").is_empty());
}

#[test]
fn set_gets_a_deadline_and_a_late_one_is_shortened() {
    let mut bench =
        Bench::new(&[ttl("t:*", 60, 600, false), ttl("m:*", 0, 600, false)], Access::ReadWrite);
    let soon = WALL / 1000 + 600;
    for (line, expected) in [
        ("SET t:a v", "SET t:a v PX 60000"),
        ("set t:a v nx get", "set t:a v nx get PX 60000"),
        ("SET m:a v", "SET m:a v PX 600000"),
        ("SET t:a v EX 600", "SET t:a v EX 600"),
        ("SET t:a v EX 601", "SET t:a v EX 600"),
        ("SET t:a v px 600001 NX", "SET t:a v px 600000 NX"),
        ("SET t:a EX 5", "SET t:a EX 5 PX 60000"),
        ("SET t:a v IFEQ EX", "SET t:a v IFEQ EX PX 60000"),
        ("SET t:a v EXAT 9999999999", &format!("SET t:a v EXAT {soon}")),
        ("SET t:a v PXAT 9999999999999", &format!("SET t:a v PXAT {soon}000")),
        ("SET t:a v EXAT 1700000001", "SET t:a v EXAT 1700000001"),
        ("SET t:a v EX nonsense", "SET t:a v EX nonsense"),
        ("SET t:a v EX -1", "SET t:a v EX -1"),
        ("SET t:a v EX", "SET t:a v EX"),
        ("SET t:a v KEEPTTL", "SET t:a v KEEPTTL ; PEXPIRE t:a 60000 NX"),
        ("SETEX t:a 9999999 v", "SETEX t:a 600 v"),
        ("PSETEX t:a 9999999 v", "PSETEX t:a 600000 v"),
        ("EXPIRE t:a 601 GT", "EXPIRE t:a 600 GT"),
        ("EXPIRE t:a 9223372036854775807", "EXPIRE t:a 600"),
        ("PEXPIRE t:a 600001", "PEXPIRE t:a 600000"),
        ("EXPIREAT t:a 9999999999", &format!("EXPIREAT t:a {soon}")),
        ("PEXPIREAT t:a 1700000000001", "PEXPIREAT t:a 1700000000001"),
        ("GETEX t:a EX 601", "GETEX t:a EX 600"),
        ("GETEX t:a", "GETEX t:a"),
        ("GETEX t:a PERSIST", "-rules[0].ttl"),
        ("PERSIST t:a", "-rules[0].ttl"),
        ("RESTORE t:a 0 x", "RESTORE t:a 60000 x"),
        ("RESTORE t:a 700000 x REPLACE", "RESTORE t:a 600000 x REPLACE"),
        ("RESTORE t:a 0 x ABSTTL", &format!("RESTORE t:a {} x ABSTTL", WALL + 60_000)),
        ("SET other v", "SET other v"),
        ("PERSIST other", "PERSIST other"),
        ("GET t:a", "GET t:a"),
    ] {
        assert_eq!(bench.sent(line), expected, "{line}");
    }
}

#[test]
fn what_can_carry_no_deadline_is_followed_by_one() {
    let mut bench =
        Bench::new(&[ttl("t:*", 60, 0, true), ttl("m:*", 5, 600, false)], Access::ReadWrite);
    let nx = |line: &str, key: &str| (line.to_owned(), format!("{line} ; PEXPIRE {key} 60000 NX"));
    for (line, expected) in [
        nx("HSET t:a f v", "t:a"),
        nx("LPUSH t:a v", "t:a"),
        nx("SADD t:a v", "t:a"),
        nx("ZADD t:a 1 v", "t:a"),
        nx("XADD t:a * f v", "t:a"),
        nx("INCR t:a", "t:a"),
        nx("APPEND t:a v", "t:a"),
        nx("SETNX t:a v", "t:a"),
        nx("GETSET t:a v", "t:a"),
        nx("SETBIT t:a 1 1", "t:a"),
        nx("PFADD t:a v", "t:a"),
        nx("GEOADD t:a 1 1 v", "t:a"),
        nx("BITOP AND t:a t:b t:c", "t:a"),
        nx("SUNIONSTORE t:a t:b", "t:a"),
        nx("ZUNIONSTORE t:a 1 t:b", "t:a"),
        nx("SORT t:b STORE t:a", "t:a"),
        nx("LMOVE t:b t:a LEFT LEFT", "t:a"),
        nx("BLMOVE t:b t:a LEFT LEFT 0", "t:a"),
        nx("SMOVE t:b t:a v", "t:a"),
        nx("RENAME t:b t:a", "t:a"),
        nx("COPY other t:a", "t:a"),
        nx("EVAL x 1 t:a", "t:a"),
        nx("XGROUP CREATE t:a g $ MKSTREAM", "t:a"),
    ] {
        assert_eq!(bench.sent(&line), expected);
    }
    for (line, expected) in [
        (
            "MSET t:a 1 o 2 t:b 3",
            "MSET t:a 1 o 2 t:b 3 ; PEXPIRE t:a 60000 NX ; PEXPIRE t:b 60000 NX",
        ),
        ("RENAME o m:a", "RENAME o m:a ; PEXPIRE m:a 5000 NX ; PEXPIRE m:a 600000 LT"),
        ("EVAL x 1 m:a", "EVAL x 1 m:a ; PEXPIRE m:a 5000 NX ; PEXPIRE m:a 600000 LT"),
        ("HSET m:a f v", "HSET m:a f v ; PEXPIRE m:a 5000 NX"),
        ("LPUSHX t:a v", "LPUSHX t:a v"),
        ("LSET t:a 0 v", "LSET t:a 0 v"),
        ("DEL t:a", "DEL t:a"),
        ("LPOP t:a", "LPOP t:a"),
        ("EVAL_RO x 1 t:a", "EVAL_RO x 1 t:a"),
        ("SORT t:a", "SORT t:a"),
        ("BITFIELD t:a GET u8 0", "BITFIELD t:a GET u8 0"),
    ] {
        assert_eq!(bench.sent(line), expected, "{line}");
    }
}

#[test]
fn where_a_deadline_is_required_and_none_is_filled_in_the_command_must_carry_one() {
    let mut bench = Bench::new(&[ttl("t:*", 0, 600, true)], Access::ReadWrite);
    for line in [
        "SET t:a v",
        "SET t:a v KEEPTTL",
        "SETNX t:a v",
        "MSET o 1 t:a v",
        "HSET t:a f v",
        "INCR t:a",
        "PERSIST t:a",
        "GETEX t:a PERSIST",
        "RESTORE t:a 0 x",
        "RENAME o t:a",
        "COPY o t:a",
        "EVAL x 1 t:a",
        "SORT o STORE t:a",
    ] {
        assert_eq!(bench.rule(line), "rules[0].ttl", "{line}");
    }
    for line in [
        "SET t:a v EX 5",
        "SETEX t:a 5 v",
        "RESTORE t:a 5 x",
        "LPUSHX t:a v",
        "GET t:a",
        "RENAME t:a o",
    ] {
        assert_eq!(bench.sent(line), line);
    }
    let Judged::Refused(refusal) = bench.judge("HSET t:a f secret") else { panic!("it passed") };
    assert!(refusal.text.starts_with("DENIED user default must give the key 't:a' a time to live"));
    assert!(!refusal.text.contains("secret"));
}

#[test]
fn no_argument_brings_more_than_a_value_may_have() {
    let small = |pattern: &str, size| Rule { max_value: Some(size), ..Rule::of(pattern) };
    let mut bench = Bench::new(&[small("s:*", 10), small("b:*", 20)], Access::ReadWrite);
    let (ten, eleven) = ("x".repeat(10), "x".repeat(11));
    for (line, expected) in [
        (format!("SET s:a {ten}"), ""),
        (format!("SET s:a {eleven}"), "rules[0].max_value"),
        (format!("SET s:{eleven} v"), ""),
        (format!("HSET s:a f {ten} g {eleven}"), "rules[0].max_value"),
        (format!("MSET s:a {ten} b:a {eleven}"), ""),
        (format!("MSET b:a {ten} s:a {eleven}"), "rules[0].max_value"),
        (format!("MSET o {eleven} s:a v"), ""),
        ("SETRANGE s:a 8 xyz".to_owned(), "rules[0].max_value"),
        ("SETRANGE s:a 7 xyz".to_owned(), ""),
        ("SETBIT s:a 79 1".to_owned(), ""),
        ("SETBIT s:a 80 1".to_owned(), "rules[0].max_value"),
        ("BITFIELD s:a SET u8 #9 1".to_owned(), ""),
        ("BITFIELD s:a SET u8 #10 1".to_owned(), "rules[0].max_value"),
        ("BITFIELD s:a INCRBY u16 65 1".to_owned(), "rules[0].max_value"),
        ("BITFIELD s:a GET u8 4000".to_owned(), ""),
        (format!("EVAL return_nothing 1 s:a {eleven}"), "rules[0].max_value"),
        (format!("EVAL {eleven} 1 s:a v"), ""),
        (format!("GETRANGE s:a 0 {eleven}"), ""),
        (format!("SMOVE b:a s:a {eleven}"), "rules[0].max_value"),
    ] {
        assert_eq!(bench.rule(&line), expected, "{line}");
    }
}

#[test]
fn rates_are_counted_once_a_command_and_not_for_what_is_refused() {
    let rule = Rule {
        rate: Some(Rate { per_second: 10, burst: 2, per: Per::Client }),
        max_value: Some(5),
        ..Rule::of("r:*")
    };
    let mut bench = Bench::new(&[rule], Access::ReadWrite);
    assert_eq!(bench.rule("SET r:a too-large"), "rules[0].max_value");
    assert_eq!(bench.rule("MGET r:a r:b r:c"), "");
    assert_eq!(bench.rule("GET r:a"), "");
    let Judged::Refused(refusal) = bench.judge("GET r:a") else { panic!("it passed") };
    assert_eq!(
        refusal.text,
        "DENIED this client of user default may ask 10 times a second for these keys; try again in 101 ms \
         (rules[0].rate)"
    );
    assert_eq!(bench.rule("GET other"), "");
    bench.at.instant += Duration::from_millis(101);
    assert_eq!(bench.rule("GET r:a"), "");
}

#[test]
fn with_nothing_said_nothing_is_asked() {
    let bench = Bench::new(&[Rule::of("a*")], Access::ReadWrite);
    assert!(bench.rules.is_open() && !bench.rules.is_strict() && bench.rules.labels().is_empty());
}

//! What the commands of shared and of lent connections do to what is kept, transactions above all.

use super::{Ledger, Touch};
use crate::command::lookup;
use crate::memory::replies::{Bounds, ReplyCache, Setting};
use crate::memory::rules::Rules;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const VALUE: &str = "$1\r\n1\r\n";

/// A shared and a lent connection, and what both keep.
struct Bench {
    cache: Arc<ReplyCache>,
    shared: Ledger,
    lent: Ledger,
    at: Instant,
}

impl Bench {
    /// With a reply that is kept of GET k, and one of GET other.
    fn new() -> Self {
        let bounds = Bounds {
            size: 1 << 20,
            entry_size: 64 * 1024,
            max_age: Duration::from_secs(600),
            rules: Arc::new(Rules::new(&[])),
        };
        let cache = Arc::new(ReplyCache::new(bounds));
        let ledger = |is_shared| Ledger::new(Some(Arc::clone(&cache)), is_shared);
        let (shared, lent) = (ledger(true), ledger(false));
        let mut bench = Self { cache, shared, lent, at: Instant::now() };
        bench.read("GET k");
        bench.read("GET other");
        bench
    }

    fn setting(&self) -> Setting {
        Setting { db: 0, protocol: Protocol::Resp2, at: self.at }
    }

    /// On the shared connection, from begin to end.
    fn read(&mut self, words: &str) {
        let (frame, setting) = (frame(words), self.setting());
        let touch = begin(&mut self.shared, words);
        self.shared.end(&touch, &frame, VALUE.as_bytes(), || setting);
        assert!(self.has(words), "{words}");
    }

    /// On the lent one.
    fn call(&mut self, words: &str, reply: &str) {
        let touch = begin(&mut self.lent, words);
        self.answer(words, &touch, reply);
    }

    fn answer(&mut self, words: &str, touch: &Touch, reply: &str) {
        let setting = self.setting();
        self.lent.end(touch, &frame(words), reply.as_bytes(), || setting);
    }

    fn has(&self, words: &str) -> bool {
        let frame = frame(words);
        let request = Request::parse(&frame).unwrap();
        let spec = lookup(request.name()).unwrap();
        self.cache.find(spec, &request, &self.setting(), Duration::from_secs(600)).is_some()
    }

    /// MULTI and these, all queued.
    fn queue(&mut self, commands: &[&str]) {
        self.call("MULTI", "+OK\r\n");
        for words in commands {
            self.call(words, "+QUEUED\r\n");
        }
    }
}

fn frame(words: &str) -> Vec<u8> {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let mut frame = Vec::new();
    encode::command(&mut frame, &words);
    frame
}

fn begin(ledger: &mut Ledger, words: &str) -> Touch {
    let frame = frame(words);
    let request = Request::parse(&frame).unwrap();
    let mut touch = ledger.begin(lookup(request.name()), &request, false);
    ledger.seal(std::iter::once(&mut touch));
    touch
}

#[test]
fn what_a_transaction_writes_goes_when_exec_is_sent_and_when_it_is_answered() {
    let mut bench = Bench::new();
    bench.queue(&["APPEND k x", "LLEN l", "INCR n"]);
    // read again before EXEC is sent: nothing of it has run
    bench.read("GET k");
    let exec = begin(&mut bench.lent, "EXEC");
    assert!(!bench.has("GET k"), "EXEC is on its way");
    bench.read("GET k");
    let on_its_way = begin(&mut bench.shared, "GET n");
    bench.answer("EXEC", &exec, "*3\r\n:2\r\n:0\r\n:1\r\n");
    assert!(!bench.has("GET k"), "EXEC was answered");
    let setting = bench.setting();
    bench.shared.end(&on_its_way, &frame("GET n"), b"$-1\r\n", || setting);
    assert!(!bench.has("GET n"), "asked for before EXEC was answered");
    assert!(bench.has("GET other"));
}

#[test]
fn of_a_transaction_that_failed_or_whose_reply_was_lost_all_may_have_been_run() {
    for reply in ["*-1\r\n", "-EXECABORT x\r\n", "*2\r\n+OK\r\n", ""] {
        let mut bench = Bench::new();
        bench.queue(&["APPEND k x", "SET n 1"]);
        let exec = begin(&mut bench.lent, "EXEC");
        bench.read("GET k");
        bench.read("GET n");
        if reply.is_empty() {
            bench.lent.lose(&exec, &frame("EXEC"));
        } else {
            bench.answer("EXEC", &exec, reply);
        }
        assert!(!bench.has("GET k") && !bench.has("GET n"), "{reply:?}");
        assert!(bench.has("GET other"), "{reply:?}");
    }
}

#[test]
fn a_transaction_that_is_too_long_or_holds_a_script_may_have_written_any_key() {
    let many = vec!["PING"; super::MOST];
    let long = format!("ECHO {}", "x".repeat(super::LONGEST));
    for commands in [&[&many[..], &["SET n 1"]].concat()[..], &[&long, "SET n 1"], &["EVAL x 0"]] {
        let mut bench = Bench::new();
        bench.queue(commands);
        bench.read("GET other");
        let exec = begin(&mut bench.lent, "EXEC");
        assert!(!bench.has("GET other"), "EXEC is on its way");
        bench.read("GET other");
        bench.answer("EXEC", &exec, "*1\r\n+OK\r\n");
        assert!(!bench.has("GET other"), "EXEC was answered");
    }
}

#[test]
fn a_transaction_that_was_discarded_writes_nothing_later() {
    let mut bench = Bench::new();
    bench.queue(&["APPEND k x"]);
    bench.call("DISCARD", "+OK\r\n");
    bench.read("GET k");
    bench.queue(&["SET n 2"]);
    bench.call("EXEC", "*1\r\n+OK\r\n");
    assert!(bench.has("GET k"));
}

#[test]
fn a_blocking_pop_may_act_at_any_time_between_its_begin_and_its_end() {
    let mut bench = Bench::new();
    bench.read("LRANGE l 0 -1");
    let pop = begin(&mut bench.lent, "BLPOP l 0");
    assert!(!bench.has("LRANGE l 0 -1"));
    bench.read("LRANGE l 0 -1");
    bench.answer("BLPOP l 0", &pop, "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
    assert!(!bench.has("LRANGE l 0 -1"));
    let pop = begin(&mut bench.lent, "BLPOP l 0");
    bench.read("LRANGE l 0 -1");
    bench.lent.lose(&pop, &frame("BLPOP l 0"));
    assert!(!bench.has("LRANGE l 0 -1"), "lost with its reply");
}

#[test]
fn what_nobody_can_read_may_have_written_any_key() {
    let mut bench = Bench::new();
    bench.lent.raw();
    assert!(!bench.has("GET k"));
    bench.read("GET k");
    let touch = bench.shared.begin_frame(b"no frame", false);
    assert!(!bench.has("GET k"));
    bench.read("GET k");
    bench.shared.lose(&touch, b"no frame");
    assert!(!bench.has("GET k"));
    for words in ["NO.SUCH x", "EVAL x 0", "FLUSHALL", "SWAPDB 0 1", "DEBUG x"] {
        bench.read("GET k");
        bench.call(words, "+OK\r\n");
        assert!(!bench.has("GET k"), "{words}");
    }
}

#[test]
fn a_lent_connection_is_in_a_state_that_nobody_knows_and_its_reads_are_not_kept() {
    let mut bench = Bench::new();
    bench.call("GET n", VALUE);
    assert!(!bench.has("GET n"));
}

#[test]
fn replies_that_come_in_pieces_are_kept_whole_unless_they_are_too_long() {
    for (size, is_kept) in [(1_000, true), (65_000, true), (66_000, false)] {
        let mut bench = Bench::new();
        let reply = format!("${size}\r\n{}\r\n", "x".repeat(size));
        let setting = bench.setting();
        for words in ["GET big", "GET k"] {
            let touch = begin(&mut bench.shared, words);
            let (reply, mut rest) = (if words == "GET k" { VALUE } else { &reply }, 0);
            while reply.len() - rest > 900 {
                bench.shared.gather(&touch, &reply.as_bytes()[rest..rest + 900]);
                rest += 900;
            }
            bench.shared.end(&touch, &frame(words), &reply.as_bytes()[rest..], || setting);
        }
        assert_eq!(bench.has("GET big"), is_kept, "{size}");
        assert!(bench.has("GET k"));
    }
}

#[test]
fn in_a_rush_not_all_reads_are_looked_at_but_all_that_tell_of_a_deadline() {
    let mut bench = Bench::new();
    bench.shared.tick(bench.at);
    for _ in 0..100_000 {
        begin(&mut bench.shared, "GET k");
    }
    bench.shared.tick(bench.at + Duration::from_millis(100));
    let mut count = |words: &str| {
        let touches = (0..1_000).map(|_| begin(&mut bench.shared, words));
        touches.filter(|touch| !matches!(touch, Touch::None)).count()
    };
    assert!((5..200).contains(&count("GET k")));
    assert_eq!((count("PTTL k"), count("SET k 1")), (1_000, 1_000));
}

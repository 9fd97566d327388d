//! Every way into the queue, and every way out of it without a reply, is known to what is kept.

use super::{Ledger, Order, Queue};
use crate::command::lookup;
use crate::config::{Jitter, Retry, RetryWrites};
use crate::memory::replies::{Bounds, ReplyCache, Setting};
use crate::memory::rules::Rules;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::shard::{Recorder, Route};
use crate::telemetry::notes::Notes;
use crate::upstream::error::Failure;
use crate::upstream::replies::Replies;
use crate::upstream::retry::Class;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bench {
    cache: Arc<ReplyCache>,
    queue: Queue,
    caller: Rc<Replies>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let bounds = Bounds {
            size: 1 << 20,
            entry_size: 64 * 1024,
            max_age: Duration::from_secs(600),
            rules: Arc::new(Rules::new(&[])),
        };
        let cache = Arc::new(ReplyCache::new(bounds));
        let ledger = Ledger::new(Some(Arc::clone(&cache)), true);
        let shard = Metrics::default().shard(Arc::new(Notes::new(None)));
        let now = Instant::now();
        let rules = Retry {
            attempts: 3,
            initial_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(1),
            jitter: Jitter::Full,
            writes: RetryWrites::Refused,
        };
        let recorder = Recorder::new(shard, Route::Lane);
        let queue = Queue::new((Protocol::Resp2, 0), 128, rules, now, recorder, ledger);
        Self { cache, queue, caller: Replies::new(Rc::default()), now }
    }

    fn order(class: Class) -> Order {
        Order { class, ..Order::default() }
    }

    fn pass(&mut self, words: &str, class: Class) {
        self.caller.owe();
        let frame = frame(words);
        let request = Request::parse(&frame).unwrap();
        self.queue.pass(lookup(request.name()), &request, Self::order(class), &self.caller);
        self.send();
    }

    fn send(&mut self) {
        self.queue.stamp(self.now, self.now);
        self.queue.seal();
        while !self.queue.outgoing.next().is_empty() {
            let count = self.queue.outgoing.next().len();
            self.queue.outgoing.wrote(count);
        }
    }

    fn hear(&mut self, reply: &str) {
        self.queue.receive(reply.as_bytes()).unwrap();
    }

    /// Keeps a reply of GET k.
    fn read(&mut self) {
        self.pass("GET k", Class::Read);
        self.hear("$1\r\n1\r\n");
        assert!(self.has_reply());
    }

    fn has_reply(&self) -> bool {
        let frame = frame("GET k");
        let request = Request::parse(&frame).unwrap();
        let setting = Setting { db: 0, protocol: Protocol::Resp2, at: self.now };
        let spec = lookup(request.name()).unwrap();
        self.cache.find(spec, &request, &setting, Duration::from_secs(600)).is_some()
    }

    /// As another connection would, while this one is silent.
    fn read_elsewhere(&self) {
        let frame = frame("GET k");
        let request = Request::parse(&frame).unwrap();
        let setting = Setting { db: 0, protocol: Protocol::Resp2, at: self.now };
        let effect = self.cache.begin(lookup(request.name()), &request, 9_999);
        self.cache.end(effect, &frame, b"$1\r\n1\r\n", 9_999, || setting);
        assert!(self.has_reply());
    }
}

fn frame(words: &str) -> Vec<u8> {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let mut frame = Vec::new();
    encode::command(&mut frame, &words);
    frame
}

#[test]
fn a_write_is_known_whichever_way_it_comes_in() {
    type Way = fn(&mut Queue, &Rc<Replies>);
    let ways: [(&str, Way); 5] = [
        ("pass", |queue, caller| {
            let frame = frame("SET k 2");
            let request = Request::parse(&frame).unwrap();
            queue.pass(lookup(request.name()), &request, Order::default(), caller);
        }),
        ("push", |queue, caller| queue.push(&frame("SET k 2"), Order::default(), caller)),
        ("push_whole", |queue, caller| {
            queue.push_whole(frame("SET k 2"), Order::default(), caller);
        }),
        ("push_select", |queue, caller| {
            // whatever it is called
            queue.push_select(&frame("SET k 2"), 1, Order::default(), caller);
        }),
        ("push_raw", |queue, _| queue.push_raw(b"any bytes")),
    ];
    for (name, way) in ways {
        let mut bench = Bench::new();
        bench.read();
        bench.caller.owe();
        way(&mut bench.queue, &bench.caller);
        bench.queue.seal();
        assert!(!bench.has_reply(), "{name}");
    }
}

#[test]
fn writes_are_counted_before_they_are_sent_however_many_there_are() {
    for count in [1, 15, 16, 17, 40] {
        let mut bench = Bench::new();
        bench.read();
        for n in 1..count {
            let words = if n % 3 == 0 { "GET other".to_owned() } else { format!("SET k{n} 2") };
            bench.caller.owe();
            bench.queue.push(&frame(&words), Order::default(), &bench.caller);
        }
        bench.caller.owe();
        bench.queue.push(&frame("SET k 2"), Order::default(), &bench.caller);
        bench.queue.seal();
        assert!(!bench.has_reply(), "{count}");
    }
}

#[test]
fn a_write_that_waits_for_the_next_connection_is_counted() {
    let mut bench = Bench::new();
    bench.read();
    bench.caller.owe();
    bench.queue.push(&frame("INCR k"), Bench::order(Class::Write), &bench.caller);
    bench.queue.lose("gone", true);
    assert_eq!(bench.queue.owed(), 1, "it waits for the next connection");
    assert!(!bench.has_reply(), "nobody is shown what it is about to change");
    bench.read_elsewhere();
    bench.hear(":2\r\n");
    assert!(!bench.has_reply(), "counted again when it is answered");
}

#[test]
fn a_value_that_was_set_while_there_was_no_connection_is_kept() {
    let mut bench = Bench::new();
    bench.caller.owe();
    bench.queue.push(&frame("SET k 2"), Bench::order(Class::Write), &bench.caller);
    // counted in the meantime, and the connection is made
    bench.queue.seal();
    bench.queue.lose("", true);
    bench.send();
    bench.hear("+OK\r\n");
    assert!(bench.has_reply());
}

#[test]
fn a_value_that_was_set_behind_a_write_that_may_still_be_applied_is_not_kept() {
    let mut bench = Bench::new();
    bench.pass("SET k 1", Class::Write);
    bench.caller.owe();
    bench.queue.push(&frame("SET k 2"), Bench::order(Class::Write), &bench.caller);
    bench.queue.seal();
    bench.queue.lose("gone", true);
    assert_eq!(bench.queue.owed(), 1, "what was not sent waits");
    bench.send();
    bench.hear("+OK\r\n");
    assert_eq!(bench.queue.owed(), 0);
    assert!(!bench.has_reply());
}

#[test]
fn a_write_that_gets_no_reply_may_have_been_run() {
    type End = fn(&mut Queue, Instant);
    let ends: [(&str, End); 4] = [
        ("its time is over", |queue, now| {
            let failure = |_| Failure::Lost { sent: true, cause: "late".to_owned() };
            assert_eq!(queue.expire(now, failure), 1);
        }),
        ("the breaker rejects", |queue, _| {
            let failure = |_| Failure::Lost { sent: true, cause: "away".to_owned() };
            queue.reject_all(failure, &|_, _| None);
        }),
        ("its connection is lost", |queue, _| queue.lose("gone", true)),
        ("its connection is lost for good", |queue, _| queue.lose("gone", false)),
    ];
    for (name, end) in ends {
        let mut bench = Bench::new();
        bench.pass("SET k 2", Class::Write);
        bench.read_elsewhere();
        let now = bench.now;
        end(&mut bench.queue, now);
        assert!(!bench.has_reply(), "{name}");
    }
}

#[test]
fn a_late_reply_to_a_write_that_was_given_up_is_its_end_too() {
    let mut bench = Bench::new();
    bench.pass("INCR k", Class::Write);
    let failure = |_| Failure::Lost { sent: true, cause: "late".to_owned() };
    bench.queue.expire(bench.now, failure);
    bench.read_elsewhere();
    bench.hear(":2\r\n");
    assert!(!bench.has_reply());
    // and lost after it was given up
    bench.pass("INCR k", Class::Write);
    bench.queue.expire(bench.now, failure);
    bench.read_elsewhere();
    bench.queue.lose("gone", true);
    assert!(!bench.has_reply());
}

#[test]
fn a_write_that_was_refused_and_is_sent_again_ends_when_it_has_run() {
    let mut bench = Bench::new();
    bench.pass("INCR k", Class::Write);
    bench.hear("-LOADING x\r\n");
    bench.read_elsewhere();
    bench.queue.send_again(bench.now, Duration::from_secs(60));
    bench.send();
    bench.hear(":2\r\n");
    assert!(!bench.has_reply());
}

#[test]
fn few_commands_wait_for_an_upstream_that_is_behind_and_a_batch_does_not() {
    let mut bench = Bench::new();
    let answer_after = |bench: &mut Bench, micros| {
        bench.now += Duration::from_micros(micros);
        bench.queue.set_time(bench.now);
        bench.hear("$1\r\n1\r\n");
    };
    bench.pass("GET k", Class::Read);
    answer_after(&mut bench, 50);
    // eight batches, the first of which takes long
    for _ in 0..8 {
        bench.pass("GET k", Class::Read);
    }
    assert!(!bench.queue.may_wait(), "nothing is known of a queue yet");
    answer_after(&mut bench, 500);
    let push = |bench: &mut Bench| {
        bench.caller.owe();
        bench.queue.push(&frame("GET k"), Bench::order(Class::Read), &bench.caller);
    };
    for _ in 0..15 {
        push(&mut bench);
        assert!(bench.queue.may_wait());
    }
    push(&mut bench);
    assert!(!bench.queue.may_wait(), "a batch");
    bench.send();
    push(&mut bench);
    assert!(bench.queue.may_wait());
    for _ in 0..3 {
        answer_after(&mut bench, 1);
    }
    assert!(!bench.queue.may_wait(), "few are on their way");
}

/// A message, or an invalidation, goes behind the replies to what its client asked before it came.
#[test]
fn a_push_waits_for_what_was_asked_before_it_and_no_longer() {
    let mut bench = Bench::new();
    bench.caller.push_behind(b">0\r\n");
    bench.pass("GET a", Class::Read);
    bench.caller.push_behind(b">1\r\n");
    bench.pass("GET b", Class::Read);
    bench.caller.push_behind(b">2\r\n");
    assert_eq!(bench.caller.take(), b">0\r\n");
    bench.hear("$1\r\na\r\n");
    assert_eq!(bench.caller.take(), b"$1\r\na\r\n>1\r\n");
    bench.hear("$1\r\nb\r\n");
    assert_eq!(bench.caller.take(), b"$1\r\nb\r\n>2\r\n");
}

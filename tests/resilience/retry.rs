//! What may be sent twice, counted where it arrives.

use std::time::{Duration, Instant};

use super::{before_script, warm};
use crate::harness::{Answer, Call, Redis, Scripted, Sidecar, SidecarOptions, Value};

/// What Redis says of a command that it did not run.
const REFUSALS: [&str; 5] = [
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN The cluster is down",
];

/// Resets the connection when a command of this name comes for the first time.
fn lose_first(name: &'static str) -> Scripted {
    Scripted::start(move |call: &Call| (call.is(name) && call.nth == 1).then_some(Answer::Reset))
}

/// Refuses every SET so many times; its value tells with what.
fn refuse_sets(times: usize) -> Scripted {
    Scripted::start(move |call: &Call| {
        let is_refused = call.is("SET") && call.nth <= times;
        is_refused.then(|| Answer::error(&call.words[2]))
    })
}

#[test]
fn a_read_that_was_sent_and_lost_is_sent_again() {
    let upstream = lose_first("GET");
    let sidecar = before_script(&upstream).start();
    for mut client in [sidecar.client(), sidecar.client().resp3()] {
        assert_eq!(client.call(&["GET", "k"]), Value::Nil);
        assert_eq!(client.call(&["PING", "next"]), Value::bulk("next"));
    }
    // the first client's twice, the second's once
    assert_eq!(upstream.count("GET"), 3);
}

#[test]
fn half_a_reply_to_a_read_is_never_shown() {
    let upstream = Scripted::start(|call: &Call| {
        let half = b"$10\r\nhello".to_vec();
        call.is("GET").then(|| match call.nth {
            1 => Answer::Part(half),
            _ => Answer::bulk("helloworld"),
        })
    });
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("helloworld"));
    assert_eq!(upstream.count("GET"), 2);
}

#[test]
fn a_write_that_was_sent_and_lost_is_an_error_and_came_once() {
    let upstream = lose_first("INCR");
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    client.call(&["GET", "k"]);
    let reply = client.call(&["INCR", "n"]);
    assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
    assert!(reply.error().contains("may or may not"), "{reply:?}");
    assert_eq!(client.call(&["GET", "k"]), Value::Nil);
    assert_eq!(upstream.count("INCR"), 1);
}

#[test]
fn a_write_that_was_refused_is_sent_again() {
    let upstream = refuse_sets(2);
    let sidecar = before_script(&upstream).start();
    warm(&sidecar);
    let mut client = sidecar.client();
    for (n, refusal) in REFUSALS.iter().enumerate() {
        let key = format!("k{n}");
        assert_eq!(client.call(&["SET", &key, refusal]), Value::ok(), "{refusal}");
        let line = format!("SET {key} {refusal}");
        let calls = upstream.calls();
        assert_eq!(calls.iter().filter(|call| call.line() == line).count(), 3, "{refusal}");
    }
}

#[test]
fn a_write_that_is_refused_each_time_ends_with_the_refusal() {
    let upstream = refuse_sets(usize::MAX);
    let config = "retry: {attempts: 3, initial_delay: 1ms, max_delay: 5ms}";
    let sidecar = before_script(&upstream).config(config).start();
    warm(&sidecar);
    let mut client = sidecar.client();
    for refusal in [REFUSALS[0], REFUSALS[3]] {
        let before = upstream.count("SET");
        let reply = client.call(&["SET", "k", refusal]);
        assert_eq!(reply.error(), refusal);
        // once, and sent again as often as `attempts` says
        assert_eq!(upstream.count("SET") - before, 4, "{refusal}");
    }
}

#[test]
fn a_readonly_refusal_is_answered_by_another_connection() {
    let upstream = refuse_sets(1);
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", REFUSALS[1]]), Value::ok());
    let calls = upstream.calls();
    let sets: Vec<_> = calls.iter().filter(|call| call.is("SET")).collect();
    assert_eq!(sets.len(), 2);
    assert_ne!(sets[0].connection, sets[1].connection);
}

#[test]
fn with_writes_unsent_a_refusal_is_passed_on() {
    let upstream = refuse_sets(1);
    let sidecar = before_script(&upstream).config("retry: {writes: unsent}").start();
    let mut client = sidecar.client();
    for refusal in REFUSALS {
        assert_eq!(client.call(&["SET", "k", refusal]).error(), refusal);
    }
    assert_eq!(upstream.count("SET"), REFUSALS.len());
}

#[test]
fn with_writes_always_a_lost_write_is_sent_again() {
    let upstream = lose_first("INCR");
    let sidecar = before_script(&upstream).config("retry: {writes: always}").start();
    let mut client = sidecar.client();
    client.call(&["GET", "k"]);
    assert_eq!(client.call(&["INCR", "n"]), Value::Int(1));
    assert_eq!(upstream.count("INCR"), 2);
}

#[test]
fn inside_the_reply_of_a_transaction_a_refusal_is_data() {
    let upstream = Scripted::start(|call: &Call| {
        let refused = b"*1\r\n-READONLY You can't write against a read only replica.\r\n";
        match call.words[0].as_str() {
            "INCR" => Some(Answer::Raw(b"+QUEUED\r\n".to_vec())),
            "EXEC" => Some(Answer::Raw(refused.to_vec())),
            _ => None,
        }
    });
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    let replies = client.pipeline(&[&["MULTI"], &["INCR", "n"], &["EXEC"]]);
    assert!(replies[2].items()[0].error().starts_with("READONLY"), "{replies:?}");
    assert_eq!(upstream.count("EXEC"), 1);
}

#[test]
fn a_script_that_answers_with_a_refusal_is_not_run_again() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    for code in ["TRYAGAIN", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN"] {
        redis.wipe();
        let script =
            format!("redis.call('INCR', 'n') return redis.error_reply('{code} by script')");
        let reply = client.call(&["EVAL", &script, "0"]);
        assert!(reply.error().starts_with(code), "{reply:?}");
        assert_eq!(client.call(&["GET", "n"]), Value::bulk("1"), "{code}");
        let nested = format!("return {{redis.error_reply('{code} nested')}}");
        let reply = client.call(&["EVAL", &nested, "0"]);
        assert!(reply.items()[0].error().starts_with(code), "{reply:?}");
    }
}

#[test]
fn the_deadline_of_the_command_bounds_its_retries() {
    let upstream = refuse_sets(usize::MAX);
    let config = "retry: {attempts: 100, initial_delay: 50ms, max_delay: 5s}";
    let options = before_script(&upstream).config(config).env("REDIS_COMMAND_TIMEOUT", "600");
    let sidecar: Sidecar = SidecarOptions::start(options);
    let mut client = sidecar.client();
    let start = Instant::now();
    let reply = client.call(&["SET", "k", REFUSALS[0]]);
    assert!(matches!(reply, Value::Error(_)), "{reply:?}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn retries_are_at_most_a_fifth_of_what_is_sent() {
    let upstream = refuse_sets(usize::MAX);
    let config = "retry: {attempts: 3, initial_delay: 1ms, max_delay: 2ms}";
    let sidecar = before_script(&upstream).config(config).start();
    let mut client = sidecar.client();
    let commands = 1_000;
    for n in 0..commands {
        let reply = client.call(&["SET", &format!("k{n}"), REFUSALS[0]]);
        assert_eq!(reply.error(), REFUSALS[0]);
    }
    let retries = upstream.count("SET") - commands;
    // a fifth, and a small floor so that a quiet app may retry at all
    assert!(retries <= commands / 4 + 50, "{retries} retries of {commands} commands");
    assert!(retries > 0, "nothing was sent again");
}

/// A lane that is lost again and again soon after it was made is made again ever more slowly, but not while somebody
/// waits for it.
#[test]
fn a_write_that_a_replica_refused_does_not_wait_for_the_lanes_backoff() {
    let upstream = Scripted::start(|call: &Call| {
        (call.is("SET") && call.nth % 2 == 1).then(|| Answer::error(&call.words[2]))
    });
    let retry = "retry: {initial_delay: 200ms, max_delay: 5s, jitter: none}";
    let sidecar = before_script(&upstream).config(retry).start();
    let mut client = sidecar.client();
    for round in 0..5 {
        let start = Instant::now();
        assert_eq!(client.call(&["SET", "k", REFUSALS[1]]), Value::ok());
        let took = start.elapsed();
        assert!(took < Duration::from_millis(1500), "{round}: {took:?}");
    }
    assert_eq!(upstream.count("SET"), 10);
}

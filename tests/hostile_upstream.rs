//! An upstream that lies, or was taken over: whatever it says, memory stays bounded, other clients are served, and
//! it is not dialed without a pause.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Answer, Call, Scripted, Sidecar, SidecarOptions, Value, eventually};

const MB: u64 = 1 << 20;

fn before(upstream: &Scripted, config: &str) -> Sidecar {
    let options = SidecarOptions::default().env("REDIS_URL", &upstream.url());
    let sidecar = options.env("SIDECAR_WORKERS", "1").config(config).start();
    eventually("it is connected", || sidecar.client().call(&["ECHO", "a"]) == Value::bulk("a"));
    sidecar
}

/// `header`, and then more bytes than may be kept.
fn endless(header: &str) -> Answer {
    Answer::Raw([header.as_bytes(), &vec![b'x'; 200 << 20]].concat())
}

/// Answers the first `GET bad` so, and everything else well.
fn once(answer: impl Fn() -> Answer + Send + 'static) -> impl FnMut(&Call) -> Option<Answer> {
    let count = AtomicUsize::new(0);
    move |call| {
        let is_bad = call.line() == "GET bad" && count.fetch_add(1, Ordering::SeqCst) == 0;
        is_bad.then(&answer)
    }
}

#[test]
fn a_push_without_an_end_is_not_kept() {
    let upstream = Scripted::start(once(|| endless(">2\r\n$7\r\nmessage\r\n$999999999999\r\n")));
    let sidecar = before(&upstream, "");
    let mut client = sidecar.client().resp3();
    let before = sidecar.memory();
    // sent again on another connection
    assert_eq!(client.call(&["GET", "bad"]), Value::Nil);
    sidecar.wait_for_log(&["a push without an end"]);
    let grown = sidecar.memory().saturating_sub(before) / MB;
    assert!(grown < 32, "{grown} MB more");
}

#[test]
fn an_answer_to_our_own_question_that_has_no_end_is_given_up() {
    let upstream = Scripted::start(|call| {
        (call.is("INFO") && call.words.len() == 1).then(|| endless("$999999999999\r\n"))
    });
    let sidecar = before(&upstream, "limits: {client_output: 8mb}");
    let (mut client, mut other) = (sidecar.client(), sidecar.client().resp3());
    let before = sidecar.memory();
    client.send(&["INFO"]);
    client.read_to_close();
    let grown = sidecar.memory().saturating_sub(before) / MB;
    assert!(grown < 48, "{grown} MB more");
    assert_eq!(other.call(&["ECHO", "hi"]), Value::bulk("hi"));
}

#[test]
fn nesting_and_counts_that_are_only_declared_cost_nothing() {
    let deep = || Answer::Raw([b"*1\r\n".repeat(2_000_000), b":1\r\n".to_vec()].concat());
    let upstream = Scripted::start(once(deep));
    let sidecar = before(&upstream, "");
    let before = sidecar.memory();
    let (mut client, mut other) = (sidecar.client(), sidecar.client());
    assert!(client.call(&["GET", "bad"]).error().starts_with("DENIED the reply nests deeper"));
    assert_eq!(other.call(&["ECHO", "hi"]), Value::bulk("hi"));
    upstream.script(once(|| Answer::Raw(b"*4294967295\r\n".repeat(100_000))));
    assert!(client.call(&["GET", "bad"]).error().starts_with("DENIED the reply nests deeper"));
    let grown = sidecar.memory().saturating_sub(before) / MB;
    assert!(grown < 16, "{grown} MB more");
}

#[test]
fn an_upstream_that_breaks_each_connection_is_not_dialed_without_a_pause() {
    let answer = || Answer::Raw(b"+one\r\n+two\r\n+three\r\n".to_vec());
    let upstream = Scripted::start(move |call| call.is("GET").then(answer));
    let sidecar = before(&upstream, "");
    let before = upstream.connections();
    let start = Instant::now();
    let mut client = sidecar.client();
    while start.elapsed() < Duration::from_secs(2) {
        // whether it is answered is not the point
        client.call(&["GET", "a"]);
    }
    let dialed = upstream.connections() - before;
    assert!((1..60).contains(&dialed), "dialed {dialed} times in {:?}", start.elapsed());
    upstream.script(|_| None);
    eventually("it is served", || client.call(&["ECHO", "a"]) == Value::bulk("a"));
}

#[test]
fn subscriptions_are_not_ordered_again_without_a_pause() {
    let upstream =
        Scripted::start(|call| call.is("SUBSCRIBE").then(|| Answer::Raw(b"?what\r\n".to_vec())));
    let config = "breaker: {grace: 1m}\nupstream: {command_timeout: 2s}";
    let sidecar = before(&upstream, config);
    let before = upstream.connections();
    let mut client = sidecar.client();
    assert!(matches!(client.call(&["SUBSCRIBE", "c"]), Value::Error(_)));
    let dialed = upstream.connections() - before;
    assert!((1..60).contains(&dialed), "dialed {dialed} times in 2 s");
}

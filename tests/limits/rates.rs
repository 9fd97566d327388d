//! `limits.requests_per_second`: what is too much is refused, with a reason, and no transaction is torn by it.

use std::time::Instant;

use super::{before_redis, in_memory};
use crate::harness::{Client, Redis, Sidecar, Value, eventually};

/// How many of so many PINGs, sent at once, are answered and not refused.
fn answered(client: &mut Client, count: usize) -> usize {
    client.send_raw(&b"PING\r\n".repeat(count));
    (0..count).filter(|_| client.read() == Value::Simple("PONG".into())).count()
}

fn assert_denied(reply: &Value, who: &str) {
    let text = reply.error();
    assert!(text.starts_with("DENIED rate limit: ") && text.contains(who), "{text}");
    assert!(text.ends_with("the command was not run"), "{text}");
}

#[test]
fn a_client_may_send_so_many_commands_a_second_and_others_are_free() {
    let sidecar = in_memory("requests_per_second: {client: 20}");
    let (mut greedy, mut modest) = (sidecar.client(), sidecar.client());
    let start = Instant::now();
    let count = answered(&mut greedy, 500);
    // what time brought while they were read
    let most = 21 + (start.elapsed().as_millis() / 50) as usize;
    assert!((20..=most).contains(&count), "{count} were answered, {most} at most may be");
    assert_eq!(modest.call(&["PING"]), Value::Simple("PONG".into()));
    eventually("time brings more", || greedy.call(&["PING"]) == Value::Simple("PONG".into()));
    assert_denied(&one_too_many(&mut greedy), "one client may send 20 commands a second");
    let (_, metrics) = sidecar.http("/metrics");
    assert!(metrics.contains("redis_sidecar_refusals_total{rule=\"rate\"}"), "{metrics}");
}

#[test]
fn all_clients_share_what_all_may_send_whatever_their_worker() {
    let sidecar = in_memory("requests_per_second: {all: 40}");
    let mut clients: Vec<Client> = (0..4).map(|_| sidecar.client()).collect();
    let start = Instant::now();
    let count: usize = clients.iter_mut().map(|client| answered(client, 200)).sum();
    let most = 44 + (start.elapsed().as_millis() / 25) as usize;
    assert!((40..=most).contains(&count), "{count} were answered, {most} at most may be");
    assert_denied(&one_too_many(&mut clients[0]), "all clients may send 40 commands a second");
}

/// The answer to a GET behind more PINGs than there is time for.
fn one_too_many(client: &mut Client) -> Value {
    let mut last = Value::Nil;
    // time may bring one just then
    eventually("it is refused", || {
        client.send_raw(&[&b"PING\r\n".repeat(200), &b"GET k\r\n"[..]].concat());
        (0..200).for_each(|_| drop(client.read()));
        last = client.read();
        matches!(last, Value::Error(_))
    });
    last
}

/// A `MULTI` that is one too many, with its transaction right behind it.
fn assert_whole_or_not_at_all(sidecar: &Sidecar) {
    let mut client = sidecar.client();
    let transaction = b"MULTI\r\nSET torn 1\r\nSET torn 2\r\nEXEC\r\n";
    client.send_raw(&[&b"PING\r\n".repeat(200), &transaction[..]].concat());
    (0..200).for_each(|_| drop(client.read()));
    let replies: Vec<Value> = (0..4).map(|_| client.read()).collect();
    assert_denied(&replies[0], "one client");
    assert!(replies[3].error().starts_with("EXECABORT"), "{replies:?}");
    let mut other = sidecar.client();
    assert_eq!(other.call(&["GET", "torn"]), Value::Nil);
}

/// A transaction of more commands than a second may have.
fn assert_what_has_begun_is_run(sidecar: &Sidecar) {
    let mut client = sidecar.client();
    client.send_raw(format!("MULTI\r\n{}EXEC\r\n", "INCR n\r\n".repeat(50)).as_bytes());
    assert_eq!(client.read(), Value::ok());
    (0..50).for_each(|_| assert_eq!(client.read(), Value::Simple("QUEUED".into())));
    assert_eq!(client.read().items().last(), Some(&Value::Int(50)));
    // and is owed for
    assert_denied(&client.call(&["GET", "n"]), "one client");
}

#[test]
fn a_transaction_runs_whole_or_not_at_all() {
    let redis = Redis::start();
    for sidecar in [
        in_memory("requests_per_second: {client: 2}"),
        before_redis(&redis, "requests_per_second: {client: 2}"),
    ] {
        assert_whole_or_not_at_all(&sidecar);
        assert_what_has_begun_is_run(&sidecar);
    }
}

#[test]
fn a_watch_that_was_refused_keeps_its_transaction_from_running() {
    let redis = Redis::start();
    for sidecar in [
        in_memory("requests_per_second: {client: 2}"),
        before_redis(&redis, "requests_per_second: {client: 2}"),
    ] {
        let mut client = sidecar.client();
        client.send_raw(&[&b"PING\r\n".repeat(200), &b"WATCH k\r\nPING\r\n"[..]].concat());
        (0..200).for_each(|_| drop(client.read()));
        assert_denied(&client.read(), "one client");
        client.read();
        // MULTI may come again, and must not run what WATCH was to guard
        eventually("MULTI is let in", || client.call(&["MULTI"]) == Value::ok());
        assert_eq!(client.call(&["SET", "unguarded", "1"]), Value::Simple("QUEUED".into()));
        assert!(client.call(&["EXEC"]).error().starts_with("EXECABORT"));
        assert_eq!(sidecar.client().call(&["GET", "unguarded"]), Value::Nil);
    }
}

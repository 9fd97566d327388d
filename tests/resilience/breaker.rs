//! When the upstream is given up for the time being, what apps are told, and how it is found again.

use std::time::{Duration, Instant};

use super::{before_proxy, before_script};
use crate::harness::{
    Answer, Call, Client, End, Proxy, Redis, Scripted, Sidecar, Value, eventually,
};

/// What `answered at once` means; the fastest of a few, since test machines are busy.
const AT_ONCE: Duration = Duration::from_millis(50);

fn timed(client: &mut Client, args: &[&str]) -> (Value, Duration) {
    let start = Instant::now();
    let reply = client.call(args);
    (reply, start.elapsed())
}

/// Several commands in a row are refused, and at once.
fn assert_rejects(sidecar: &Sidecar) -> String {
    let mut client = sidecar.client();
    let (reply, _) = timed(&mut client, &["GET", "k"]);
    let text = reply.error().to_owned();
    assert!(text.starts_with("UNAVAILABLE"), "{text}");
    let fastest = (0..5).map(|_| timed(&mut client, &["SET", "k", "v"]).1).min().unwrap();
    assert!(fastest < AT_ONCE, "{fastest:?} for {text}");
    text
}

#[test]
fn a_lost_upstream_is_waited_for_and_then_everything_is_refused_at_once() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "breaker: {grace: 1s, cooldown: 100ms, max_cooldown: 500ms}";
    let sidecar = before_proxy(&proxy, &redis).config(config).start();
    let mut clients: Vec<_> = (0..5).map(|_| sidecar.client()).collect();
    for client in &mut clients {
        client.call(&["GET", "k"]);
    }
    proxy.refuse();
    let start = Instant::now();
    proxy.break_all(End::Reset);
    eventually("the loss is known", || sidecar.http("/ready").0 == 503);
    for (n, client) in clients.iter_mut().enumerate() {
        // one of them blocks, one holds a transaction, the others do what all do
        match n {
            0 => client.send(&["BLPOP", "l", "0"]),
            1 => client.send(&["MULTI"]),
            2 => client.send(&["SET", "k", "v"]),
            _ => client.send(&["GET", "k"]),
        }
    }
    for client in &mut clients {
        let reply = client.read();
        let waited = start.elapsed();
        assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
        assert!(waited > Duration::from_millis(700), "given up after {waited:?}");
        assert!(waited < Duration::from_millis(2_500), "held for {waited:?}");
    }
    let text = assert_rejects(&sidecar);
    // since when, and why
    assert!(text.contains("since") && text.to_lowercase().contains("refused"), "{text}");
    assert!(text.contains("not applied") || text.contains("not sent"), "{text}");
    proxy.accept_again();
    let back = Instant::now();
    eventually("writes work again", || clients[2].call(&["SET", "k", "v"]) == Value::ok());
    assert!(back.elapsed() < Duration::from_secs(2), "{:?} after the return", back.elapsed());
}

/// A scripted upstream that can be cut off, and a breaker that is quick.
fn behind_a_proxy() -> (Scripted, Proxy, Sidecar) {
    let upstream = Scripted::start(|_| None);
    let proxy = Proxy::before_port(upstream.port());
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    // reads are to be refused here, not answered from memory
    let config = "{breaker: {grace: 300ms, cooldown: 100ms, max_cooldown: 300ms},
        rules: [{match: '*', fallback: none}]}";
    let sidecar = before_script(&upstream).env("REDIS_URL", &url).config(config).start();
    (upstream, proxy, sidecar)
}

#[test]
fn it_is_a_ping_that_finds_the_upstream_again() {
    let (upstream, proxy, sidecar) = behind_a_proxy();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", "v"]), Value::ok());
    proxy.refuse();
    proxy.break_all(End::Reset);
    eventually("it rejects", || {
        let (reply, time) = timed(&mut client, &["GET", "k"]);
        matches!(reply, Value::Error(_)) && time < AT_ONCE
    });
    let before = upstream.calls().len();
    proxy.accept_again();
    // no client asks for anything meanwhile
    eventually("a PING comes", || upstream.calls().len() > before);
    eventually("/ready says so", || sidecar.http("/ready").0 == 200);
    assert_eq!(client.call(&["SET", "k", "w"]), Value::ok());
    let after = &upstream.calls()[before..];
    assert_eq!(after[0].line(), "PING", "{after:?}");
}

#[test]
fn commands_that_come_while_it_probes_are_not_the_probe() {
    let (upstream, proxy, sidecar) = behind_a_proxy();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    proxy.refuse();
    proxy.break_all(End::Reset);
    eventually("it rejects", || matches!(client.call(&["GET", "k"]), Value::Error(_)));
    let before = upstream.calls().len();
    proxy.accept_again();
    eventually("it serves", || client.call(&["GET", "k"]) == Value::Nil);
    let after = &upstream.calls()[before..];
    assert_eq!(after[0].line(), "PING", "{after:?}");
}

#[test]
fn errors_of_the_application_never_open_it() {
    let redis = Redis::start();
    let config = "breaker: {failures: 2, window: 60s}";
    let sidecar = before_redis(&redis, config);
    let mut client = sidecar.client();
    client.call(&["SET", "k", "text"]);
    for _ in 0..30 {
        let replies = client.pipeline(&[
            &["LPUSH", "k", "x"],
            &["EVALSHA", "0123456789012345678901234567890123456789", "0"],
            &["NOSUCHCOMMAND"],
            &["INCR", "k"],
            &["GET", "k"],
        ]);
        assert!(replies[0].error().starts_with("WRONGTYPE"), "{replies:?}");
        assert!(replies[1].error().starts_with("NOSCRIPT"), "{replies:?}");
        assert!(replies[2].error().starts_with("ERR"), "{replies:?}");
        assert!(replies[3].error().starts_with("ERR"), "{replies:?}");
        assert_eq!(replies[4], Value::bulk("text"));
    }
}

fn before_redis(redis: &Redis, config: &str) -> Sidecar {
    crate::harness::SidecarOptions::upstream(redis).config(config).start()
}

/// Answers nothing to those that ask for `GET`, and to PING only where it may.
fn silent(to_ping: bool) -> Scripted {
    Scripted::start(move |call: &Call| {
        let is_silent = call.is("GET") || (to_ping && call.is("PING"));
        is_silent.then_some(Answer::Silence)
    })
}

#[test]
fn timeouts_in_a_row_open_it() {
    let upstream = silent(true);
    let config = "breaker: {grace: 1s, failures: 5, window: 10s, cooldown: 3s, max_cooldown: 3s}
upstream: {probe_timeout: 1s}";
    let options = before_script(&upstream).config(config).env("REDIS_COMMAND_TIMEOUT", "300");
    let sidecar = options.start();
    let mut clients: Vec<_> = (0..5).map(|_| sidecar.client()).collect();
    for client in &mut clients {
        client.send(&["GET", "k"]);
    }
    for client in &mut clients {
        let reply = client.read();
        let text = reply.error();
        assert!(text.starts_with("TIMEOUT") || text.starts_with("UNAVAILABLE"), "{text}");
    }
    let mut client = sidecar.client();
    eventually("it rejects at once", || {
        let (reply, time) = timed(&mut client, &["GET", "k"]);
        reply.error().starts_with("UNAVAILABLE") && time < AT_ONCE
    });
    upstream.script(|_| None);
    eventually("it serves again", || client.call(&["GET", "k"]) == Value::Nil);
}

#[test]
fn fewer_timeouts_do_not() {
    let upstream = silent(false);
    let config = "breaker: {failures: 5, window: 10s}";
    let options = before_script(&upstream).config(config).env("REDIS_COMMAND_TIMEOUT", "200");
    let sidecar = options.start();
    for _ in 0..4 {
        // on a connection of its own (RESP3), so that the replies that never come hold nobody up
        let mut client = sidecar.client().resp3();
        let reply = client.call(&["GET", "k"]);
        assert!(reply.error().starts_with("TIMEOUT"), "{reply:?}");
    }
    assert_eq!(sidecar.client().call(&["SET", "k", "v"]), Value::ok());
}

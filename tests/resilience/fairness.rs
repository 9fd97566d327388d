//! Timeouts touch their caller alone, and one client's appetite does not starve the rest.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{before_proxy, before_script};
use crate::harness::{
    Answer, Call, Client, Proxy, Redis, RedisOptions, Scripted, Sidecar, SidecarOptions, Value,
    Way, eventually,
};

/// The slowest of the other client's PINGs may take so long: generous, for busy test machines.
const SLOWEST: Duration = Duration::from_millis(500);

#[test]
fn a_timed_out_command_leaves_the_connection_to_the_others() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let options = before_proxy(&proxy, &redis).env("REDIS_COMMAND_TIMEOUT", "300");
    let sidecar = options.start();
    let (mut slow, mut other) = (sidecar.client(), sidecar.client());
    other.call(&["SET", "k", "v"]);
    let before = proxy.accepted();
    let mut operator = redis.direct();
    for round in 0..3 {
        operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        let late = slow.call(&["INCR", "n"]);
        assert!(late.error().starts_with("TIMEOUT"), "{late:?}");
        operator.call(&["CLIENT", "UNPAUSE"]);
        let tag = format!("round {round}");
        assert_eq!(other.call(&["ECHO", &tag]), Value::bulk(&tag));
        assert_eq!(slow.call(&["GET", "n"]), Value::bulk((round + 1).to_string()));
    }
    assert_eq!(proxy.accepted(), before, "a timeout closed the shared connection");
}

#[test]
fn each_kind_of_timeout_has_its_own_words() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "upstream: {pool: {max: 1, acquire_timeout: 300ms}}\nbreaker: {grace: 60s}";
    let options = before_proxy(&proxy, &redis)
        .config(config)
        .env("REDIS_COMMAND_TIMEOUT", "700")
        .env("REDIS_CONNECT_TIMEOUT", "300");
    let sidecar = options.start();
    let mut clients = [sidecar.client(), sidecar.client()];
    clients[0].call(&["SET", "k", "v"]);
    clients[0].call(&["MULTI"]);
    let acquire = clients[1].call(&["MULTI"]).error().to_owned();
    assert!(acquire.contains("free within") && acquire.contains("300ms"), "{acquire}");
    clients[0].call(&["DISCARD"]);
    proxy.black_hole(Way::Down);
    let command = clients[0].call(&["SET", "k", "v"]).error().to_owned();
    assert!(command.starts_with("TIMEOUT") && command.contains("700ms"), "{command}");
    proxy.break_all(crate::harness::End::Reset);
    sidecar.wait_for_log(&["handshake", "\"class\":\"timeout\""]);
    let handshake = clients[0].call(&["SET", "k", "v"]).error().to_owned();
    assert!(handshake.starts_with("UNAVAILABLE") && handshake.contains("handshake"), "{handshake}");
}

/// PINGs until `is_over`; the slowest, and how many.
fn ping(client: &mut Client, is_over: &AtomicBool) -> (Duration, usize) {
    let (mut slowest, mut count) = (Duration::ZERO, 0);
    while !is_over.load(Ordering::SeqCst) || count < 20 {
        let start = Instant::now();
        assert_eq!(client.call(&["PING"]), Value::Simple("PONG".to_owned()));
        slowest = slowest.max(start.elapsed());
        count += 1;
    }
    (slowest, count)
}

fn assert_fair(sidecar: &Sidecar, appetite: impl FnOnce(&mut Client) + Send) {
    let is_over = AtomicBool::new(false);
    let mut other = sidecar.client();
    other.call(&["PING"]);
    let mut greedy = sidecar.client();
    let (slowest, count) = thread::scope(|scope| {
        let pings = scope.spawn(|| ping(&mut other, &is_over));
        appetite(&mut greedy);
        is_over.store(true, Ordering::SeqCst);
        pings.join().unwrap()
    });
    assert!(slowest < SLOWEST, "the slowest of {count} took {slowest:?}");
}

#[test]
fn a_client_that_pipelines_a_hundred_thousand_commands_starves_nobody() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_WORKERS", "1").start();
    assert_fair(&sidecar, |greedy| {
        let mut sender = sidecar.client();
        sender.set_patience(Duration::from_secs(120));
        greedy.set_patience(Duration::from_secs(120));
        let line = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n";
        // sent in pieces, so that replies are taken meanwhile, as a client with two threads does
        for _ in 0..20 {
            greedy.send_raw(&line.repeat(5_000));
        }
        for n in 1..=100_000 {
            assert_eq!(greedy.read(), Value::Int(n));
        }
    });
}

#[test]
fn a_client_that_pulls_a_hundred_megabytes_starves_nobody() {
    let redis = Redis::start();
    redis.direct().call(&["SET", "big", &"x".repeat(1 << 20)]);
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_WORKERS", "1").start();
    assert_fair(&sidecar, |greedy| {
        greedy.set_patience(Duration::from_secs(60));
        for _ in 0..10 {
            (0..10).for_each(|_| greedy.send(&["GET", "big"]));
            for _ in 0..10 {
                let length = "$1048576\r\n\r\n".len() + (1 << 20);
                assert_eq!(greedy.read_raw_reply().len(), length);
            }
        }
    });
}

#[test]
fn commands_in_flight_for_one_client_are_bounded() {
    let upstream = Scripted::start(|call: &Call| call.is("GET").then_some(Answer::Silence));
    let sidecar = before_script(&upstream).start();
    let mut greedy = sidecar.client();
    // its replies are known to be small
    let echo: &[&str] = &["ECHO", "small"];
    greedy.pipeline(&[echo; 200]);
    greedy.send_raw(&b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(15_000));
    eventually("many are on their way", || upstream.count("GET") >= 1_000);
    let mut other = sidecar.client();
    other.send(&["SET", "k", "v"]);
    eventually("another client's comes", || upstream.count("SET") == 1);
    // all that may go, goes: then it stays so
    let mut count = 0;
    eventually("no more come", || {
        thread::sleep(Duration::from_millis(100));
        let now = most_on_one_connection(&upstream, "GET");
        std::mem::replace(&mut count, now) == now
    });
    // a few more of what was read in one piece may have gone
    assert!(count <= 11_000, "{count} commands of one client are on their way");
}

/// Commands of this name that came by the same connection: one that is silent for long is taken for dead, and reads are
/// sent again on another.
fn most_on_one_connection(upstream: &Scripted, name: &str) -> usize {
    let mut counts = HashMap::<u64, usize>::new();
    for call in upstream.calls().iter().filter(|call| call.is(name)) {
        *counts.entry(call.connection).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

#[test]
fn bytes_that_wait_for_the_upstream_are_bounded() {
    let redis = Redis::start_with(RedisOptions::default());
    let proxy = Proxy::before(&redis);
    let options = before_proxy(&proxy, &redis).config("breaker: {grace: 60s}");
    let sidecar = options.start();
    sidecar.client().call(&["SET", "k", "v"]);
    let before = sidecar.memory();
    proxy.refuse();
    proxy.break_all(crate::harness::End::Reset);
    eventually("the loss is known", || sidecar.http("/ready").0 == 503);
    let value = vec![b'x'; 64 * 1024];
    let mut clients: Vec<_> = (0..4).map(|_| sidecar.client()).collect();
    let mut sent = 0;
    for client in &mut clients {
        client.set_patience(Duration::from_millis(500));
        let frame = [&b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$65536\r\n"[..], &value, b"\r\n"].concat();
        // 64 MB from each, or until it takes no more
        for _ in 0..1_000 {
            if client.try_send(&frame).is_err() {
                break;
            }
            sent += frame.len();
        }
    }
    let grown = sidecar.memory().saturating_sub(before) >> 20;
    assert!(grown < 160, "{grown} MB more, after {} MB were taken", sent >> 20);
    assert_eq!(sidecar.client().call(&["CLIENT", "GETNAME"]), Value::Nil);
}

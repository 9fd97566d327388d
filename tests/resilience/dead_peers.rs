//! An upstream that is gone without a word: no FIN, no reset, only silence.

use std::time::{Duration, Instant};

use super::{before_proxy, before_script};
use crate::harness::{Call, Proxy, Redis, Scripted, Sidecar, Value, Way, eventually};

/// A dead peer is known within this, and a connection idles no longer than twice this without a PING.
const CONFIG: &str = "upstream: {probe_timeout: 1s, keepalive: 2s}";

/// The bound, and a second more.
const KNOWN: Duration = Duration::from_secs(2);

fn start(proxy: &Proxy, redis: &Redis) -> Sidecar {
    let sidecar = before_proxy(proxy, redis).config(CONFIG).start();
    assert_eq!(sidecar.client().call(&["SET", "k", "v"]), Value::ok());
    sidecar
}

#[test]
fn a_connection_that_swallows_everything_is_replaced_in_seconds() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = start(&proxy, &redis);
    let mut clients = [sidecar.client(), sidecar.client()];
    let before = proxy.accepted();
    proxy.freeze();
    let start = Instant::now();
    clients[0].send(&["GET", "k"]);
    clients[1].send(&["INCR", "n"]);
    assert_eq!(clients[0].read(), Value::bulk("v"), "the read is sent again");
    assert!(start.elapsed() < KNOWN, "{:?}", start.elapsed());
    let lost = clients[1].read();
    assert!(lost.error().contains("may or may not"), "{lost:?}");
    assert!(start.elapsed() < KNOWN, "{:?}", start.elapsed());
    assert!(proxy.accepted() > before);
    eventually("the dead one is closed", || proxy.closed_by_client() > 0);
    assert_eq!(clients[1].call(&["INCR", "n"]), Value::Int(1));
}

#[test]
fn a_black_hole_is_known_and_left_when_it_ends() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = start(&proxy, &redis);
    let mut client = sidecar.client();
    for ways in [&[Way::Up][..], &[Way::Down], &[Way::Up, Way::Down]] {
        assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"));
        let (accepted, closed) = (proxy.accepted(), proxy.closed_by_client());
        ways.iter().for_each(|way| proxy.black_hole(*way));
        let start = Instant::now();
        client.send(&["GET", "k"]);
        eventually("it is closed, and another made", || {
            proxy.closed_by_client() > closed && proxy.accepted() > accepted
        });
        assert!(start.elapsed() < KNOWN + Duration::from_millis(500), "{:?}", start.elapsed());
        proxy.heal();
        let healed = Instant::now();
        assert_eq!(client.read(), Value::bulk("v"), "{ways:?}");
        assert!(healed.elapsed() < KNOWN, "{ways:?}: {:?}", healed.elapsed());
    }
}

#[test]
fn an_idle_connection_is_asked_whether_it_lives() {
    let upstream = Scripted::start(|_| None);
    let sidecar = before_script(&upstream).config(CONFIG).start();
    sidecar.client().call(&["SET", "k", "v"]);
    let before = upstream.count("PING");
    eventually("two PINGs come", || upstream.count("PING") >= before + 2);
    let calls = upstream.calls();
    let gap = calls[calls.len() - 1].at - calls[calls.len() - 2].at;
    assert!(gap > Duration::from_millis(500), "again after {gap:?}");
}

#[test]
fn a_dead_peer_is_known_though_no_client_asks() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = start(&proxy, &redis);
    let mut subscriber = sidecar.client();
    subscriber.call(&["SUBSCRIBE", "c"]);
    let before = proxy.accepted();
    proxy.freeze();
    eventually("all are made anew: the lane and the hub's", || proxy.accepted() >= before + 2);
    eventually("subscribed again", || {
        // the dead connection's is counted too: the server never hears of its end
        redis.direct().call(&["PUBSUB", "NUMSUB", "c"]).items()[1] == Value::Int(2)
    });
    redis.direct().call(&["PUBLISH", "c", "m"]);
    assert_eq!(subscriber.read(), Value::bulks(&["message", "c", "m"]));
}

#[test]
fn a_slow_command_is_no_dead_peer() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "upstream: {probe_timeout: 3s, keepalive: 1s}";
    let sidecar = before_proxy(&proxy, &redis).config(config).start();
    let mut clients = [sidecar.client(), sidecar.client()];
    clients[0].call(&["SET", "k", "v"]);
    let before = proxy.accepted();
    clients[0].send(&["DEBUG", "SLEEP", "1.5"]);
    clients[1].send(&["GET", "k"]);
    assert_eq!(clients[0].read(), Value::ok());
    assert_eq!(clients[1].read(), Value::bulk("v"));
    assert_eq!(proxy.accepted(), before, "its connection was given up");
}

#[test]
fn a_blocking_command_is_no_dead_peer() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "upstream: {probe_timeout: 500ms, keepalive: 500ms}";
    let sidecar = before_proxy(&proxy, &redis).config(config).start();
    let mut waiter = sidecar.client();
    let start = Instant::now();
    assert_eq!(waiter.call(&["BLPOP", "nothing", "3"]), Value::Nil);
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn bytes_that_trickle_are_no_dead_peer() {
    let upstream = Scripted::start(|call: &Call| {
        call.is("GET").then(|| crate::harness::Answer::bulk(&"x".repeat(20_000)))
    });
    let proxy = Proxy::before_port(upstream.port());
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let sidecar = before_script(&upstream).env("REDIS_URL", &url).config(CONFIG).start();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    let before = proxy.accepted();
    proxy.trickle(Way::Down);
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("x".repeat(20_000)));
    assert!(proxy.bytes(Way::Down) > 20_000);
    assert_eq!(proxy.accepted(), before, "a connection that made progress was given up");
}

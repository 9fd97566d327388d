//! SIGTERM: nothing new is taken, what is in flight ends, the exit code is 0.

use std::time::{Duration, Instant};

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value, eventually};

#[test]
fn an_idle_sidecar_ends_at_once() {
    let redis = Redis::start();
    let mut sidecar = Sidecar::start(&redis);
    let (mut idle, mut subscriber) = (sidecar.client(), sidecar.client());
    idle.call(&["PING"]);
    subscriber.call(&["SUBSCRIBE", "c"]);
    let start = Instant::now();
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
    assert!(start.elapsed() < Duration::from_secs(8), "waited for idle clients");
    idle.expect_close();
    subscriber.expect_close();
    eventually("nothing is left upstream", || redis.connections().is_empty());
}

#[test]
fn a_command_in_flight_gets_its_reply() {
    let redis = Redis::start();
    let mut sidecar = Sidecar::start(&redis);
    let mut clients = [sidecar.client(), sidecar.client().resp3()];
    let mut operator = redis.direct();
    operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    for client in &mut clients {
        client.send(&["INCR", "n"]);
    }
    eventually("both are in flight", || {
        let held = redis.connections();
        held.iter().filter(|line| line.contains("flags=b")).count() == 2
    });
    sidecar.terminate();
    eventually("new clients are refused", || sidecar.refuses());
    assert!(sidecar.is_running());
    operator.call(&["CLIENT", "UNPAUSE"]);
    for client in &mut clients {
        assert!(matches!(client.read(), Value::Int(1 | 2)));
        client.expect_close();
    }
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
}

#[test]
fn one_that_waits_for_ever_is_not_waited_for() {
    let redis = Redis::start();
    let mut sidecar = SidecarOptions::upstream(&redis).config("drain_timeout: 300ms").start();
    let mut waiter: Client = sidecar.client();
    waiter.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
    waiter.read_to_close();
    eventually("nothing is left upstream", || redis.connections().is_empty());
}

#[test]
fn without_an_upstream_it_ends_as_well() {
    let mut redis = Redis::start();
    redis.kill();
    let mut sidecar = Sidecar::start(&redis);
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0), "{}", sidecar.log());
}

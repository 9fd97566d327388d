//! A server that goes away and comes back, or hands its place to another.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{before_proxy, before_script};
use crate::harness::{
    End, PASSWORD, Proxy, Redis, RedisOptions, Scripted, Sidecar, SidecarOptions, Value, eventually,
};

/// From the server's return to the first answer: 500 ms, and some for a busy test machine.
const RETURN: Duration = Duration::from_millis(800);

/// What ten readers have seen so far.
#[derive(Default)]
struct Readers {
    is_over: AtomicBool,
    answers: AtomicU64,
    errors: Mutex<Vec<Value>>,
}

impl Readers {
    fn read(&self, sidecar: &Sidecar) {
        let mut client = sidecar.client();
        while !self.is_over.load(Ordering::SeqCst) {
            match client.call(&["GET", "k"]) {
                Value::Error(text) => self.errors.lock().unwrap().push(Value::Error(text)),
                _ => drop(self.answers.fetch_add(1, Ordering::SeqCst)),
            }
        }
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }
}

#[test]
fn a_restart_of_two_seconds_costs_readers_no_error() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let readers = Readers::default();
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| readers.read(&sidecar));
        }
        eventually("they read", || readers.answers() > 100);
        redis.kill();
        // the length of the outage, which is what this test is about
        thread::sleep(Duration::from_secs(2));
        let before = readers.answers();
        redis.restart();
        let back = Instant::now();
        eventually("they read again", || readers.answers() > before);
        let took = back.elapsed();
        let reached = readers.answers();
        eventually("all go on", || readers.answers() > reached + 100);
        readers.is_over.store(true, Ordering::SeqCst);
        assert!(took < RETURN, "the first answer came {took:?} after the return");
    });
    let errors = readers.errors.into_inner().unwrap();
    assert!(errors.is_empty(), "{} errors, such as {:?}", errors.len(), errors[0]);
}

#[test]
fn writes_that_were_on_their_way_are_told_that_they_may_have_been_applied() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = [sidecar.client(), sidecar.client().resp3()];
    let mut operator = redis.direct();
    assert_eq!(operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]), Value::ok());
    for client in &mut clients {
        client.send(&["INCR", "n"]);
    }
    eventually("both are at the server", || {
        redis.connections().iter().filter(|line| line.contains("flags=b")).count() == 2
    });
    redis.kill();
    redis.restart();
    for client in &mut clients {
        let reply = client.read();
        assert!(reply.error().starts_with("UNAVAILABLE"), "{reply:?}");
        assert!(reply.error().contains("may or may not"), "{reply:?}");
        assert_eq!(client.call(&["EXISTS", "n"]), Value::Int(0));
    }
}

#[test]
fn writes_that_come_during_an_outage_are_applied_once() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients: Vec<_> = (0..5).map(|_| sidecar.client()).collect();
    for client in &mut clients {
        client.call(&["GET", "n"]);
    }
    redis.kill();
    eventually("the loss is known", || sidecar.http("/ready").0 == 503);
    for client in &mut clients {
        client.send_raw(b"INCR n\r\nINCR n\r\nINCR n\r\n");
    }
    redis.restart();
    let replies: Vec<Value> = clients
        .iter_mut()
        .flat_map(|client| [client.read(), client.read(), client.read()])
        .collect();
    let mut numbers: Vec<i64> = replies.iter().map(Value::int).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=15).collect::<Vec<i64>>());
    assert_eq!(redis.direct().call(&["GET", "n"]), Value::bulk("15"));
}

#[test]
fn a_client_that_only_greets_hurries_the_way_back() {
    let mut redis = Redis::start();
    redis.kill();
    let sidecar = SidecarOptions::upstream(&redis)
        .env("SIDECAR_WORKERS", "1")
        .config(
            "breaker:\n  grace: 0s\n\
             retry:\n  initial_delay: 5s\n  max_delay: 5s\n  jitter: none\n",
        )
        .start();
    let greet = || sidecar.client().call(&["HELLO", "3"]);
    eventually("it is turned away", || greet().text().starts_with("UNAVAILABLE"));
    redis.restart();
    let back = Instant::now();
    eventually("it is greeted", || matches!(greet(), Value::Map(_)));
    assert!(back.elapsed() < RETURN, "{:?} after the return", back.elapsed());
}

#[test]
fn an_idle_connection_that_was_closed_costs_no_command() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let sidecar = before_proxy(&proxy, &redis).start();
    let mut client = sidecar.client();
    for round in 1..=5 {
        assert_eq!(client.call(&["INCR", "n"]), Value::Int(round));
        let before = proxy.accepted();
        proxy.break_all(if round % 2 == 0 { End::Fin } else { End::Reset });
        eventually("it connected again", || proxy.accepted() > before);
    }
}

#[test]
fn two_seconds_without_a_port_cost_no_error_however_often_we_tried() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis);
    let config = "breaker: {grace: 10s}";
    let sidecar = before_proxy(&proxy, &redis).config(config).start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["INCR", "n"]), Value::Int(1));
    proxy.refuse();
    proxy.break_all(End::Reset);
    eventually("the loss is known", || sidecar.http("/ready").0 == 503);
    // long enough for the backoff to have grown past half a second
    thread::sleep(Duration::from_secs(3));
    client.send(&["INCR", "n"]);
    client.expect_silence(Duration::from_millis(100));
    proxy.accept_again();
    let back = Instant::now();
    assert_eq!(client.read(), Value::Int(2));
    assert!(back.elapsed() < RETURN, "{:?} after the return", back.elapsed());
}

/// A server that may be a replica of its like.
fn one_of_two() -> Redis {
    let lines = vec![format!("masterauth {PASSWORD}")];
    Redis::start_with(RedisOptions { plain_port: true, lines, ..RedisOptions::default() })
}

fn follow(replica: &Redis, master: &Redis) {
    let port = master.plain_address().split(':').next_back().unwrap().to_owned();
    let mut operator = replica.direct();
    assert_eq!(operator.call(&["REPLICAOF", "127.0.0.1", &port]), Value::ok());
    eventually("the replica follows", || {
        operator.call(&["INFO", "replication"]).text().contains("master_link_status:up")
    });
}

#[test]
fn after_a_failover_a_write_ends_up_on_the_new_master_once() {
    let (old, new) = (one_of_two(), one_of_two());
    let proxy = Proxy::before(&old);
    // one file with both authorities, since each server has its own
    let authorities = old.certs().dir().join("both.crt");
    let both = [old.certs().file("ca.crt"), new.certs().file("ca.crt")]
        .map(|file| fs::read_to_string(file).unwrap());
    fs::write(&authorities, both.concat()).unwrap();
    let sidecar =
        before_proxy(&proxy, &old).env("REDIS_CA_FILE", &authorities.display().to_string()).start();
    let mut clients = [sidecar.client(), sidecar.client().resp3()];
    for client in &mut clients {
        client.call(&["INCR", "n"]);
    }
    follow(&new, &old);
    assert_eq!(new.direct().call(&["REPLICAOF", "NO", "ONE"]), Value::ok());
    // the old master goes on answering, as a replica: only READONLY tells
    proxy.point_at(&new);
    follow(&old, &new);
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.call(&["INCR", "n"]), Value::Int(3 + i64::try_from(n).unwrap()));
    }
    assert_eq!(new.direct().call(&["GET", "n"]), Value::bulk("4"));
    eventually("nothing of ours is left at the old master", || {
        !old.connections().iter().any(|line| line.contains("name=redis-sidecar"))
    });
}

#[test]
fn a_master_that_says_slave_in_its_greeting_gets_no_command() {
    let upstream = Scripted::start(|_| None);
    let sidecar = before_script(&upstream).start();
    let mut client = sidecar.client();
    assert_eq!(client.call(&["SET", "k", "1"]), Value::ok());
    upstream.set_role("slave");
    let before = upstream.connections();
    upstream.reset_all();
    eventually("it connects anew", || upstream.connections() > before);
    client.send(&["SET", "k", "2"]);
    eventually("it connects again and again", || upstream.connections() > before + 2);
    assert_eq!(upstream.count("SET"), 1, "a write went to a replica");
    upstream.set_role("master");
    assert_eq!(client.read(), Value::ok());
    assert_eq!(upstream.count("SET"), 2);
}

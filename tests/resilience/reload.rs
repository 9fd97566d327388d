//! SIGHUP takes what can change live, and says what cannot; a second SIGTERM ends at once.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::harness::{Redis, Sidecar, SidecarOptions, Value, eventually, free_port};

fn write_config(sidecar: &Sidecar, yaml: &str) {
    fs::write(sidecar.file("config.yaml"), yaml).unwrap();
    sidecar.hang_up();
}

/// A client that goes in the middle of a command, by a reset: told at level debug.
fn vanish(sidecar: &Sidecar) {
    let mut socket = TcpStream::connect(sidecar.address()).unwrap();
    socket.write_all(b"*2\r\n$3\r\nGET").unwrap();
    SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
}

fn is_debugging(sidecar: &Sidecar) -> bool {
    vanish(sidecar);
    sidecar.log_contains("\"level\":\"DEBUG\"")
}

#[test]
fn the_level_of_the_log_changes_live() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("log: {level: info}").start();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    (0..10).for_each(|_| vanish(&sidecar));
    assert!(!sidecar.log_contains("\"level\":\"DEBUG\""));
    write_config(&sidecar, "log: {level: debug}");
    eventually("it debugs", || is_debugging(&sidecar));
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"), "clients stay");
}

#[test]
fn what_cannot_change_live_is_named_and_stays() {
    let redis = Redis::start();
    let (old, new) = (free_port(), free_port());
    let sidecar = SidecarOptions::upstream(&redis)
        .without_env("SIDECAR_LISTEN")
        .config(&format!("listen: {{address: '127.0.0.1:{old}'}}"))
        .start();
    assert_eq!(sidecar.address(), format!("127.0.0.1:{old}"));
    write_config(
        &sidecar,
        &format!("listen: {{address: '127.0.0.1:{new}'}}\nlog: {{level: debug}}"),
    );
    sidecar.wait_for_log(&["listen.address"]);
    assert!(TcpStream::connect(("127.0.0.1", new)).is_err());
    eventually("the rest is taken", || is_debugging(&sidecar));
    assert_eq!(sidecar.client().call(&["SET", "k", "v"]), Value::ok());
}

#[test]
fn a_faulty_file_changes_nothing() {
    let redis = Redis::start();
    let mut sidecar = SidecarOptions::upstream(&redis).config("log: {level: info}").start();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    // One after the other: two signals at once count as one.
    for (faulty, named) in [
        ("log: {level: debug}\nlisten: {adress: x}", "adress"),
        ("log: {level: debug", "is not YAML"),
        ("drain_timeout: -1", "drain_timeout"),
    ] {
        write_config(&sidecar, faulty);
        sidecar.wait_for_log(&["has faults", named]);
    }
    (0..10).for_each(|_| vanish(&sidecar));
    assert_eq!(client.call(&["GET", "k"]), Value::bulk("v"));
    assert!(!sidecar.log_contains("\"level\":\"DEBUG\""), "half of a faulty file was taken");
    assert!(sidecar.is_running());
    write_config(&sidecar, "log: {level: debug}");
    eventually("a good one is taken", || is_debugging(&sidecar));
}

#[test]
fn a_second_sigterm_ends_at_once() {
    let redis = Redis::start();
    let mut sidecar = SidecarOptions::upstream(&redis).config("drain_timeout: 60s").start();
    let mut waiter = sidecar.client();
    waiter.send(&["BLPOP", "l", "0"]);
    eventually("it waits", || redis.info("blocked_clients") == 1);
    sidecar.terminate();
    eventually("new clients are refused", || sidecar.refuses());
    assert!(sidecar.is_running());
    let start = Instant::now();
    sidecar.terminate();
    sidecar.wait();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    waiter.read_to_close();
    eventually("nothing is left upstream", || redis.connections().is_empty());
}

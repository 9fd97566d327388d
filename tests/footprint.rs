//! Memory: what idle clients cost, what huge values pass in, and what it takes at rest.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::harness::{DEADLINE, Redis, Sidecar, SidecarOptions};

const CLIENTS: u64 = 5_000;
/// A build without optimisation keeps more in a client's task: the bound of a release, and an eighth.
const MOST: u64 = if cfg!(debug_assertions) { 2_304 } else { 2_048 };

const HUGE: usize = 100 << 20;

fn start(redis: &Redis) -> Sidecar {
    // the cache keeps what passes, which is not what this is about
    SidecarOptions::upstream(redis)
        .config("cache: {enabled: off}")
        .env("SIDECAR_WORKERS", "1")
        .start()
}

/// The most memory that the sidecar has had, in bytes.
fn peak(sidecar: &Sidecar) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", sidecar.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn connect(sidecar: &Sidecar) -> TcpStream {
    let socket = TcpStream::connect(sidecar.address()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// A client that has worked: it has asked for 4 KB, twice in one go, and has read them.
fn idle_client(sidecar: &Sidecar) -> TcpStream {
    let mut socket = connect(sidecar);
    socket.write_all(b"GET page\r\nGET page\r\n").unwrap();
    let mut reply = vec![0; 2 * ("$4096\r\n\r\n".len() + 4_096)];
    socket.read_exact(&mut reply).unwrap();
    socket
}

#[test]
fn five_thousand_idle_clients_cost_two_kilobytes_each() {
    let redis = Redis::start();
    redis.direct().call(&["SETRANGE", "page", "4095", "x"]);
    let sidecar = start(&redis);
    // what the first ones need once for all
    let mut clients: Vec<_> = (0..200).map(|_| idle_client(&sidecar)).collect();
    let before = sidecar.memory();
    clients.extend((0..CLIENTS).map(|_| idle_client(&sidecar)));
    let each = (sidecar.memory() - before) / CLIENTS;
    assert!(each <= MOST, "an idle client costs {each} bytes, {MOST} at most are meant");
    assert!(each > 500, "{each} bytes: so little that this measures something else");
}

#[test]
fn a_value_of_100_mb_passes_to_slow_readers_within_a_bounded_buffer() {
    let redis = Redis::start();
    redis.direct().call(&["SETRANGE", "huge", &(HUGE - 1).to_string(), "x"]);
    let sidecar = start(&redis);
    sidecar.client().call(&["GET", "nothing"]);
    let before = peak(&sidecar);
    // one after the other: what the first needed must serve the second, too
    for _ in 0..2 {
        read_slowly(connect(&sidecar));
    }
    let grown = (peak(&sidecar) - before) >> 20;
    assert!(grown < 32, "{grown} MB more for values of 100 MB");
}

/// Reads more slowly than it comes, so that all of it would gather, but never so slowly as to be given up.
fn read_slowly(mut client: TcpStream) {
    client.write_all(b"GET huge\r\n").unwrap();
    let length = format!("${HUGE}\r\n\r\n").len() + HUGE;
    let (mut piece, mut read) = (vec![0; 1 << 20], 0);
    while read < length {
        thread::sleep(Duration::from_millis(5));
        let count = client.read(&mut piece).unwrap();
        assert!(count > 0, "closed after {read} of {length} bytes");
        read += count;
    }
    assert_eq!(read, length);
}

//! Allocations of a command on the common way: none. A binary of its own, since it counts all that this process
//! allocates: it runs the sidecar within it, before a plain Redis, so that there is no TLS whose records allocate.
#![cfg(test)]

use redis_sidecar::config::{Config, Sources};
use redis_sidecar::{server, telemetry};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Until buffers and queues have their size.
const WARM_UP: usize = 500;
const ROUNDS: usize = 2_000;
/// The worker's clock, and timers that fire: some in a second, however many commands there are.
const STRAY: usize = ROUNDS / 20;

struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let port = free_port();
        let arguments = ["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"];
        let process = Command::new("redis-server").args(arguments).stdout(Stdio::null()).spawn();
        let process =
            process.expect("these tests need redis-server 7: apt-get install redis-server");
        Self { process, port }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a sidecar in this process until it ends.
fn start_sidecar(redis: &Redis, yaml: &str) -> u16 {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let base = [
        ("SIDECAR_LISTEN", listen.as_str()),
        ("SIDECAR_ADMIN", "off"),
        ("SIDECAR_LOG_LEVEL", "error"),
        ("REDIS_URL", url.as_str()),
    ];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let env = base.into_iter().collect();
    let sources = Sources { file: Some(file.path().into()), env, ..Sources::default() };
    let config = Config::load(&sources).unwrap();
    let levels = telemetry::logs::start(&config.log);
    let read = Box::new(|| Config::load(&Sources::default()));
    thread::spawn(move || server::run(config, server::Reload { read, levels }));
    port
}

/// A client that allocates nothing once it is there.
struct Client {
    socket: TcpStream,
    reply: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> Self {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            if let Ok(socket) = TcpStream::connect(("127.0.0.1", port)) {
                socket.set_nodelay(true).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
                return Self { socket, reply: vec![0; 64 * 1024] };
            }
            assert!(Instant::now() < end, "nobody listens");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends, and reads exactly what is to come.
    fn ask(&mut self, request: &[u8], expected: &[u8]) {
        self.socket.write_all(request).unwrap();
        let reply = &mut self.reply[..expected.len()];
        self.socket.read_exact(reply).unwrap();
        assert!(reply == expected, "not the reply that is right");
    }
}

/// Allocations while `ROUNDS` times `request` is asked by each of some clients.
fn allocations(clients: &mut [Client], request: &[u8], expected: &[u8]) -> usize {
    let mut play = |rounds| {
        for _ in 0..rounds {
            clients.iter_mut().for_each(|client| client.ask(request, expected));
        }
    };
    play(WARM_UP);
    let before = ALLOCATOR.stats();
    play(ROUNDS);
    let after = ALLOCATOR.stats();
    after.allocations + after.reallocations - before.allocations - before.reallocations
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| out.extend(format!("${}\r\n{word}\r\n", word.len()).bytes()));
    out
}

/// One test, so that nothing else of this process allocates meanwhile.
#[test]
fn a_command_on_the_common_way_allocates_nothing() {
    let redis = Redis::start();
    // What is kept for outages or noted as slow allocates, at most so much a second.
    let (plain, with_cache) = (
        start_sidecar(&redis, "cache: {enabled: off}\nslowlog: {threshold: off}"),
        start_sidecar(&redis, "slowlog: {threshold: off}"),
    );
    let value = "v".repeat(64);
    let stored = format!("$64\r\n{value}\r\n");
    let (set, get) = (request(&["SET", "key", &value]), request(&["GET", "key"]));
    let append = request(&["SETRANGE", "other", "0", "abc"]);
    let mut clients = [Client::connect(plain), Client::connect(plain), Client::connect(plain)];
    let commands = ROUNDS * clients.len();
    let mut assert_none = |name: &str, request: &[u8], expected: &str| {
        let count = allocations(&mut clients, request, expected.as_bytes());
        assert!(count <= STRAY, "{name}: {count} allocations in {commands} rounds");
    };
    assert_none("SET", &set, "+OK\r\n");
    assert_none("GET", &get, &stored);
    assert_none("a pipeline of 16", &get.repeat(16), &stored.repeat(16));
    assert_none("SETRANGE", &append, ":3\r\n");

    let mut clients = [Client::connect(with_cache)];
    let count = allocations(&mut clients, &get, stored.as_bytes());
    assert!(count <= STRAY, "{count} allocations in {ROUNDS} GETs of what is kept already");

    // The counter counts: what the session answers itself does allocate.
    let count = allocations(&mut clients, &request(&["CLIENT", "GETNAME"]), b"$-1\r\n");
    assert!(count > ROUNDS, "{count} allocations: nothing is counted");
}

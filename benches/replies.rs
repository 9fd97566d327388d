//! What keeping replies costs a command: counting it when it is sent, and looking at it when its reply is here.
//! A hundred thousand keys with values of 64 bytes, as in `scripts/bench`.

use divan::{Bencher, black_box};
use redis_sidecar::command::lookup;
use redis_sidecar::memory::replies::{Bounds, ReplyCache, Setting};
use redis_sidecar::memory::rules::Rules;
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEYS: usize = 100_000;

fn main() {
    divan::main();
}

struct Bench {
    cache: ReplyCache,
    frames: Vec<Vec<u8>>,
    reply: Vec<u8>,
    setting: Setting,
    next: usize,
}

impl Bench {
    fn new(write: impl Fn(&mut Vec<u8>, &[u8]), reply: &[u8]) -> Self {
        let bounds = Bounds {
            size: 64 << 20,
            entry_size: 1 << 20,
            max_age: Duration::from_secs(600),
            rules: Arc::new(Rules::new(&[])),
        };
        let frames = (0..KEYS)
            .map(|n| {
                let mut frame = Vec::new();
                write(&mut frame, format!("key:{n:012}").as_bytes());
                frame
            })
            .collect();
        let setting = Setting { db: 0, protocol: Protocol::Resp2, at: Instant::now() };
        Self { cache: ReplyCache::new(bounds), frames, reply: reply.to_vec(), setting, next: 0 }
    }

    /// The next of the keys, in an order that no prefetcher knows.
    fn run(&mut self) {
        self.next = (self.next + 61_803) % KEYS;
        let frame = &self.frames[self.next];
        let Some(request) = Request::parse(frame) else { return };
        let mut effect = self.cache.begin(lookup(request.name()), &request, 1);
        self.cache.count_due(std::iter::once(&mut effect), 1);
        self.cache.end(black_box(effect), frame, &self.reply, 1, || self.setting);
    }
}

fn get(frame: &mut Vec<u8>, key: &[u8]) {
    encode::command(frame, &[b"GET", key]);
}

fn bulk() -> Vec<u8> {
    let mut reply = Vec::new();
    encode::bulk(&mut reply, &[b'x'; 64]);
    reply
}

/// Without the cache: what the rest of the loop costs.
#[divan::bench]
fn nothing(bencher: Bencher) {
    let mut bench = Bench::new(get, &bulk());
    bencher.bench_local(|| {
        bench.next = (bench.next + 61_803) % KEYS;
        let request = Request::parse(&bench.frames[bench.next]);
        black_box(request.map(|request| lookup(request.name()).is_some()))
    });
}

/// A reply that was kept a moment ago.
#[divan::bench]
fn get_again(bencher: Bencher) {
    let mut bench = Bench::new(get, &bulk());
    (0..KEYS).for_each(|_| bench.run());
    bencher.bench_local(|| bench.run());
}

/// A reply that is not known yet, at a pace at which each is kept.
#[divan::bench]
fn get_and_keep(bencher: Bencher) {
    let mut bench = Bench::new(get, &bulk());
    bencher.bench_local(|| {
        bench.setting.at += Duration::from_millis(1);
        bench.run();
    });
}

/// The same where it is one too many: it is not kept.
#[divan::bench]
fn get_and_not_keep(bencher: Bencher) {
    let mut bench = Bench::new(get, &bulk());
    bencher.bench_local(|| bench.run());
}

/// A write of a key that was read, whose value is kept.
#[divan::bench]
fn get_and_set(bencher: Bencher) {
    let mut bench = Bench::new(get, &bulk());
    let frames: Vec<Vec<u8>> = (0..KEYS)
        .map(|n| {
            let mut frame = Vec::new();
            encode::command(&mut frame, &[b"SET", format!("key:{n:012}").as_bytes(), &[b'x'; 64]]);
            frame
        })
        .collect();
    bencher.bench_local(|| {
        bench.setting.at += Duration::from_millis(1);
        bench.run();
        let frame = &frames[bench.next];
        let Some(request) = Request::parse(frame) else { return };
        let mut effect = bench.cache.begin(lookup(request.name()), &request, 1);
        bench.cache.count_due(std::iter::once(&mut effect), 1);
        bench.cache.end(black_box(effect), frame, b"+OK\r\n", 1, || bench.setting);
    });
}

/// A write of a key of which nothing is kept.
#[divan::bench]
fn set(bencher: Bencher) {
    let write = |frame: &mut Vec<u8>, key: &[u8]| {
        encode::command(frame, &[b"SET", key, &[b'x'; 64]]);
    };
    let mut bench = Bench::new(write, b"+OK\r\n");
    bencher.bench_local(|| bench.run());
}

/// A write with a deadline, which is kept with its value.
#[divan::bench]
fn setex(bencher: Bencher) {
    let write = |frame: &mut Vec<u8>, key: &[u8]| {
        encode::command(frame, &[b"SETEX", key, b"60", &[b'x'; 64]]);
    };
    let mut bench = Bench::new(write, b"+OK\r\n");
    bencher.bench_local(|| bench.run());
}

//! What one request costs the embedded engine, its look-up in the command table included.
//! Run with: cargo bench --bench memory

use divan::{Bencher, black_box};
use redis_sidecar::command;
use redis_sidecar::memory::{Engine, Now};
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::{Protocol, encode};

const NOW: Now = Now(1_700_000_000_000);
const KEYS: usize = 100_000;

fn main() {
    divan::main();
}

fn frame(arguments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::command(&mut bytes, arguments);
    bytes
}

fn key(number: usize) -> String {
    format!("key:{number:012}")
}

fn filled() -> Engine {
    let engine = Engine::new(0);
    let mut out = Vec::new();
    for number in 0..KEYS {
        run(&engine, &frame(&[b"SET", key(number).as_bytes(), &[b'x'; 64]]), &mut out);
        out.clear();
    }
    engine
}

fn run(engine: &Engine, frame: &[u8], out: &mut Vec<u8>) {
    let Some(request) = Request::parse(frame) else { return };
    engine.execute(&request, command::lookup(request.name()), 0, Protocol::Resp2, NOW, out);
}

/// 256 requests on keys that lie far apart, decoded before.
fn many(bencher: Bencher<'_, '_>, request: impl Fn(&str) -> Vec<u8>) {
    let engine = filled();
    let frames: Vec<Vec<u8>> = (0..256).map(|n| request(&key(n * 389 % KEYS))).collect();
    let requests: Vec<Request<'_>> = frames.iter().filter_map(|f| Request::parse(f)).collect();
    bencher.counter(divan::counter::ItemsCount::new(requests.len())).bench(|| {
        let mut out = Vec::with_capacity(64 * 1024);
        for request in &requests {
            let spec = command::lookup(request.name());
            engine.execute(request, spec, 0, Protocol::Resp2, black_box(NOW), &mut out);
        }
        out
    });
}

#[divan::bench(threads = [1, 2])]
fn get(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"GET", key.as_bytes()]));
}

#[divan::bench(threads = [1, 2])]
fn set(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"SET", key.as_bytes(), &[b'y'; 64]]));
}

#[divan::bench]
fn set_with_deadline(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"SET", key.as_bytes(), &[b'y'; 64], b"EX", b"60"]));
}

#[divan::bench]
fn incr(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"INCR", format!("counter:{key}").as_bytes()]));
}

#[divan::bench]
fn hset_of_a_small_hash(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"HSET", format!("hash:{key}").as_bytes(), b"field", b"value"]));
}

#[divan::bench]
fn sadd_to_a_large_set(bencher: Bencher<'_, '_>) {
    many(bencher, |key| frame(&[b"SADD", b"set", key.as_bytes()]));
}

#[divan::bench]
fn ping(bencher: Bencher<'_, '_>) {
    many(bencher, |_| frame(&[b"PING"]));
}

#[divan::bench]
fn active_expiry_with_nothing_due(bencher: Bencher<'_, '_>) {
    let engine = filled();
    let mut out = Vec::new();
    for number in 0..KEYS {
        run(&engine, &frame(&[b"EXPIRE", key(number).as_bytes(), b"60"]), &mut out);
    }
    bencher.bench(|| engine.expire_some(black_box(NOW), 1000));
}

/// A list of 100,000 elements under `list`, and a sorted set of as many members under `set`.
fn collections() -> Engine {
    let engine = Engine::new(0);
    let mut out = Vec::new();
    for number in 0..KEYS {
        let score = (number * 7919 % KEYS).to_string();
        run(&engine, &frame(&[b"RPUSH", b"list", key(number).as_bytes()]), &mut out);
        run(
            &engine,
            &frame(&[b"ZADD", b"set", score.as_bytes(), key(number).as_bytes()]),
            &mut out,
        );
        out.clear();
    }
    engine
}

/// 256 requests on collections of 100,000, decoded before.
fn on_collections(bencher: Bencher<'_, '_>, request: impl Fn(usize) -> Vec<u8>) {
    let engine = collections();
    let frames: Vec<Vec<u8>> = (0..256).map(|n| request(n * 389 % KEYS)).collect();
    let requests: Vec<Request<'_>> = frames.iter().filter_map(|f| Request::parse(f)).collect();
    bencher.counter(divan::counter::ItemsCount::new(requests.len())).bench(|| {
        let mut out = Vec::with_capacity(1024 * 1024);
        for request in &requests {
            let spec = command::lookup(request.name());
            engine.execute(request, spec, 0, Protocol::Resp2, black_box(NOW), &mut out);
        }
        out
    });
}

#[divan::bench]
fn lpush_and_rpop(bencher: Bencher<'_, '_>) {
    on_collections(bencher, |number| {
        let element = key(number);
        let pushes = number.is_multiple_of(2);
        if pushes {
            frame(&[b"LPUSH", b"list", element.as_bytes()])
        } else {
            frame(&[b"RPOP", b"list"])
        }
    });
}

#[divan::bench]
fn lrange_of_100(bencher: Bencher<'_, '_>) {
    on_collections(bencher, |number| {
        let (first, last) = (number.to_string(), (number + 99).to_string());
        frame(&[b"LRANGE", b"list", first.as_bytes(), last.as_bytes()])
    });
}

#[divan::bench]
fn zadd_of_a_new_score(bencher: Bencher<'_, '_>) {
    // Each round gives every member another score, so that each time it moves.
    let round = std::cell::Cell::new(0_usize);
    let engine = collections();
    bencher.counter(divan::counter::ItemsCount::new(256_usize)).bench_local(|| {
        round.set(round.get() + 1);
        let mut out = Vec::with_capacity(64 * 1024);
        for number in (0..256).map(|n| n * 389 % KEYS) {
            let score = ((number + round.get()) * 7919 % KEYS).to_string();
            run(
                &engine,
                &frame(&[b"ZADD", b"set", score.as_bytes(), key(number).as_bytes()]),
                &mut out,
            );
        }
        out
    });
}

#[divan::bench]
fn zrank(bencher: Bencher<'_, '_>) {
    on_collections(bencher, |number| frame(&[b"ZRANK", b"set", key(number).as_bytes()]));
}

#[divan::bench]
fn zrange_of_100(bencher: Bencher<'_, '_>) {
    on_collections(bencher, |number| {
        let (first, last) = (number.to_string(), (number + 99).to_string());
        frame(&[b"ZRANGE", b"set", first.as_bytes(), last.as_bytes(), b"WITHSCORES"])
    });
}

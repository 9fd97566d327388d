//! What the command table costs per command: the look-up and the key positions.

use divan::{Bencher, black_box};
use redis_sidecar::command::keys::positions;
use redis_sidecar::command::{lookup, resolve};

fn main() {
    divan::main();
}

#[divan::bench(args = ["GET", "set", "HGETALL", "ZREVRANGEBYSCORE", "NOSUCHCOMMAND"])]
fn look_up(name: &str) -> bool {
    lookup(black_box(name.as_bytes())).is_some()
}

/// All names in turn, which a branch predictor can't learn as well as one.
#[divan::bench]
fn look_up_every_name(bencher: Bencher<'_, '_>) {
    let names: Vec<&str> = redis_sidecar::command::all().map(|spec| spec.name).collect();
    bencher
        .counter(divan::counter::ItemsCount::new(names.len()))
        .bench(|| names.iter().filter(|name| lookup(black_box(name.as_bytes())).is_some()).count());
}

#[divan::bench(args = [
    "GET key",
    "SET key value EX 60",
    "MGET a b c d e f g h i j",
    "EVALSHA sha 2 a b x",
    "XREAD COUNT 10 BLOCK 0 STREAMS a b 0 0",
    "CLIENT SETNAME app",
    "OBJECT ENCODING key",
])]
fn look_up_and_positions(bencher: Bencher<'_, '_>, line: &str) {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    bencher.bench(|| {
        let args = black_box(args.as_slice());
        let keys = resolve(args).and_then(|spec| positions(spec, args).ok());
        keys.map(|keys| keys.iter().map(|key| key.index).sum::<usize>())
    });
}

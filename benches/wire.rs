//! What wire costs: a request found, a reply's end found, a reply written. Divide a pipeline's time by 16.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::decode::{Decoded, Decoder, Limits};
use redis_sidecar::wire::encode;
use redis_sidecar::wire::scan::{Progress, Scanner};

fn main() {
    divan::main();
}

const PIPELINE: usize = 16;

fn pipeline(command: &[&[u8]]) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..PIPELINE {
        encode::command(&mut input, command);
    }
    input
}

fn decode_all(mut input: &[u8]) -> usize {
    let mut decoder = Decoder::new();
    let mut found = 0;
    while let Ok(Decoded::Request(request)) = decoder.decode(input, &Limits::DEFAULT) {
        found += request.name().len();
        input = &input[request.bytes().len()..];
    }
    found
}

fn scan_all(mut input: &[u8]) -> usize {
    let mut scanner = Scanner::new();
    let mut found = 0;
    while let Ok(Progress::Complete { used }) = scanner.feed(input) {
        found += 1;
        input = &input[used..];
    }
    found
}

#[divan::bench]
fn decode_get(bencher: Bencher<'_, '_>) {
    let input = pipeline(&[b"GET", b"key:000000012345"]);
    bencher.counter(ItemsCount::new(PIPELINE)).bench(|| decode_all(divan::black_box(&input)));
}

#[divan::bench]
fn decode_set_64(bencher: Bencher<'_, '_>) {
    let input = pipeline(&[b"SET", b"key:000000012345", &[b'x'; 64]]);
    bencher.counter(ItemsCount::new(PIPELINE)).bench(|| decode_all(divan::black_box(&input)));
}

#[divan::bench]
fn decode_16_mib_in_1024_pieces(bencher: Bencher<'_, '_>) {
    let value = vec![b'x'; 16 << 20];
    let mut input = Vec::new();
    encode::command(&mut input, &[b"SET", b"key", &value]);
    bencher.counter(ItemsCount::new(1024_usize)).bench(|| {
        let mut decoder = Decoder::new();
        let input = divan::black_box(&input);
        for end in (0..input.len()).step_by(16 << 10).chain([input.len()]) {
            let _ = divan::black_box(decoder.decode(&input[..end], &Limits::DEFAULT));
        }
    });
}

#[divan::bench]
fn request_first_key(bencher: Bencher<'_, '_>) {
    let input = pipeline(&[b"GET", b"key:000000012345"]);
    let Ok(Decoded::Request(request)) = Decoder::new().decode(&input, &Limits::DEFAULT) else {
        return;
    };
    bencher.bench(|| divan::black_box(&request).arg(1).map(<[u8]>::len));
}

#[divan::bench(args = [64, 1024])]
fn scan_bulk(bencher: Bencher<'_, '_>, size: usize) {
    let mut input = Vec::new();
    for _ in 0..PIPELINE {
        encode::bulk(&mut input, &vec![b'x'; size]);
    }
    bencher
        .counter(ItemsCount::new(PIPELINE))
        .counter(BytesCount::of_slice(&input))
        .bench(|| scan_all(divan::black_box(&input)));
}

#[divan::bench]
fn scan_ok(bencher: Bencher<'_, '_>) {
    let input = b"+OK\r\n".repeat(PIPELINE);
    bencher.counter(ItemsCount::new(PIPELINE)).bench(|| scan_all(divan::black_box(&input)));
}

#[divan::bench]
fn scan_integer(bencher: Bencher<'_, '_>) {
    let input = b":1234\r\n".repeat(PIPELINE);
    bencher.counter(ItemsCount::new(PIPELINE)).bench(|| scan_all(divan::black_box(&input)));
}

#[divan::bench]
fn scan_array_of_100(bencher: Bencher<'_, '_>) {
    let mut input = Vec::new();
    encode::array_header(&mut input, 100);
    for _ in 0..100 {
        encode::bulk(&mut input, b"element-of-16-by");
    }
    bencher.counter(ItemsCount::new(100_usize)).bench(|| scan_all(divan::black_box(&input)));
}

#[divan::bench]
fn scan_10000_elements_in_16_kib_pieces(bencher: Bencher<'_, '_>) {
    let mut input = Vec::new();
    encode::array_header(&mut input, 10_000);
    for _ in 0..10_000 {
        encode::bulk(&mut input, b"element-of-16-by");
    }
    bencher.counter(ItemsCount::new(10_000_usize)).bench(|| {
        let mut scanner = Scanner::new();
        for piece in divan::black_box(&input).chunks(16 << 10) {
            let _ = divan::black_box(scanner.feed(piece));
        }
    });
}

#[divan::bench]
fn encode_bulk_64(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(1 << 16);
    bencher.counter(ItemsCount::new(PIPELINE)).bench_local(|| {
        out.clear();
        for _ in 0..PIPELINE {
            encode::bulk(&mut out, divan::black_box(&[b'x'; 64]));
        }
        out.len()
    });
}

#[divan::bench]
fn encode_integer(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(1 << 16);
    bencher.counter(ItemsCount::new(PIPELINE)).bench_local(|| {
        out.clear();
        for _ in 0..PIPELINE {
            encode::integer(&mut out, divan::black_box(123_456));
        }
        out.len()
    });
}

#[divan::bench]
fn encode_nulls(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(1 << 16);
    bencher.counter(ItemsCount::new(PIPELINE)).bench_local(|| {
        out.clear();
        for _ in 0..PIPELINE {
            encode::null(&mut out, divan::black_box(Protocol::Resp3));
        }
        out.len()
    });
}

//! What a namespace costs a command: its keys found and prefixed on the way up, and keys taken out of it in a reply.

use divan::{Bencher, black_box};
use redis_sidecar::command::{find, resolve};
use redis_sidecar::config::{Config, Sources};
use redis_sidecar::policy::rules::Meters;
use redis_sidecar::policy::{App, Asked, Draft, Shape};
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    divan::main();
}

fn app() -> Option<Arc<App>> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    file.write_all(b"namespace: 'orders:'").ok()?;
    let sources = Sources { file: Some(file.path().into()), ..Sources::default() };
    let config = Config::load(&sources).ok()?;
    App::new(&config, Instant::now())
}

#[divan::bench(args = [
    "GET key:000000012345",
    "SET key:000000012345 value EX 60",
    "MGET a b c d e f g h i j",
    "EVALSHA sha 2 a b x",
    "PING",
])]
fn rewrite(bencher: Bencher<'_, '_>, line: &str) {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let (mut frame, spec) = (Vec::new(), resolve(args.as_slice()));
    encode::command(&mut frame, &args);
    let (Some(app), Some(request)) = (app(), Request::parse(&frame)) else { return };
    let (number, mut meters, mut draft) = (find(args[0]).1, Meters::default(), Draft::default());
    bencher.bench_local(|| {
        let request = black_box(&request);
        let asked = Asked { spec: black_box(spec), number, request, in_multi: false, at: None };
        app.judge(&asked, &mut meters, &mut draft)
    });
}

/// The reply of SCAN with ten keys.
#[divan::bench]
fn strip_ten_keys(bencher: Bencher<'_, '_>) {
    let mut reply = b"*2\r\n$1\r\n0\r\n*10\r\n".to_vec();
    for n in 0..10 {
        let key = format!("orders:key:{n:012}");
        reply.extend_from_slice(format!("${}\r\n{key}\r\n", key.len()).as_bytes());
    }
    let app = app();
    let (Some(namespace), Some(spec)) =
        (app.as_ref().and_then(|app| app.namespace()), resolve(["SCAN", "0"].as_slice()))
    else {
        return;
    };
    let shape = Shape::of(spec);
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        namespace.strip(shape, black_box(&reply), &mut out);
    });
}

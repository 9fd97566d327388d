//! What judging one command costs, its look-up in the command table included.
//! Run with: cargo bench --bench rules

use divan::{Bencher, black_box};
use redis_sidecar::command;
use redis_sidecar::config::{Config, Sources};
use redis_sidecar::policy::rules::{Meters, Moment};
use redis_sidecar::policy::{App, Asked, Draft};
use redis_sidecar::wire::decode::Request;
use redis_sidecar::wire::encode;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    divan::main();
}

const RULES: &str = "rules: [{match: 'cfg:*', access: read_only}, {match: 'price:[0-9]*', max_value: 1kb}, \
    {match: 'search:*', rate: {per_second: 1000000}}, {match: 'session:*', ttl: {default: 30m, max: 24h}}]";

fn app(yaml: &str) -> Option<Arc<App>> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    file.write_all(yaml.as_bytes()).ok()?;
    let sources = Sources { file: Some(file.path().into()), ..Sources::default() };
    App::new(&Config::load(&sources).ok()?, Instant::now())
}

fn judge(bencher: Bencher<'_, '_>, yaml: &str, words: &[&[u8]]) {
    let Some(app) = app(yaml) else { return };
    let mut frame = Vec::new();
    encode::command(&mut frame, words);
    let Some(request) = Request::parse(&frame) else { return };
    let (mut meters, mut draft) = (Meters::default(), Draft::default());
    let at = Some(Moment { instant: Instant::now(), unix_ms: 0 });
    bencher.bench_local(|| {
        let request = black_box(&request);
        let (spec, number) = command::find(request.name());
        let asked = Asked { spec, number, request, in_multi: false, at };
        app.judge(&asked, &mut meters, &mut draft)
    });
}

#[divan::bench]
fn get_under_a_profile(bencher: Bencher<'_, '_>) {
    judge(bencher, "commands: {profile: app}", &[b"GET", b"session:1"]);
}

#[divan::bench]
fn a_refusal(bencher: Bencher<'_, '_>) {
    judge(bencher, "commands: {profile: app}", &[b"FLUSHALL"]);
}

#[divan::bench]
fn get_under_four_rules(bencher: Bencher<'_, '_>) {
    judge(bencher, RULES, &[b"GET", b"session:1"]);
}

#[divan::bench]
fn get_of_no_rule(bencher: Bencher<'_, '_>) {
    judge(bencher, RULES, &[b"GET", b"other:1"]);
}

#[divan::bench]
fn set_that_gets_a_deadline(bencher: Bencher<'_, '_>) {
    judge(bencher, RULES, &[b"SET", b"session:1", &[b'x'; 64]]);
}

#[divan::bench]
fn hset_that_is_followed(bencher: Bencher<'_, '_>) {
    judge(bencher, RULES, &[b"HSET", b"session:1", b"f", &[b'x'; 64]]);
}

#[divan::bench]
fn get_that_is_counted(bencher: Bencher<'_, '_>) {
    judge(bencher, RULES, &[b"GET", b"search:1"]);
}

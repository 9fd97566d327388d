//! What it costs to record a command, beside what it would cost with counters that many threads share; and a scrape.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use redis_sidecar::command::find;
use redis_sidecar::telemetry::metrics::shard::{Outcome, Recorder, Route};
use redis_sidecar::telemetry::metrics::{Format, Metrics, State};
use redis_sidecar::telemetry::notes::Notes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// With the threshold of the slow log that is the default.
fn notes() -> Arc<Notes> {
    Arc::new(Notes::new(Some(Duration::from_millis(10))))
}

fn main() {
    divan::main();
}

const COMMANDS: [&str; 4] = ["GET", "SET", "HGETALL", "ZADD"];

/// As a lane does it: `batch` commands come, are written and answered together. The three looks at the clock are
/// part of it.
#[divan::bench(args = [1, 8, 50])]
fn record_a_batch(bencher: Bencher<'_, '_>, batch: usize) {
    let metrics = Metrics::default();
    let mut recorder = Recorder::new(metrics.shard(notes()), Route::Lane);
    let numbers = COMMANDS.map(|name| find(name.as_bytes()).1);
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        let (came, sent) = (Instant::now(), Instant::now());
        for place in 0..batch {
            if !recorder.has_times() {
                recorder.begin(came, sent, Instant::now());
            }
            recorder.answered(black_box(numbers[place % 4]), Outcome::Ok);
        }
        recorder.finish();
    });
}

/// The same with the crate's own types, handles at hand: a locked add, and a histogram behind a lock.
#[divan::bench(args = [1, 50])]
fn with_shared_counters(bencher: Bencher<'_, '_>, batch: usize) {
    let counters = COMMANDS.map(|_| <Counter>::default());
    let histogram = Histogram::new((0..17).map(|n| f64::from(1 << n) / 1e4));
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        let start = Instant::now();
        let whole = start.elapsed().as_secs_f64();
        for place in 0..batch {
            black_box(&counters[place % 4]).inc();
            histogram.observe(black_box(whole));
        }
    });
}

/// The same with a look-up of the labels for each command.
#[divan::bench]
fn with_a_look_up_of_labels(bencher: Bencher<'_, '_>) {
    let family = Family::<[(&str, &str); 2], Counter>::default();
    bencher.bench_local(|| {
        family.get_or_create(&[("command", black_box("get")), ("result", "ok")]).inc();
    });
}

#[divan::bench]
fn scrape(bencher: Bencher<'_, '_>) {
    let metrics = Metrics::default();
    let shards = [metrics.shard(notes()), metrics.shard(notes())];
    for name in COMMANDS {
        for shard in &shards {
            let mut recorder = Recorder::new(Arc::clone(shard), Route::Lane);
            let start = Instant::now();
            recorder.begin(start, start, start + Duration::from_millis(1));
            recorder.answered(find(name.as_bytes()).1, Outcome::Ok);
            recorder.finish();
        }
    }
    bencher.bench(|| metrics.render(Format::Prometheus, State::default()));
}

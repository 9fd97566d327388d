//! A collector that fails in every way: commands never notice, spans are counted for what became of them, and the
//! end waits for no collector longer than its bound.

use super::collector::{Collector, Mood};
use crate::harness::{Certs, Redis, Refusing, Sidecar, SidecarOptions, eventually};
use crate::metrics::scrape::{Scrape, whole};
use std::time::{Duration, Instant};

fn exporting(url: &str) -> SidecarOptions {
    SidecarOptions::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        .env("OTEL_TRACES_SAMPLER", "always_on")
}

/// Spans that were told, dropped, and failed.
fn fates(sidecar: &Sidecar) -> (u64, u64, u64) {
    let scrape = Scrape::of(sidecar);
    let fate = |result| whole(scrape.sum("redis_sidecar_spans_total", &[("result", result)]));
    (fate("told"), fate("dropped"), fate("failed"))
}

#[test]
fn without_a_collector_commands_go_on_and_every_span_is_accounted_for() {
    let nobody = Refusing::start();
    let url = format!("http://127.0.0.1:{}", nobody.port);
    let sidecar = exporting(&url).env("OTEL_EXPORTER_OTLP_TIMEOUT", "500").start();
    let mut client = sidecar.client();
    for _ in 0..60 {
        let replies = client.pipeline(&[&["INCR", "n"][..]; 100]);
        assert!(replies.iter().all(|reply| reply.int() > 0));
    }
    let (mut told, mut dropped, mut failed) = (0, 0, 0);
    eventually("all are accounted for", || {
        (told, dropped, failed) = fates(&sidecar);
        told + dropped + failed == 6000
    });
    assert!(told == 0 && failed >= 512 && dropped >= 1000, "{told} {dropped} {failed}");
    let line = sidecar.wait_for_log(&["an OTLP export failed", "\"spans\"", "mend"]);
    assert!(line.contains("4318"), "{line}");
    let many = sidecar.log().matches("an OTLP export failed").count();
    assert!(many <= 2, "once for spans, once for metrics: {}", sidecar.log());
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up() {
    let collector = Collector::start();
    collector.always(Mood::Silent);
    let mut sidecar = exporting(&collector.url()).start();
    let mut client = sidecar.client();
    client.pipeline(&[&["INCR", "n"][..]; 5000]);
    eventually("it was asked", || collector.refused() > 0);
    assert_eq!(client.call(&["GET", "n"]).text(), "5000");
    let asked = Instant::now();
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(8), "its bound is 3 s: {:?}", asked.elapsed());
    assert!(
        sidecar.log_contains("not all spans and metrics could be exported"),
        "{}",
        sidecar.log()
    );
}

#[test]
fn who_is_refused_for_now_tries_again_and_nothing_comes_twice() {
    let collector = Collector::start();
    let sidecar = exporting(&collector.url()).env("OTEL_METRIC_EXPORT_INTERVAL", "0").start();
    collector.next(&[Mood::Says(503), Mood::Says(429)]);
    sidecar.client().pipeline(&[&["INCR", "n"][..]; 10]);
    collector.wait_for_spans(10);
    assert_eq!(collector.refused(), 2);
    eventually("all are told", || fates(&sidecar) == (10, 0, 0));
    assert!(!sidecar.log_contains("an OTLP export failed"), "{}", sidecar.log());
}

#[test]
fn what_is_refused_for_good_is_not_sent_again() {
    let collector = Collector::start();
    let sidecar = exporting(&collector.url()).env("OTEL_METRIC_EXPORT_INTERVAL", "0").start();
    collector.next(&[Mood::Says(401)]);
    sidecar.client().pipeline(&[&["INCR", "n"][..]; 10]);
    eventually("they failed", || fates(&sidecar) == (0, 0, 10));
    assert_eq!((collector.refused(), collector.spans().len()), (1, 0));
    sidecar.wait_for_log(&["an OTLP export failed", "401", "otlp.headers"]);
    collector.next(&[Mood::Rejects(3)]);
    sidecar.client().pipeline(&[&["INCR", "n"][..]; 10]);
    eventually("three more failed", || fates(&sidecar) == (7, 0, 13));
    sidecar.wait_for_log(&["OTLP exports go on"]);
}

#[test]
fn a_connection_is_used_again_and_made_anew_where_the_collector_closes_it() {
    let collector = Collector::start();
    let sidecar = exporting(&collector.url()).env("OTEL_METRIC_EXPORT_INTERVAL", "0").start();
    let mut client = sidecar.client();
    for round in 1..=3 {
        client.call(&["INCR", "n"]);
        collector.wait_for_spans(round);
    }
    assert_eq!(collector.connections(), 1);
    collector.next(&[Mood::TakesAndCloses]);
    for round in 4..=5 {
        client.call(&["INCR", "n"]);
        collector.wait_for_spans(round);
    }
    assert_eq!(collector.connections(), 2);
    assert_eq!(fates(&sidecar), (5, 0, 0));
}

#[test]
fn what_waits_at_the_end_is_exported_before_it() {
    let (redis, collector) = (Redis::start(), Collector::start());
    let mut sidecar = SidecarOptions::upstream(&redis)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .env("OTEL_TRACES_SAMPLER", "always_on")
        .start();
    sidecar.client().pipeline(&[&["INCR", "n"][..]; 1200]);
    sidecar.terminate();
    assert_eq!(sidecar.wait(), Some(0));
    assert_eq!(collector.spans().len(), 1200);
    let metrics = collector.metrics();
    assert_eq!(metrics.len(), 1, "once at the end, long before the first interval is over");
    let names: Vec<_> = metrics[0].iter().map(|metric| metric.name.as_str()).collect();
    assert!(names.contains(&"redis_sidecar_commands_total"), "{names:?}");
}

#[test]
fn an_https_endpoint_is_checked_and_gets_the_headers_that_nobody_else_sees() {
    let certs = Certs::generate();
    let collector = Collector::with_tls(&certs);
    let options = |ca: &str| {
        exporting(&collector.url())
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", &certs.file(ca).display().to_string())
            .env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2%20x")
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "700")
            .env("SIDECAR_LOG_LEVEL", "trace")
    };
    let sidecar = options("ca.crt").start();
    sidecar.client().call(&["SET", "k", "v"]);
    collector.wait_for_spans(1);
    assert_eq!(collector.taken()[0].headers["api-key"], "hunter2 x");
    let told =
        format!("{}{}{}", sidecar.log(), sidecar.http("/config").1, sidecar.http("/metrics").1);
    assert!(!told.contains("hunter2"), "{told}");
    let stranger = options("unknown-ca.crt").start();
    stranger.client().call(&["SET", "k", "v"]);
    eventually("it failed", || fates(&stranger) == (0, 0, 1));
    stranger.wait_for_log(&["an OTLP export failed", "certificate"]);
    assert_eq!(collector.spans().len(), 1, "nothing was sent to whom it does not trust");
}

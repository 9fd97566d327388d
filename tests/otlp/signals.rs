//! What arrives: every command's span once, with right times and names; the figures of /metrics; nothing secret.

use super::collector::{Collector, attributes};
use crate::harness::{PASSWORD, Proxy, Redis, SidecarOptions, Way, eventually};
use crate::metrics::scrape::{Scrape, whole};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn exporting(redis: &Redis, collector: &Collector) -> SidecarOptions {
    SidecarOptions::upstream(redis)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .env("OTEL_TRACES_SAMPLER", "always_on")
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// How many there are of each name and result, as the metrics have them.
fn counts(spans: &[Span]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for span in spans {
        let result = attributes(&span.attributes)["redis_sidecar.result"].clone();
        *counts.entry(format!("{} {result}", span.name.to_lowercase())).or_default() += 1;
    }
    counts
}

#[test]
fn every_command_arrives_as_one_span_by_the_conventions() {
    let (redis, collector) = (Redis::start(), Collector::start());
    let sidecar = exporting(&redis, &collector)
        .env("OTEL_SERVICE_NAME", "payments")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .start();
    let began = now();
    let mut client = sidecar.client();
    client.call(&["SET", "k", "v"]);
    for line in crate::metrics::MIXED.lines() {
        client.call(&line.split_whitespace().collect::<Vec<_>>());
    }
    client.pipeline(&[&["INCR", "n"][..]; 1500]);
    let expected = Scrape::of(&sidecar).commands();
    let spans = collector.wait_for_spans(usize::try_from(expected.values().sum::<u64>()).unwrap());
    assert_eq!(counts(&spans), expected);
    let ids: BTreeSet<_> = spans.iter().map(|span| (&span.trace_id, &span.span_id)).collect();
    assert_eq!(ids.len(), spans.len(), "each is a trace of its own");
    for span in &spans {
        assert_eq!(
            (span.trace_id.len(), span.span_id.len(), span.kind),
            (16, 8, SpanKind::Client as i32)
        );
        assert!(span.start_time_unix_nano >= began && span.end_time_unix_nano <= now(), "{span:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        let said = attributes(&span.attributes);
        assert_eq!(
            (said["db.system.name"].as_str(), said["db.operation.name"].as_str()),
            ("redis", span.name.as_str())
        );
        assert_eq!(said["server.address"], "localhost");
        let is_error = span.status.as_ref().unwrap().code == StatusCode::Error as i32;
        assert_eq!(is_error, said["redis_sidecar.result"] != "ok", "{said:?}");
        assert_eq!(is_error, said.contains_key("error.type"), "{said:?}");
    }
    let wrong = spans.iter().map(|span| attributes(&span.attributes));
    let mut wrong = wrong
        .filter(|said| said.get("db.response.status_code").is_some_and(|code| code == "WRONGTYPE"));
    let said = wrong.next().unwrap();
    assert_eq!(
        (said["db.operation.name"].as_str(), said["redis_sidecar.family"].as_str()),
        ("LPUSH", "list")
    );
    let request = collector.taken().into_iter().find(|posted| posted.path == "/v1/traces").unwrap();
    assert_eq!(request.headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
    let resource = attributes(&request.resource_spans[0].resource.as_ref().unwrap().attributes);
    assert_eq!(
        (resource["service.name"].as_str(), resource["deployment.environment.name"].as_str()),
        ("payments", "test")
    );
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        resource["service.instance.id"].split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
}

#[test]
fn commands_that_share_a_connection_have_each_their_own_times() {
    let (redis, collector) = (Redis::start(), Collector::start());
    let proxy = Proxy::before(&redis);
    let sidecar = exporting(&redis, &collector)
        .env("REDIS_URL", &proxy.url(&redis))
        .env("SIDECAR_WORKERS", "1")
        .start();
    let (mut one, mut two) = (sidecar.client(), sidecar.client());
    one.call(&["PING"]);
    two.call(&["PING"]);
    proxy.delay(Way::Down, Duration::from_millis(300));
    let asked_one = now();
    one.send(&["GET", "a"]);
    std::thread::sleep(Duration::from_millis(120));
    let asked_two = now();
    two.send(&["STRLEN", "b"]);
    one.read();
    let answered_one = now();
    two.read();
    let answered_two = now();
    let spans = collector.wait_for_spans(4);
    for (name, asked, answered) in
        [("GET", asked_one, answered_one), ("STRLEN", asked_two, answered_two)]
    {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        assert!(asked <= start && end <= answered, "{name}: {asked} {start} {end} {answered}");
        assert!(end - start >= 300_000_000, "{name} waited for the network: {start} {end}");
        let said = attributes(&span.attributes);
        let part = |name: &str| said[name].parse::<f64>().unwrap();
        let (queue, upstream) =
            (part("redis_sidecar.queue_seconds"), part("redis_sidecar.upstream_seconds"));
        let whole = Duration::from_nanos(end - start).as_secs_f64();
        assert!((queue + upstream - whole).abs() < 1e-6 && upstream >= 0.3, "{said:?}");
    }
}

/// Series and values, as /metrics writes them.
fn series(metrics: &[Metric]) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let mut put = |name: &str, labels: &BTreeMap<String, String>, value: f64| {
        series.insert(format!("{name} {labels:?}"), value);
    };
    for metric in metrics {
        match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => gauge.data_points.iter().for_each(|point| {
                put(&metric.name, &attributes(&point.attributes), value(point.value));
            }),
            Data::Sum(sum) => sum.data_points.iter().for_each(|point| {
                put(&metric.name, &attributes(&point.attributes), value(point.value));
            }),
            Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    let mut labels = attributes(&point.attributes);
                    put(&format!("{}_sum", metric.name), &labels, point.sum.unwrap());
                    put(&format!("{}_count", metric.name), &labels, whole_number(point.count));
                    let mut below = 0;
                    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
                    for (bound, count) in bounds.zip(&point.bucket_counts) {
                        below += count;
                        labels.insert("le".to_owned(), bound.to_string());
                        put(&format!("{}_bucket", metric.name), &labels, whole_number(below));
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    series
}

fn whole_number(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap())
}

fn value(value: Option<Number>) -> f64 {
    match value.unwrap() {
        Number::AsInt(value) => format!("{value}").parse().unwrap(),
        Number::AsDouble(value) => value,
    }
}

/// The same of the page.
fn page(scrape: &Scrape) -> BTreeMap<String, f64> {
    let samples = scrape.samples().iter().map(|(name, labels, value)| {
        let mut labels = labels.clone();
        if let Some(bound) = labels.get_mut("le") {
            let number: f64 = bound.replace("+Inf", "inf").parse().unwrap();
            *bound = number.to_string();
        }
        (format!("{name} {labels:?}"), *value)
    });
    samples.collect()
}

#[test]
fn the_metrics_that_arrive_are_those_of_the_page() {
    let (redis, collector) = (Redis::start(), Collector::start());
    let sidecar = exporting(&redis, &collector)
        .env("OTEL_TRACES_SAMPLER", "always_off")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .start();
    let mut client = sidecar.client();
    for line in crate::metrics::MIXED.lines() {
        client.call(&line.split_whitespace().collect::<Vec<_>>());
    }
    // What goes on by itself is another moment's.
    let is_still = |name: &String| !name.contains("_process_");
    let only_still = |series: BTreeMap<String, f64>| {
        series.into_iter().filter(|(name, _)| is_still(name)).collect::<BTreeMap<_, _>>()
    };
    let mut seen = (BTreeMap::new(), BTreeMap::new());
    eventually("an export says what the page says", || {
        let exported = collector.metrics().pop().unwrap_or_default();
        seen = (only_still(series(&exported)), only_still(page(&Scrape::of(&sidecar))));
        seen.0 == seen.1
    });
    assert!(seen.0.len() > 100, "{}", seen.0.len());
    assert_eq!(whole(Scrape::of(&sidecar).sum("redis_sidecar_spans_total", &[])), 0);
    assert!(collector.spans().is_empty());
    let process = series(&collector.metrics().pop().unwrap());
    assert!(process.keys().any(|name| name.contains("process_resident_memory_bytes")));
}

#[test]
fn nothing_that_arrives_holds_a_key_a_value_or_a_password() {
    let (redis, collector) = (Redis::start(), Collector::start());
    let sidecar = exporting(&redis, &collector)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .config("listen: {password: acme-password}")
        .start();
    let mut client = sidecar.client();
    for line in [
        "AUTH acme-wrong",
        "AUTH acme-password",
        "SET acme:key acme:value",
        "LPUSH acme:key acme:value",
        "ACME:NOSUCH acme:key",
        "EVAL acme:script 0",
        "CLIENT SETNAME acme-app",
        "SUBSCRIBE acme:news",
    ] {
        client.call(&line.split(' ').collect::<Vec<_>>());
    }
    collector.wait_for_spans(8);
    eventually("metrics are here", || !collector.metrics().is_empty());
    let user = redis.url();
    let user = user.split_once("://").unwrap().1.split(':').next().unwrap().to_owned();
    for posted in collector.taken() {
        let body = String::from_utf8_lossy(&posted.body).to_lowercase();
        assert!(!body.contains("acme") && !body.contains(&PASSWORD.to_lowercase()), "{body}");
        assert!(user.is_empty() || user == "default" || !body.contains(&user), "{user}: {body}");
    }
}

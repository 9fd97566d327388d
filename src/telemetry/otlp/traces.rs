//! Spans as OTLP has them, by OpenTelemetry's conventions for databases.
//! <https://opentelemetry.io/docs/specs/semconv/db/redis/>

use super::{attribute, epoch, number, scope, text};
use crate::telemetry::metrics::shard::Outcome;
use crate::telemetry::spans::Span;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;
use std::time::{Duration, Instant, SystemTime};

/// A request to export these spans.
pub(super) fn request(
    resource: &Resource,
    server: Option<&(String, u16)>,
    spans: &[Span],
) -> Bytes {
    let now = (Instant::now(), SystemTime::now());
    let spans = spans.iter().map(|span| of(span, server, now)).collect();
    let scope_spans = otlp::ScopeSpans { scope: Some(scope()), spans, ..Default::default() };
    let resource_spans = otlp::ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![scope_spans],
        ..Default::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

/// How many the collector did not take, though it took the request.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |part| u64::try_from(part.rejected_spans).unwrap_or(0))
}

/// A command has no parent: Redis's protocol has no place for one. So each span is a trace of its own.
fn of(span: &Span, server: Option<&(String, u16)>, now: (Instant, SystemTime)) -> otlp::Span {
    let is_ok = span.outcome == Outcome::Ok;
    let code =
        if is_ok { otlp::status::StatusCode::Unset } else { otlp::status::StatusCode::Error };
    otlp::Span {
        trace_id: fastrand::u128(1..).to_be_bytes().to_vec(),
        span_id: fastrand::u64(1..).to_be_bytes().to_vec(),
        name: span.name(),
        kind: otlp::span::SpanKind::Client.into(),
        start_time_unix_nano: wall(span.came, now),
        end_time_unix_nano: wall(span.ended, now),
        attributes: attributes(span, server),
        status: Some(otlp::Status { code: code.into(), ..Default::default() }),
        ..Default::default()
    }
}

fn attributes(span: &Span, server: Option<&(String, u16)>) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("db.system.name", "redis"),
        // The older name of the same, for collectors that look for it.
        text("db.system", "redis"),
        text("db.operation.name", &span.name()),
        text("db.namespace", &span.db.to_string()),
        text("redis_sidecar.family", span.family()),
        text("redis_sidecar.route", span.route()),
        text("redis_sidecar.result", span.outcome.name()),
    ];
    if let Some((host, port)) = server {
        attributes.push(text("server.address", host));
        attributes.push(number("server.port", *port));
    }
    if let Some((queue, upstream)) = span.parts() {
        attributes.push(seconds("redis_sidecar.queue_seconds", queue));
        attributes.push(seconds("redis_sidecar.upstream_seconds", upstream));
    }
    if span.outcome != Outcome::Ok {
        attributes.push(text("error.type", span.error.unwrap_or(span.outcome.name())));
    }
    if let Some(code) = span.error {
        attributes.push(text("db.response.status_code", code));
    }
    if span.attempts > 0 {
        attributes.push(number("redis_sidecar.retries", span.attempts));
    }
    attributes
}

fn seconds(key: &str, span: Duration) -> KeyValue {
    attribute(key, any_value::Value::DoubleValue(span.as_secs_f64()))
}

/// What the wall clock said at this moment, if it has not been set since.
fn wall(at: Instant, (now, wall): (Instant, SystemTime)) -> u64 {
    epoch(wall.checked_sub(now.saturating_duration_since(at)).unwrap_or(wall))
}

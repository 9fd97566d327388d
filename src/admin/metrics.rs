//! What is counted and measured, for Prometheus.

use super::Visit;
use super::answer::{Answer, text};
use crate::telemetry::metrics::Format;
use hyper::StatusCode;
use hyper::header::ACCEPT;

pub(super) fn metrics(visit: &Visit) -> Answer {
    let accept = visit.request.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    let values = visit.vitals.metrics.render(format, visit.vitals.state());
    text(StatusCode::OK, format.content_type(), values)
}

//! Spans as lines of the log, where no collector takes them.

use super::Span;
use crate::telemetry::metrics::events::Events;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Writes what comes until `stop` says so, then what waits.
pub async fn write(
    mut spans: mpsc::Receiver<Span>,
    events: Arc<Events>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let span = tokio::select! {
            span = spans.recv() => span,
            _ = stop.wait_for(|stop| *stop) => spans.try_recv().ok(),
        };
        let Some(span) = span else { return };
        line(&span);
        events.spans.count("told");
    }
}

fn line(span: &Span) {
    let parts = span.parts();
    tracing::info!(
        command = span.name(),
        family = span.family(),
        route = span.route(),
        result = span.outcome.name(),
        error = span.error,
        db = span.db,
        duration_ms = milliseconds(span.whole()),
        queue_ms = parts.map(|(queue, _)| milliseconds(queue)),
        upstream_ms = parts.map(|(_, upstream)| milliseconds(upstream)),
        retries = span.attempts,
        "span"
    );
}

/// To the microsecond.
fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

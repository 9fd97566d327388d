//! Export to an OpenTelemetry collector by OTLP over HTTP (protobuf): spans as they come, metrics at their interval.
//!
//! One task for each, on the main thread; commands never wait for either. Whatever the collector does costs at most
//! what waits in the spans' queue: exports that fail are counted, and told in the log when that begins and ends.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

mod client;
mod metrics;
mod traces;

use super::metrics::events::Events;
use super::spans::Span;
use crate::config;
use client::{Client, Place};
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

/// Spans of one export, as OpenTelemetry's own exporters have it.
const BATCH: usize = 512;

/// How long the first of them waits for others.
const DELAY: Duration = Duration::from_secs(1);

/// TLS with the collector: how, and the name that its certificate must carry.
pub type Tls = (Arc<ClientConfig>, ServerName<'static>);

/// See the module.
pub struct Exporter {
    place: Arc<Place>,
    resource: Resource,
    interval: Option<Duration>,
    /// The upstream's host and port, where it has such.
    server: Option<(String, u16)>,
    start: SystemTime,
    events: Arc<Events>,
}

impl Exporter {
    /// To `endpoint`, for the rest as `otlp` says. Commands go to `server`.
    #[must_use]
    pub fn new(
        otlp: &config::Otlp,
        endpoint: &config::Endpoint,
        tls: Option<Tls>,
        server: Option<(String, u16)>,
        events: Arc<Events>,
    ) -> Self {
        Self {
            place: Arc::new(Place::new(otlp, endpoint.clone(), tls)),
            resource: resource(otlp),
            interval: otlp.metrics_interval,
            server,
            start: SystemTime::now(),
            events,
        }
    }

    /// Exports what comes until `stop` says so, then what waits.
    pub async fn export_spans(
        self: Arc<Self>,
        mut spans: mpsc::Receiver<Span>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut client = Client::new(Arc::clone(&self.place), "/v1/traces", "spans");
        let mut batch = Vec::with_capacity(BATCH);
        while !gather(&mut spans, &mut batch, &mut stop).await {
            self.post_spans(&mut client, &mut batch).await;
        }
        loop {
            while batch.len() < BATCH
                && let Ok(span) = spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.post_spans(&mut client, &mut batch).await;
        }
    }

    async fn post_spans(&self, client: &mut Client, batch: &mut Vec<Span>) {
        let many = batch.len() as u64;
        let body = traces::request(&self.resource, self.server.as_ref(), batch);
        batch.clear();
        let rejected = match client.post(body).await {
            Ok(answer) => traces::rejected(&answer).min(many),
            Err(_) => many,
        };
        self.events.spans.add("failed", rejected);
        self.events.spans.add("told", many - rejected);
    }

    /// Exports what `page` says, in the format of OpenMetrics, at each interval until `stop` says so, then once more.
    pub async fn export_metrics(
        self: Arc<Self>,
        page: impl Fn() -> String,
        mut stop: watch::Receiver<bool>,
    ) {
        let Some(interval) = self.interval else { return };
        let mut client = Client::new(Arc::clone(&self.place), "/v1/metrics", "metrics");
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => is_last = true,
            }
            let body = metrics::request(&self.resource, &page(), self.start, SystemTime::now());
            // The client tells the log; the next export has all of it again.
            let _ = client.post(body).await;
        }
    }
}

/// Takes spans until there is a batch, or until the first has waited long enough. Whether it is time to stop.
async fn gather(
    spans: &mut mpsc::Receiver<Span>,
    batch: &mut Vec<Span>,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let mut deadline = None;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            came = timeout_at(deadline.unwrap_or(far), spans.recv_many(batch, room)) => match came {
                Ok(0) => return true,
                Ok(_) => deadline = deadline.or(Some(Instant::now() + DELAY)),
                Err(_) if deadline.is_some() => return false,
                Err(_) => {}
            },
            _ = stop.wait_for(|stop| *stop) => return true,
        }
    }
    false
}

fn resource(otlp: &config::Otlp) -> Resource {
    let mut attributes = vec![
        text("service.name", &otlp.service_name),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &instance()),
    ];
    for (name, value) in &otlp.resource {
        attributes.retain(|known| known.key != *name || name == "service.name");
        if name != "service.name" {
            attributes.push(text(name, value));
        }
    }
    Resource { attributes, ..Resource::default() }
}

/// A UUID for this process (RFC 9562, version 4).
fn instance() -> String {
    let random = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{random:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: impl Into<i64>) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value.into()))
}

/// Nanoseconds since 1970.
fn epoch(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

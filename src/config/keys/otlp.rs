//! The keys of the export to an OpenTelemetry collector, with the environment names that every exporter knows.
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use super::{DAY, Key, Takes};
use std::time::Duration;

/// `otlp.endpoint`
pub const ENDPOINT: Key =
    Key::new("otlp.endpoint", Takes::Endpoint, "").env(&["OTEL_EXPORTER_OTLP_ENDPOINT"]).why(
        "An OpenTelemetry collector, by HTTP; unset, nothing is exported. Needs the feature otlp.",
    );
/// `otlp.headers`
pub const HEADERS: Key = Key::new("otlp.headers", Takes::Secret, "")
    .env(&["OTEL_EXPORTER_OTLP_HEADERS"])
    .why("What the collector asks of us: name=value,name=value; percent-encoded, never shown.");
/// `otlp.timeout`
pub const TIMEOUT: Key = Key::new("otlp.timeout", super::TIMEOUT, "10s")
    .env(&["OTEL_EXPORTER_OTLP_TIMEOUT"])
    .why("How long one export may take, its attempts together; commands never wait for it.");
/// `otlp.ca_file`
pub const CA_FILE: Key = Key::new("otlp.ca_file", Takes::Path, "")
    .env(&["OTEL_EXPORTER_OTLP_CERTIFICATE"])
    .why("Roots to trust for an https endpoint instead of the system's, PEM.");
/// `otlp.metrics_interval`
pub const METRICS_INTERVAL: Key =
    Key::new("otlp.metrics_interval", Takes::SpanOrOff(Duration::from_millis(100), DAY), "60s")
        .env(&["OTEL_METRIC_EXPORT_INTERVAL"])
        .why("How often the figures of /metrics are exported; off, where Prometheus has them.");
/// `otlp.service_name`
pub const SERVICE_NAME: Key = Key::new("otlp.service_name", Takes::Text, "redis-sidecar")
    .env(&["OTEL_SERVICE_NAME"])
    .why("The service as which it appears.");
/// `otlp.resource`
pub const RESOURCE: Key =
    Key::new("otlp.resource", Takes::Pairs, "").env(&["OTEL_RESOURCE_ATTRIBUTES"]).why(
        "What else is said of where it runs: k8s.pod.name=web-1,deployment.environment.name=prod.",
    );

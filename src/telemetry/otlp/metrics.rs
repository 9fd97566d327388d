//! The figures of /metrics as OTLP has them. They are read from the page itself, so that both say the same.
//!
//! The page is our own, in the format of OpenMetrics: whatever is not in it as it is written here is passed over.
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

use super::{epoch, scope, text};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use std::time::SystemTime;

/// A request to export what the page says at `now` of a process that counts since `start`.
pub(super) fn request(
    resource: &Resource,
    page: &str,
    start: SystemTime,
    now: SystemTime,
) -> Bytes {
    let metrics = read(page, Times { start: epoch(start), now: epoch(now) });
    let scope_metrics = otlp::ScopeMetrics { scope: Some(scope()), metrics, ..Default::default() };
    let resource_metrics = otlp::ResourceMetrics {
        resource: Some(resource.clone()),
        scope_metrics: vec![scope_metrics],
        ..Default::default()
    };
    let request = ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] };
    request.encode_to_vec().into()
}

#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

/// Those with values: a metric without any is nothing to OTLP.
fn read(page: &str, times: Times) -> Vec<otlp::Metric> {
    let mut metrics: Vec<otlp::Metric> = Vec::new();
    let mut help = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            metrics.extend(begin(name, kind, help));
        } else if let (Some(sample), Some(metric)) = (Sample::parse(line), metrics.last_mut()) {
            sample.put(metric, times);
        }
    }
    metrics.retain(|metric| match &metric.data {
        Some(Data::Gauge(gauge)) => !gauge.data_points.is_empty(),
        Some(Data::Sum(sum)) => !sum.data_points.is_empty(),
        Some(Data::Histogram(histogram)) => !histogram.data_points.is_empty(),
        _ => false,
    });
    metrics
}

/// Named as in Prometheus's text.
fn begin(name: &str, kind: &str, help: &str) -> Option<otlp::Metric> {
    let aggregation_temporality = otlp::AggregationTemporality::Cumulative.into();
    let data_points = Vec::new();
    let (name, data) = match kind {
        "gauge" => (name.to_owned(), Data::Gauge(otlp::Gauge::default())),
        "counter" => {
            let sum = otlp::Sum { data_points, aggregation_temporality, is_monotonic: true };
            (format!("{name}_total"), Data::Sum(sum))
        }
        "histogram" => {
            let histogram = otlp::Histogram { data_points: Vec::new(), aggregation_temporality };
            (name.to_owned(), Data::Histogram(histogram))
        }
        _ => return None,
    };
    // Others have none: what is dimensionless would be called a ratio.
    let unit = if name.contains("_seconds") {
        "s"
    } else if name.contains("_bytes") {
        "By"
    } else {
        ""
    };
    let (description, unit) = (help.to_owned(), unit.to_owned());
    Some(otlp::Metric { name, description, unit, data: Some(data), ..Default::default() })
}

/// One line: a name, labels without `le`, the bound in `le`, a value.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<KeyValue>,
    bound: Option<f64>,
    value: &'a str,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut sample = Self { name, labels: Vec::new(), bound: None, value };
        // No value of ours holds a quote or a comma: labels are names.
        for label in labels.strip_suffix('}')?.split(',').filter(|label| !label.is_empty()) {
            let (key, quoted) = label.split_once('=')?;
            let value = quoted.strip_prefix('"')?.strip_suffix('"')?;
            match key {
                "le" => sample.bound = Some(value.parse().unwrap_or(f64::INFINITY)),
                _ => sample.labels.push(text(key, value)),
            }
        }
        Some(sample)
    }

    fn put(self, metric: &mut otlp::Metric, times: Times) {
        match &mut metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.extend(self.point(0, times.now)),
            Some(Data::Sum(sum)) => sum.data_points.extend(self.point(times.start, times.now)),
            Some(Data::Histogram(histogram)) => self.put_part(&mut histogram.data_points, times),
            _ => {}
        }
    }

    fn point(self, start: u64, now: u64) -> Option<otlp::NumberDataPoint> {
        let value = match self.value.parse::<i64>() {
            Ok(whole) => Value::AsInt(whole),
            Err(_) => Value::AsDouble(self.value.parse().ok()?),
        };
        Some(otlp::NumberDataPoint {
            attributes: self.labels,
            start_time_unix_nano: start,
            time_unix_nano: now,
            value: Some(value),
            ..Default::default()
        })
    }

    /// A line of a histogram: its sum and count come first, then its buckets, each with those below.
    fn put_part(self, points: &mut Vec<otlp::HistogramDataPoint>, times: Times) {
        if points.last().is_none_or(|last| last.attributes != self.labels) {
            points.push(otlp::HistogramDataPoint {
                attributes: self.labels,
                start_time_unix_nano: times.start,
                time_unix_nano: times.now,
                ..Default::default()
            });
        }
        let Some(point) = points.last_mut() else { return };
        if self.name.ends_with("_sum") {
            point.sum = self.value.parse().ok();
        } else if self.name.ends_with("_count") {
            point.count = self.value.parse().unwrap_or_default();
        } else if let (Some(bound), Ok(below)) = (self.bound, self.value.parse::<u64>()) {
            let before: u64 = point.bucket_counts.iter().sum();
            point.bucket_counts.push(below.saturating_sub(before));
            if bound.is_finite() {
                point.explicit_bounds.push(bound);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, Times, Value, read};
    use crate::telemetry::metrics::shard::{Outcome, Recorder, Route};
    use crate::telemetry::metrics::{Format, Metrics, State};
    use crate::telemetry::notes::Notes;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn page() -> String {
        let metrics = Metrics::default();
        let mut recorder = Recorder::new(metrics.shard(Arc::new(Notes::new(None))), Route::Lane);
        let came = Instant::now();
        for (millis, many) in [(1, 2), (3, 5)] {
            recorder.begin(came, came, came + Duration::from_millis(millis));
            let get = crate::command::find(b"get").1;
            (0..many).for_each(|_| recorder.answered(get, Outcome::Ok));
            recorder.finish();
        }
        metrics.render(Format::OpenMetrics, State { clients: 3, ..State::default() })
    }

    #[test]
    fn each_kind_of_metric_is_read_with_its_name_unit_labels_and_value() {
        let metrics = read(&page(), Times { start: 1, now: 2 });
        let find = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
        let Some(Data::Sum(sum)) = &find("redis_sidecar_commands_total").data else { panic!() };
        assert!(sum.is_monotonic && sum.data_points.len() == 1);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(Value::AsInt(7)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1, 2));
        assert_eq!(point.attributes.len(), 3, "family, command, result");
        let Some(Data::Gauge(gauge)) = &find("redis_sidecar_clients").data else { panic!() };
        assert_eq!(gauge.data_points[0].value, Some(Value::AsInt(3)));
        let histogram = find("redis_sidecar_command_duration_seconds");
        assert_eq!(histogram.unit, "s");
        let Some(Data::Histogram(histogram)) = &histogram.data else { panic!() };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.bucket_counts.iter().sum::<u64>()), (7, 7));
        assert_eq!(point.explicit_bounds.len() + 1, point.bucket_counts.len());
        assert!((point.sum.unwrap() - 0.017).abs() < 1e-9, "{point:?}");
        let bucket = |bound: f64| {
            let place = point.explicit_bounds.iter().position(|it| (it - bound).abs() < 1e-9);
            point.bucket_counts[place.unwrap()]
        };
        assert_eq!((bucket(0.001), bucket(0.002), bucket(0.005)), (2, 0, 5));
    }

    #[test]
    fn no_name_is_there_twice_and_none_without_values() {
        let metrics = read(&page(), Times { start: 1, now: 2 });
        let mut names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert!(!names.contains(&"redis_sidecar_pool_waiting"), "there is no pool");
        let many = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), many);
    }
}

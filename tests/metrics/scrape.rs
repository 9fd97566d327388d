//! One scrape of /metrics, read as Prometheus reads it.

use crate::harness::Sidecar;
use std::collections::{BTreeMap, BTreeSet};

/// Labels, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) text: String,
    samples: Vec<(String, Labels, f64)>,
}

impl Scrape {
    #[track_caller]
    pub(crate) fn of(sidecar: &Sidecar) -> Self {
        let (status, text) = sidecar.http("/metrics");
        assert_eq!(status, 200, "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
        Self { text, samples }
    }

    /// The sum of all samples of this name that have these labels; 0 where there are none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &Labels| {
            labels.iter().all(|(key, value)| found.get(*key).is_some_and(|it| it == value))
        };
        let fitting = self.samples.iter().filter(|(own, found, _)| own == name && has(found));
        // A sum of no floats is -0.
        fitting.map(|(.., value)| value).sum::<f64>() + 0.0
    }

    /// All of it: name, labels, value.
    #[cfg(feature = "otlp")]
    pub(crate) fn samples(&self) -> &[(String, Labels, f64)] {
        &self.samples
    }

    /// The one sample of this name, which has no labels.
    #[track_caller]
    pub(crate) fn only(&self, name: &str) -> f64 {
        let fitting: Vec<_> = self.samples.iter().filter(|(own, ..)| own == name).collect();
        assert!(fitting.len() == 1 && fitting[0].1.is_empty(), "{name}: {fitting:?}");
        fitting[0].2
    }

    /// All values that a label has anywhere.
    pub(crate) fn values(&self, label: &str) -> BTreeSet<String> {
        self.samples.iter().filter_map(|(_, labels, _)| labels.get(label).cloned()).collect()
    }

    /// Every metric with its type, as the TYPE lines name it.
    pub(crate) fn types(&self) -> BTreeMap<String, String> {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.into(), b.into())).collect()
    }

    /// Commands by name and result, but for those of value 0.
    pub(crate) fn commands(&self) -> BTreeMap<String, u64> {
        let fitting = self.samples.iter().filter(|(own, ..)| own == "redis_sidecar_commands_total");
        let name = |labels: &Labels| format!("{} {}", labels["command"], labels["result"]);
        fitting.map(|(_, labels, value)| (name(labels), whole(*value))).collect()
    }
}

/// A count, which is no fraction.
#[track_caller]
pub(crate) fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract() == 0.0, "{value} is no count");
    format!("{value}").parse().unwrap()
}

#[track_caller]
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let labels = labels.split("\",").filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once("=\"").unwrap();
        (key.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value.parse().unwrap_or_else(|_| panic!("{line}")))
}

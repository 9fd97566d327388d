//! Everything at one moment, as JSON: counts since the start, and the snapshot that the live page shows.

use super::noted::epoch;
use super::{Parts, Vitals};
use crate::telemetry::metrics::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// Slow commands in a snapshot of the page.
const SLOW: usize = 12;

impl Vitals {
    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Value {
        let snapshot = self.metrics.snapshot();
        let quantile = |part| snapshot.quantile(part).map(|seconds| (seconds * 1e6).round() / 1e3);
        json!({
            "uptime_seconds": self.start.elapsed().as_secs(),
            "clients": self.clients.count(),
            "commands": results(&snapshot),
            "latency_ms": {
                "p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99), "p999": quantile(0.999),
            },
            "bytes": { "received": snapshot.received, "sent": snapshot.sent },
            "upstream_writes": snapshot.writes,
            "by_command": by_command(&snapshot),
        })
    }

    /// What the page shows.
    #[must_use]
    pub fn overview(&self, sees_keys: bool) -> Value {
        let snapshot = self.metrics.snapshot();
        let milliseconds: Vec<f64> = snapshot.bounds.iter().map(|bound| bound * 1e3).collect();
        let top: Vec<Value> = snapshot
            .commands
            .iter()
            .map(|(command, count)| json!({ "command": command, "count": count }))
            .collect();
        let mut overview = self.summary();
        overview["at"] = epoch(SystemTime::now()).into();
        overview["started"] = self.started_at.into();
        overview["listener"] = self.listener();
        overview["upstream"] = self.upstream();
        overview["pool"] = self.pool();
        overview["breaker"] = self.breaker();
        overview["memory"] = self.memory();
        overview["outages"] = self.outages();
        overview["commands"] = results(&snapshot);
        overview["top"] = top.into();
        overview["latency"] = json!({
            "bounds_ms": milliseconds, "whole": snapshot.whole, "upstream": snapshot.upstream,
        });
        overview["bytes"] = json!({ "received": snapshot.received, "sent": snapshot.sent });
        overview["hot_keys"] = self.hot_keys(sees_keys);
        overview["slowlog"] = self.slowlog(SLOW, sees_keys);
        overview["big_values"] = self.big_values(sees_keys);
        overview
    }

    /// The last outages, the newest first.
    #[must_use]
    pub fn outages(&self) -> Value {
        let Parts::Cloud { upstream, .. } = &self.parts else { return json!([]) };
        let outages = upstream.health.outage_history();
        let rows = outages.into_iter().map(|outage| {
            let lasted = outage.lasted.unwrap_or_else(|| outage.begin.elapsed());
            json!({
                "from_ms": epoch(outage.from),
                "seconds": (lasted.as_secs_f64() * 10.0).round() / 10.0,
                "is_over": outage.lasted.is_some(),
                "cause": outage.cause,
            })
        });
        rows.collect()
    }

    /// The configuration as it takes effect, secrets masked.
    #[must_use]
    pub fn settings(&self) -> Value {
        let settings = self.config().settings();
        let rows = settings.into_iter().map(|setting| {
            json!({
                "key": setting.path,
                "value": setting.value,
                "from": setting.from,
                "why": setting.why,
            })
        });
        json!({ "keys": rows.collect::<Value>() })
    }
}

fn results(snapshot: &Snapshot) -> Value {
    let mut results = Map::new();
    let total: u64 = snapshot.results.iter().map(|(_, count)| count).sum();
    results.insert("total".to_owned(), total.into());
    for (name, count) in &snapshot.results {
        results.insert((*name).to_owned(), (*count).into());
    }
    results.into()
}

fn by_command(snapshot: &Snapshot) -> Value {
    let rows = snapshot.commands.iter();
    rows.map(|(name, count)| ((*name).to_owned(), Value::from(*count)))
        .collect::<Map<_, _>>()
        .into()
}

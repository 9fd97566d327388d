//! All shards, added up at a scrape. Only series of what has occurred are shown: the commands that were used,
//! with the outcomes that they had.

use super::codes;
use super::events::Events;
use super::latency::{Latency, Totals};
use super::shard::{Count, FAMILIES, Outcome, Route, Shard, family_name};
use crate::command::{self, Number};
use crate::telemetry::notes::Notes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Shards(Arc<Mutex<Vec<Arc<Shard>>>>);

impl Shards {
    /// One more, for a thread of its own.
    pub(super) fn add(&self, events: Arc<Events>, notes: Arc<Notes>) -> Arc<Shard> {
        let shard = Arc::new(Shard::new(events, notes));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        shard
    }

    pub(super) fn list(&self) -> Vec<Arc<Shard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Collector for Shards {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shards = Sum(self.list());
        shards.commands(&mut encoder)?;
        shards.latencies(&mut encoder)?;
        shards.errors(&mut encoder)?;
        shards.bytes(&mut encoder)?;
        shards.owed(&mut encoder)
    }
}

struct Sum(Vec<Arc<Shard>>);

impl Sum {
    fn count<'a>(&'a self, pick: impl Fn(&'a Shard) -> &'a Count) -> u64 {
        self.0.iter().map(|shard| pick(shard).value()).sum()
    }

    fn latency<'a>(&'a self, pick: impl Fn(&'a Shard) -> &'a Latency) -> Totals {
        let mut totals = Totals::default();
        self.0.iter().for_each(|shard| totals.include(pick(shard)));
        totals
    }

    fn commands(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Commands of clients that came to an end, by family, name and result";
        let mut metric = encoder.encode_descriptor("commands", help, None, MetricType::Counter)?;
        for index in 0..Number::COUNT {
            for outcome in Outcome::ALL {
                let count = self.count(|shard| &shard.rows[index].outcomes[outcome as usize]);
                if count > 0 {
                    let spec = command::numbered(index);
                    let labels = [
                        ("family", spec.map_or("unknown", |spec| spec.group.name())),
                        ("command", spec.map_or("unknown", |spec| spec.name)),
                        ("result", outcome.name()),
                    ];
                    counter(&mut metric, &labels, count)?;
                }
            }
        }
        Ok(())
    }

    fn latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "From when a command was read until its reply was here, by family and route";
        let mut metric = describe(encoder, "command_duration_seconds", help)?;
        for family in 0..FAMILIES {
            for route in Route::ALL {
                let totals = self.latency(|shard| &shard.whole[family][route as usize]);
                let labels = [("family", family_name(family)), ("route", route.name())];
                histogram(&mut metric, &labels, &totals)?;
            }
        }
        let help = "From when a command was read until it was handed to its connection, by route";
        let mut metric = describe(encoder, "command_queue_seconds", help)?;
        for route in Route::ALL {
            let totals = self.latency(|shard| &shard.queue[route as usize]);
            histogram(&mut metric, &[("route", route.name())], &totals)?;
        }
        let help =
            "From when a command was handed to its connection until its reply was here, by route";
        let mut metric = describe(encoder, "command_upstream_seconds", help)?;
        for route in Route::ALL {
            let totals = self.latency(|shard| &shard.upstream[route as usize]);
            histogram(&mut metric, &[("route", route.name())], &totals)?;
        }
        Ok(())
    }

    fn errors(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Errors that the upstream answered clients' commands with, by code";
        let mut metric =
            encoder.encode_descriptor("upstream_errors", help, None, MetricType::Counter)?;
        for (place, code) in codes::ALL.iter().enumerate() {
            let count = self.count(|shard| &shard.errors[place]);
            if count > 0 {
                counter(&mut metric, &[("code", *code)], count)?;
            }
        }
        Ok(())
    }

    fn owed(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let owed = self.0.iter().fold(0_u64, |sum, shard| sum.wrapping_add(shard.owed.value()));
        let help = "Replies that the upstream owes, those to commands that wait included";
        encoder
            .encode_descriptor("lane_replies_owed", help, None, MetricType::Gauge)?
            .encode_gauge(&owed)
    }

    fn bytes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let value = self.count(|shard| &shard.client_received);
        total(encoder, "client_received_bytes", "Bytes of RESP read from clients", value)?;
        let value = self.count(|shard| &shard.client_sent);
        total(encoder, "client_sent_bytes", "Bytes of RESP written to clients", value)?;
        let value = self.count(|shard| &shard.upstream_received);
        total(encoder, "upstream_received_bytes", "Bytes of RESP read from the upstream", value)?;
        let value = self.count(|shard| &shard.upstream_sent);
        total(encoder, "upstream_sent_bytes", "Bytes of RESP written to the upstream", value)?;
        let value = self.count(|shard| &shard.batches);
        total(encoder, "upstream_writes", "Writes to the upstream, each a batch of commands", value)
    }
}

fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Histogram)
}

fn total(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
}

fn counter(
    metric: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    count: u64,
) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

fn histogram(
    metric: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    totals: &Totals,
) -> fmt::Result {
    if totals.count() == 0 {
        return Ok(());
    }
    metric.encode_family(labels)?.encode_histogram::<NoLabelSet>(
        totals.seconds(),
        totals.count(),
        &totals.buckets(),
        None,
    )
}

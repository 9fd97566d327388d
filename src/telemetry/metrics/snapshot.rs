//! The counts of all threads at one moment, for the live page and SIDECAR STATS: sums without labels.

use super::Metrics;
use super::latency::{Totals, seconds};
use super::shard::{Count, FAMILIES, Outcome, Route, Shard};
use crate::command::{self, Number};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Commands that came to an end, by result.
    pub results: Vec<(&'static str, u64)>,
    /// The same by name, as far as there were any; `unknown` for those that are not in the table.
    pub commands: Vec<(&'static str, u64)>,
    /// Upper bounds of the buckets in seconds; one more bucket has none.
    pub bounds: Vec<f64>,
    /// Commands in each bucket: from when one was read until its reply was here.
    pub whole: Vec<u64>,
    /// The same from when it was handed to a connection.
    pub upstream: Vec<u64>,
    /// Bytes read from clients, and written to them.
    pub received: u64,
    /// See `received`.
    pub sent: u64,
    /// Writes to the upstream: batches.
    pub writes: u64,
}

impl Metrics {
    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let shards = self.shards.list();
        let sum = |pick: fn(&Shard) -> &Count| shards.iter().map(|it| pick(it).value()).sum();
        let (mut whole, mut upstream) = (Totals::default(), Totals::default());
        for shard in &shards {
            (0..FAMILIES).for_each(|family| {
                shard.whole[family].iter().for_each(|latency| whole.include(latency));
            });
            // What memory and the hub answer went over no connection of the lanes' kind.
            for route in [Route::Lane, Route::Checkout] {
                upstream.include(&shard.upstream[route as usize]);
            }
        }
        let counts = |totals: &Totals| totals.buckets().into_iter().map(|(_, count)| count);
        let mut snapshot = Snapshot {
            results: Outcome::ALL.iter().map(|outcome| (outcome.name(), 0)).collect(),
            commands: Vec::new(),
            bounds: seconds().collect(),
            whole: counts(&whole).collect(),
            upstream: counts(&upstream).collect(),
            received: sum(|shard| &shard.client_received),
            sent: sum(|shard| &shard.client_sent),
            writes: sum(|shard| &shard.batches),
        };
        for index in 0..Number::COUNT {
            snapshot.count(index, &shards);
        }
        snapshot
    }
}

impl Snapshot {
    fn count<S: std::ops::Deref<Target = Shard>>(&mut self, index: usize, shards: &[S]) {
        let mut total = 0;
        for (place, outcome) in Outcome::ALL.iter().enumerate() {
            let value = |shard: &S| shard.rows[index].outcomes[*outcome as usize].value();
            let count: u64 = shards.iter().map(value).sum();
            total += count;
            self.results[place].1 += count;
        }
        if total > 0 {
            let name = command::numbered(index).map_or("unknown", |spec| spec.name);
            self.commands.push((name, total));
        }
    }

    /// Seconds within which this part of the commands was answered, about: by its bucket. `None` without any.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate between two bounds")]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let total: u64 = self.whole.iter().sum();
        let mut left = total as f64 * part;
        let mut low = 0.0;
        for (place, count) in self.whole.iter().enumerate() {
            let high = self.bounds.get(place).copied().unwrap_or(low);
            let count = *count as f64;
            if left <= count && count > 0.0 {
                return Some(low + (high - low) * left / count);
            }
            left -= count;
            low = high;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Snapshot;

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        let mut snapshot =
            Snapshot { bounds: vec![1.0, 2.0, 5.0], whole: vec![0; 4], ..Snapshot::default() };
        assert_eq!(snapshot.quantile(0.5), None);
        snapshot.whole = vec![50, 40, 9, 1];
        for (part, expected) in [(0.25, 0.5), (0.5, 1.0), (0.9, 2.0), (0.99, 5.0), (1.0, 5.0)] {
            let found = snapshot.quantile(part).unwrap();
            assert!((found - expected).abs() < 1e-9, "{part}: {found}");
        }
    }
}

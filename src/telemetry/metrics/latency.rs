//! Durations in buckets. A [`Sample`] is made once for a batch of commands, and added once for each.

use super::shard::Count;
use std::time::Duration;

/// Upper bounds of the buckets, in nanoseconds: from what a Redis in the next rack takes to what nobody waits for.
pub const BOUNDS: [u64; 17] = [
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
];

const NANOS: f64 = 1e9;

/// A duration and its bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    nanos: u64,
    bucket: usize,
}

impl Sample {
    /// Finds the bucket.
    #[must_use]
    pub fn of(duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos, bucket: BOUNDS.partition_point(|bound| *bound < nanos) }
    }
}

/// A histogram that one thread writes.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [Count; BOUNDS.len() + 1],
    nanos: Count,
}

impl Latency {
    /// `count` times the same.
    pub fn add(&self, sample: Sample, count: u64) {
        if let Some(bucket) = self.buckets.get(sample.bucket) {
            bucket.add(count);
            self.nanos.add(sample.nanos.wrapping_mul(count));
        }
    }
}

/// What several threads have counted, together.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    buckets: [u64; BOUNDS.len() + 1],
    nanos: u64,
}

impl Totals {
    pub(super) fn include(&mut self, latency: &Latency) {
        for (total, bucket) in self.buckets.iter_mut().zip(&latency.buckets) {
            *total += bucket.value();
        }
        self.nanos += latency.nanos.value();
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "104 days of nanoseconds are exact, more are not needed"
    )]
    pub(super) fn seconds(&self) -> f64 {
        self.nanos as f64 / NANOS
    }

    /// Bounds in seconds, and how many are in each bucket.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = seconds().chain([f64::INFINITY]);
        bounds.zip(self.buckets).collect()
    }
}

/// The bounds in seconds.
#[expect(clippy::cast_precision_loss, reason = "the bounds are exact")]
pub(super) fn seconds() -> impl Iterator<Item = f64> {
    BOUNDS.iter().map(|bound| *bound as f64 / NANOS)
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS, Latency, Sample, Totals};
    use std::time::Duration;

    #[test]
    fn a_sample_is_in_the_first_bucket_that_holds_it() {
        for (nanos, bucket) in [(0, 0), (50_000, 0), (50_001, 1), (10_000_000_000, 16)] {
            assert_eq!(Sample::of(Duration::from_nanos(nanos)).bucket, bucket, "{nanos}");
        }
        assert_eq!(Sample::of(Duration::MAX).bucket, BOUNDS.len());
    }

    #[test]
    fn totals_are_the_sum_of_what_threads_have_counted() {
        let (one, other) = (Latency::default(), Latency::default());
        one.add(Sample::of(Duration::from_millis(3)), 2);
        other.add(Sample::of(Duration::from_millis(4)), 1);
        other.add(Sample::of(Duration::from_secs(60)), 1);
        let mut totals = Totals::default();
        totals.include(&one);
        totals.include(&other);
        assert_eq!(totals.count(), 4);
        assert!((totals.seconds() - 60.010).abs() < 1e-9);
        let buckets = totals.buckets();
        assert_eq!(buckets[6], (0.005, 3));
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, 1)));
    }
}

//! The keys that are used most: a sketch of bounded size (Space-Saving), fed with samples, halved once a minute.
//!
//! A key that makes up more than one in [`CAPACITY`] of the samples is in it for certain; its count is too high by
//! at most its `error`. Pure: time is an argument.
//! <https://www.cs.ucsb.edu/sites/default/files/documents/2005-23.pdf>

use super::keys::shorten;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Keys that are counted at a time.
pub const CAPACITY: usize = 128;

/// After so long all counts are halved, so that what was hot makes room for what is.
const HALVING: Duration = Duration::from_secs(60);

/// A key that is used much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hot {
    /// Printable and shortened.
    pub key: String,
    /// About how often it was used in the last one or two minutes.
    pub uses: u64,
    /// How much too high that may be.
    pub error: u64,
}

#[derive(Debug)]
struct Counter {
    hash: u64,
    key: String,
    count: u64,
    error: u64,
}

/// See the module.
#[derive(Debug)]
pub struct HotKeys {
    counters: Vec<Counter>,
    hasher: RandomState,
    total: u64,
    halved: Instant,
}

impl HotKeys {
    /// With nothing in it.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { counters: Vec::new(), hasher: RandomState::new(), total: 0, halved: now }
    }

    /// A use of `key` that stands for `weight` of them.
    pub fn add(&mut self, key: &[u8], weight: u64, now: Instant) {
        self.halve(now);
        self.total += weight;
        let hash = self.hasher.hash_one(key);
        if let Some(known) = self.counters.iter_mut().find(|counter| counter.hash == hash) {
            known.count += weight;
            return;
        }
        if self.counters.len() < CAPACITY {
            let key = shorten(key);
            return self.counters.push(Counter { hash, key, count: weight, error: 0 });
        }
        // The least of them makes room, and leaves its count: the newcomer may have been here before.
        if let Some(least) = self.counters.iter_mut().min_by_key(|counter| counter.count) {
            let (error, count) = (least.count, least.count + weight);
            *least = Counter { hash, key: shorten(key), count, error };
        }
    }

    /// The most used, at most `most` of them, and how many uses there were of all keys.
    pub fn top(&mut self, most: usize, now: Instant) -> (Vec<Hot>, u64) {
        self.halve(now);
        let mut sorted: Vec<&Counter> = self.counters.iter().collect();
        sorted.sort_by_key(|counter| std::cmp::Reverse(counter.count));
        let hot = |counter: &&Counter| Hot {
            key: counter.key.clone(),
            uses: counter.count,
            error: counter.error,
        };
        (sorted.iter().take(most).map(hot).collect(), self.total)
    }

    fn halve(&mut self, now: Instant) {
        while now.saturating_duration_since(self.halved) >= HALVING {
            self.halved += HALVING;
            self.total /= 2;
            for counter in &mut self.counters {
                counter.count /= 2;
                counter.error /= 2;
            }
            self.counters.retain(|counter| counter.count > 0);
            if self.counters.is_empty() {
                // Nothing is left to be halved: a long silence takes one step.
                self.halved = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, HotKeys};
    use std::time::{Duration, Instant};

    #[test]
    fn hot_keys_are_found_among_many_cold_ones() {
        let now = Instant::now();
        let mut keys = HotKeys::new(now);
        for n in 0..100_000_u32 {
            let key = match n % 10 {
                0..3 => "hot:1".to_owned(),
                3..5 => "hot:2".to_owned(),
                _ => format!("cold:{n}"),
            };
            keys.add(key.as_bytes(), 1, now);
        }
        let (top, total) = keys.top(2, now);
        assert_eq!(total, 100_000);
        for (hot, (key, uses)) in top.iter().zip([("hot:1", 30_000), ("hot:2", 20_000)]) {
            assert_eq!(hot.key, key);
            assert!(hot.uses >= uses && hot.uses - hot.error <= uses, "{hot:?}");
        }
        assert!(keys.counters.len() <= CAPACITY);
    }

    #[test]
    fn a_sample_counts_for_as_many_as_it_stands_for() {
        let now = Instant::now();
        let mut keys = HotKeys::new(now);
        keys.add(b"a", 100, now);
        keys.add(b"b", 1, now);
        let (top, total) = keys.top(10, now);
        assert_eq!((top[0].uses, top[1].uses, total), (100, 1, 101));
    }

    #[test]
    fn what_was_hot_is_forgotten() {
        let start = Instant::now();
        let mut keys = HotKeys::new(start);
        keys.add(b"old", 100, start);
        let later = start + Duration::from_secs(180);
        keys.add(b"new", 50, later);
        let (top, _) = keys.top(10, later);
        assert_eq!((top[0].key.as_str(), top[1].uses), ("new", 12));
        let (top, total) = keys.top(10, later + Duration::from_secs(3600));
        assert!(top.is_empty());
        assert_eq!(total, 0);
    }
}

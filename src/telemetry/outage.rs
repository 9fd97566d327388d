//! What was served from memory while the upstream was away: counted for the log, INFO and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the start, and those of the outage that is, or of the last one. Cheap to add to, from any thread.
#[derive(Debug, Default)]
pub struct OutageTally {
    outages: AtomicU64,
    stale: AtomicU64,
    local: AtomicU64,
    stale_before: AtomicU64,
    local_before: AtomicU64,
    oldest: AtomicU64,
}

/// Counts of one outage, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Reads that got a stale reply.
    pub stale: u64,
    /// Commands that ran on the engine of the outage.
    pub local: u64,
    /// Of the stale replies of the last outage the oldest, in milliseconds since it was asked for.
    pub oldest_ms: u64,
}

impl OutageTally {
    /// A new outage begins.
    pub fn begin(&self) {
        self.outages.fetch_add(1, Ordering::Relaxed);
        self.stale_before.store(self.stale.load(Ordering::Relaxed), Ordering::Relaxed);
        self.local_before.store(self.local.load(Ordering::Relaxed), Ordering::Relaxed);
        self.oldest.store(0, Ordering::Relaxed);
    }

    /// A read got a reply of this age.
    pub fn served_stale(&self, age: Duration) {
        self.stale.fetch_add(1, Ordering::Relaxed);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.oldest.fetch_max(age, Ordering::Relaxed);
    }

    /// A command ran on the engine of the outage.
    pub fn served_local(&self) {
        self.local.fetch_add(1, Ordering::Relaxed);
    }

    /// Outages since the start, the one that is included.
    #[must_use]
    pub fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// All that was served since the start.
    #[must_use]
    pub fn total(&self) -> Served {
        Served {
            stale: self.stale.load(Ordering::Relaxed),
            local: self.local.load(Ordering::Relaxed),
            oldest_ms: self.oldest.load(Ordering::Relaxed),
        }
    }

    /// What was served in the outage that is, or in the last one.
    #[must_use]
    pub fn last(&self) -> Served {
        let total = self.total();
        let before = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Served {
            stale: total.stale.saturating_sub(before(&self.stale_before)),
            local: total.local.saturating_sub(before(&self.local_before)),
            oldest_ms: total.oldest_ms,
        }
    }
}

//! What INFO counts, and what it must be told.

use super::Now;

/// What the engine's surroundings know, and INFO and CONFIG GET show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The port that apps connect to; 0 where there is none.
    pub tcp_port: u16,
    /// How many apps are connected.
    pub connected_clients: usize,
    /// How many may be.
    pub max_clients: usize,
    /// How many channels, patterns and shard channels are subscribed to.
    pub topics: [usize; 3],
}

/// Counters since the start, or since CONFIG RESETSTAT.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    /// When the first request came.
    pub(super) started: Option<Now>,
    pub(super) commands: u64,
    pub(super) failures: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl Statistics {
    pub(super) fn begin(&mut self, now: Now) {
        self.started.get_or_insert(now);
        self.commands += 1;
    }

    /// Counts a read by whether its key was there.
    pub(super) fn count_read(&mut self, is_hit: bool) {
        if is_hit { self.hits += 1 } else { self.misses += 1 }
    }

    /// Since the first request, in seconds.
    pub(super) fn uptime(&self, now: Now) -> u64 {
        let started = self.started.unwrap_or(now);
        now.0.saturating_sub(started.0) / 1000
    }

    pub(super) fn reset(&mut self) {
        *self = Self { started: self.started, ..Self::default() };
    }
}

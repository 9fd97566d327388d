//! What is noted of single commands: slow ones, keys that are used much, large values. Shared by all threads.
//!
//! Written for samples and for what is seldom, never for each command: a lock is no burden here. Nothing of it is
//! secret but the names of keys, and those are shortened.

use super::big_values::{Big, BigValues};
use super::hot_keys::{Hot, HotKeys};
use super::keys::{name, shorten};
use super::slowlog::{Slow, SlowLog};
use super::spans::Spans;
use crate::command::keys::positions;
use crate::command::{Spec, lookup};
use crate::wire::decode::Request;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Of a command with many keys, so many are counted as used.
const KEYS: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Notes {
    threshold: Option<Duration>,
    slow: Mutex<SlowLog>,
    hot: Mutex<HotKeys>,
    big: Mutex<BigValues>,
    /// Where spans of sampled commands go.
    pub spans: Spans,
}

impl Notes {
    /// With nothing noted. Commands that take at least `threshold` are slow; `None` keeps no slow log.
    #[must_use]
    pub fn new(threshold: Option<Duration>) -> Self {
        let hot = Mutex::new(HotKeys::new(Instant::now()));
        let spans = Spans::default();
        Self { threshold, slow: Mutex::default(), hot, big: Mutex::default(), spans }
    }

    /// The same, with spans told.
    #[must_use]
    pub fn with_spans(mut self, spans: Spans) -> Self {
        self.spans = spans;
        self
    }

    /// Whether a command that took so long is to be noted.
    #[inline]
    #[must_use]
    pub fn is_slow(&self, took: Duration) -> bool {
        self.threshold.is_some_and(|threshold| took >= threshold)
    }

    /// A command of `client` that was slow.
    pub fn slow(&self, frame: &[u8], took: Duration, client: u64, route: &'static str) {
        if let Some(request) = Request::parse(frame) {
            let slow = Slow::now(&request, took, client, route);
            lock(&self.slow).add(slow);
        }
    }

    /// A command that stands for `weight` of them.
    pub fn used(&self, spec: &Spec, request: &Request<'_>, weight: u64) {
        let Ok(keys) = positions(spec, request) else { return };
        let now = Instant::now();
        for position in keys.iter().take(KEYS) {
            if let Some(key) = request.arg(position.index) {
                lock(&self.hot).add(key, weight, now);
            }
        }
    }

    /// A large command that writes, or one that had a large reply.
    pub fn big(&self, frame: &[u8], size: usize) {
        if !lock(&self.big).wants(size) {
            return;
        }
        let Some(request) = Request::parse(frame) else { return };
        let Some(spec) = lookup(request.name()) else { return };
        let first = positions(spec, &request).ok().and_then(|keys| keys.iter().next());
        if let Some(key) = first.and_then(|position| request.arg(position.index)) {
            let (key, command) = (shorten(key), name(&request));
            lock(&self.big).add(Big { key, size, command, at: SystemTime::now() });
        }
    }

    /// The newest slow commands, at most `most`.
    #[must_use]
    pub fn slowlog(&self, most: usize) -> Vec<Slow> {
        lock(&self.slow).newest().take(most).cloned().collect()
    }

    /// Forgets the slow commands.
    pub fn forget_slow(&self) {
        lock(&self.slow).clear();
    }

    /// The keys that were used most lately, at most `most`, and how many uses there were of all.
    #[must_use]
    pub fn hottest(&self, most: usize) -> (Vec<Hot>, u64) {
        lock(&self.hot).top(most, Instant::now())
    }

    /// The keys with the largest values.
    #[must_use]
    pub fn biggest(&self) -> Vec<Big> {
        lock(&self.big).largest().to_vec()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

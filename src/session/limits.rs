//! What bounds one client: how much it may send at a time, before and after AUTH, and how much may wait for it.

use crate::config::{self, Rates, SubscriberOutput};
use crate::wire::decode::Limits;
use std::cell::Cell;
use std::time::Instant;

/// What a length line costs at most, besides what it announces.
const LINE: usize = 32;

/// The limits of the configuration, as a worker's sessions use them.
pub(super) struct Bounds {
    known: Limits,
    unknown: Limits,
    /// Bytes of replies that a client may leave unread.
    pub(super) output: usize,
    /// Messages that a subscriber may leave unread.
    pub(super) messages: SubscriberOutput,
    /// Commands a second; `None` where nothing is counted.
    pub(super) rates: Option<Rates>,
    /// Nanoseconds of a clock that all workers share, as last looked at: once for all that was read together.
    start: Instant,
    now: Cell<u64>,
}

impl Bounds {
    pub(super) fn new(limits: &config::Limits, start: Instant) -> Self {
        let known = Limits {
            max_arguments: limits.max_arguments,
            max_bulk: limits.max_bulk,
            max_request: limits.max_request,
            ..Limits::DEFAULT
        };
        let before = limits.before_auth;
        let unknown = Limits {
            max_arguments: before.max_arguments,
            max_bulk: before.max_bulk,
            max_request: LINE + before.max_arguments * (before.max_bulk + LINE),
            ..Limits::UNAUTHENTICATED
        };
        let rates = limits.requests_per_second;
        Self {
            known,
            unknown,
            output: limits.client_output,
            messages: limits.subscriber_output,
            rates: (rates.client.is_some() || rates.all.is_some()).then_some(rates),
            start,
            now: Cell::new(0),
        }
    }

    /// Commands were read: where they are counted, it matters when.
    pub(super) fn look_at_clock(&self) {
        if self.rates.is_some() {
            self.now.set(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// When commands were last read.
    pub(super) fn now(&self) -> u64 {
        self.now.get()
    }

    /// What a client may send at a time.
    pub(super) fn of_request(&self, is_authenticated: bool) -> Limits {
        if is_authenticated { self.known } else { self.unknown }
    }
}

//! Server-sent events for the page: a snapshot each second, for as long as there is somebody to read it.
//!
//! The number of listeners is bounded by their seats, and a listener who does not read by the connection's
//! patience. Ends when the sidecar drains.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use crate::session::vitals::Vitals;
use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// From one snapshot to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// One listener's events.
pub(super) struct Events {
    vitals: Arc<Vitals>,
    sees_keys: bool,
    ticks: Interval,
    _seat: OwnedSemaphorePermit,
}

impl Events {
    /// The first at once.
    pub(super) fn new(vitals: Arc<Vitals>, sees_keys: bool, seat: OwnedSemaphorePermit) -> Self {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { vitals, sees_keys, ticks, _seat: seat }
    }

    /// The next event; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        ready!(self.ticks.poll_tick(cx));
        if self.vitals.is_draining() {
            return Poll::Ready(None);
        }
        let snapshot = self.vitals.overview(self.sees_keys);
        Poll::Ready(Some(Bytes::from(format!("data: {snapshot}\n\n"))))
    }
}

//! What /metrics shows of the parts at one moment.

use super::{Parts, Vitals};
use crate::telemetry::metrics::{CacheState, State, UpstreamState};

impl Vitals {
    /// How all parts are now.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state =
            State { clients: self.clients.count(), is_ready: self.is_ready(), ..State::default() };
        match &self.parts {
            Parts::Memory(engine) => state.memory = Some(engine.usage()),
            Parts::Cloud { upstream, pool, hub } => {
                let (health, usage) = (&upstream.health, pool.usage());
                let (topics, subscriptions) = hub.census();
                state.cache = health.stand_in.cache().map(|cache| {
                    let usage = cache.usage();
                    CacheState {
                        entries: usage.keys,
                        bytes: usage.bytes,
                        stored: usage.stored,
                        written: usage.written,
                        crowded_out: usage.crowded_out,
                    }
                });
                state.upstream = Some(UpstreamState {
                    lanes_connected: usize::try_from(health.connected()).unwrap_or(usize::MAX),
                    breaker: health.breaker_state().name(),
                    outage: health.outage(),
                    lent: usage.size.saturating_sub(usage.idle),
                    idle: usage.idle,
                    max: usage.max,
                    waiting: usage.waiting,
                    topics,
                    subscriptions,
                    certificate_end: upstream.certificate_end(),
                });
            }
        }
        state
    }
}

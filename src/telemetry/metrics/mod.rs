//! What is counted and measured, for Prometheus. docs/observability.md lists every metric.
//!
//! Commands are recorded by the thread that carries them, in its own [`Shard`]; what is seldom goes to the shared
//! counters of [`Events`]. Labels have few values: never a key, a client or an address. A scrape reads, and
//! makes no other thread wait.

mod codes;
pub mod events;
pub mod latency;
mod process;
pub mod shard;
mod shards;
pub mod snapshot;
mod state;
mod text;

use super::notes::Notes;
pub use codes::code;
use events::Events;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use shard::Shard;
use shards::Shards;
use state::Board;
pub use state::{CacheState, State, UpstreamState};
use std::sync::Arc;
pub use text::Format;

/// Every name begins with this.
const PREFIX: &str = "redis_sidecar";

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    shards: Shards,
    board: Board,
    events: Arc<Events>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let events = Arc::<Events>::default();
        events.register(&mut registry);
        let (shards, board) = (Shards::default(), Board::new());
        registry.register_collector(Box::new(shards.clone()));
        registry.register_collector(Box::new(board.clone()));
        Self { registry, shards, board, events }
    }
}

impl Metrics {
    /// A shard for one thread, which notes single commands in `notes`.
    #[must_use]
    pub fn shard(&self, notes: Arc<Notes>) -> Arc<Shard> {
        self.shards.add(Arc::clone(&self.events), notes)
    }

    /// What is counted wherever it happens.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// All values now, where `state` is how the rest is.
    #[must_use]
    pub fn render(&self, format: Format, state: State) -> String {
        self.board.tell(state);
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = encode(&mut out, &self.registry);
        match format {
            Format::OpenMetrics => out,
            Format::Prometheus => text::to_prometheus(&out),
        }
    }
}

//! What all sessions of one worker work with: the ways to the upstream, or the embedded engine; the clients;
//! the limits.

use super::clients::Clients;
use super::limits::Bounds;
use super::vitals::Vitals;
use crate::command::Number;
use crate::memory::{Engine, Now};
use crate::policy::Draft;
use crate::routing::hub::Hub;
use crate::routing::shared::Lanes;
use crate::telemetry::metrics::latency::Sample;
use crate::telemetry::metrics::shard::{Outcome, Route, Shard};
use crate::telemetry::sampler::Sampler;
use crate::telemetry::seldom::Seldom;
use crate::telemetry::spans::Span;
use crate::upstream::Upstream;
use crate::upstream::pool::Pool;
use crate::upstream::spare::Spare;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Bytes read from a client at a time. The buffer is the worker's: an idle client has none.
const SCRATCH: usize = 64 * 1024;

/// See the module.
pub struct Context {
    /// Where commands are carried out.
    pub backend: Backend,
    /// All clients of the process.
    pub clients: Arc<Clients>,
    /// Commands of one client on the way at a time; with more, its socket is not read.
    pub max_in_flight: u64,
    /// How much one of them may ask, be owed and be told.
    pub(super) bounds: Bounds,
    /// Reply buffers of this worker.
    pub spare: Rc<Spare>,
    /// [`Clients::seconds`]; set by the worker's ticker.
    pub seconds: Cell<u64>,
    /// Which commands' keys are noted.
    pub sampler: Sampler,
    /// How the sidecar as a whole is.
    pub vitals: Arc<Vitals>,
    /// What this worker counts.
    pub shard: Arc<Shard>,
    /// Commands that memory has answered, and are not recorded yet.
    pub(super) executed: RefCell<Vec<(Number, Outcome)>>,
    /// For memory: when the commands that it runs now were read.
    pub(super) read_at: Cell<Now>,
    pub(super) scratch: RefCell<Vec<u8>>,
    /// A command that policy has written anew.
    pub(super) draft: RefCell<Draft>,
    /// In which second so many refusals were logged.
    pub(super) logged: Cell<(u64, u32)>,
    /// What clients can have us log as often as they like.
    pub noticed: Noticed,
}

/// What each worker logs once a second, however often it happens.
#[derive(Default)]
pub struct Noticed {
    /// A client is refused: all places are taken.
    pub full: Seldom,
    /// TLS with a client fails.
    pub tls: Seldom,
    /// What a client sends is no request.
    pub garbage: Seldom,
    /// It is HTTP.
    pub http: Seldom,
    /// It is not who it says it is.
    pub auth: Seldom,
}

/// Where commands are carried out.
pub enum Backend {
    /// `memory://`
    Memory(Embedded),
    /// A cloud Redis.
    Cloud(Cloud),
}

/// What stands in for a cloud Redis.
pub struct Embedded {
    /// The data.
    pub engine: Arc<Engine>,
    /// Subscriptions.
    pub hub: Arc<Hub>,
}

/// The ways to a cloud Redis.
pub struct Cloud {
    /// Lanes of this worker.
    pub lanes: Lanes,
    /// Connections to lend.
    pub pool: Arc<Pool>,
    /// Subscriptions.
    pub hub: Arc<Hub>,
    /// The upstream itself.
    pub upstream: Arc<Upstream>,
}

impl Backend {
    /// The hub of subscriptions.
    pub(super) fn hub(&self) -> &Arc<Hub> {
        match self {
            Self::Memory(embedded) => &embedded.hub,
            Self::Cloud(cloud) => &cloud.hub,
        }
    }
}

impl Context {
    /// For one worker.
    #[must_use]
    pub fn new(
        backend: Backend,
        clients: Arc<Clients>,
        max_in_flight: u64,
        shard: Arc<Shard>,
        vitals: Arc<Vitals>,
    ) -> Self {
        let bounds = Bounds::new(&vitals.config().limits, clients.start());
        Self {
            backend,
            clients,
            max_in_flight,
            bounds,
            spare: Rc::default(),
            seconds: Cell::new(0),
            sampler: Sampler::default(),
            vitals,
            shard,
            executed: RefCell::default(),
            read_at: Cell::new(Now(0)),
            scratch: RefCell::new(vec![0; SCRATCH]),
            draft: RefCell::default(),
            logged: Cell::default(),
            noticed: Noticed::default(),
        }
    }

    /// Memory has answered all of a client's commands that had been read by `start`.
    pub(super) fn record_executed(&self, start: Instant, db: u32) {
        let executed = &mut *self.executed.borrow_mut();
        if !executed.is_empty() {
            let ended = Instant::now();
            let whole = Sample::of(ended.saturating_duration_since(start));
            let is_told = self.shard.notes.spans.is_on();
            for (command, outcome) in executed.drain(..) {
                self.shard.answered(command, outcome, Route::Memory, whole, 1);
                if is_told {
                    self.shard.ended(command, || Span {
                        command,
                        outcome,
                        route: Some(Route::Memory),
                        db,
                        error: None,
                        came: start,
                        sent: None,
                        ended,
                        attempts: 0,
                    });
                }
            }
        }
    }

    /// The database that clients begin with.
    pub(super) fn first_db(&self) -> u32 {
        match &self.backend {
            Backend::Memory(_) => 0,
            Backend::Cloud(cloud) => cloud.upstream.db(),
        }
    }
}

/// The wall clock, for the engine's expiry.
#[must_use]
pub fn wall_clock() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

//! How the sidecar as a whole is: starting, ready, without its upstream, or draining; and what each part says.
//!
//! Operators ask over HTTP, clients by SIDECAR: both get what is found here. Everything but the checkup is
//! answered from what is known already; the checkup asks the upstream, once a second at most.

mod noted;
mod overview;
mod parts;
mod state;

use super::clients::Clients;
use crate::config::Config;
use crate::memory::Engine;
use crate::routing::hub::Hub;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::shard::Shard;
use crate::telemetry::notes::Notes;
use crate::telemetry::spans::Spans;
use crate::upstream::Upstream;
use crate::upstream::checkup::{self, Outcome};
use crate::upstream::pool::Pool;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Mutex, Notify};

/// However many ask, the upstream is asked no more often.
const CHECKUP_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub struct Vitals {
    /// With what was changed live.
    config: RwLock<Arc<Config>>,
    clients: Arc<Clients>,
    parts: Parts,
    start: Instant,
    /// The same in milliseconds since 1970.
    started_at: u64,
    addresses: OnceLock<Vec<String>>,
    is_draining: AtomicBool,
    quit: Notify,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// What is noted of single commands.
    pub notes: Arc<Notes>,
    /// The key of the checkup, and its last outcome.
    key: String,
    checkup: Mutex<Option<Arc<Outcome>>>,
}

/// What stands behind us.
pub enum Parts {
    /// `memory://`
    Memory(Arc<Engine>),
    /// A cloud Redis.
    Cloud {
        /// How it is reached, and what is known of it.
        upstream: Arc<Upstream>,
        /// Connections to lend.
        pool: Arc<Pool>,
        /// Subscriptions.
        hub: Arc<Hub>,
    },
}

/// How the sidecar as a whole is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The upstream was not reached yet, and commands still wait for it.
    Starting(String),
    /// Commands are answered by the upstream, or by the engine of `memory://`.
    Ready,
    /// The upstream is away, and why.
    Outage(String),
    /// No client is taken any more.
    Draining,
}

impl Vitals {
    /// Of a sidecar that has just begun.
    #[must_use]
    pub fn new(
        config: Config,
        clients: Arc<Clients>,
        parts: Parts,
        metrics: Metrics,
        spans: Spans,
    ) -> Self {
        let notes = Arc::new(Notes::new(config.slowlog.threshold).with_spans(spans));
        // An ACL may leave us nothing but what begins so.
        let namespace = config.namespace.prefix.as_deref().unwrap_or_default();
        let key = format!("{namespace}{}:{:08x}", config.admin.health_key, fastrand::u32(..));
        Self {
            config: RwLock::new(Arc::new(config)),
            clients,
            parts,
            start: Instant::now(),
            started_at: noted::epoch(SystemTime::now()),
            addresses: OnceLock::new(),
            is_draining: AtomicBool::new(false),
            quit: Notify::new(),
            metrics,
            notes,
            key,
            checkup: Mutex::default(),
        }
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The configuration was read again.
    pub fn set_config(&self, config: Config) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// Where clients connect. Told once.
    pub fn listens_on(&self, addresses: Vec<String>) {
        // A second telling would change nothing: the listeners live as long as the process.
        let _ = self.addresses.set(addresses);
    }

    /// What one worker counts and notes.
    #[must_use]
    pub fn shard(&self) -> Arc<Shard> {
        self.metrics.shard(Arc::clone(&self.notes))
    }

    /// Whether nobody new is taken any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// From now on nobody new is taken.
    pub fn drains(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Asks the process to drain and end.
    pub fn quit(&self) {
        self.quit.notify_one();
    }

    /// Waits for [`Vitals::quit`].
    pub async fn quit_asked(&self) {
        self.quit.notified().await;
    }

    /// How the sidecar is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if self.is_draining() {
            return Standing::Draining;
        }
        let Parts::Cloud { upstream, .. } = &self.parts else { return Standing::Ready };
        let health = &upstream.health;
        if health.is_rejecting() {
            Standing::Outage(health.cause())
        } else if health.is_up() {
            Standing::Ready
        } else if health.was_up() {
            Standing::Outage(health.cause())
        } else {
            Standing::Starting(health.cause())
        }
    }

    /// Whether clients should be sent here now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self.standing() {
            Standing::Ready => true,
            Standing::Outage(_) => self.bears_outage(),
            Standing::Starting(_) | Standing::Draining => false,
        }
    }

    /// Whether being away leaves us ready: where the operator says so, and the upstream was reached before. One that
    /// never was is more likely a wrong address or password, with which no rollout must go on.
    fn bears_outage(&self) -> bool {
        let was_up = match &self.parts {
            Parts::Memory(_) => true,
            Parts::Cloud { upstream, .. } => upstream.health.was_up(),
        };
        was_up && self.config().admin.ready_in_outage
    }

    /// Asks the upstream, or takes what it said less than a second ago. Whoever asks meanwhile waits for the
    /// same answer.
    pub async fn checkup(&self) -> Arc<Outcome> {
        let mut last = self.checkup.lock().await;
        if let Some(outcome) = last.as_ref().filter(|it| it.at.elapsed() < CHECKUP_INTERVAL) {
            return Arc::clone(outcome);
        }
        let outcome = match &self.parts {
            Parts::Memory(engine) => checkup::check_here(&self.key, |frame| ask(engine, frame)),
            Parts::Cloud { upstream, pool, .. } => checkup::check(upstream, pool, &self.key).await,
        };
        let outcome = Arc::new(outcome);
        *last = Some(Arc::clone(&outcome));
        outcome
    }
}

impl Standing {
    /// One word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting(_) => "starting",
            Self::Ready => "ready",
            Self::Outage(_) => "outage",
            Self::Draining => "draining",
        }
    }

    /// Why it is not ready, where there is more to say.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Starting(cause) | Self::Outage(cause) => Some(cause),
            Self::Ready | Self::Draining => None,
        }
    }
}

fn ask(engine: &Engine, frame: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    if let Some(request) = Request::parse(frame) {
        let spec = crate::command::lookup(request.name());
        let now = super::context::wall_clock();
        engine.execute(&request, spec, 0, Protocol::Resp2, now, &mut reply);
    }
    reply
}

//! What stands in for an upstream that is away: the replies that are kept, and, for keys whose rule says so, an
//! engine in memory that is thrown away when the upstream is back.
//!
//! Answers single commands whose keys are known. Never a script, a transaction, or a read that blocks; and no write,
//! but of keys that are local.

use crate::command::keys::{asks_to_block, positions};
use crate::command::{Kind, Spec};
use crate::config::{self, Fallback};
use crate::memory::replies::{Bounds, ReplyCache, Setting};
use crate::memory::rules::Rules;
use crate::memory::{Engine, Now};
use crate::telemetry::metrics::events::Events;
use crate::telemetry::outage::{OutageTally, Served};
use crate::wire::decode::Request;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes that the engine of an outage holds at most.
const LOCAL: usize = 64 << 20;

/// Keys that it forgets at one time at most: clients wait meanwhile.
const EXPIRED: usize = 1000;

/// See the module.
pub struct StandIn {
    cache: Option<Arc<ReplyCache>>,
    rules: Arc<Rules>,
    has_local: bool,
    local: Mutex<Option<Arc<Engine>>>,
    pub(super) events: Arc<Events>,
    /// What was served.
    pub tally: OutageTally,
}

impl StandIn {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(config: &config::Config, events: Arc<Events>) -> Self {
        let rules = Arc::new(Rules::new(&config.rules).within(config.namespaces()));
        let is_wanted = config.cache.enabled && rules.longest_stale().is_some();
        let bounds = Bounds {
            size: config.cache.size,
            entry_size: config.cache.entry_size,
            max_age: rules.shortest_stale(),
            rules: Arc::clone(&rules),
        };
        Self {
            cache: is_wanted.then(|| Arc::new(ReplyCache::new(bounds))),
            has_local: rules.has_local(),
            rules,
            local: Mutex::default(),
            events,
            tally: OutageTally::default(),
        }
    }

    /// Where replies are kept, if any are.
    #[must_use]
    pub fn cache(&self) -> Option<&Arc<ReplyCache>> {
        self.cache.as_ref()
    }

    /// Whether there is anything to answer from.
    #[must_use]
    pub fn is_of_use(&self) -> bool {
        self.cache.is_some() || self.has_local
    }

    /// Answers a command that nobody else can. `was_sent` where the upstream may have run it. Whether `out` has its
    /// reply now.
    pub fn answer(
        &self,
        spec: &'static Spec,
        request: &Request<'_>,
        setting: &Setting,
        was_sent: bool,
        out: &mut Vec<u8>,
    ) -> bool {
        let is_plain = match spec.kind {
            Kind::Ordinary => !spec.is_container(),
            Kind::BlockingIfAsked => !asks_to_block(request),
            _ => false,
        };
        if !is_plain || !spec.fits(request.argc()) {
            return false;
        }
        let Ok(keys) = positions(spec, request) else { return false };
        let Some(verdict) = self.rules.verdict_of_all(keys.of(request)) else { return false };
        match verdict.fallback {
            Fallback::Stale => self.answer_stale(spec, request, setting, verdict.max_stale, out),
            Fallback::Local if spec.is_readonly() || !was_sent => {
                self.run(spec, request, setting, out)
            }
            Fallback::Local | Fallback::None => false,
        }
    }

    fn answer_stale(
        &self,
        spec: &Spec,
        request: &Request<'_>,
        setting: &Setting,
        max_stale: Duration,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(cache) = self.cache.as_ref().filter(|_| spec.is_readonly()) else { return false };
        let Some(stale) = cache.find(spec, request, setting, max_stale) else {
            self.events.lookups.count("miss");
            return false;
        };
        self.events.lookups.count("hit");
        self.tally.served_stale(stale.age);
        self.events.stale_replies.inc();
        self.events.stale_ages.add(stale.age);
        out.extend_from_slice(&stale.reply);
        true
    }

    /// Runs a command on the engine of the outage.
    fn run(
        &self,
        spec: &'static Spec,
        request: &Request<'_>,
        setting: &Setting,
        out: &mut Vec<u8>,
    ) -> bool {
        let db = setting.db as usize;
        if db >= Engine::DATABASES || !Engine::knows(spec) {
            return false;
        }
        let local = &mut *self.local();
        if local.is_none() {
            tracing::warn!(
                "keys whose rule says local are served from memory until the upstream is back; \
                 then that is thrown away"
            );
        }
        let engine = Arc::clone(local.get_or_insert_with(|| Arc::new(Engine::new(LOCAL))));
        engine.execute(request, Some(spec), db, setting.protocol, wall_clock(), out);
        self.tally.served_local();
        self.events.local_commands.inc();
        true
    }

    /// The upstream is away.
    pub fn begin(&self) {
        self.tally.begin();
        if self.is_of_use() {
            tracing::warn!("outage: what memory can answer is answered from there");
        }
    }

    /// The upstream is back: what was written here is gone.
    pub fn end(&self, lasted: Duration) {
        let engine = self.local().take();
        let Served { stale, local, oldest_ms } = self.tally.last();
        if self.is_of_use() {
            let seconds = lasted.as_secs_f64();
            tracing::info!(
                seconds,
                stale_reads = stale,
                oldest_ms,
                local_commands = local,
                "outage over: stale reads and local commands that were served from memory"
            );
        }
        drop(engine);
    }

    /// Removes keys of the outage that are past their deadline. To be called some ten times a second.
    pub fn tend(&self) {
        if let Some(engine) = &*self.local() {
            engine.expire_some(wall_clock(), EXPIRED);
        }
    }

    fn local(&self) -> MutexGuard<'_, Option<Arc<Engine>>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the engine's expiry.
fn wall_clock() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

//! What is known of the upstream as a whole: up or down, since when and why, what its greeting said, and whether
//! commands may wait for it (the breaker).
//!
//! Every connection reports here; each change of state is logged once, however many connections see it. What
//! is asked for each command is one plain load.

use super::breaker::{Breaker, BreakerState};
use super::error::{ConnectError, Failure};
use super::handshake::Greeting;
use super::outages::{Outage, Outages};
use super::stand_in::StandIn;
use crate::config;
use crate::telemetry::metrics::events::Events;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// For so long a master that has become a replica is not taken: its name may show the new master soon. Then it
/// is, since reads are better than nothing.
const DEMOTION: Duration = Duration::from_secs(30);

/// The upstream's state, shared by all workers.
pub struct Health {
    up: watch::Sender<bool>,
    rejecting: watch::Sender<bool>,
    is_rejecting: AtomicBool,
    is_away: AtomicBool,
    era: AtomicU64,
    breaker: Mutex<Breaker>,
    began: Instant,
    facts: Mutex<Facts>,
    pub(super) events: Arc<Events>,
    /// What stands in for it.
    pub stand_in: StandIn,
}

#[derive(Default)]
struct Facts {
    last_error: Option<ConnectError>,
    /// Why the last connection ended.
    last_loss: Option<String>,
    greeting: Option<Greeting>,
    /// A lane has been connected at some time.
    was_up: bool,
    demoted: Option<Instant>,
    /// Lanes that are connected.
    connected: u32,
    /// An attempt has failed since there was one.
    has_failed: bool,
    /// When the outage began, or when the last one ended.
    turned: Option<Instant>,
    databases: Vec<u32>,
    /// Since when the breaker admits nothing, and for how long it did before.
    outage: Option<Instant>,
    outages: Duration,
    /// The last of them.
    history: Outages,
    /// Tasks of lanes, to be woken when the breaker opens or closes.
    lanes: Vec<Waker>,
}

impl Health {
    /// Of an upstream that was not reached yet.
    #[must_use]
    pub fn new(rules: config::Breaker, events: Arc<Events>, stand_in: StandIn) -> Self {
        Self {
            up: watch::Sender::new(false),
            rejecting: watch::Sender::new(false),
            is_rejecting: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            stand_in,
            began: Instant::now(),
            era: AtomicU64::new(0),
            breaker: Mutex::new(Breaker::new(rules, Instant::now())),
            facts: Mutex::default(),
            events,
        }
    }

    /// A lane has connected.
    pub fn lane_connected(&self, address: &str) {
        let mut facts = self.facts();
        facts.last_loss = None;
        facts.was_up = true;
        facts.connected += 1;
        facts.has_failed = false;
        let is_first = !self.up.send_replace(true);
        facts.history.end(Instant::now());
        drop(facts);
        if is_first {
            tracing::info!(upstream = address, "upstream connected");
        }
        self.breaker().connected();
        self.check(Instant::now());
    }

    /// A lane's connection has ended: lost because of `cause`, or closed by us.
    pub fn lane_lost(&self, cause: Option<&str>) {
        let mut facts = self.facts();
        facts.connected -= 1;
        let was_last = facts.connected == 0 && self.up.send_replace(false);
        facts.has_failed &= !was_last;
        let Some(cause) = cause else { return };
        if was_last {
            facts.last_loss = Some(cause.to_owned());
            facts.history.begin(cause, SystemTime::now(), Instant::now());
            facts.databases.clear();
            drop(facts);
            self.breaker().lost(Instant::now());
            tracing::warn!(cause, "upstream connection lost; connecting again");
        } else {
            tracing::info!(cause, "a lane was lost; connecting again");
        }
    }

    /// An attempt to connect has failed. Logged when the class of error changes, not at each attempt.
    pub fn attempt_failed(&self, error: &ConnectError) {
        let mut facts = self.facts();
        let class = error.class();
        let is_news = facts.last_error.as_ref().is_none_or(|last| last.class() != class);
        facts.last_error = Some(error.clone());
        facts.has_failed |= facts.connected == 0;
        drop(facts);
        self.follow_outage();
        if is_news {
            tracing::error!(class = class.name(), mend = error.mend(), "upstream away: {error}");
        }
    }

    // ---- the breaker ----

    /// Commands had no answer in time.
    pub fn timed_out(&self, count: usize, now: Instant) {
        if count > 0 {
            self.breaker().timed_out(count, now);
            self.check(now);
        }
    }

    /// The upstream has answered a probe.
    pub fn probe_answered(&self) {
        self.breaker().answered();
        self.check(Instant::now());
    }

    /// Whether the caller is to probe now.
    pub fn wants_probe(&self, now: Instant) -> bool {
        self.is_rejecting() && self.breaker().wants_probe(now)
    }

    /// When `check` is to be called again.
    #[must_use]
    pub fn next_change(&self) -> Option<Instant> {
        self.breaker().next_change()
    }

    /// Whether commands are answered at once, with [`Health::rejection`].
    #[must_use]
    pub fn is_rejecting(&self) -> bool {
        self.is_rejecting.load(Ordering::Relaxed)
    }

    /// Lets the breaker look at the time, and tells everybody of a change.
    pub fn check(&self, now: Instant) {
        let since = self.breaker().rejects(now);
        let rejects = since.is_some();
        if self.is_rejecting.swap(rejects, Ordering::Relaxed) == rejects {
            return self.follow_outage();
        }
        self.note_outage(rejects, now);
        if rejects {
            let cause = self.cause();
            self.facts().history.begin(&cause, SystemTime::now(), now);
            tracing::warn!(
                cause,
                "the upstream is given up for now: commands are answered at once"
            );
        } else {
            self.facts().history.end(now);
            tracing::info!("the upstream is back");
        }
        self.rejecting.send_replace(rejects);
        self.follow_outage();
        for lane in &self.facts().lanes {
            lane.wake_by_ref();
        }
    }

    fn note_outage(&self, begins: bool, now: Instant) {
        let facts = &mut *self.facts();
        if begins {
            facts.outage = Some(now);
            self.events.openings.inc();
        } else if let Some(since) = facts.outage.take() {
            facts.outages += now.saturating_duration_since(since);
        }
    }

    /// For how long the breaker has admitted nothing, all in all.
    #[must_use]
    pub fn outage(&self) -> Duration {
        let facts = self.facts();
        facts.outages + facts.outage.map_or(Duration::ZERO, |since| since.elapsed())
    }

    // ---- the outage ----

    /// Whether the upstream is known to be lost: no lane is connected and an attempt to connect has failed, or the
    /// breaker rejects. Then memory answers what it can.
    #[must_use]
    #[inline]
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// When we began to look.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When that was last found to be otherwise; `None` if it never was.
    #[must_use]
    pub fn turned(&self) -> Option<Instant> {
        self.facts().turned
    }

    /// Begins the outage or ends it, as things are.
    fn follow_outage(&self) {
        let facts = &mut *self.facts();
        let is_away = self.is_rejecting() || facts.connected == 0 && facts.has_failed;
        if self.is_away.swap(is_away, Ordering::Relaxed) == is_away {
            return;
        }
        let before = facts.turned.replace(Instant::now());
        if is_away {
            self.stand_in.begin();
        } else {
            self.stand_in.end(before.map_or(Duration::ZERO, |since| since.elapsed()));
        }
        facts.lanes.iter().for_each(Waker::wake_by_ref);
    }

    /// A lane's task, to be woken at changes.
    pub fn join(&self, lane: &Waker) {
        let lanes = &mut self.facts().lanes;
        if !lanes.iter().any(|known| known.will_wake(lane)) {
            lanes.push(lane.clone());
        }
    }

    /// A lane's task has ended.
    pub fn leave(&self, lane: &Waker) {
        self.facts().lanes.retain(|known| !known.will_wake(lane));
    }

    /// What a command is told while the breaker rejects.
    #[must_use]
    pub fn rejection(&self, sent: bool) -> Failure {
        let now = Instant::now();
        let since = self.breaker().rejects(now).map_or(Duration::ZERO, |since| now - since);
        Failure::Rejected { since, cause: self.cause(), sent }
    }

    /// Waits until the breaker rejects.
    pub async fn rejected(&self) {
        let mut changes = self.rejecting.subscribe();
        // The sender lives as long as we do.
        let _ = changes.wait_for(|rejects| *rejects).await;
    }

    /// Why the upstream is away, as far as it is.
    #[must_use]
    pub fn cause(&self) -> String {
        let facts = self.facts();
        match (&facts.last_error, &facts.last_loss) {
            (Some(error), _) => error.to_string(),
            (None, Some(loss)) => format!("the connection was lost: {loss}"),
            (None, None) if *self.up.borrow() => "it does not answer in time".to_owned(),
            (None, None) => "still connecting".to_owned(),
        }
    }

    // ---- what is known ----

    /// Whether a lane is connected now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Whether a lane was ever connected.
    #[must_use]
    pub fn was_up(&self) -> bool {
        self.facts().was_up
    }

    /// How many lanes are connected, of all workers.
    #[must_use]
    pub fn connected(&self) -> u32 {
        self.facts().connected
    }

    /// The last outages, the newest first.
    #[must_use]
    pub fn outage_history(&self) -> Vec<Outage> {
        self.facts().history.newest().cloned().collect()
    }

    /// What the breaker does.
    #[must_use]
    pub fn breaker_state(&self) -> BreakerState {
        self.breaker().state()
    }

    /// Follows `is_up`.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.up.subscribe()
    }

    /// Why the last attempt failed, if none has succeeded since.
    #[must_use]
    pub fn last_error(&self) -> Option<ConnectError> {
        self.facts().last_error.clone()
    }

    /// A connection was made; keeps what it was told. `false` if it is one not to be used: a master that has
    /// become a replica.
    pub fn greeted(&self, greeting: Option<Greeting>) -> bool {
        let facts = &mut *self.facts();
        let Some(greeting) = greeting else {
            facts.last_error = None;
            return true;
        };
        let was_master = facts.greeting.as_ref().is_some_and(Greeting::is_master);
        if was_master && !greeting.is_master() {
            let is_news = facts.demoted.is_none();
            let since = *facts.demoted.get_or_insert_with(Instant::now);
            if is_news {
                self.era.fetch_add(1, Ordering::Relaxed);
                facts.lanes.iter().for_each(Waker::wake_by_ref);
            }
            if since.elapsed() < DEMOTION {
                return false;
            }
            tracing::warn!("the upstream stays a replica: writes will be refused");
        }
        facts.demoted = None;
        facts.last_error = None;
        facts.greeting = Some(greeting);
        true
    }

    /// Changes when the upstream is seen to be no master any more: connections made before may lead to the old
    /// one.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Relaxed)
    }

    /// What the upstream said of itself when last greeted.
    #[must_use]
    pub fn greeting(&self) -> Option<Greeting> {
        self.facts().greeting.clone()
    }

    /// The upstream took SELECT of this database: the next client's SELECT need not ask.
    pub fn database_exists(&self, db: u32) {
        let mut facts = self.facts();
        if !facts.databases.contains(&db) && facts.databases.len() < 64 {
            facts.databases.push(db);
        }
    }

    /// Whether the upstream is known to have this database.
    #[must_use]
    pub fn has_database(&self, db: u32) -> bool {
        self.facts().databases.contains(&db)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

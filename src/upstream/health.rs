//! What is known of the upstream as a whole: up or down, since when and why, and what its greeting said.
//!
//! Every connection reports here; each change of state is logged once, however many connections see it.

use super::error::ConnectError;
use super::handshake::Greeting;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The upstream's state, shared by all workers.
pub struct Health {
    up: watch::Sender<bool>,
    connected: AtomicU32,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    last_error: Option<ConnectError>,
    greeting: Option<Greeting>,
    databases: Vec<u32>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            up: watch::Sender::new(false),
            connected: AtomicU32::new(0),
            facts: Mutex::new(Facts::default()),
        }
    }
}

impl Health {
    /// A lane has connected.
    pub fn lane_connected(&self, address: &str) {
        self.connected.fetch_add(1, Ordering::Relaxed);
        if !self.up.send_replace(true) {
            tracing::info!(upstream = address, "upstream connected");
        }
    }

    /// A lane's connection has ended: lost because of `cause`, or closed by us.
    pub fn lane_lost(&self, cause: Option<&str>) {
        let before = self.connected.fetch_sub(1, Ordering::Relaxed);
        let was_last = before == 1 && self.up.send_replace(false);
        match cause {
            Some(cause) if was_last => {
                tracing::warn!(cause, "upstream connection lost; connecting again");
            }
            Some(cause) => tracing::info!(cause, "a lane was lost; connecting again"),
            None => {}
        }
    }

    /// An attempt to connect has failed. Logged when the class of error changes, not at each attempt.
    pub fn attempt_failed(&self, error: &ConnectError) {
        let mut facts = self.facts();
        let class = error.class();
        let is_news = facts.last_error.as_ref().is_none_or(|last| last.class() != class);
        facts.last_error = Some(error.clone());
        drop(facts);
        if is_news {
            tracing::error!(class = class.name(), mend = error.mend(), "upstream away: {error}");
        }
    }

    /// Whether a lane is connected now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
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

    /// A connection was made; keeps what it was told.
    pub fn greeted(&self, greeting: Option<Greeting>) {
        let facts = &mut *self.facts();
        facts.last_error = None;
        if greeting.is_some() {
            facts.greeting = greeting;
        }
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
}

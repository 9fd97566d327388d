//! Who wants to hear of the keys of one database: transactions that watch them, and clients that wait for
//! them to hold something.
//!
//! Belongs to the database's number, not to its content: SWAPDB leaves it where it is. Costs a command two
//! comparisons while nobody watches or waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A key's bytes.
type Key = Arc<[u8]>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Interest {
    watched: HashMap<Key, Watched>,
    /// For each key, the clients that wait for it, longest first.
    awaited: HashMap<Key, VecDeque<u64>>,
    /// Awaited keys that have come to hold something, in that order.
    ready: VecDeque<Key>,
}

/// A key that clients watch.
#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    /// Moves with each change.
    version: u64,
}

/// An awaited key that has come to hold something.
pub(super) struct Ready {
    pub(super) key: Key,
    /// Those that wait for it, longest first.
    pub(super) clients: Vec<u64>,
}

impl Interest {
    /// The key, its value or its deadline is another now.
    pub(super) fn changed(&mut self, key: &[u8]) {
        if !self.watched.is_empty()
            && let Some(watched) = self.watched.get_mut(key)
        {
            watched.version += 1;
        }
    }

    /// There is a new value under the key.
    pub(super) fn stored(&mut self, key: &[u8]) {
        self.changed(key);
        if !self.awaited.is_empty()
            && let Some((key, _)) = self.awaited.get_key_value(key)
            && !self.ready.contains(key)
        {
            self.ready.push_back(Arc::clone(key));
        }
    }

    /// Of all watched keys, those that `is_changed` names are others now.
    pub(super) fn changed_where(&mut self, is_changed: impl Fn(&[u8]) -> bool) {
        for (_, watched) in self.watched.iter_mut().filter(|(key, _)| is_changed(key)) {
            watched.version += 1;
        }
    }

    /// Of all awaited keys, those that `is_there` names have come to be.
    pub(super) fn stored_where(&mut self, is_there: impl Fn(&[u8]) -> bool) {
        let ready = self.awaited.keys().filter(|key| is_there(key));
        self.ready.extend(ready.cloned());
    }

    /// Begins to watch, and says at which version the key is.
    pub(super) fn watch(&mut self, key: &[u8]) -> u64 {
        let watched = self.watched.entry(Arc::from(key)).or_default();
        watched.watchers += 1;
        watched.version
    }

    /// Whether a watched key is still at `version`.
    pub(super) fn is_at(&self, key: &[u8], version: u64) -> bool {
        self.watched.get(key).is_some_and(|watched| watched.version == version)
    }

    /// One client watches the key no longer.
    pub(super) fn unwatch(&mut self, key: &[u8]) {
        if let Some(watched) = self.watched.get_mut(key) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                self.watched.remove(key);
            }
        }
    }

    /// `client` waits for the key, behind those that do already.
    pub(super) fn wait(&mut self, key: &[u8], client: u64) {
        let clients = self.awaited.entry(Arc::from(key)).or_default();
        if !clients.contains(&client) {
            clients.push_back(client);
        }
    }

    /// `client` waits for the key no longer.
    pub(super) fn stop_waiting(&mut self, key: &[u8], client: u64) {
        if let Some(clients) = self.awaited.get_mut(key) {
            clients.retain(|waiting| *waiting != client);
            if clients.is_empty() {
                self.awaited.remove(key);
            }
        }
    }

    /// The next key that may be handed out, with the clients that wait for it, longest first.
    pub(super) fn next_ready(&mut self) -> Option<Ready> {
        let key = self.ready.pop_front()?;
        let clients = self.awaited.get(&key).map_or_else(Vec::new, |c| c.iter().copied().collect());
        Some(Ready { key, clients })
    }
}

//! WATCH: the keys that one client's transaction depends on.
//!
//! Any change of such a key moves its version, whoever makes it and in whatever way: a command, expiry, FLUSHALL,
//! SWAPDB. A key that is past its deadline at WATCH does not exist, as in Redis 7.0.

use std::collections::HashMap;
use std::sync::Arc;

use super::Now;
use super::engine::{Engine, Turn};

/// What one client may watch at most, in bytes of keys; each key counts for at least [`KEY_COST`].
const MOST: usize = 64 << 20;

/// What a watched key takes beside its bytes.
const KEY_COST: usize = 128;

/// See the module. Lets go of all keys when dropped, which must not happen during a [`Turn`].
#[derive(Debug)]
pub struct Watches {
    engine: Arc<Engine>,
    /// By database and key, the version at which the client saw it first.
    versions: HashMap<(usize, Vec<u8>), u64>,
    bytes: usize,
}

impl Watches {
    /// With nothing watched.
    #[must_use]
    pub fn new(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), versions: HashMap::new(), bytes: 0 }
    }

    /// Watches these keys of database `db` from now on. `false` where that would be too many; then none of
    /// them is watched anew.
    pub fn add<'k>(&mut self, db: usize, keys: impl Iterator<Item = &'k [u8]>, now: Now) -> bool {
        let new: Vec<_> =
            keys.filter(|key| !self.versions.contains_key(&(db, key.to_vec()))).collect();
        let bytes: usize = new.iter().map(|key| key.len() + KEY_COST).sum();
        if self.bytes + bytes > MOST {
            return false;
        }
        self.bytes += bytes;
        let state = &mut *self.engine.lock();
        for key in new {
            // What is past its deadline goes before it is watched.
            state.databases[db].contains(key, now);
            self.versions
                .entry((db, key.to_vec()))
                .or_insert_with(|| state.databases[db].interest().watch(key));
        }
        true
    }
}

impl Turn<'_> {
    /// Whether any of these keys has changed since it was watched, or has expired.
    pub fn has_changed(&mut self, watches: &Watches) -> bool {
        let (state, now) = (&mut *self.state, self.now);
        watches.versions.iter().any(|((db, key), version)| {
            state.databases[*db].contains(key, now);
            !state.databases[*db].interest().is_at(key, *version)
        })
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        if self.versions.is_empty() {
            return;
        }
        let state = &mut *self.engine.lock();
        for (db, key) in self.versions.keys() {
            state.databases[*db].interest().unwatch(key);
        }
    }
}

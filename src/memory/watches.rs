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

#[cfg(test)]
mod tests {
    use super::super::{Engine, Now};
    use super::Watches;
    use crate::wire::decode::Request;
    use crate::wire::{Protocol, encode};
    use std::sync::Arc;

    fn run(engine: &Engine, at: u64, words: &[&[u8]]) {
        let mut frame = Vec::new();
        encode::command(&mut frame, words);
        let request = Request::parse(&frame).unwrap();
        let spec = crate::command::lookup(request.name());
        engine.execute(&request, spec, 0, Protocol::Resp2, Now(at), &mut Vec::new());
    }

    fn watch(engine: &Arc<Engine>, at: u64) -> Watches {
        let mut watches = Watches::new(engine);
        assert!(watches.add(0, [b"k".as_slice()].into_iter(), Now(at)));
        watches
    }

    #[test]
    fn a_key_that_expires_under_watch_has_changed_and_one_long_past_has_not() {
        let engine = Arc::new(Engine::new(0));
        run(&engine, 1000, &[b"SET", b"k", b"v", b"PX", b"500"]);
        let (before, after) = (watch(&engine, 1400), watch(&engine, 1501));
        assert!(engine.turn(Now(1600)).has_changed(&before));
        assert!(!engine.turn(Now(1600)).has_changed(&after));
        engine.expire_some(Now(1700), 10);
        assert!(!engine.turn(Now(1700)).has_changed(&after));
    }

    #[test]
    fn too_many_keys_are_refused_and_none_of_them_is_watched() {
        let engine = Arc::new(Engine::new(0));
        let mut watches = watch(&engine, 1);
        let long = vec![b'x'; super::MOST / 2];
        assert!(watches.add(0, [long.as_slice()].into_iter(), Now(1)));
        assert!(!watches.add(
            0,
            [b"l".as_slice(), &vec![b'y'; super::MOST / 2]].into_iter(),
            Now(1)
        ));
        assert!(!engine.turn(Now(1)).has_changed(&watches));
        run(&engine, 2, &[b"SET", b"l", b"v"]);
        assert!(!engine.turn(Now(2)).has_changed(&watches));
        run(&engine, 2, &[b"SET", b"k", b"v"]);
        assert!(engine.turn(Now(2)).has_changed(&watches));
    }
}

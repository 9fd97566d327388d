//! One database: its keys, their values and their bytes.
//!
//! Owns what a key costs and which keys expire; every change of an entry goes through here, so that
//! `bytes` is the sum of the costs of all entries, and `deadlines` holds exactly the keys that have
//! one. A key past its deadline is never seen by a caller: the look-up removes it.
//!
//! Entries lie in one dense array (`IndexMap`): a random key is one index away, and `scan` walks it.

mod exchange;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Now;
use super::failure::Failure;
use super::interest::Interest;
use super::scan;
use super::value::{Typed, Value, block, slot};

/// A key's bytes, shared between the entry and its deadline.
type Key = Arc<[u8]>;

/// What an entry takes beside its key and the blocks of its value.
const ENTRY_COST: usize = slot(size_of::<(Key, Entry)>());

/// What a deadline takes: its place in the tree, at the tree's usual filling.
const DEADLINE_COST: usize = size_of::<(i64, Key)>() * 3 / 2;

/// Below this many slots the array is left as large as it is.
const SMALL: usize = 1024;

struct Entry {
    value: Value,
    /// In milliseconds since the epoch; the key is gone as soon as the clock is past it. No deadline
    /// of a key that exists is 0.
    deadline: Option<NonZero<i64>>,
    /// When a command last asked for the value: the second, counted round.
    asked: u32,
}

impl Entry {
    fn deadline(&self) -> Option<i64> {
        self.deadline.map(NonZero::get)
    }

    fn is_past(&self, now: Now) -> bool {
        is_past(self.deadline(), now)
    }
}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy)]
pub(super) enum Deadline {
    /// The key has none from now on.
    Clear,
    /// The key keeps the one that it has.
    Keep,
    /// In milliseconds since the epoch.
    At(i64),
}

/// What a command did to a value, and what it wants to know of it.
pub(super) struct Edit<R> {
    result: R,
    is_change: bool,
}

impl<R> Edit<R> {
    /// The value is another now.
    pub(super) fn made(result: R) -> Self {
        Self { result, is_change: true }
    }

    /// The value is another now if `is_change`, else what it was.
    pub(super) fn when(is_change: bool, result: R) -> Self {
        Self { result, is_change }
    }
}

/// One of the databases that SELECT chooses from.
#[derive(Default)]
pub(super) struct Keyspace {
    entries: IndexMap<Key, Entry>,
    /// Soonest first. Exact, so that expiry never looks at a key that is not due.
    deadlines: BTreeSet<(i64, Key)>,
    bytes: usize,
    expired: u64,
    changes: u64,
    interest: Interest,
}

impl Keyspace {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys have a deadline.
    pub(super) fn volatile(&self) -> usize {
        self.deadlines.len()
    }

    /// The bytes that the keys and their values take, as the engine accounts for them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys have expired since the start, or since the count was last taken back.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }

    pub(super) fn forget_expired(&mut self) {
        self.expired = 0;
    }

    /// How many times a key or its value was changed, since the start.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The value of a key as the type that the command works on.
    pub(super) fn typed<T: Typed>(&mut self, key: &[u8], now: Now) -> Result<Option<&T>, Failure> {
        let value = self.value(key, now);
        value.map(|value| T::of(value).ok_or(Failure::WrongType)).transpose()
    }

    pub(super) fn value(&mut self, key: &[u8], now: Now) -> Option<&Value> {
        let index = self.find(key, now)?;
        let (_, entry) = self.entries.get_index_mut(index)?;
        entry.asked = second(now);
        Some(&entry.value)
    }

    /// As [`Keyspace::value`], for several keys at once: what is past its deadline is left where it is.
    pub(super) fn peek(&self, key: &[u8], now: Now) -> Option<&Value> {
        let entry = self.entries.get(key)?;
        (!entry.is_past(now)).then_some(&entry.value)
    }

    /// How long no command has asked for the value, in seconds.
    pub(super) fn idle_seconds(&self, key: &[u8], now: Now) -> Option<i64> {
        let entry = self.entries.get(key).filter(|entry| !entry.is_past(now))?;
        Some(second(now).wrapping_sub(entry.asked).into())
    }

    pub(super) fn contains(&mut self, key: &[u8], now: Now) -> bool {
        self.find(key, now).is_some()
    }

    /// `None` for a key that does not exist, `Some(None)` for one that does not expire.
    pub(super) fn deadline(&mut self, key: &[u8], now: Now) -> Option<Option<i64>> {
        let index = self.find(key, now)?;
        self.entries.get_index(index).map(|(_, entry)| entry.deadline())
    }

    /// Changes the deadline of a key that exists; does nothing for one that does not.
    pub(super) fn set_deadline(&mut self, key: &[u8], deadline: Option<i64>, now: Now) {
        let Some(index) = self.find(key, now) else { return };
        let Some((key, entry)) = self.entries.get_index_mut(index) else { return };
        let key = Arc::clone(key);
        let before = entry.deadline();
        entry.deadline = deadline.and_then(NonZero::new);
        self.changes += 1;
        self.interest.changed(&key);
        self.reschedule(&key, before, deadline);
    }

    /// Stores `value` under `key`, whatever was there before.
    pub(super) fn set(&mut self, key: &[u8], value: Value, deadline: Deadline, now: Now) {
        self.changes += 1;
        let Some(index) = self.find(key, now) else {
            return self.insert(key, value, deadline, now);
        };
        let Some((key, entry)) = self.entries.get_index_mut(index) else { return };
        self.interest.stored(key);
        self.bytes = self.bytes + value.bytes() - entry.value.bytes();
        entry.value = value;
        entry.asked = second(now);
        let before = entry.deadline();
        let after = match deadline {
            Deadline::Clear => None,
            Deadline::Keep => before,
            Deadline::At(at) => Some(at),
        };
        if before != after {
            entry.deadline = after.and_then(NonZero::new);
            let key = Arc::clone(key);
            self.reschedule(&key, before, after);
        }
    }

    /// Lets `change` work on the value of a key that exists; `None` where it does not. A key whose
    /// collection is empty afterwards is gone.
    pub(super) fn change_existing<T: Typed, R>(
        &mut self,
        key: &[u8],
        now: Now,
        change: impl FnOnce(&mut T) -> Result<Edit<R>, Failure>,
    ) -> Result<Option<R>, Failure> {
        match self.find(key, now) {
            Some(index) => self.change_at(index, now, change).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Keyspace::change_existing`], on a value with nothing in it where the key does not exist.
    pub(super) fn change<T: Typed, R>(
        &mut self,
        key: &[u8],
        now: Now,
        change: impl FnOnce(&mut T) -> Result<Edit<R>, Failure>,
    ) -> Result<R, Failure> {
        let Some(index) = self.find(key, now) else {
            let mut value = T::default();
            let edit = change(&mut value)?;
            self.changes += u64::from(edit.is_change);
            if !value.is_gone() {
                self.insert(key, value.into_value(), Deadline::Clear, now);
            }
            return Ok(edit.result);
        };
        self.change_at(index, now, change)
    }

    /// Takes a key away, and says what it held.
    pub(super) fn remove(&mut self, key: &[u8], now: Now) -> Option<Value> {
        let index = self.find(key, now)?;
        self.changes += 1;
        self.remove_at(index)
    }

    /// Any key, each as likely as the others.
    pub(super) fn random(&mut self, now: Now) -> Option<&[u8]> {
        let index = loop {
            let index = fastrand::usize(..self.entries.len().max(1));
            let (_, entry) = self.entries.get_index(index)?;
            if !entry.is_past(now) {
                break index;
            }
            self.remove_at(index);
            self.expired += 1;
        };
        self.entries.get_index(index).map(|(key, _)| &**key)
    }

    /// All keys, in no order that a caller may rely on.
    pub(super) fn keys(&self, now: Now) -> impl Iterator<Item = &[u8]> {
        let living = move |entry: &Entry| !entry.is_past(now);
        self.entries.iter().filter(move |(_, entry)| living(entry)).map(|(key, _)| &**key)
    }

    /// The keys and values that a call of SCAN looks at, and the next cursor.
    pub(super) fn scan(
        &self,
        cursor: u64,
        count: usize,
        now: Now,
    ) -> (impl Iterator<Item = (&[u8], &Value)>, u64) {
        let (range, next) = scan::step(self.entries.len(), cursor, count);
        let entries = range.filter_map(|index| self.entries.get_index(index));
        let living = entries.filter(move |(_, entry)| !entry.is_past(now));
        (living.map(|(key, entry)| (&**key, &entry.value)), next)
    }

    pub(super) fn clear(&mut self) {
        let (expired, changes) = (self.expired, self.changes + 1);
        let mut interest = std::mem::take(&mut self.interest);
        interest.changed_where(|key| self.entries.contains_key(key));
        *self = Self { expired, changes, interest, ..Self::default() };
    }

    /// Who wants to hear of its keys.
    pub(super) fn interest(&mut self) -> &mut Interest {
        &mut self.interest
    }

    /// Removes at most `budget` keys that are past their deadline, and says how many it removed.
    pub(super) fn expire(&mut self, now: Now, budget: usize) -> usize {
        let mut removed = 0;
        while removed < budget {
            let Some((at, key)) = self.deadlines.first() else { break };
            if !is_past(Some(*at), now) {
                break;
            }
            let key = Arc::clone(key);
            match self.entries.get_index_of(&*key) {
                Some(index) => drop(self.remove_at(index)),
                None => drop(self.deadlines.pop_first()),
            }
            removed += 1;
        }
        self.expired += u64::try_from(removed).unwrap_or(u64::MAX);
        removed
    }

    /// The mean time to live of the keys that expire, in milliseconds, from the soonest of them.
    pub(super) fn mean_ttl(&self, now: Now) -> i64 {
        const SAMPLE: usize = 64;
        let soonest = self.deadlines.iter().take(SAMPLE);
        let left = soonest.map(|(at, _)| i128::from(at.saturating_sub(now.millis()).max(0)));
        let (sum, count) = left.fold((0, 0), |(sum, count), ttl| (sum + ttl, count + 1));
        i64::try_from(sum / i128::max(count, 1)).unwrap_or(i64::MAX)
    }

    /// Where the key lies; a key past its deadline is removed on the way.
    fn find(&mut self, key: &[u8], now: Now) -> Option<usize> {
        let index = self.entries.get_index_of(key)?;
        let (_, entry) = self.entries.get_index(index)?;
        if entry.is_past(now) {
            self.remove_at(index);
            self.expired += 1;
            return None;
        }
        Some(index)
    }

    fn change_at<T: Typed, R>(
        &mut self,
        index: usize,
        now: Now,
        change: impl FnOnce(&mut T) -> Result<Edit<R>, Failure>,
    ) -> Result<R, Failure> {
        // The index comes from a look-up; were it wrong, the type would be too.
        let (key, entry) = self.entries.get_index_mut(index).ok_or(Failure::WrongType)?;
        let value = T::of_mut(&mut entry.value).ok_or(Failure::WrongType)?;
        entry.asked = second(now);
        let before = value.bytes();
        let edit = change(value);
        let is_gone = value.is_gone();
        self.bytes = self.bytes + value.bytes() - before;
        if is_gone {
            self.remove_at(index);
        } else if edit.as_ref().is_ok_and(|edit| edit.is_change) {
            self.interest.changed(key);
        }
        let edit = edit?;
        self.changes += u64::from(edit.is_change);
        Ok(edit.result)
    }

    fn insert(&mut self, key: &[u8], value: Value, deadline: Deadline, now: Now) {
        let deadline = match deadline {
            Deadline::Clear | Deadline::Keep => None,
            Deadline::At(at) => Some(at),
        };
        let key = Key::from(key);
        self.interest.stored(&key);
        self.bytes += cost(&key) + value.bytes();
        self.reschedule(&key, None, deadline);
        let deadline = deadline.and_then(NonZero::new);
        self.entries.insert(key, Entry { value, deadline, asked: second(now) });
    }

    fn remove_at(&mut self, index: usize) -> Option<Value> {
        let (key, entry) = self.entries.swap_remove_index(index)?;
        self.interest.changed(&key);
        self.bytes -= cost(&key) + entry.value.bytes();
        self.reschedule(&key, entry.deadline(), None);
        let (len, capacity) = (self.entries.len(), self.entries.capacity());
        if capacity > SMALL && len < capacity / 8 {
            self.entries.shrink_to(len * 2);
        }
        Some(entry.value)
    }

    fn reschedule(&mut self, key: &Key, before: Option<i64>, after: Option<i64>) {
        if let Some(at) = before {
            self.deadlines.remove(&(at, Arc::clone(key)));
            self.bytes -= DEADLINE_COST;
        }
        if let Some(at) = after {
            self.deadlines.insert((at, Arc::clone(key)));
            self.bytes += DEADLINE_COST;
        }
    }
}

/// What a key takes beside its value. Two counts of references stand before its bytes.
fn cost(key: &Key) -> usize {
    ENTRY_COST + block(2 * size_of::<usize>() + key.len())
}

fn second(now: Now) -> u32 {
    u32::try_from(now.0 / 1000 % (1 << 32)).unwrap_or(0)
}

/// Redis keeps a key through the millisecond of its deadline.
fn is_past(deadline: Option<i64>, now: Now) -> bool {
    deadline.is_some_and(|at| now.millis() > at)
}

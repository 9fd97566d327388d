//! One part of what is kept: records by key, each with the replies of commands that read it, its deadline, and a
//! number that changes when a write takes its replies away.
//!
//! Bounded in bytes; what goes first is decided by recency and frequency (quick_cache). Invariant: for each
//! record here its counter in [`Slots`] counts one.

use super::Usage;
use super::kept::{Found, Kept, Question};
use super::slots::Slots;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// What a record takes beside its replies: its place in the index, and what the allocator adds.
const RECORD_COST: usize = 128;

/// Replies kept for one key, however small: a hash may have a million fields that are read one by one.
const MOST_REPLIES: usize = 256;

/// Of so many replies of a key, the oldest makes room.
const SAMPLE: usize = 8;

/// See the module.
pub(super) struct Shelf {
    records: Cache<u64, Record, Weight, BuildHasherDefault<Same>, Leave>,
    slots: Arc<Slots>,
    /// The last number given to a record.
    lives: u64,
    /// Bytes that one record may take.
    most: usize,
    /// Its counts; what it holds is not noted here.
    counts: Usage,
}

struct Record {
    /// Another one after each write.
    life: u64,
    /// Writes that may have touched any key, when its replies were kept.
    era: u32,
    deadline: Option<Deadline>,
    /// By question.
    replies: Vec<Kept>,
    bytes: usize,
}

/// Since when a key is no more, in milliseconds since the cache was made, and in which database. Keys of one
/// name in several databases share a record; `None` is the earliest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) db: Option<u32>,
    pub(super) at: u64,
}

/// A deadline that is so long past says nothing any more of a key that is there again: any command that was
/// under way then has ended.
const LONG_PAST: u64 = 60_000;

impl Shelf {
    pub(super) fn new(size: usize, slots: Arc<Slots>) -> Self {
        let records = Cache::with(
            size / 512,
            size as u64,
            Weight,
            BuildHasherDefault::default(),
            Leave(Arc::clone(&slots)),
        );
        Self { records, slots, lives: 0, most: size / 2, counts: Usage::default() }
    }

    /// A write of this key: its replies go, its deadline stays until it is known to have changed. Whether somebody
    /// had read it.
    pub(super) fn evict(&mut self, key: u64) -> bool {
        let Some(record) = self.records.peek(&key) else { return false };
        let was_read = record.replies.iter().any(|kept| kept.was_read);
        self.counts.written += u64::from(!record.replies.is_empty());
        if record.deadline.is_none() {
            self.remove(key);
        } else if let Some(mut record) = self.records.peek_mut(&key) {
            self.lives += 1;
            record.clear(self.lives);
        }
        was_read
    }

    fn remove(&mut self, key: u64) {
        if self.records.remove(&key).is_some() {
            self.slots.leave(Slots::place(key));
        }
    }

    /// Makes sure that the key has a record. The writes counted for it until now: of any later one this record
    /// will hear.
    fn ensure(&mut self, key: u64) -> u32 {
        let place = Slots::place(key);
        if self.records.peek(&key).is_some() {
            return self.slots.writes(place);
        }
        let writes = self.slots.enter(place);
        self.lives += 1;
        let record = Record {
            life: self.lives,
            era: self.slots.era(),
            deadline: None,
            replies: Vec::new(),
            bytes: 0,
        };
        self.insert(key, record);
        writes
    }

    fn insert(&mut self, key: u64, record: Record) {
        let len = self.records.len() + 1;
        self.records.insert(key, record);
        self.counts.crowded_out += len.saturating_sub(self.records.len()) as u64;
    }

    /// The number of the key's record, which a later write changes.
    pub(super) fn life(&mut self, key: u64) -> Option<u64> {
        self.ensure(key);
        let era = self.slots.era();
        self.lives += 1;
        let mut record = self.records.get_mut(&key)?;
        record.follow(era, self.lives);
        Some(record.life)
    }

    /// Whether a record of that number is still here, and its key too.
    pub(super) fn is_alive(&self, key: u64, life: u64, db: u32, now: u64) -> bool {
        self.records.peek(&key).is_some_and(|record| {
            record.life == life && record.era == self.slots.era() && !record.is_over(db, now)
        })
    }

    /// The reply to the same question is the same again: it is as young as that. Whether it was.
    pub(super) fn renew(
        &mut self,
        key: u64,
        question: &Question<'_>,
        reply: &[u8],
        at: u64,
        is_current: impl FnOnce(u32, u32) -> bool,
    ) -> bool {
        let (writes, era) = (self.slots.writes(Slots::place(key)), self.slots.era());
        let Some(mut record) = self.records.get_mut(&key) else { return false };
        if record.era != era || !is_current(writes, era) {
            return false;
        }
        let first = record.first(question.question);
        let same = record.replies[first..].iter_mut().find(|kept| kept.answers(question));
        let Some(kept) = same.filter(|kept| kept.bytes[kept.split..] == *reply) else {
            return false;
        };
        if !kept.others.is_empty() {
            return false;
        }
        kept.at = kept.at.max(at);
        kept.was_read = true;
        record.forget_deadline(at);
        drop(record);
        self.counts.stored += 1;
        true
    }

    /// Keeps a reply, if `is_current` says so of the writes counted until now and of the era.
    pub(super) fn keep(&mut self, key: u64, kept: Kept, is_current: impl FnOnce(u32, u32) -> bool) {
        if kept.cost() > self.most {
            return;
        }
        let writes = self.ensure(key);
        let era = self.slots.era();
        let is_current = is_current(writes, era);
        self.lives += 1;
        let (life, most) = (self.lives, self.most);
        let Some(mut record) = self.records.get_mut(&key) else { return };
        if is_current {
            record.follow(era, life);
            record.forget_deadline(kept.at);
            record.put(kept, life, most);
            self.counts.stored += 1;
        }
        let is_empty = record.replies.is_empty() && record.deadline.is_none();
        drop(record);
        if is_empty {
            self.remove(key);
        }
        self.shrink(key);
    }

    /// A record that has grown may have made all of them too much.
    fn shrink(&mut self, key: u64) {
        if self.records.weight() > self.records.capacity()
            && let Some((key, record)) = self.records.remove(&key)
        {
            self.insert(key, record);
        }
    }

    pub(super) fn find(&mut self, key: u64, question: &Question<'_>, now: u64) -> Option<Found> {
        let era = self.slots.era();
        let record = self.records.get(&key)?;
        if record.era != era || record.is_over(question.db, now) {
            return None;
        }
        let kept = record.asked(question.question).find(|kept| kept.answers(question))?;
        let reply = kept.bytes[kept.split..].to_vec();
        Some(Found { reply, at: kept.at, others: kept.others.clone() })
    }

    /// The key has no deadline in this database any more.
    pub(super) fn clear_deadline(&mut self, key: u64, db: u32) {
        let Some(mut record) = self.records.peek_mut(&key) else { return };
        if record.deadline.is_some_and(|deadline| deadline.db == Some(db)) {
            record.deadline = None;
        }
        let is_empty = record.replies.is_empty() && record.deadline.is_none();
        drop(record);
        if is_empty {
            self.remove(key);
        }
    }

    /// The key has this deadline: in place of one that is known, where `is_sure`.
    pub(super) fn set_deadline(&mut self, key: u64, db: u32, at: u64, is_sure: bool) {
        self.ensure(key);
        let Some(mut record) = self.records.get_mut(&key) else { return };
        record.deadline = Some(match record.deadline {
            None => Deadline { db: Some(db), at },
            Some(known) if known.db == Some(db) && is_sure => Deadline { db: Some(db), at },
            Some(known) if known.db == Some(db) => Deadline { db: Some(db), at: known.at.min(at) },
            Some(known) => Deadline { db: None, at: known.at.min(at) },
        });
    }

    /// When the key is no more, as far as is known.
    pub(super) fn deadline(&self, key: u64) -> Option<u64> {
        self.records.peek(&key)?.deadline.map(|deadline| deadline.at)
    }

    /// What it holds, and what came and went.
    pub(super) fn usage(&self) -> Usage {
        Usage { bytes: self.records.weight(), keys: self.records.len() as u64, ..self.counts }
    }
}

impl Record {
    fn clear(&mut self, life: u64) {
        self.life = life;
        self.replies = Vec::new();
        self.bytes = 0;
    }

    /// What was kept before a write that may have touched any key goes.
    fn follow(&mut self, era: u32, life: u64) {
        if self.era != era {
            self.clear(life);
            self.era = era;
        }
    }

    fn is_over(&self, db: u32, now: u64) -> bool {
        self.deadline.is_some_and(|it| it.db.is_none_or(|of| of == db) && now >= it.at)
    }

    /// A deadline that is long past says nothing of a key that is read later.
    fn forget_deadline(&mut self, now: u64) {
        self.deadline = self.deadline.filter(|deadline| deadline.at + LONG_PAST >= now);
    }

    fn first(&self, question: u64) -> usize {
        self.replies.partition_point(|kept| kept.question < question)
    }

    fn asked(&self, question: u64) -> impl Iterator<Item = &Kept> {
        let rest = &self.replies[self.first(question)..];
        rest.iter().take_while(move |kept| kept.question == question)
    }

    fn put(&mut self, kept: Kept, life: u64, most: usize) {
        let first = self.first(kept.question);
        let place = self.asked(kept.question).position(|old| old.is_same_question(&kept));
        if let Some(place) = place {
            let old = &self.replies[first + place];
            if old.at > kept.at {
                return;
            }
            // Another reply to the same question: somebody else has written, and what was read before
            // is confirmed to be stale.
            if old.bytes[old.split..] != kept.bytes[kept.split..] {
                self.clear(life);
            } else {
                self.remove(first + place);
            }
        }
        self.bytes += kept.cost();
        if self.replies.is_empty() {
            // Most keys have one reply.
            self.replies.reserve_exact(1);
        }
        self.replies.insert(self.first(kept.question), kept);
        while self.bytes > most || self.replies.len() > MOST_REPLIES {
            let places = (0..SAMPLE).map(|_| fastrand::usize(..self.replies.len()));
            let Some(oldest) = places.min_by_key(|place| self.replies[*place].at) else { break };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, place: usize) {
        self.bytes -= self.replies.remove(place).cost();
    }
}

/// Weighs records in bytes.
#[derive(Clone)]
struct Weight;

impl Weighter<u64, Record> for Weight {
    fn weight(&self, _: &u64, record: &Record) -> u64 {
        (RECORD_COST + record.bytes) as u64
    }
}

/// Notes that a record has gone to make room.
struct Leave(Arc<Slots>);

impl quick_cache::Lifecycle<u64, Record> for Leave {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), key: u64, _: Record) {
        self.0.leave(Slots::place(key));
    }
}

/// Keys are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

//! The reply cache: the last replies of commands that only read, to be shown again while the upstream is away.
//!
//! Owns what is kept, by key, and the proof that none of it is older than a write that was acknowledged through
//! us. Knows no connection: it is told of each command that is sent, and of its end. Reads no clock.
//!
//! The proof. Every key has a counter. A write counts before its first byte is sent, with the others of its batch,
//! and again before its reply is shown, or its loss told; each time it takes away what is kept of its keys. A read
//! notes the counters of its keys before it is sent, and its reply is kept only if they are the same when it
//! arrives. So no write was acknowledged between the read's sending and its keeping; any later one finds it.
//! Checking and keeping is one step: the counter and the number of things kept are one word (`slots`).

mod effect;
mod keep;
mod kept;
mod learn;
mod lesson;
mod sampling;
mod shelf;
mod slots;
#[cfg(test)]
mod tests;

pub use effect::{Effect, Interest};
pub use sampling::Sampling;

use crate::command::Spec;
use crate::command::keys::Keys;
use crate::memory::rules::Rules;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use effect::Nature;
use foldhash::fast::RandomState;
use kept::Question;
use shelf::Shelf;
use slots::Slots;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Parts with a lock of their own, where each is large enough to hold several of the largest replies.
const SHELVES: usize = 16;

/// Replies that were kept lately, and need not be kept again: 2 MB. A power of two.
const RECENT: usize = 256 * 1024;

/// A reply that comes again is kept again after so long at most, so that its age is known.
const LONGEST_REFRESH: Duration = Duration::from_secs(30);

/// What the cache may take.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Bytes in all.
    pub size: usize,
    /// Bytes of one reply.
    pub entry_size: usize,
    /// After which age no reply is wanted any more.
    pub max_age: Duration,
    /// Which keys may be stale: of others nothing is kept.
    pub rules: Arc<Rules>,
}

/// See the module.
pub struct ReplyCache {
    hasher: RandomState,
    slots: Arc<Slots>,
    shelves: Box<[Mutex<Shelf>]>,
    recent: Box<[AtomicU64]>,
    /// How many were kept in this tenth of a second.
    stores: AtomicU64,
    began: Instant,
    rules: Arc<Rules>,
    entry_size: usize,
    /// In steps of 256 ms.
    refresh: u64,
}

/// What the cache holds now, and counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use.
    pub bytes: u64,
    /// Keys that something is kept of: replies, or a deadline.
    pub keys: u64,
    /// Replies that were kept, and values of writes; also those that came again and were found unchanged.
    pub stored: u64,
    /// Times that a write took away all replies of a key.
    pub written: u64,
    /// Keys that made room for others.
    pub crowded_out: u64,
}

/// A reply that was kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Stale {
    /// As the upstream gave it.
    pub reply: Vec<u8>,
    /// Since it was asked for.
    pub age: Duration,
}

/// The moment and the place of a command: when it was sent, on which database, in which protocol.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The database.
    pub db: u32,
    /// What its reply looks like.
    pub protocol: Protocol,
    /// When it was sent, or is asked.
    pub at: Instant,
}

impl ReplyCache {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let slots = Arc::new(Slots::new());
        let count = (bounds.size / bounds.entry_size.max(1) / 4).clamp(1, SHELVES);
        let count = 1 << count.ilog2();
        let shelf = || Mutex::new(Shelf::new(bounds.size / count, Arc::clone(&slots)));
        let refresh = (bounds.max_age / 16).min(LONGEST_REFRESH).as_millis() / 256;
        Self {
            hasher: RandomState::default(),
            shelves: (0..count).map(|_| shelf()).collect(),
            slots,
            recent: (0..RECENT).map(|_| AtomicU64::new(0)).collect(),
            stores: AtomicU64::new(0),
            began: Instant::now(),
            rules: bounds.rules,
            entry_size: bounds.entry_size,
            refresh: u64::try_from(refresh).unwrap_or(0),
        }
    }

    /// The largest reply that is kept.
    #[must_use]
    pub fn entry_size(&self) -> usize {
        self.entry_size
    }

    /// What it holds, and what came and went.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let shelves = self.shelves.iter().map(|shelf| lock(shelf).usage());
        shelves.fold(Usage::default(), |sum, of| Usage {
            bytes: sum.bytes + of.bytes,
            keys: sum.keys + of.keys,
            stored: sum.stored + of.stored,
            written: sum.written + of.written,
            crowded_out: sum.crowded_out + of.crowded_out,
        })
    }

    // ---- a command's way ----

    /// To be called before the first byte of a command may be sent; `writer` is the connection that will carry
    /// it, so that commands of one are in order. What is [`Effect::Due`] is still to be counted by then.
    #[inline]
    pub fn begin(&self, spec: Option<&Spec>, request: &Request<'_>, writer: u32) -> Effect {
        match Nature::of(spec, request) {
            Nature::Nothing => Effect::None,
            Nature::Read(key) => {
                let place = Slots::place(self.hash(key));
                Effect::Read { place, stamp: self.slots.stamp(place) }
            }
            Nature::Asks(key) => {
                let place = Slots::place(self.hash(key));
                Effect::Asks { place, stamp: self.slots.stamp(place) }
            }
            Nature::Reads(keys) => Effect::Reads { stamp: self.stamp(&keys, request) },
            Nature::Write(key) => {
                Effect::Due { key: self.hash(key), interest: Interest::of(spec, request) }
            }
            Nature::Writes(keys) => {
                self.count_all(&keys, request, writer);
                Effect::Writes
            }
            Nature::Wide => {
                self.slots.count_wide();
                Effect::Wide
            }
        }
    }

    /// The command has had its whole reply, which nobody was shown yet.
    #[inline]
    pub fn end(
        &self,
        effect: Effect,
        frame: &[u8],
        reply: &[u8],
        writer: u32,
        setting: impl Fn() -> Setting,
    ) {
        match effect {
            Effect::None => {}
            Effect::Read { place, stamp } => {
                if self.slots.stamp(place) == stamp {
                    self.keep_unless_recent(frame, reply, stamp, &setting());
                }
            }
            Effect::Reads { stamp } => self.keep_unless_recent(frame, reply, stamp, &setting()),
            Effect::Asks { place, stamp } => {
                let is_current = || self.slots.stamp(place) == stamp;
                self.end_asking(frame, reply, &is_current, &setting());
            }
            Effect::Write { place, writes, era, interest } => {
                let is_alone =
                    || self.slots.is_alone(place, writer, writes) && era == self.slots.era();
                let count = self.slots.count(place, writer);
                let may_put = match interest {
                    Interest::None => false,
                    Interest::NewValue => self.may_put(setting().at, false),
                    Interest::Value => self.may_put(setting().at, true),
                    Interest::Deadline => true,
                };
                if count.has_records || may_put {
                    let stamp = Some(era.wrapping_add(count.writes)).filter(|_| is_alone());
                    self.end_write(
                        frame,
                        reply,
                        writer,
                        stamp.filter(|_| may_put),
                        &setting(),
                        &is_alone,
                    );
                }
            }
            // Answered without having been sent: by an upstream that lies.
            Effect::Due { .. } => self.count_frame(frame, writer),
            Effect::Writes => self.end_write(frame, reply, writer, None, &setting(), &|| false),
            Effect::Wide => self.slots.count_wide(),
        }
    }

    /// The command gets no reply, or its caller waits no longer: if it was a write, it may have been applied.
    pub fn lose(&self, effect: Effect, frame: &[u8], writer: u32) {
        match effect {
            Effect::None | Effect::Read { .. } | Effect::Reads { .. } | Effect::Asks { .. } => {}
            Effect::Wide => self.slots.count_wide(),
            Effect::Due { .. } | Effect::Write { .. } | Effect::Writes => {
                self.count_frame(frame, writer);
            }
        }
    }

    /// Counts a write that may touch any key.
    pub fn count_wide(&self) {
        self.slots.count_wide();
    }

    // ---- in an outage ----

    /// The reply that was kept of this command, and is younger than `max_age`.
    pub fn find(
        &self,
        spec: &Spec,
        request: &Request<'_>,
        setting: &Setting,
        max_age: Duration,
    ) -> Option<Stale> {
        if !spec.is_repeatable {
            return None;
        }
        let key = match Nature::of(Some(spec), request) {
            Nature::Read(key) => self.hash(key),
            Nature::Reads(keys) => self.hash(keys.of(request).next()?),
            _ => return None,
        };
        let now = self.millis(setting.at);
        let tail = tail(request);
        let question = Question {
            question: self.question(spec.name, tail),
            db: setting.db,
            protocols: bit(setting.protocol),
            name: spec.name,
            tail,
        };
        let found = self.shelf(key).find(key, &question, now)?;
        let is_alive =
            |(key, life): &(u64, u64)| self.shelf(*key).is_alive(*key, *life, setting.db, now);
        let age = Duration::from_millis(now.saturating_sub(found.at));
        let is_good = age < max_age && found.others.iter().all(is_alive);
        is_good.then_some(Stale { reply: found.reply, age })
    }

    // ---- hashes and places ----

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    fn question(&self, name: &str, tail: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.as_bytes());
        hasher.write(tail);
        hasher.finish()
    }

    fn stamp(&self, keys: &Keys, request: &Request<'_>) -> u32 {
        let writes = keys.of(request).map(|key| self.slots.writes(Slots::place(self.hash(key))));
        writes.fold(self.slots.era(), u32::wrapping_add)
    }

    fn shelf(&self, key: u64) -> MutexGuard<'_, Shelf> {
        lock(&self.shelves[(key >> 32) as usize & (self.shelves.len() - 1)])
    }

    #[inline]
    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began);
        since.as_secs() * 1000 + u64::from(since.subsec_millis())
    }
}

/// The arguments of a command behind its name, as they were sent.
fn tail<'a>(request: &Request<'a>) -> &'a [u8] {
    let name = request.name();
    let start = name.as_ptr() as usize - request.bytes().as_ptr() as usize + name.len();
    &request.bytes()[start..]
}

fn bit(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Resp2 => 1,
        Protocol::Resp3 => 2,
    }
}

/// What a thread that panicked has left is whole: nothing is taken apart over several steps.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

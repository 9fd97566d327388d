//! Keeping the replies of reads, and the values of SETs in their place.

use super::kept::{Kept, Question};
use super::slots::Slots;
use super::{RECENT, ReplyCache, Setting, bit, tail};
use crate::command;
use crate::command::keys::positions;
use crate::config::Fallback;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Where a mark in `recent` keeps its time: 256 ms each, 70 minutes in all.
const TICKS: u64 = (1 << 14) - 1;

/// Replies and values that are kept in a tenth of a second. One costs about 5 µs, the misses of the processor's caches
/// included: 2,500 in a second are about a hundredth of a core, and no more can have to be taken away again. Of more
/// reads than that, each has its chance.
const STORES: u64 = 250;

/// Of them, values of SETs that nobody has read before.
const PUTS: u64 = 100;

impl ReplyCache {
    #[inline]
    pub(super) fn keep_unless_recent(
        &self,
        frame: &[u8],
        reply: &[u8],
        stamp: u32,
        setting: &Setting,
    ) {
        if reply.len() > self.entry_size || matches!(reply.first(), Some(b'-' | b'!') | None) {
            return;
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write(frame);
        hasher.write_u32(setting.db << 1 | u32::from(bit(setting.protocol) >> 1));
        let command = hasher.finish();
        hasher.write(reply);
        hasher.write_u32(stamp);
        let tick = (self.millis(setting.at) >> 8) & TICKS;
        let mark = hasher.finish() & !TICKS;
        let place = usize::try_from(command & (RECENT as u64 - 1)).unwrap_or_default();
        let recent = &self.recent[place];
        let last = recent.load(Ordering::Relaxed);
        if last & !TICKS == mark && (tick.wrapping_sub(last) & TICKS) < self.refresh {
            return;
        }
        if !self.has_quota(setting.at, STORES) {
            return;
        }
        recent.store(mark | tick, Ordering::Relaxed);
        self.keep_read(frame, reply, stamp, setting);
    }

    pub(super) fn keep_read(&self, frame: &[u8], reply: &[u8], stamp: u32, setting: &Setting) {
        let Some(request) = Request::parse(frame) else { return };
        let Some(spec) = command::lookup(request.name()) else { return };
        let Ok(keys) = positions(spec, &request) else { return };
        if !self.may_keep(keys.of(&request)) {
            return;
        }
        let mut all = keys.of(&request).map(|key| self.hash(key));
        let Some(first) = all.next() else { return };
        let mut others = Vec::new();
        for other in all {
            let Some(life) = self.shelf(other).life(other) else { return };
            others.push((other, life));
        }
        let is_current = |writes: u32, era: u32| {
            let rest = others.iter().map(|(key, _)| self.slots.writes(Slots::place(*key)));
            rest.fold(era.wrapping_add(writes), u32::wrapping_add) == stamp
        };
        let (tail, protocols) = (tail(&request), bit(setting.protocol));
        if others.is_empty() {
            let question = Question {
                question: self.question(spec.name, tail),
                db: setting.db,
                protocols,
                name: spec.name,
                tail,
            };
            let at = self.millis(setting.at);
            if self.shelf(first).renew(first, &question, reply, at, is_current) {
                return;
            }
        }
        let kept = self.kept(spec.name, tail, reply, protocols, setting);
        let kept = Kept { others: others.clone().into_boxed_slice(), ..kept };
        self.shelf(first).keep(first, kept, is_current);
    }

    /// Whether the rules allow stale replies of all these keys.
    fn may_keep<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> bool {
        let verdict = self.rules.verdict_of_all(keys);
        verdict.is_some_and(|verdict| verdict.fallback == Fallback::Stale)
    }

    pub(super) fn kept(
        &self,
        name: &'static str,
        tail: &[u8],
        reply: &[u8],
        protocols: u8,
        setting: &Setting,
    ) -> Kept {
        let mut bytes = Vec::with_capacity(tail.len() + reply.len());
        bytes.extend_from_slice(tail);
        bytes.extend_from_slice(reply);
        let is_same_in_both = name == "get" && reply.first() == Some(&b'$') && reply[1] != b'-';
        Kept {
            question: self.question(name, tail),
            db: setting.db,
            protocols: if is_same_in_both { 3 } else { protocols },
            at: self.millis(setting.at),
            was_read: true,
            name,
            split: tail.len(),
            bytes: bytes.into_boxed_slice(),
            others: Box::default(),
        }
    }

    /// Keeps the value that was set as GET's reply, if nothing was counted since.
    pub(super) fn put(&self, request: &Request<'_>, value: usize, stamp: u32, setting: &Setting) {
        let (Some(name), Some(value)) = (request.arg(1), request.arg(value)) else { return };
        if value.len() + 32 > self.entry_size || !self.may_keep([name].into_iter()) {
            return;
        }
        let key = self.hash(name);
        let mut get = Vec::with_capacity(name.len() + 32);
        encode::command(&mut get, &[b"GET", name]);
        let Some(get) = Request::parse(&get) else { return };
        let mut reply = Vec::with_capacity(value.len() + 32);
        encode::bulk(&mut reply, value);
        let kept = self.kept("get", tail(&get), &reply, 3, setting);
        let kept = Kept { was_read: false, ..kept };
        self.shelf(key).keep(key, kept, |writes, era| era.wrapping_add(writes) == stamp);
    }

    /// Whether one more may be kept in this tenth of a second, of `most`.
    #[inline]
    pub(super) fn has_quota(&self, now: Instant, most: u64) -> bool {
        let tenth = self.millis(now) / 100;
        let stores = self.stores.load(Ordering::Relaxed);
        let used = if stores >> 32 == tenth { stores & u64::from(u32::MAX) } else { 0 };
        if used < most {
            self.stores.store(tenth << 32 | (used + 1), Ordering::Relaxed);
        }
        used < most
    }

    /// The same for a value that was set.
    pub(super) fn may_put(&self, now: Instant, was_read: bool) -> bool {
        self.has_quota(now, if was_read { STORES } else { PUTS })
    }
}

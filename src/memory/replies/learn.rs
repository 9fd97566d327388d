//! What is known of writes once they are done: that they were, and what they make of their keys' deadlines.

use super::effect::{Effect, Nature};
use super::lesson::{self, Lesson, Lifetime};
use super::slots::Slots;
use super::{ReplyCache, Setting};
use crate::command::keys::{Keys, positions};
use crate::command::{self, Spec};
use crate::wire::decode::Request;
use std::time::{SystemTime, UNIX_EPOCH};

/// So many counters are asked of memory at once.
const TOGETHER: usize = 16;

impl ReplyCache {
    #[inline]
    pub(super) fn count(&self, key: u64, writer: u32) -> (u32, bool) {
        let count = self.slots.count(Slots::place(key), writer);
        let was_read = count.has_records && self.shelf(key).evict(key);
        (count.writes, was_read)
    }

    pub(super) fn count_all(&self, keys: &Keys, request: &Request<'_>, writer: u32) {
        let mut hashes = keys.of(request).map(|key| self.hash(key));
        loop {
            let mut some = [0; TOGETHER];
            let mut count = 0;
            for (slot, hash) in some.iter_mut().zip(hashes.by_ref()) {
                *slot = hash;
                count += 1;
            }
            let some = &some[..count];
            self.slots.fetch(some.iter().map(|key| Slots::place(*key)));
            for key in some {
                self.count(*key, writer);
            }
            if count < TOGETHER {
                return;
            }
        }
    }

    /// Counts the writes of a batch that are [`Effect::Due`], and lets them know. To be called before the first byte
    /// of any is sent. One by one each would wait for its counter to come from far memory; together they wait once.
    pub fn count_due<'e>(&self, mut effects: impl Iterator<Item = &'e mut Effect>, writer: u32) {
        let mut due = [const { None }; TOGETHER];
        loop {
            let mut count = 0;
            while count < TOGETHER
                && let Some(effect) = effects.next()
            {
                if let Effect::Due { key, interest } = *effect {
                    due[count] = Some((effect, key, interest));
                    count += 1;
                }
            }
            let due = &mut due[..count];
            self.slots.fetch(due.iter().flatten().map(|(_, key, _)| Slots::place(*key)));
            for (effect, key, interest) in due.iter_mut().filter_map(Option::take) {
                let era = self.slots.era();
                let (writes, was_read) = self.count(key, writer);
                let interest = interest.knowing(was_read);
                *effect = Effect::Write { place: Slots::place(key), writes, era, interest };
            }
            if count < TOGETHER {
                return;
            }
        }
    }

    pub(super) fn count_frame(&self, frame: &[u8], writer: u32) {
        let request = Request::parse(frame);
        let nature = request
            .as_ref()
            .map(|request| (Nature::of(command::lookup(request.name()), request), request));
        match nature {
            Some((Nature::Write(key), _)) => {
                self.count(self.hash(key), writer);
            }
            Some((Nature::Writes(keys), request)) => self.count_all(&keys, request, writer),
            Some((Nature::Nothing | Nature::Read(_) | Nature::Reads(_) | Nature::Asks(_), _)) => {}
            Some((Nature::Wide, _)) | None => self.slots.count_wide(),
        }
    }

    /// With `stamp`, what the counters are, a value that was set is kept. `is_alone` says whether no other
    /// connection's write was on its way at the same time; a lesson is sure only if so, and no other write has
    /// taught another one since: so it is asked under the lock.
    pub(super) fn end_write(
        &self,
        frame: &[u8],
        reply: &[u8],
        writer: u32,
        stamp: Option<u32>,
        setting: &Setting,
        is_alone: &dyn Fn() -> bool,
    ) {
        let Some(request) = Request::parse(frame) else { return self.slots.count_wide() };
        let spec = command::resolve(&request);
        match Nature::of(spec, &request) {
            // Counted before.
            Nature::Write(key) => {
                let key = self.hash(key);
                self.shelf(key).evict(key);
            }
            Nature::Writes(keys) => self.count_all(&keys, &request, writer),
            _ => {}
        }
        let Some(spec) = spec.filter(|_| !reply.starts_with(b"-")) else { return };
        self.learn(spec, &request, reply, setting, is_alone);
        let value = match spec.name {
            "set" if lesson::is_plain_set(&request, reply) => 2,
            "setex" | "psetex" if reply.starts_with(b"+OK") => 3,
            _ => return,
        };
        if let Some(stamp) = stamp {
            self.put(&request, value, stamp, setting);
        }
    }

    /// A key's time to live was asked for; `is_current` says whether it was not written since.
    pub(super) fn end_asking(
        &self,
        frame: &[u8],
        reply: &[u8],
        is_current: &dyn Fn() -> bool,
        setting: &Setting,
    ) {
        let Some(request) = Request::parse(frame).filter(|_| is_current()) else { return };
        if let Some(spec) = command::lookup(request.name()) {
            self.learn(spec, &request, reply, setting, is_current);
        }
    }

    fn learn(
        &self,
        spec: &Spec,
        request: &Request<'_>,
        reply: &[u8],
        setting: &Setting,
        is_sure: &dyn Fn() -> bool,
    ) {
        if matches!(spec.name, "rename" | "renamenx" | "copy") {
            return self.learn_move(request, setting);
        }
        let Some(lesson) = lesson::learn(spec, request, Some(reply)) else { return };
        if matches!(lesson, Lesson::Clear) && !is_sure() {
            return;
        }
        let Ok(keys) = positions(spec, request) else { return };
        for key in keys.of(request) {
            let key = self.hash(key);
            let shelf = &mut *self.shelf(key);
            match lesson {
                Lesson::Clear if is_sure() => shelf.clear_deadline(key, setting.db),
                Lesson::Clear => {}
                Lesson::Set(life) => {
                    shelf.set_deadline(key, setting.db, self.deadline(life, setting), is_sure());
                }
                Lesson::AtMost(life) => {
                    shelf.set_deadline(key, setting.db, self.deadline(life, setting), false);
                }
            }
        }
    }

    /// A key that takes another's place takes its deadline, too.
    pub(super) fn learn_move(&self, request: &Request<'_>, setting: &Setting) {
        let (Some(from), Some(to)) = (request.arg(1), request.arg(2)) else { return };
        let (from, to) = (self.hash(from), self.hash(to));
        let deadline = self.shelf(from).deadline(from);
        if let Some(at) = deadline {
            self.shelf(to).set_deadline(to, setting.db, at, false);
        }
    }

    pub(super) fn deadline(&self, life: Lifetime, setting: &Setting) -> u64 {
        let sent = self.millis(setting.at);
        match life {
            Lifetime::For(millis) => sent.saturating_add(millis),
            Lifetime::Until(unix) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let left = unix.saturating_sub(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
                sent.saturating_add(left)
            }
        }
    }
}

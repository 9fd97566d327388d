//! What becomes of commands that get no reply: their time is over, their connection is gone, or the breaker no
//! longer lets them wait.
//!
//! Errors keep their places among the replies: a caller that is to be told while something before it is sent
//! again is told when its turn comes.

use super::answers::Answer;
use super::intake::LARGE;
use super::ledger::{Ledger, Touch};
use super::stamps::{Account, came};
use super::{Order, Owner, Queue, Slot};
use crate::telemetry::metrics::shard::Outcome;
use crate::upstream::error::Failure;
use crate::upstream::replies::Replies;
use crate::upstream::retry::{Class, Fate, may_retry};
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Instant;

impl Slot {
    /// Its caller gets an error instead of a reply, unless it waits for as long as it takes. Whether it did.
    fn give_up(
        &mut self,
        frame: &[u8],
        (ledger, account): (&Ledger, &Account<'_>),
        failure: impl FnOnce() -> Failure,
    ) -> bool {
        if self.order.is_patient {
            return false;
        }
        ledger.lose(&self.touch, frame);
        match std::mem::replace(&mut self.owner, Owner::Gone) {
            Owner::Caller(caller) => {
                self.order.fail(&caller, &failure(), account);
                return true;
            }
            Owner::Failed(caller, failure) => self.order.fail(&caller, &failure, account),
            own => self.owner = own,
        }
        false
    }
}

impl Queue {
    /// Callers whose commands were noted at `limit` or before get `failure`; their slots stay. How many.
    pub(in super::super) fn expire(
        &mut self,
        limit: Instant,
        failure: impl Fn(bool) -> Failure,
    ) -> usize {
        if self.stamps.front().is_none_or(|stamp| stamp.at > limit) {
            return 0;
        }
        // What is kept back comes before what is told now.
        self.give_up_rewinds();
        let handed = self.outgoing.kept() - self.outgoing.unwritten();
        let mut frames = self.outgoing.frames();
        let mut start = 0;
        let mut count = 0;
        let mut slots = self.slots.iter_mut().zip(self.first..).peekable();
        while let Some(stamp) = self.stamps.front().filter(|stamp| stamp.at <= limit) {
            while let Some((slot, _)) = slots.next_if(|(_, number)| *number < stamp.end) {
                let was_sent = start < handed || slot.attempts > 0;
                let frame = frames.next(slot.length);
                let came = slot.since.or(Some(stamp.at));
                let account = Account { recorder: &self.recorder, db: self.db, came };
                let books = (&self.ledger, &account);
                count += usize::from(slot.give_up(frame, books, || failure(was_sent)));
                start += slot.length;
            }
            self.stamps.pop_front();
        }
        self.pass_phantoms();
        count
    }

    /// The breaker rejects: all that wait are told, but for those that `answer` has a reply for. What was not
    /// sent, and is not to be sent any more, goes.
    pub(in super::super) fn reject_all(
        &mut self,
        failure: impl Fn(bool) -> Failure,
        answer: &Answer<'_>,
    ) {
        self.give_up_rewinds();
        let handed = self.outgoing.kept() - self.outgoing.unwritten();
        let mut frames = self.outgoing.frames();
        let mut start = 0;
        for (slot, number) in self.slots.iter_mut().zip(self.first..) {
            let was_sent = start < handed || slot.attempts > 0;
            let frame = frames.next(slot.length);
            let came = came(&self.stamps, number, slot);
            let account = Account { recorder: &self.recorder, db: self.db, came };
            if !slot.try_answer(frame, was_sent, answer, &account) {
                slot.give_up(frame, (&self.ledger, &account), || failure(was_sent));
            }
            start += slot.length;
        }
        self.stamps.clear();
        self.pass_phantoms();
    }

    /// The connection is gone. What may be sent again stays, in its order, for the next connection; all other
    /// callers are told. With `keep` false, nothing stays.
    pub(in super::super) fn lose(&mut self, cause: &str, keep: bool) {
        // Their callers get what was said of them; what else they have on the way is seen to below.
        self.give_up_unfinished_rewinds();
        if !keep {
            self.give_up_rewinds();
        }
        let mut handed = self.outgoing.kept() - self.outgoing.unwritten();
        let (rules, recorder) = (self.rules.clone(), self.recorder.clone());
        let place = (self.protocol, self.db);
        let ledger = self.ledger.take(handed == 0);
        let fresh = Self::new(place, self.depth, rules, self.now, recorder, ledger);
        let mut old = std::mem::replace(self, fresh);
        self.first = old.first;
        self.holder = old.holder.take();
        self.crowd = std::mem::take(&mut old.crowd);
        self.again = std::mem::take(&mut old.again);
        (self.budget, self.epoch, self.now) = (old.budget, old.epoch, old.now);
        self.noted = self.epoch;
        let overtaken = old.slots_before_writes(handed);
        let mut stamps = old.stamps.iter().peekable();
        for (mut slot, number) in old.slots.into_iter().zip(old.first..) {
            let frame = old.outgoing.take_front(slot.length);
            let was_sent = handed > 0;
            handed = handed.saturating_sub(slot.length);
            while stamps.next_if(|stamp| stamp.end <= number).is_some() {}
            slot.attempts += u32::from(was_sent);
            if overtaken.contains(&number) {
                slot.order.class = Class::Write;
            }
            let stamp = stamps.peek();
            let came = slot.since.or(stamp.map(|stamp| stamp.at));
            self.keep_or_tell((slot, frame), was_sent, cause, keep, came);
            if let Some(stamp) = stamp {
                self.stamp(stamp.at, stamp.at);
            }
        }
        self.pass_phantoms();
        self.seal();
        self.recorder.set_owed(self.slots.len());
        self.wake_crowd();
    }

    /// Reads that were sent before a write of the same client was: sent again, they might see what that wrote.
    fn slots_before_writes(&self, handed: usize) -> HashSet<u64> {
        let mut sent = Vec::new();
        let mut start = 0;
        for (slot, number) in self.slots.iter().zip(self.first..) {
            if start >= handed {
                break;
            }
            start += slot.length;
            if let Owner::Caller(caller) = &slot.owner {
                sent.push((Rc::as_ptr(caller), slot.order.class, number));
            }
        }
        let mut writers = HashSet::new();
        let mut overtaken = HashSet::new();
        for (caller, class, number) in sent.into_iter().rev() {
            if class != Class::Read {
                writers.insert(caller);
            } else if writers.contains(&caller) {
                overtaken.insert(number);
            }
        }
        overtaken
    }

    fn keep_or_tell(
        &mut self,
        (slot, frame): (Slot, Vec<u8>),
        was_sent: bool,
        cause: &str,
        keep: bool,
        came: Option<Instant>,
    ) {
        let caller = match slot.owner {
            Owner::Caller(caller) => caller,
            Owner::Failed(caller, failure) => return self.tell(caller, slot.order, *failure, came),
            Owner::Gone | Owner::Probe => return self.ledger.lose(&slot.touch, &frame),
        };
        if keep && self.may_keep(&slot.order, slot.attempts, was_sent) && caller.rewind() {
            let work = (frame, slot.order, slot.touch);
            self.push_again(work, slot.attempts, slot.since, &caller);
        } else {
            self.ledger.lose(&slot.touch, &frame);
            let failure = Failure::Lost { sent: was_sent, cause: cause.to_owned() };
            self.tell(caller, slot.order, failure, came);
        }
    }

    fn may_keep(&mut self, order: &Order, attempts: u32, was_sent: bool) -> bool {
        if !was_sent {
            // Never sent: this is the first time.
            return true;
        }
        let may = may_retry(order.class, Fate::Unknown, self.rules.writes);
        may && attempts <= self.rules.attempts && self.takes_retry("lost")
    }

    /// Whether the budget allows one more, because of `cause`.
    pub(super) fn takes_retry(&mut self, cause: &'static str) -> bool {
        let is_allowed = self.budget.take(self.now.duration_since(self.epoch));
        let events = &self.recorder.shard().events;
        if is_allowed {
            events.retries.count(cause);
        } else {
            events.retries_denied.inc();
        }
        is_allowed
    }

    /// Tells a caller at its place: at once if nothing of it is kept.
    pub(in super::super) fn tell(
        &mut self,
        caller: Rc<Replies>,
        order: Order,
        failure: Failure,
        came: Option<Instant>,
    ) {
        let is_first = !self.slots.iter().any(|slot| match &slot.owner {
            Owner::Caller(other) | Owner::Failed(other, _) => Rc::ptr_eq(other, &caller),
            Owner::Gone | Owner::Probe => false,
        });
        if is_first {
            let account = Account { recorder: &self.recorder, db: self.db, came };
            order.fail(&caller, &failure, &account);
        } else {
            self.owe(Owner::Failed(caller, Box::new(failure)), 0, order, Touch::None);
            if let Some(slot) = self.slots.back_mut() {
                slot.since = came;
            }
        }
    }

    /// A command once more, at the end of the queue.
    pub(super) fn push_again(
        &mut self,
        (frame, order, touch): (Vec<u8>, Order, Touch),
        attempts: u32,
        since: Option<Instant>,
        caller: &Rc<Replies>,
    ) {
        if frame.len() >= LARGE {
            self.add_whole(frame, order, touch, caller);
        } else {
            self.add(&frame, order, touch, caller);
        }
        if let Some(slot) = self.slots.back_mut() {
            slot.attempts = attempts;
            slot.since = since;
        }
    }
}

impl Queue {
    /// The reply under way nests deeper than its client may have to read: the client is told so instead, and what
    /// comes of it is thrown away. Where replies are held back to keep their order, it passes.
    pub(super) fn refuse_deep(&mut self) {
        let Some(slot) = self.slots.front_mut().filter(|_| self.rewinds.is_empty()) else { return };
        if self.kind == b'>' || !matches!(slot.owner, Owner::Caller(_)) {
            return;
        }
        if let Owner::Caller(caller) = std::mem::replace(&mut slot.owner, Owner::Gone) {
            let failure = Failure::TooDeep { depth: self.depth };
            let came = slot.since.or(self.stamps.front().map(|stamp| stamp.at));
            let account = Account { recorder: &self.recorder, db: self.db, came };
            slot.order.fail(&caller, &failure, &account);
        }
    }
}

impl Order {
    /// The command gets no reply: its caller is told, unless it wants to hear nothing.
    pub(super) fn fail(&self, caller: &Replies, failure: &Failure, account: &Account<'_>) {
        let outcome = match failure {
            _ if caller.is_closed() => Outcome::Abandoned,
            Failure::TimedOut { .. } => Outcome::Timeout,
            Failure::TooDeep { .. } => Outcome::Error,
            _ => Outcome::Unavailable,
        };
        account.close(self.command, outcome, None);
        let events = &account.shard().events;
        match failure {
            Failure::TimedOut { .. } => events.timeouts.count("reply"),
            Failure::Away { .. } => events.timeouts.count("connection"),
            _ => {}
        }
        if self.is_silent {
            caller.skip(b'-');
        } else if self.is_exec && !failure.may_be_sent() {
            caller.fail(&Failure::Discarded);
        } else {
            caller.fail(failure);
        }
    }

    /// Whether it may be sent again after a refusal.
    pub(super) fn is_retried(&self) -> bool {
        self.class != Class::Never
    }
}

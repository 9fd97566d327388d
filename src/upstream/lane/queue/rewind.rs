//! Commands that the upstream refused without running them, to be sent again in their place.
//!
//! A client's later commands that are on the way already are waited for. Reads among them are sent again
//! behind the refused command, so that they see what it wrote; if a write among them was run, the order can't be
//! kept any more, and the client gets the refusal. Until then the client sends nothing new.

use super::stamps::Account;
use super::{Order, Owner, Queue, Slot, Touch};
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::{Outcome, Recorder};
use crate::upstream::replies::Replies;
use crate::upstream::retry::{Backoff, Class, Fate, is_refusal, may_retry};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What one client has said from its first refused command on.
pub(super) struct Rewind {
    caller: Rc<Replies>,
    /// Of its commands, so many are still on the way.
    on_the_way: usize,
    steps: Vec<Step>,
    /// When the first of them was noted.
    since: Instant,
    /// A write was run after a refused command.
    is_spoiled: bool,
}

struct Step {
    frame: Vec<u8>,
    order: Order,
    touch: Touch,
    attempts: u32,
    reply: Vec<u8>,
}

impl Rewind {
    /// Its caller gets the replies as they were.
    fn give_up(self, recorder: &Recorder, db: u32) {
        self.caller.set_rewinding(false);
        let account = Account { recorder, db, came: Some(self.since) };
        // What has come of a later reply goes behind these.
        let shape = self.caller.shape();
        let part = self.caller.withdraw(&[]);
        for step in self.steps {
            let first = step.reply.first().copied().unwrap_or(b'-');
            let error = (first == b'-').then(|| code(&step.reply));
            account.close(step.order.command, Outcome::of_reply(first), error);
            if step.order.is_silent {
                self.caller.skip(first);
            } else {
                self.caller.complete(&step.reply, step.order.shape);
            }
        }
        if !part.is_empty() {
            self.caller.part(&part, shape);
        }
    }
}

impl Queue {
    /// Whether a reply is kept back, because it is a refusal, or comes after one.
    pub(super) fn holds_back(&mut self, slot: &mut Slot, end: &[u8]) -> bool {
        let Owner::Caller(caller) = &slot.owner else { return false };
        let place = self.rewinds.iter().position(|rewind| Rc::ptr_eq(&rewind.caller, caller));
        if place.is_none() && !self.starts_rewind(slot, caller, end) {
            return false;
        }
        let place = place.unwrap_or(self.rewinds.len());
        let noted = self.stamps.front().map_or(self.now, |stamp| stamp.at);
        let since = slot.since.unwrap_or(noted);
        if place == self.rewinds.len() {
            let is_same = |slot: &&Slot| match &slot.owner {
                Owner::Caller(other) => Rc::ptr_eq(other, caller),
                _ => false,
            };
            let on_the_way = self.slots.iter().filter(is_same).count() + 1;
            caller.set_rewinding(true);
            let steps = Vec::new();
            let caller = Rc::clone(caller);
            self.rewinds.push(Rewind { caller, on_the_way, steps, since, is_spoiled: false });
        }
        let reply = caller.withdraw(end);
        let is_refused = is_refusal(&reply);
        let frame = self.outgoing.take_front(slot.length);
        self.pass_stamps();
        let rewind = &mut self.rewinds[place];
        rewind.is_spoiled |=
            !is_refused && slot.order.class != Class::Read || slot.selects.is_some();
        let attempts = slot.attempts + 1;
        let touch = std::mem::take(&mut slot.touch);
        rewind.steps.push(Step { frame, order: slot.order, touch, attempts, reply });
        rewind.on_the_way -= 1;
        if rewind.on_the_way == 0 {
            let rewind = self.rewinds.swap_remove(place);
            if rewind.is_spoiled {
                rewind.give_up(&self.recorder, self.db);
            } else {
                self.again.push_back(rewind);
            }
        }
        self.pass_phantoms();
        true
    }

    fn starts_rewind(&mut self, slot: &Slot, caller: &Rc<Replies>, end: &[u8]) -> bool {
        slot.order.is_retried()
            && slot.selects.is_none()
            && self.kind == b'-'
            && caller.would_complete(end, is_refusal)
            && may_retry(slot.order.class, Fate::Refused, self.rules.writes)
            && slot.attempts < self.rules.attempts
            && self.takes_retry("refused")
    }

    /// When what was refused is to be sent again, at the end of its time at the latest; `None` when nothing was.
    pub(in super::super) fn when_again(&self, now: Instant, bound: Duration) -> Option<Instant> {
        let rewind = self.again.front()?;
        let attempts = rewind.steps.first()?.attempts;
        let at = now + Backoff::wait(&self.rules, attempts.saturating_sub(1));
        Some(at.min(rewind.since + bound))
    }

    /// Answers with the refusal what was refused and has used up its time.
    pub(in super::super) fn give_up_old(&mut self, now: Instant, bound: Duration) {
        let is_old = |rewind: &Rewind| now >= rewind.since + bound;
        let (old, young): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.again).into_iter().partition(is_old);
        self.again = young;
        for rewind in old {
            rewind.give_up(&self.recorder, self.db);
        }
    }

    /// When the first of what was refused has used up its time.
    pub(in super::super) fn oldest_again(&self) -> Option<Instant> {
        self.again.iter().map(|rewind| rewind.since).min()
    }

    /// Whether something waits to be sent again.
    pub(in super::super) fn has_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// Sends again what was refused; what has used up its time, `bound`, is answered with the refusal.
    pub(in super::super) fn send_again(&mut self, now: Instant, bound: Duration) {
        for rewind in std::mem::take(&mut self.again) {
            if now >= rewind.since + bound {
                rewind.give_up(&self.recorder, self.db);
                continue;
            }
            rewind.caller.set_rewinding(false);
            for step in rewind.steps {
                let since = Some(rewind.since);
                let work = (step.frame, step.order, step.touch);
                self.push_again(work, step.attempts, since, &rewind.caller);
            }
        }
        self.stamp(now, now);
    }

    /// Gives up those that still wait for replies: the connection is gone.
    pub(super) fn give_up_unfinished_rewinds(&mut self) {
        for rewind in std::mem::take(&mut self.rewinds) {
            rewind.give_up(&self.recorder, self.db);
        }
    }

    /// Gives up all: nothing is to be sent again.
    pub(super) fn give_up_rewinds(&mut self) {
        self.give_up_unfinished_rewinds();
        for rewind in std::mem::take(&mut self.again) {
            rewind.give_up(&self.recorder, self.db);
        }
    }
}

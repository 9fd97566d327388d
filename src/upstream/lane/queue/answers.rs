//! Commands that are answered from memory while they wait for an upstream that is away.
//!
//! A client's replies keep their order: a command is answered only when all before it of the same client are. So a
//! read behind a write whose outcome is not known waits until that is told.

use super::stamps::{Account, came};
use super::{Owner, Queue, Slot};
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::Outcome;
use crate::upstream::replies::Replies;
use std::collections::HashSet;
use std::rc::Rc;

/// Gives the reply of a command, of which it is told whether it was sent; `None` where there is none.
pub(in super::super) type Answer<'a> = dyn Fn(&[u8], bool) -> Option<Vec<u8>> + 'a;

impl Slot {
    /// Whether `answer` had a reply for it, which its caller has now.
    pub(super) fn try_answer(
        &mut self,
        frame: &[u8],
        was_sent: bool,
        answer: &Answer<'_>,
        account: &Account<'_>,
    ) -> bool {
        let Owner::Caller(caller) = &self.owner else { return false };
        if self.order.is_patient || self.selects.is_some() || !caller.rewind() {
            return false;
        }
        let Some(reply) = answer(frame, was_sent) else { return false };
        let first = reply.first().copied().unwrap_or(b'-');
        let error = (first == b'-').then(|| code(&reply));
        account.close(self.order.command, Outcome::of_reply(first), error);
        if self.order.is_silent {
            caller.skip(first);
        } else {
            caller.complete(&reply, self.order.shape);
        }
        self.owner = Owner::Gone;
        true
    }
}

impl Slot {
    /// A caller that is to be told when its turn comes, which is now.
    fn tell_failure(&mut self, account: &Account<'_>) -> bool {
        if !matches!(self.owner, Owner::Failed(..)) {
            return false;
        }
        if let Owner::Failed(caller, failure) = std::mem::replace(&mut self.owner, Owner::Gone) {
            self.order.fail(&caller, &failure, account);
        }
        true
    }
}

impl Queue {
    /// Answers what can be. How many were.
    pub(in super::super) fn answer(&mut self, answer: &Answer<'_>) -> usize {
        let handed = self.outgoing.kept() - self.outgoing.unwritten();
        let mut frames = self.outgoing.frames();
        let (mut start, mut count) = (0, 0);
        let mut waiting: HashSet<*const Replies> = HashSet::new();
        for (slot, number) in self.slots.iter_mut().zip(self.first..) {
            let frame = frames.next(slot.length);
            let was_sent = start < handed || slot.attempts > 0;
            start += slot.length;
            let caller = match &slot.owner {
                Owner::Caller(caller) | Owner::Failed(caller, _) => Rc::as_ptr(caller),
                Owner::Gone | Owner::Probe => continue,
            };
            if waiting.contains(&caller) {
                continue;
            }
            let came = came(&self.stamps, number, slot);
            let account = Account { recorder: &self.recorder, db: self.db, came };
            if slot.try_answer(frame, was_sent, answer, &account) {
                count += 1;
            } else if !slot.tell_failure(&account) {
                waiting.insert(caller);
            }
        }
        self.pass_phantoms();
        count
    }
}

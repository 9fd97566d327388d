//! When commands came and when they were sent, a stamp for each batch; and what is recorded when they are
//! answered.
//!
//! The clock is looked at once for all that are noted together, and once for all that arrive together: a command
//! costs no look of its own.

use super::{Owner, Queue, Slot};
use crate::command::Number;
use crate::telemetry::big_values::LEAST;
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::{Outcome, Recorder, Shard};
use crate::telemetry::spans::Span;
use crate::upstream::replies::Replies;
use std::collections::VecDeque;
use std::time::Instant;

/// A batch of so many commands gains little by more: one costs the upstream as much as a dozen commands in it.
const FULL: u64 = 16;

/// All slots below `end` were there at `at`, and handed to the connection at `sent`.
pub(super) struct Stamp {
    pub(super) at: Instant,
    pub(super) sent: Instant,
    pub(super) end: u64,
}

impl Queue {
    /// The time, for all that arrives until it is set again.
    pub(in super::super) fn set_time(&mut self, now: Instant) {
        self.now = now;
    }

    /// Notes the time of commands that are new since the last call, the first of which came at `called`.
    pub(in super::super) fn stamp(&mut self, called: Instant, now: Instant) {
        self.now = now;
        let at = called.max(self.noted).min(now);
        self.noted = now;
        self.recorder.set_owed(self.slots.len());
        let end = self.first + self.slots.len() as u64;
        let begin = self.stamps.back().map_or(self.first, |stamp| stamp.end);
        if begin < end {
            self.stamps.push_back(Stamp { at, sent: now, end });
            self.budget.sent(end - begin, now.duration_since(self.epoch));
            self.ledger.tick(now);
        }
    }

    /// Whether what waits to be sent may as well wait for the next reply: few commands, which upstream would only
    /// stand in a queue.
    pub(in super::super) fn may_wait(&self) -> bool {
        let noted = self.stamps.back().map_or(self.first, |stamp| stamp.end);
        let unsent = self.first + self.slots.len() as u64 - noted;
        unsent < FULL && self.pace.is_behind(self.stamps.len())
    }

    /// What waits is handed to a new connection.
    pub(in super::super) fn resend(&mut self, now: Instant) {
        self.stamps.iter_mut().for_each(|stamp| stamp.sent = now);
    }

    /// When the oldest command that waits was noted.
    pub(in super::super) fn oldest(&self) -> Option<Instant> {
        self.stamps.front().map(|stamp| stamp.at)
    }

    /// The reply to `slot` is here.
    pub(super) fn record(&mut self, slot: &Slot) {
        if !matches!(slot.owner, Owner::Caller(_)) {
            return;
        }
        let outcome = Outcome::of_reply(self.kind);
        if !slot.order.is_patient && slot.since.is_none() && self.recorder.has_times() {
            return self.recorder.answered(slot.order.command, outcome);
        }
        self.record_first(slot, outcome);
    }

    /// The same for one that is the first with its times, or has its own, or none.
    #[cold]
    fn record_first(&mut self, slot: &Slot, outcome: Outcome) {
        if slot.order.is_patient {
            // It took as long as its client wanted it to.
            return self.recorder.shard().count(slot.order.command, outcome);
        }
        let (came, sent) = self.times(slot);
        self.recorder.begin(came, sent, self.now);
        self.recorder.answered(slot.order.command, outcome);
        if slot.since.is_some() {
            self.recorder.finish();
        }
    }

    /// When the front command came, and when it was handed to the connection.
    fn times(&self, slot: &Slot) -> (Instant, Instant) {
        let now = (self.now, self.now);
        let (at, sent) = self.stamps.front().map_or(now, |stamp| (stamp.at, stamp.sent));
        (slot.since.unwrap_or(at), sent)
    }

    /// It was slow, its reply is large, or spans are told.
    #[cold]
    pub(super) fn note(&self, slot: &Slot, size: usize, end: &[u8]) {
        let Owner::Caller(caller) = &slot.owner else { return };
        if slot.order.command == Number::NONE {
            return;
        }
        let (notes, frame) =
            (&self.recorder.shard().notes, self.outgoing.frames().next(slot.length));
        if size >= LEAST && self.kind != b'-' {
            notes.big(frame, size);
        }
        if let Some(took) = self.recorder.slow().filter(|_| !slot.order.is_patient) {
            notes.slow(frame, took, caller.client(), self.recorder.route().name());
        }
        if notes.spans.is_on() {
            self.tell_span(slot, caller, end);
        }
    }

    /// Of the front command, whose reply ends with `end`.
    fn tell_span(&self, slot: &Slot, caller: &Replies, end: &[u8]) {
        let (came, sent) = self.times(slot);
        let mut error = None;
        if self.kind == b'-' {
            caller.would_complete(end, |reply| {
                error = Some(code(reply));
                true
            });
        }
        self.recorder.shard().ended(slot.order.command, || Span {
            command: slot.order.command,
            outcome: Outcome::of_reply(self.kind),
            route: Some(self.recorder.route()),
            db: self.db,
            error,
            came,
            sent: Some(sent),
            ended: self.now,
            attempts: slot.attempts,
        });
    }

    /// It is an error.
    pub(super) fn note_error(&self, slot: &Slot, end: &[u8]) {
        if let Owner::Caller(caller) = &slot.owner
            && slot.order.command != Number::NONE
        {
            // What is no error to the test is one whose begin is not here any more.
            caller.would_complete(end, |reply| {
                self.recorder.shard().refused(reply);
                true
            });
        }
    }

    /// Stamps of which all slots are answered.
    pub(super) fn pass_stamps(&mut self) {
        while let Some(stamp) = self.stamps.pop_front_if(|stamp| stamp.end <= self.first) {
            self.pace.answered(stamp.sent, self.now);
            self.recorder.finish();
        }
    }
}

/// When the command of the slot with this number came, as far as it was noted.
pub(super) fn came(stamps: &VecDeque<Stamp>, number: u64, slot: &Slot) -> Option<Instant> {
    let noted = || stamps.iter().find(|stamp| number < stamp.end).map(|stamp| stamp.at);
    slot.since.or_else(noted)
}

/// Where it is told what became of commands that end without a reply of the upstream, or with an earlier one.
#[derive(Clone, Copy)]
pub(in super::super) struct Account<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) db: u32,
    /// When the command came.
    pub(super) came: Option<Instant>,
}

impl Account<'_> {
    /// The shard in which it is counted.
    pub(super) fn shard(&self) -> &Shard {
        self.recorder.shard()
    }

    /// The command came to this end.
    pub(super) fn close(&self, command: Number, outcome: Outcome, error: Option<&'static str>) {
        let shard = self.shard();
        shard.count(command, outcome);
        if shard.notes.spans.is_on() {
            let ended = Instant::now();
            shard.ended(command, || Span {
                command,
                outcome,
                route: Some(self.recorder.route()),
                db: self.db,
                error,
                came: self.came.unwrap_or(ended),
                sent: None,
                ended,
                attempts: 0,
            });
        }
    }
}

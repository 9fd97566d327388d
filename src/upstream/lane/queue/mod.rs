//! What a lane has on its way: the bytes, and one slot for each reply owed, in the order of the commands.
//!
//! Knows no socket and no clock: bytes that arrived, bytes that were written and the time are told to it.
//! Invariant: the n-th reply that arrives belongs to the n-th slot, whatever became of its caller.

mod answers;
mod intake;
mod ledger;
mod loss;
mod pace;
mod rewind;
mod stamps;
#[cfg(test)]
mod tests;

use super::Order;
use crate::config::Retry;
use crate::memory::replies::Setting;
use crate::policy::Shape;
use crate::telemetry::big_values::LEAST;
use crate::telemetry::metrics::shard::Recorder;
use crate::upstream::error::Failure;
use crate::upstream::outgoing::Outgoing;
use crate::upstream::replies::Replies;
use crate::upstream::retry::{Budget, Class, is_demotion};
use crate::wire::scan::{Progress, Scanner};
use crate::wire::{Protocol, encode};
pub(super) use ledger::Ledger;
use ledger::Touch;
use pace::Pace;
use rewind::Rewind;
use stamps::{Account, Stamp};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

/// A reply of this size makes its lane busy: clients that have nothing on it choose another.
const HUGE: usize = 1 << 20;

/// A push tells of a few keys; of this size it is none.
const MAX_PUSH: usize = 64 << 20;

/// One reply owed.
struct Slot {
    owner: Owner,
    /// Bytes of its command.
    length: usize,
    order: Order,
    touch: Touch,
    /// A SELECT of this database.
    selects: Option<u32>,
    /// How often it was sent again.
    attempts: u32,
    /// When it was first noted, if it was refused since.
    since: Option<Instant>,
}

enum Owner {
    /// The reply goes to this caller.
    Caller(Rc<Replies>),
    /// The caller has its error already: the late reply is thrown away.
    Gone,
    /// Our own PING, to see whether the upstream answers.
    Probe,
    /// Nothing was sent for it any more: this caller is told so when its turn comes.
    Failed(Rc<Replies>, Box<Failure>),
}

/// See the module.
pub(super) struct Queue {
    pub(super) outgoing: Outgoing,
    slots: VecDeque<Slot>,
    /// Slots from the first write on that is not counted yet ([`Queue::seal`]).
    unsealed: usize,
    /// How many slots were answered before the front one.
    first: u64,
    stamps: VecDeque<Stamp>,
    pace: Pace,
    /// The database of the connection.
    db: u32,
    /// How deep replies may nest.
    depth: usize,
    scanner: Scanner,
    /// First byte of the reply under way, and how much of it has come.
    kind: u8,
    arrived: usize,
    /// A push under way: it has no slot.
    push: Vec<u8>,
    /// Where pushes go, on a connection that one caller holds.
    pub(super) holder: Option<Rc<Replies>>,
    /// MONITOR or replication: once no reply is owed, what comes is passed to the holder as it is.
    pub(super) is_raw: bool,
    /// Callers that wait for room.
    pub(super) crowd: Vec<Waker>,
    rules: Retry,
    ledger: Ledger,
    protocol: Protocol,
    budget: Budget,
    /// When the queue was made, and the time as it was last told.
    epoch: Instant,
    now: Instant,
    /// When commands were last noted.
    noted: Instant,
    pub(super) recorder: Recorder,
    /// Callers of whom a command was refused: those with replies on the way, and those to be sent again.
    rewinds: Vec<Rewind>,
    again: VecDeque<Rewind>,
    /// The upstream was the master when this connection was made, and has said since that it is none.
    pub(super) expects_master: bool,
    pub(super) is_demoted: bool,
    /// A probe was answered.
    pub(super) is_answered: bool,
}

/// Why a lane's bytes make no sense any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the upstream sent what is no reply: {0}")]
    Scan(#[from] crate::wire::scan::ScanError),
    #[error("the upstream sent a reply that nobody asked for")]
    Unasked,
    #[error("the upstream sent a push without an end")]
    EndlessPush,
}

impl Queue {
    pub(super) fn new(
        (protocol, db): (Protocol, u32),
        depth: usize,
        rules: Retry,
        now: Instant,
        recorder: Recorder,
        ledger: Ledger,
    ) -> Self {
        Self {
            outgoing: Outgoing::default(),
            slots: VecDeque::new(),
            unsealed: 0,
            first: 0,
            stamps: VecDeque::new(),
            pace: Pace::new(now),
            db,
            depth,
            scanner: Scanner::bounded(depth),
            kind: 0,
            arrived: 0,
            push: Vec::new(),
            holder: None,
            is_raw: false,
            crowd: Vec::new(),
            rules,
            ledger,
            protocol,
            budget: Budget::default(),
            epoch: now,
            now,
            noted: now,
            recorder,
            rewinds: Vec::new(),
            again: VecDeque::new(),
            expects_master: false,
            is_demoted: false,
            is_answered: false,
        }
    }

    /// On a raw connection what was written is forgotten: nothing will answer it.
    pub(super) fn forget_written(&mut self) {
        if self.is_raw && self.slots.is_empty() {
            self.outgoing.answered(self.outgoing.kept() - self.outgoing.unwritten());
        }
    }

    /// Nothing more is to be sent on this shared connection: another may be to the new master.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_demoted && self.expects_master && self.holder.is_none()
    }

    /// What is queued may be sent from now on: its writes are counted.
    pub(super) fn seal(&mut self) {
        if self.unsealed > 0 {
            let first = self.slots.len().saturating_sub(std::mem::take(&mut self.unsealed));
            self.ledger.seal(self.slots.range_mut(first..).map(|slot| &mut slot.touch));
        }
    }

    /// Nothing was sent on this connection, nor has come.
    pub(super) fn is_untouched(&self) -> bool {
        let is_silent = self.first == 0 && self.arrived == 0;
        is_silent && !self.is_raw && !self.has_sent()
    }

    /// Whether the upstream has commands to work on.
    pub(super) fn has_sent(&self) -> bool {
        self.outgoing.kept() > self.outgoing.unwritten()
    }

    /// Whether a reply is owed that should come soon: one that was sent, and does not wait for a key.
    pub(super) fn is_waiting(&self) -> bool {
        self.has_sent() && self.slots.front().is_some_and(|slot| !slot.order.is_patient)
    }

    /// Replies owed.
    pub(super) fn owed(&self) -> usize {
        self.slots.len()
    }

    /// The database of the connection.
    pub(super) fn db(&self) -> u32 {
        self.db
    }

    /// A huge reply is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.arrived > HUGE
    }

    /// The caller of the reply under way, or of the next one.
    pub(super) fn front(&self) -> Option<&Rc<Replies>> {
        match self.slots.front().map(|slot| &slot.owner) {
            Some(Owner::Caller(replies)) => Some(replies),
            _ => self.holder.as_ref(),
        }
    }

    /// Bytes that arrived go to whom they belong.
    pub(super) fn receive(&mut self, piece: &[u8]) -> Result<(), Broken> {
        self.recorder.shard().upstream_received.add(piece.len() as u64);
        let received = self.hand_out(piece);
        self.recorder.finish();
        self.recorder.set_owed(self.slots.len());
        received
    }

    fn hand_out(&mut self, piece: &[u8]) -> Result<(), Broken> {
        let mut rest = piece;
        while let Some(first) = rest.first() {
            if self.is_raw && self.slots.is_empty() {
                if let Some(holder) = &self.holder {
                    holder.push(rest);
                }
                break;
            }
            if self.arrived == 0 {
                self.kind = *first;
            }
            let progress = self.scanner.feed(rest)?;
            if self.scanner.is_deep() {
                self.refuse_deep();
            }
            match progress {
                Progress::Complete { used } => {
                    let (end, next) = rest.split_at(used);
                    self.complete(end)?;
                    rest = next;
                }
                Progress::Partial => {
                    self.part(rest)?;
                    break;
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.arrived += bytes.len();
        if self.kind == b'>' {
            if self.arrived > MAX_PUSH {
                return Err(Broken::EndlessPush);
            }
            // Where nobody holds the connection, nobody hears.
            if self.holder.is_some() {
                self.push.extend_from_slice(bytes);
            }
            return Ok(());
        }
        // Not even its first byte may come before a command.
        let slot = self.slots.front().ok_or(Broken::Unasked)?;
        self.ledger.gather(&slot.touch, bytes);
        if let Owner::Caller(caller) = &slot.owner
            && !slot.order.is_silent
        {
            caller.part(bytes, slot.order.shape);
        }
        Ok(())
    }

    fn complete(&mut self, end: &[u8]) -> Result<(), Broken> {
        let size = std::mem::take(&mut self.arrived) + end.len();
        if self.kind == b'>' {
            let mut push = std::mem::take(&mut self.push);
            push.extend_from_slice(end);
            if let Some(holder) = &self.holder {
                holder.hear(&push);
            }
            return Ok(());
        }
        let mut slot = self.slots.pop_front().ok_or(Broken::Unasked)?;
        self.first += 1;
        if !matches!(slot.touch, Touch::None) {
            self.settle(&slot, end);
        }
        if self.kind == b'-' && slot.order.class != Class::Opaque && is_demotion(end) {
            self.is_demoted = true;
        }
        if self.kind == b'-' {
            self.note_error(&slot, end);
        }
        // Errors and what depends on them are seldom: all else takes one comparison.
        if (self.kind == b'-' || !self.rewinds.is_empty()) && self.holds_back(&mut slot, end) {
            return Ok(());
        }
        self.record(&slot);
        if size >= LEAST || self.recorder.is_noted() {
            self.note(&slot, size, end);
        }
        self.outgoing.answered(slot.length);
        self.pass_stamps();
        if let Some(db) = slot.selects.filter(|_| self.kind == b'+') {
            self.db = db;
        }
        match slot.owner {
            Owner::Caller(caller) if slot.order.is_silent => caller.skip(self.kind),
            Owner::Caller(caller) if slot.order.excess != 0 && self.kind == b':' => {
                let own = less(&caller.withdraw(end), slot.order.excess);
                caller.complete(&own, Shape::None);
            }
            Owner::Caller(caller) => caller.complete(end, slot.order.shape),
            Owner::Gone | Owner::Failed(..) => {}
            Owner::Probe => self.is_answered = true,
        }
        self.pass_phantoms();
        Ok(())
    }

    /// What the front command did is settled before anybody sees its reply.
    fn settle(&mut self, slot: &Slot, end: &[u8]) {
        let frame = self.outgoing.frames().next(slot.length);
        let at = self.stamps.front().map_or(self.now, |stamp| stamp.at);
        let (db, protocol) = (self.db, self.protocol);
        self.ledger.end(&slot.touch, frame, end, || Setting { db, protocol, at });
    }

    /// Slots at the front for which no reply will come.
    fn pass_phantoms(&mut self) {
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.length == 0) {
            self.first += 1;
            if let Owner::Failed(caller, failure) = slot.owner {
                let account = Account { recorder: &self.recorder, db: self.db, came: slot.since };
                slot.order.fail(&caller, &failure, &account);
            }
        }
        self.pass_stamps();
    }

    /// Wakes the callers that wait for room.
    pub(super) fn wake_crowd(&mut self) {
        for waker in self.crowd.drain(..) {
            waker.wake();
        }
    }
}

/// An integer reply, reduced.
fn less(reply: &[u8], excess: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    let text = reply.get(1..).unwrap_or_default().trim_ascii_end();
    match std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok()) {
        Some(value) => encode::integer(&mut out, value.saturating_sub(excess)),
        None => out.extend_from_slice(reply),
    }
    out
}

//! What a lane has on its way: the bytes, and one slot for each reply owed, in the order of the commands.
//!
//! Knows no socket and no clock: bytes that arrived, bytes that were written and the time are told to it.
//! Invariant: the n-th reply that arrives belongs to the n-th slot, whatever became of its caller.

use super::Order;
use crate::upstream::error::Failure;
use crate::upstream::outgoing::Outgoing;
use crate::upstream::replies::Replies;
use crate::wire::scan::{Progress, Scanner};
use crate::wire::{Protocol, encode};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

/// Commands of this size and above are not copied into a chunk.
const LARGE: usize = 16 * 1024;

/// A reply of this size makes its lane busy: clients that have nothing on it choose another.
const HUGE: usize = 1 << 20;

/// One reply owed.
struct Slot {
    owner: Owner,
    /// Bytes of its command.
    length: usize,
    order: Order,
    /// A client's own SELECT, of the order's database.
    selects: bool,
}

enum Owner {
    /// The reply goes to this caller.
    Caller(Rc<Replies>),
    /// The caller has its error already: the late reply is thrown away.
    Gone,
    /// Our own SELECT.
    Lane,
}

/// No database has this number: the next command is sent behind a SELECT.
const UNKNOWN: u32 = u32::MAX;

impl Slot {
    /// Its caller gets an error instead of a reply, unless it waits for as long as it takes.
    fn expire(&mut self, failure: impl FnOnce() -> Failure) {
        if self.order.is_patient || !matches!(self.owner, Owner::Caller(_)) {
            return;
        }
        if let Owner::Caller(caller) = std::mem::replace(&mut self.owner, Owner::Gone) {
            caller.fail(&failure());
        }
    }
}

/// All slots below `end` were there at `at`.
struct Stamp {
    at: Instant,
    end: u64,
}

/// See the module.
pub(super) struct Queue {
    pub(super) outgoing: Outgoing,
    slots: VecDeque<Slot>,
    /// How many slots were answered before the front one.
    first: u64,
    stamps: VecDeque<Stamp>,
    /// The database selected after the newest command.
    db: u32,
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
}

/// Why a lane's bytes make no sense any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the upstream sent what is no reply: {0}")]
    Scan(#[from] crate::wire::scan::ScanError),
    #[error("the upstream sent a reply that nobody asked for")]
    Unasked,
    #[error("the upstream refused to SELECT a database that it had before")]
    Select,
}

impl Queue {
    pub(super) fn new(db: u32) -> Self {
        Self {
            outgoing: Outgoing::default(),
            slots: VecDeque::new(),
            first: 0,
            stamps: VecDeque::new(),
            db,
            scanner: Scanner::new(),
            kind: 0,
            arrived: 0,
            push: Vec::new(),
            holder: None,
            is_raw: false,
            crowd: Vec::new(),
        }
    }

    /// Adds a command, with a SELECT before it where its database is another than the last one's.
    pub(super) fn push(&mut self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        self.select(order.db);
        if frame.len() >= LARGE {
            self.outgoing.append_whole(frame.to_vec());
        } else {
            self.outgoing.append(frame);
        }
        self.owe(Owner::Caller(Rc::clone(caller)), frame.len(), order);
    }

    /// The same for a large command that need not be copied.
    pub(super) fn push_whole(&mut self, frame: Vec<u8>, order: Order, caller: &Rc<Replies>) {
        self.select(order.db);
        let length = frame.len();
        self.outgoing.append_whole(frame);
        self.owe(Owner::Caller(Rc::clone(caller)), length, order);
    }

    /// Bytes that are no command and get no reply of their own.
    pub(super) fn push_raw(&mut self, bytes: &[u8]) {
        self.outgoing.append(bytes);
    }

    /// A client's own SELECT of the order's database, which may fail.
    pub(super) fn push_select(&mut self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        self.db = order.db;
        self.outgoing.append(frame);
        self.owe(Owner::Caller(Rc::clone(caller)), frame.len(), order);
        if let Some(slot) = self.slots.back_mut() {
            slot.selects = true;
        }
    }

    fn select(&mut self, db: u32) {
        if self.db == db {
            return;
        }
        self.db = db;
        let mut frame = Vec::with_capacity(32);
        encode::command(&mut frame, &[b"SELECT", db.to_string().as_bytes()]);
        self.outgoing.append(&frame);
        self.owe(Owner::Lane, frame.len(), Order { db, ..Order::default() });
    }

    /// A command before which the holder's connection must be in another protocol: the reply is ours.
    pub(super) fn push_own(&mut self, words: &[&[u8]]) {
        let mut frame = Vec::with_capacity(32);
        encode::command(&mut frame, words);
        self.outgoing.append(&frame);
        self.owe(Owner::Gone, frame.len(), Order { db: self.db, ..Order::default() });
    }

    fn owe(&mut self, owner: Owner, length: usize, order: Order) {
        self.slots.push_back(Slot { owner, length, order, selects: false });
    }

    /// Replies owed.
    pub(super) fn owed(&self) -> usize {
        self.slots.len()
    }

    /// The database of the connection once all is done.
    pub(super) fn db(&self) -> u32 {
        self.db
    }

    /// A transaction or a script has selected another database on this connection.
    pub(super) fn assume_db(&mut self, db: u32) {
        self.db = db;
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
            match self.scanner.feed(rest)? {
                Progress::Complete { used } => {
                    let (end, next) = rest.split_at(used);
                    self.complete(end)?;
                    rest = next;
                }
                Progress::Partial => {
                    self.part(rest);
                    break;
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, bytes: &[u8]) {
        self.arrived += bytes.len();
        if self.kind == b'>' {
            self.push.extend_from_slice(bytes);
            return;
        }
        if let Some(Slot { owner: Owner::Caller(caller), order, .. }) = self.slots.front()
            && !order.is_silent
        {
            caller.part(bytes);
        }
    }

    fn complete(&mut self, end: &[u8]) -> Result<(), Broken> {
        self.arrived = 0;
        if self.kind == b'>' {
            let mut push = std::mem::take(&mut self.push);
            push.extend_from_slice(end);
            if let Some(holder) = &self.holder {
                holder.push(&push);
            }
            return Ok(());
        }
        let slot = self.slots.pop_front().ok_or(Broken::Unasked)?;
        self.first += 1;
        self.outgoing.answered(slot.length);
        while self.stamps.front().is_some_and(|stamp| stamp.end <= self.first) {
            self.stamps.pop_front();
        }
        if slot.selects && self.kind != b'+' && self.db == slot.order.db {
            self.db = UNKNOWN;
        }
        match slot.owner {
            Owner::Caller(caller) if slot.order.is_silent => caller.skip(self.kind),
            Owner::Caller(caller) => caller.complete(end),
            Owner::Gone => {}
            Owner::Lane if self.kind == b'+' => {}
            Owner::Lane => return Err(Broken::Select),
        }
        Ok(())
    }

    /// Notes the time of commands that are new since the last call.
    pub(super) fn stamp(&mut self, now: Instant) {
        let end = self.first + self.slots.len() as u64;
        if self.stamps.back().map_or(self.first, |stamp| stamp.end) < end {
            self.stamps.push_back(Stamp { at: now, end });
        }
    }

    /// When the oldest command that waits was noted.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.stamps.front().map(|stamp| stamp.at)
    }

    /// Callers whose commands were noted at `limit` or before get `failure`; their slots stay.
    pub(super) fn expire(&mut self, limit: Instant, failure: impl Fn(bool) -> Failure) {
        let handed = self.outgoing.kept() - self.outgoing.unwritten();
        let mut start = 0;
        let mut slots = self.slots.iter_mut().zip(self.first..).peekable();
        while let Some(stamp) = self.stamps.front().filter(|stamp| stamp.at <= limit) {
            while let Some((slot, _)) = slots.next_if(|(_, number)| *number < stamp.end) {
                slot.expire(|| failure(start < handed));
                start += slot.length;
            }
            self.stamps.pop_front();
        }
    }

    /// The connection is gone. What was not sent stays, in its order, for the next connection, which begins
    /// on database `db`; all other callers are told. With `keep` false, nothing stays.
    pub(super) fn lose(&mut self, cause: &str, db: u32, keep: bool) {
        let mut handed = self.outgoing.kept() - self.outgoing.unwritten();
        let mut old = std::mem::replace(self, Self::new(db));
        self.first = old.first;
        self.holder = old.holder.take();
        self.crowd = std::mem::take(&mut old.crowd);
        let mut stamps = old.stamps.iter().peekable();
        for (slot, number) in old.slots.into_iter().zip(old.first..) {
            let frame = old.outgoing.take_front(slot.length);
            let was_sent = handed > 0;
            handed = handed.saturating_sub(slot.length);
            let Owner::Caller(caller) = slot.owner else { continue };
            if was_sent || !keep {
                caller.fail(&Failure::Lost { sent: was_sent, cause: cause.to_owned() });
                continue;
            }
            while stamps.next_if(|stamp| stamp.end <= number).is_some() {}
            if slot.selects {
                self.push_select(&frame, slot.order, &caller);
            } else {
                self.push_again(frame, slot.order, &caller);
            }
            if let Some(stamp) = stamps.peek() {
                self.stamp(stamp.at);
            }
        }
        self.wake_crowd();
    }

    fn push_again(&mut self, frame: Vec<u8>, order: Order, caller: &Rc<Replies>) {
        if frame.len() >= LARGE {
            self.push_whole(frame, order, caller);
        } else {
            self.push(&frame, order, caller);
        }
    }

    /// Wakes the callers that wait for room.
    pub(super) fn wake_crowd(&mut self) {
        for waker in self.crowd.drain(..) {
            waker.wake();
        }
    }
}

/// HELLO's argument for a protocol.
pub(super) fn version(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Resp2 => b"2",
        Protocol::Resp3 => b"3",
    }
}

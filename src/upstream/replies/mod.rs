//! The replies owed to one caller, in the order of its commands.
//!
//! A lane puts in what the upstream answered, the caller puts in what it answers itself, and takes out
//! bytes that are ready for its socket. Invariant: all commands that a caller has on the way at one time
//! are on one lane, so their replies come in order, and only the caller's own answers ever have to wait.
//! Out-of-band pushes go in between replies, never into one.

mod owed;
mod shaped;

use super::error::Failure;
use super::spare::Spare;
use crate::policy::Shape;
use crate::policy::namespace::Namespace;
use crate::wire::encode;
use owed::{Owed, head};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// Above this many bytes not yet taken by the client, its lane waits for it before it reads on, for as long
/// as the client takes some.
const HIGH_WATER: usize = 8 << 20;

/// A client that takes nothing no longer holds up its lane, but is given up above this many bytes, unless it has a
/// limit of its own.
const LIMIT: usize = 64 << 20;

/// Bytes of replies that one client may have on the way, as far as can be told from its replies so far; and
/// what a reply is taken for at first. A client that asks for much and reads nothing is thus known early.
const WINDOW: u64 = 4 << 20;
const FIRST_GUESS: u64 = 64 * 1024;

/// A reply of up to this size is shown to the client whole or not at all; of a larger one the client gets
/// what has come, and if the rest never comes, its connection is closed.
const WHOLE: usize = 64 * 1024;

/// See the module.
pub struct Replies {
    cell: RefCell<Owed>,
    spare: Rc<Spare>,
    /// Whose they are, for the notes.
    client: Cell<u64>,
    /// Bytes that may wait here.
    limit: Cell<usize>,
}

impl Replies {
    /// With nothing owed.
    #[must_use]
    pub fn new(spare: Rc<Spare>) -> Rc<Self> {
        Self::of(Owed::default(), spare)
    }

    /// For a caller that takes the whole reply itself: no lane waits for it, and one beyond its limit is broken.
    #[must_use]
    pub fn whole(spare: Rc<Spare>) -> Rc<Self> {
        Self::of(Owed { is_for_caller: true, ..Owed::default() }, spare)
    }

    fn of(owed: Owed, spare: Rc<Spare>) -> Rc<Self> {
        let (cell, client, limit) = (RefCell::new(owed), Cell::new(0), Cell::new(LIMIT));
        Rc::new(Self { cell, spare, client, limit })
    }

    /// The id of the client whose they are; 0 for none.
    #[must_use]
    pub fn client(&self) -> u64 {
        self.client.get()
    }

    /// They are this client's.
    pub fn set_client(&self, id: u64) {
        self.client.set(id);
    }

    /// Keys in them lose this namespace's prefix.
    pub fn set_namespace(&self, namespace: Option<Arc<Namespace>>) {
        self.cell.borrow_mut().namespace = namespace;
    }

    /// So many bytes may wait here, and no more.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.set(bytes);
    }

    /// Above this many bytes the lane waits.
    fn high_water(&self) -> usize {
        HIGH_WATER.min(self.limit.get() / 2)
    }

    // ---- the lane's side ----

    /// A piece of the front reply, more to come.
    pub(super) fn part(&self, bytes: &[u8], shape: Shape) {
        let owed = &mut *self.cell.borrow_mut();
        if shape != Shape::None && owed.namespace.is_some() {
            return owed.part_shaped(bytes, shape, &self.spare);
        }
        owed.arrived += bytes.len();
        owed.append(bytes, &self.spare);
        if owed.is_closed || owed.is_torn {
            owed.wake_caller();
            return;
        }
        let begin = *owed.part.get_or_insert(owed.out.len() - bytes.len());
        if owed.out.len() - begin > WHOLE && !owed.is_rewinding {
            owed.last = head(&owed.out[begin..]);
            owed.part = None;
            owed.is_torn = true;
            owed.wake_caller();
        }
    }

    /// The front reply, or the end of it.
    pub(super) fn complete(&self, bytes: &[u8], shape: Shape) {
        let owed = &mut *self.cell.borrow_mut();
        if shape != Shape::None && owed.namespace.is_some() {
            return owed.complete_shaped(bytes, shape, &self.spare);
        }
        let size = (std::mem::take(&mut owed.arrived) + bytes.len()) as u64;
        owed.weigh(size);
        owed.append(bytes, &self.spare);
        if !owed.is_torn && !owed.is_closed {
            let begin = owed.part.take().unwrap_or(owed.out.len() - bytes.len());
            owed.last = head(&owed.out[begin..]);
        }
        owed.finish(&self.spare);
    }

    /// The front command was answered, but its client wants no reply (CLIENT REPLY OFF, SKIP).
    pub(super) fn skip(&self, kind: u8) {
        let owed = &mut *self.cell.borrow_mut();
        owed.last = [kind, 0, 0];
        owed.forget_shaped();
        owed.finish(&self.spare);
    }

    /// Takes back what has come of the front reply, of which `end` is the rest: the whole reply.
    pub(super) fn withdraw(&self, end: &[u8]) -> Vec<u8> {
        let owed = &mut *self.cell.borrow_mut();
        owed.arrived = 0;
        let mut reply = owed.part.take().map_or_else(Vec::new, |begin| owed.out.split_off(begin));
        reply.append(&mut owed.raw);
        reply.extend_from_slice(end);
        reply
    }

    /// Whether the front reply, of which `end` is the rest, is what `test` looks for.
    pub(super) fn would_complete(&self, end: &[u8], test: impl FnOnce(&[u8]) -> bool) -> bool {
        let owed = self.cell.borrow();
        match owed.part {
            Some(begin) if !owed.is_torn => test(&[&owed.out[begin..], &owed.raw, end].concat()),
            None if !owed.is_torn => test(end),
            _ => false,
        }
    }

    /// The front command is sent again: what has come of its reply is forgotten. `false` if the client may
    /// have seen some of it.
    pub(super) fn rewind(&self) -> bool {
        let owed = &mut *self.cell.borrow_mut();
        if owed.is_torn {
            return false;
        }
        if let Some(begin) = owed.part.take() {
            owed.out.truncate(begin);
        }
        owed.forget_shaped();
        owed.arrived = 0;
        true
    }

    /// While commands of this caller are to be sent again, it must send nothing new.
    pub(super) fn set_rewinding(&self, is_rewinding: bool) {
        let owed = &mut *self.cell.borrow_mut();
        owed.is_rewinding = is_rewinding;
        owed.wake_caller();
    }

    /// Something of note happened below: the caller should look.
    pub(super) fn nudge(&self) {
        self.cell.borrow_mut().wake_caller();
    }

    /// The front command gets no reply. If part of one went out already, the client's connection is lost.
    pub(super) fn fail(&self, failure: &Failure) {
        let owed = &mut *self.cell.borrow_mut();
        if owed.is_torn {
            owed.is_broken = true;
        } else if !owed.is_closed {
            if let Some(begin) = owed.part.take() {
                owed.out.truncate(begin);
            }
            owed.fill(&self.spare);
            encode::error(&mut owed.out, failure.to_string());
        }
        owed.last = *b"-UN";
        owed.forget_shaped();
        owed.finish(&self.spare);
    }

    /// The shape of the front reply, of which a part is here.
    pub(super) fn shape(&self) -> Shape {
        self.cell.borrow().shape
    }

    /// A push of the upstream's, for the one who holds its connection.
    pub(super) fn hear(&self, push: &[u8]) {
        let namespace = self.cell.borrow().namespace.clone();
        match &namespace {
            Some(namespace) => self.push(&namespace.own_push(push)),
            None => self.push(push),
        }
    }

    /// Whether the client must read before more is put in. Keeps `lane` to be woken then.
    pub(super) fn is_full(&self, lane: &Waker) -> bool {
        let owed = &mut *self.cell.borrow_mut();
        let waiting = owed.out.len() - owed.written + owed.held_back();
        if owed.is_stalled || owed.is_for_caller {
            if waiting > self.limit.get() && !owed.is_closed {
                let who = if owed.is_for_caller { "the sidecar itself" } else { "a client" };
                tracing::warn!("{waiting} bytes of replies are too many for {who}: closing it");
                owed.is_broken = true;
                owed.wake_caller();
                owed.discard();
            }
            return false;
        }
        let is_full = waiting > self.high_water();
        if is_full {
            owed.lane = Some(lane.clone());
        }
        is_full
    }

    /// Whether the caller has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.cell.borrow().is_closed
    }

    /// Bytes that the client has taken in all.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.cell.borrow().taken
    }

    /// The client takes nothing: its lane need not wait for it any longer.
    pub(super) fn stall(&self) {
        self.cell.borrow_mut().is_stalled = true;
    }

    // ---- from either side ----

    /// Something that is no reply (a push, a MONITOR line): goes between replies.
    pub fn push(&self, bytes: &[u8]) {
        let owed = &mut *self.cell.borrow_mut();
        if owed.is_torn || owed.part.is_some() {
            owed.pushes.extend_from_slice(bytes);
        } else {
            owed.append(bytes, &self.spare);
        }
        owed.wake_caller();
    }

    // ---- the caller's side ----

    /// The same behind the replies of all that was sent before it.
    pub fn push_behind(&self, bytes: &[u8]) {
        self.cell.borrow_mut().put_behind(&self.spare, |out| out.extend_from_slice(bytes));
    }

    /// A command was handed to a lane.
    pub fn owe(&self) {
        self.cell.borrow_mut().sent += 1;
    }

    /// The same with an answer that has keys of the upstream in it.
    pub fn answer_shaped(&self, shape: Shape, write: impl FnOnce(&mut Vec<u8>)) {
        let namespace = self.cell.borrow().namespace.clone();
        match namespace.filter(|_| shape != Shape::None) {
            None => self.answer(write),
            Some(namespace) => {
                let mut reply = Vec::new();
                write(&mut reply);
                self.answer(|out| namespace.strip(shape, &reply, out));
            }
        }
    }

    /// An answer of the caller's own, behind all that is owed before it.
    pub fn answer(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let owed = &mut *self.cell.borrow_mut();
        owed.own = owed.put_behind(&self.spare, write);
    }

    /// Whether the client has as many replies on the way as it may have, at most `most` of them.
    #[must_use]
    pub fn has_window_full(&self, most: u64) -> bool {
        let owed = self.cell.borrow();
        owed.is_rewinding || owed.sent - owed.done >= (WINDOW / owed.average.max(1)).clamp(1, most)
    }

    /// Commands on the way that are not answered yet.
    #[must_use]
    pub fn owed(&self) -> u64 {
        let owed = self.cell.borrow();
        owed.sent - owed.done
    }

    /// Bytes that the client has not taken yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.cell.borrow().pending()
    }

    /// Bytes that the client has not taken yet, those of answers and pushes that wait for their turn included.
    #[must_use]
    pub fn unread(&self) -> usize {
        let owed = self.cell.borrow();
        owed.pending() + owed.waiting_bytes + owed.pushes.len()
    }

    /// The first three bytes of the last whole reply: `+OK`, `*-1`, `-ER`, ...
    #[must_use]
    pub fn last(&self) -> [u8; 3] {
        self.cell.borrow().last
    }

    /// The first bytes of the last answer of the caller's own since this was asked before; zeros without one.
    #[must_use]
    pub fn take_own(&self) -> [u8; 4] {
        std::mem::take(&mut self.cell.borrow_mut().own)
    }

    /// Whether a reply broke off in the middle, so that the client's connection must be closed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.cell.borrow().is_broken
    }

    /// Wakes `caller` when there is something new.
    pub fn wake(&self, caller: &Waker) {
        let slot = &mut self.cell.borrow_mut().caller;
        if !slot.as_ref().is_some_and(|known| known.will_wake(caller)) {
            *slot = Some(caller.clone());
        }
    }

    /// Gives the bytes for the client to `write`, which says how many it took.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn drain<E>(&self, write: impl FnOnce(&[u8]) -> Result<usize, E>) -> Result<usize, E> {
        let owed = &mut *self.cell.borrow_mut();
        let ready = owed.written + owed.pending();
        let taken = write(&owed.out[owed.written..ready])?;
        owed.written += taken;
        owed.taken += taken as u64;
        if owed.written == owed.out.len() && owed.part.is_none() {
            owed.written = 0;
            self.spare.give(std::mem::take(&mut owed.out));
        }
        if owed.out.len() - owed.written <= self.high_water() / 2 {
            owed.is_stalled = false;
            if let Some(lane) = owed.lane.take() {
                lane.wake();
            }
        }
        Ok(taken)
    }

    /// Takes all bytes that are ready, for a caller that reads the reply itself.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        let owed = &mut *self.cell.borrow_mut();
        let mut bytes = std::mem::take(&mut owed.out);
        bytes.drain(..std::mem::take(&mut owed.written));
        bytes
    }

    /// The caller has gone. Replies still on the way are thrown away as they come.
    pub fn close(&self) {
        let owed = &mut *self.cell.borrow_mut();
        owed.discard();
        owed.caller = None;
    }
}

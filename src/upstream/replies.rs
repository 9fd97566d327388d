//! The replies owed to one caller, in the order of its commands.
//!
//! A lane puts in what the upstream answered, the caller puts in what it answers itself, and takes out
//! bytes that are ready for its socket. Invariant: all commands that a caller has on the way at one time
//! are on one lane, so their replies come in order, and only the caller's own answers ever have to wait.
//! Out-of-band pushes go in between replies, never into one.

use super::error::Failure;
use super::spare::Spare;
use crate::wire::encode;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// Above this many bytes not yet taken by the client, its lane waits for it before it reads on, for as long
/// as the client takes some.
const HIGH_WATER: usize = 8 << 20;

/// A client that takes nothing no longer holds up its lane, but is given up above this many bytes.
const LIMIT: usize = 64 << 20;

/// Bytes of replies that one client may have on the way, as far as can be told from its replies so far; and
/// what a reply is taken for at first. A client that asks for much and reads nothing is thus known early.
const WINDOW: u64 = 4 << 20;
const FIRST_GUESS: u64 = 64 * 1024;

/// A reply of up to this size is shown to the client whole or not at all; of a larger one the client gets
/// what has come, and if the rest never comes, its connection is closed.
const WHOLE: usize = 64 * 1024;

impl Default for Owed {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            written: 0,
            part: None,
            sent: 0,
            done: 0,
            waiting: VecDeque::new(),
            pushes: Vec::new(),
            is_torn: false,
            last: [0; 3],
            arrived: 0,
            average: FIRST_GUESS,
            taken: 0,
            is_stalled: false,
            is_closed: false,
            is_broken: false,
            caller: None,
            lane: None,
        }
    }
}

/// See the module.
pub struct Replies {
    cell: RefCell<Owed>,
    spare: Rc<Spare>,
}

struct Owed {
    /// Bytes for the client; `..written` are gone already.
    out: Vec<u8>,
    written: usize,
    /// Where in `out` the front reply begins, while only part of it is here.
    part: Option<usize>,
    /// Commands handed to a lane, and those of them that are answered.
    sent: u64,
    done: u64,
    /// Own answers that wait until `.0` lane replies are done.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Pushes that came in the middle of a reply.
    pushes: Vec<u8>,
    /// Some of the front reply may have gone to the client, though it is not whole.
    is_torn: bool,
    /// The first bytes of the last whole reply: its kind, and whether it was null.
    last: [u8; 3],
    /// Bytes of the front reply so far, and of a reply on average.
    arrived: usize,
    average: u64,
    /// Bytes that the client has taken in all.
    taken: u64,
    /// The client has taken nothing for a while: its lane does not wait for it.
    is_stalled: bool,
    /// The caller has gone: nothing is kept any more.
    is_closed: bool,
    /// A reply broke off in the middle: the client's connection can't go on.
    is_broken: bool,
    caller: Option<Waker>,
    /// A lane that waits for the client to read.
    lane: Option<Waker>,
}

impl Replies {
    /// With nothing owed.
    #[must_use]
    pub fn new(spare: Rc<Spare>) -> Rc<Self> {
        Rc::new(Self { cell: RefCell::default(), spare })
    }

    // ---- the lane's side ----

    /// A piece of the front reply, more to come.
    pub(super) fn part(&self, bytes: &[u8]) {
        let owed = &mut *self.cell.borrow_mut();
        owed.arrived += bytes.len();
        owed.append(bytes, &self.spare);
        if owed.is_closed || owed.is_torn {
            owed.wake_caller();
            return;
        }
        let begin = *owed.part.get_or_insert(owed.out.len() - bytes.len());
        if owed.out.len() - begin > WHOLE {
            owed.last = head(&owed.out[begin..]);
            owed.part = None;
            owed.is_torn = true;
            owed.wake_caller();
        }
    }

    /// The front reply, or the end of it.
    pub(super) fn complete(&self, bytes: &[u8]) {
        let owed = &mut *self.cell.borrow_mut();
        let size = (std::mem::take(&mut owed.arrived) + bytes.len()) as u64;
        // A moving average over about eight replies.
        owed.average = owed.average - owed.average / 8 + size / 8;
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
        owed.finish(&self.spare);
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
        owed.finish(&self.spare);
    }

    /// Whether the client must read before more is put in. Keeps `lane` to be woken then.
    pub(super) fn is_full(&self, lane: &Waker) -> bool {
        let owed = &mut *self.cell.borrow_mut();
        let waiting = owed.out.len() - owed.written;
        if owed.is_stalled {
            if waiting > LIMIT && !owed.is_closed {
                tracing::warn!("a client took nothing of {waiting} bytes of replies: closing it");
                owed.is_broken = true;
                owed.discard();
                owed.wake_caller();
            }
            return false;
        }
        let is_full = waiting > HIGH_WATER;
        if is_full {
            owed.lane = Some(lane.clone());
        }
        is_full
    }

    /// Bytes that the client has taken in all.
    pub(super) fn taken(&self) -> u64 {
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

    /// A command was handed to a lane.
    pub fn expect(&self) {
        self.cell.borrow_mut().sent += 1;
    }

    /// An answer of the caller's own, behind all that is owed before it.
    pub fn answer(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let owed = &mut *self.cell.borrow_mut();
        if owed.sent == owed.done {
            owed.fill(&self.spare);
            write(&mut owed.out);
        } else {
            match owed.waiting.back_mut() {
                Some((after, bytes)) if *after == owed.sent => write(bytes),
                _ => {
                    let mut bytes = Vec::new();
                    write(&mut bytes);
                    owed.waiting.push_back((owed.sent, bytes));
                }
            }
        }
    }

    /// Whether the client has as many replies on the way as it may have, at most `most` of them.
    #[must_use]
    pub fn has_window_full(&self, most: u64) -> bool {
        let owed = self.cell.borrow();
        owed.sent - owed.done >= (WINDOW / owed.average.max(1)).clamp(1, most)
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

    /// The first three bytes of the last whole reply: `+OK`, `*-1`, `-ER`, ...
    #[must_use]
    pub fn last(&self) -> [u8; 3] {
        self.cell.borrow().last
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
        if owed.out.len() - owed.written <= HIGH_WATER / 2 {
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

impl Owed {
    /// Bytes that may go to the client now.
    fn pending(&self) -> usize {
        self.part.unwrap_or(self.out.len()) - self.written
    }

    /// Makes sure that `out` is a kept buffer rather than a new one.
    fn fill(&mut self, spare: &Spare) {
        if self.out.capacity() == 0 {
            self.out = spare.take();
        }
    }

    fn append(&mut self, bytes: &[u8], spare: &Spare) {
        if self.is_closed {
            return;
        }
        self.fill(spare);
        if self.written > HIGH_WATER / 2 {
            // A client that reads slowly but steadily must not make the buffer grow for ever.
            self.out.drain(..self.written);
            self.part = self.part.map(|begin| begin - self.written);
            self.written = 0;
        }
        self.out.extend_from_slice(bytes);
    }

    fn finish(&mut self, spare: &Spare) {
        self.is_torn = false;
        self.done += 1;
        if !self.pushes.is_empty() {
            let pushes = std::mem::take(&mut self.pushes);
            self.append(&pushes, spare);
        }
        while self.waiting.front().is_some_and(|(after, _)| *after <= self.done) {
            if let Some((_, bytes)) = self.waiting.pop_front() {
                self.append(&bytes, spare);
            }
        }
        self.wake_caller();
    }

    fn wake_caller(&mut self) {
        if let Some(caller) = self.caller.take() {
            caller.wake();
        }
    }

    fn discard(&mut self) {
        self.is_closed = true;
        self.out = Vec::new();
        self.written = 0;
        self.part = None;
        self.waiting.clear();
        self.pushes = Vec::new();
        if let Some(lane) = self.lane.take() {
            lane.wake();
        }
    }
}

fn head(bytes: &[u8]) -> [u8; 3] {
    let mut head = [0; 3];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    head
}

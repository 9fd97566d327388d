//! The state behind [`Replies`](super::Replies): bytes for the client, and what is owed before and behind them.

use super::{FIRST_GUESS, HIGH_WATER};
use crate::policy::namespace::Namespace;
use crate::policy::{Shape, Stripper};
use crate::upstream::spare::Spare;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// See the module.
pub(super) struct Owed {
    /// Bytes for the client; `..written` are gone already.
    pub(super) out: Vec<u8>,
    pub(super) written: usize,
    /// Where in `out` the front reply begins, while only part of it is here.
    pub(super) part: Option<usize>,
    /// Commands handed to a lane, and those of them that are answered.
    pub(super) sent: u64,
    pub(super) done: u64,
    /// Own answers and messages that wait until `.0` lane replies are done.
    pub(super) waiting: VecDeque<(u64, Vec<u8>)>,
    pub(super) waiting_bytes: usize,
    /// The caller takes the whole reply itself.
    pub(super) is_for_caller: bool,
    /// Pushes that came in the middle of a reply.
    pub(super) pushes: Vec<u8>,
    /// Some of the front reply may have gone to the client, though it is not whole.
    pub(super) is_torn: bool,
    /// The first bytes of the last whole reply: its kind, and whether it was null.
    pub(super) last: [u8; 3],
    /// The same of the caller's own last answer.
    pub(super) own: [u8; 4],
    /// Whose prefix keys lose, and the front reply where it has keys: as it came, while it may be taken back, then
    /// as it goes out.
    pub(super) namespace: Option<Arc<Namespace>>,
    pub(super) shape: Shape,
    pub(super) raw: Vec<u8>,
    pub(super) stripper: Option<Box<Stripper>>,
    /// Bytes of the front reply so far, and of a reply on average.
    pub(super) arrived: usize,
    pub(super) average: u64,
    /// Bytes that the client has taken in all.
    pub(super) taken: u64,
    /// The client has taken nothing for a while: its lane does not wait for it.
    pub(super) is_stalled: bool,
    /// Commands are to be sent again: nothing new may go before them.
    pub(super) is_rewinding: bool,
    /// The caller has gone: nothing is kept any more.
    pub(super) is_closed: bool,
    /// A reply broke off in the middle: the client's connection can't go on.
    pub(super) is_broken: bool,
    pub(super) caller: Option<Waker>,
    /// A lane that waits for the client to read.
    pub(super) lane: Option<Waker>,
}

impl Default for Owed {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            written: 0,
            part: None,
            sent: 0,
            done: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            is_for_caller: false,
            pushes: Vec::new(),
            is_torn: false,
            last: [0; 3],
            own: [0; 4],
            namespace: None,
            shape: Shape::None,
            raw: Vec::new(),
            stripper: None,
            arrived: 0,
            average: FIRST_GUESS,
            taken: 0,
            is_stalled: false,
            is_rewinding: false,
            is_closed: false,
            is_broken: false,
            caller: None,
            lane: None,
        }
    }
}

impl Owed {
    /// Bytes that may go to the client now.
    pub(super) fn pending(&self) -> usize {
        self.part.unwrap_or(self.out.len()) - self.written
    }

    /// Makes sure that `out` is a kept buffer rather than a new one.
    pub(super) fn fill(&mut self, spare: &Spare) {
        if self.out.capacity() == 0 {
            self.out = spare.take();
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8], spare: &Spare) {
        if self.is_closed {
            return;
        }
        self.make_room(spare);
        self.out.extend_from_slice(bytes);
    }

    fn make_room(&mut self, spare: &Spare) {
        self.fill(spare);
        if self.written > HIGH_WATER / 2 {
            // A client that reads slowly but steadily must not make the buffer grow for ever.
            self.out.drain(..self.written);
            self.part = self.part.map(|begin| begin - self.written);
            self.written = 0;
        }
    }

    /// What `write` appends goes out when all is answered that was sent by now; its first bytes.
    pub(super) fn put_behind(
        &mut self,
        spare: &Spare,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> [u8; 4] {
        if self.sent == self.done {
            self.make_room(spare);
            let before = self.out.len();
            write(&mut self.out);
            return head(&self.out[before..]);
        }
        if self.waiting.back().is_none_or(|(after, _)| *after != self.sent) {
            self.waiting.push_back((self.sent, Vec::new()));
        }
        let Some((_, bytes)) = self.waiting.back_mut() else { return [0; 4] };
        let before = bytes.len();
        write(bytes);
        self.waiting_bytes += bytes.len() - before;
        head(&bytes[before..])
    }

    /// The size of a reply, for a moving average over about eight.
    pub(super) fn weigh(&mut self, size: u64) {
        self.average = self.average - self.average / 8 + size / 8;
    }

    pub(super) fn finish(&mut self, spare: &Spare) {
        self.is_torn = false;
        self.done += 1;
        if !self.pushes.is_empty() {
            let pushes = std::mem::take(&mut self.pushes);
            self.append(&pushes, spare);
        }
        while self.waiting.front().is_some_and(|(after, _)| *after <= self.done) {
            if let Some((_, bytes)) = self.waiting.pop_front() {
                self.waiting_bytes -= bytes.len();
                self.append(&bytes, spare);
            }
        }
        self.wake_caller();
    }

    pub(super) fn wake_caller(&mut self) {
        if let Some(caller) = self.caller.take() {
            caller.wake();
        }
    }

    pub(super) fn discard(&mut self) {
        self.is_closed = true;
        self.out = Vec::new();
        self.written = 0;
        self.part = None;
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.pushes = Vec::new();
        self.raw = Vec::new();
        if let Some(lane) = self.lane.take() {
            lane.wake();
        }
    }
}

pub(super) fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut head = [0; N];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    head
}

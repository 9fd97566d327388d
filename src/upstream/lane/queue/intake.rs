//! How commands come into a lane's queue: their bytes, and a slot for the reply.
//!
//! Each way in asks the ledger what the command does, but for what we ask ourselves.

use super::ledger::Touch;
use super::{Order, Owner, Queue, Slot};
use crate::command::Spec;
use crate::memory::replies::Effect;
use crate::upstream::replies::Replies;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::rc::Rc;

/// Commands of this size and above are not copied into a chunk.
pub(super) const LARGE: usize = 16 * 1024;

impl Queue {
    /// Adds a command.
    pub(in super::super) fn pass(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        order: Order,
        caller: &Rc<Replies>,
    ) {
        let touch = self.ledger.begin(spec, request, order.is_silent);
        self.add(request.bytes(), order, touch, caller);
    }

    /// The same for one that nobody has looked at.
    pub(in super::super) fn push(&mut self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        let touch = self.ledger.begin_frame(frame, order.is_silent);
        self.add(frame, order, touch, caller);
    }

    pub(super) fn add(&mut self, frame: &[u8], order: Order, touch: Touch, caller: &Rc<Replies>) {
        if frame.len() >= LARGE {
            self.outgoing.append_whole(frame.to_vec());
        } else {
            self.outgoing.append(frame);
        }
        self.owe(Owner::Caller(Rc::clone(caller)), frame.len(), order, touch);
    }

    /// The same for a large command that need not be copied.
    pub(in super::super) fn push_whole(
        &mut self,
        frame: Vec<u8>,
        order: Order,
        caller: &Rc<Replies>,
    ) {
        let touch = self.ledger.begin_frame(&frame, order.is_silent);
        self.add_whole(frame, order, touch, caller);
    }

    pub(super) fn add_whole(
        &mut self,
        frame: Vec<u8>,
        order: Order,
        touch: Touch,
        caller: &Rc<Replies>,
    ) {
        let length = frame.len();
        self.outgoing.append_whole(frame);
        self.owe(Owner::Caller(Rc::clone(caller)), length, order, touch);
    }

    /// Bytes that are no command and get no reply of their own.
    pub(in super::super) fn push_raw(&mut self, bytes: &[u8]) {
        self.ledger.raw();
        self.outgoing.append(bytes);
    }

    /// A SELECT, which may fail, on a connection that one caller holds.
    pub(in super::super) fn push_select(
        &mut self,
        frame: &[u8],
        db: u32,
        order: Order,
        caller: &Rc<Replies>,
    ) {
        self.push(frame, order, caller);
        if let Some(slot) = self.slots.back_mut() {
            slot.selects = Some(db);
        }
    }

    /// A command whose reply nobody wants.
    pub(in super::super) fn push_own(&mut self, words: &[&[u8]]) {
        let mut frame = Vec::with_capacity(32);
        encode::command(&mut frame, words);
        self.outgoing.append(&frame);
        self.owe(Owner::Gone, frame.len(), Order::default(), Touch::None);
    }

    /// A PING of our own.
    pub(in super::super) fn push_probe(&mut self) {
        let mut frame = Vec::with_capacity(16);
        encode::command(&mut frame, &[b"PING"]);
        self.outgoing.append(&frame);
        self.owe(Owner::Probe, frame.len(), Order::default(), Touch::None);
    }

    pub(super) fn owe(&mut self, owner: Owner, length: usize, order: Order, touch: Touch) {
        let is_due = matches!(touch, Touch::Plain(Effect::Due { .. }));
        self.unsealed += usize::from(is_due || self.unsealed > 0);
        self.slots.push_back(Slot {
            owner,
            length,
            order,
            touch,
            selects: None,
            attempts: 0,
            since: None,
        });
    }
}

//! What the rules want sent right behind a command: EXPIREs for keys that it may have made.
//!
//! They go the command's own way, so that nothing comes between and what is sent again is sent again together; their
//! replies are nobody's. Within MULTI they wait, and go behind EXEC.

use super::super::context::{Backend, wall_clock};
use super::super::dedicated::select_frame;
use super::super::state::State;
use super::super::{Session, Socket, class};
use crate::command;
use crate::memory::Turn;
use crate::policy::requests;
use crate::upstream::lane::{Lane, Order};
use crate::upstream::replies::Replies;
use crate::upstream::retry::Class;
use crate::upstream::spare::Spare;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use std::rc::Rc;

/// Bytes that one transaction may have waiting.
const MOST: usize = 8 << 20;

/// Commands of our own that wait for the client's command to be on its way.
#[derive(Debug, Default)]
pub(in crate::session) struct Behind {
    /// Behind the command under way.
    next: Vec<u8>,
    /// Behind commands of the transaction.
    queued: Vec<Queued>,
    bytes: usize,
}

#[derive(Debug)]
struct Queued {
    /// The command's place in the transaction.
    place: usize,
    /// The database that the client had selected by then.
    db: u32,
    frames: Vec<u8>,
}

impl State {
    /// Keeps `frames` until the command under way is sent.
    pub(in crate::session) fn keep_behind(&mut self, frames: &[u8]) {
        self.behind.get_or_insert_default().next = frames.to_vec();
    }

    /// What is to be sent behind the command under way.
    pub(in crate::session) fn take_behind(&mut self) -> Vec<u8> {
        self.behind.as_mut().map_or_else(Vec::new, |behind| std::mem::take(&mut behind.next))
    }

    /// Keeps `frames` until EXEC. `false` if there are too many of them, so that EXEC must fail.
    pub(in crate::session) fn queue_behind(&mut self, frames: &[u8]) -> bool {
        let db = self.multi_dbs.last().copied().unwrap_or(self.db);
        let place = self.multi_length;
        let behind = self.behind.get_or_insert_default();
        behind.bytes += frames.len();
        if behind.bytes > MOST {
            self.is_multi_refused = true;
            return false;
        }
        behind.queued.push(Queued { place, db, frames: frames.to_vec() });
        true
    }

    /// What is to be sent behind EXEC, each in its database; the connection is where it was afterwards.
    pub(in crate::session) fn take_behind_exec(&mut self) -> Vec<u8> {
        let queued = self.take_queued_behind();
        // A SELECT within the transaction may have failed; only naming each database is sure.
        let has_selects = !self.multi_dbs.is_empty() && !queued.is_empty();
        let (mut frames, mut db) = (Vec::new(), None);
        for one in &queued {
            if has_selects && db.replace(one.db) != Some(one.db) {
                frames.extend_from_slice(&select_frame(one.db));
            }
            frames.extend_from_slice(&one.frames);
        }
        if has_selects {
            frames.extend_from_slice(&select_frame(self.db));
        }
        frames
    }

    fn take_queued_behind(&mut self) -> Vec<Queued> {
        self.behind.take().map_or_else(Vec::new, |behind| behind.queued)
    }

    /// The same for memory: for each place of the transaction, what follows its command.
    pub(in crate::session) fn take_queue_behind(&mut self) -> Vec<(usize, Vec<u8>)> {
        self.take_queued_behind().into_iter().map(|one| (one.place, one.frames)).collect()
    }
}

/// Sends commands on a connection of the client's own, apart from its replies.
pub(in crate::session) fn send_apart(lane: &Lane, frames: &[u8], spare: &Rc<Spare>) {
    if frames.is_empty() {
        return;
    }
    let nobody = Replies::whole(Rc::clone(spare));
    let order = Order { is_silent: true, ..Order::default() };
    requests(frames).for_each(|request| lane.push(request.bytes(), order, &nobody));
}

/// Runs commands of our own on memory, within a transaction.
pub(in crate::session) fn run_behind(
    frames: &[u8],
    turn: &mut Turn<'_>,
    db: u32,
    protocol: Protocol,
) {
    let mut unwanted = Vec::new();
    for request in requests(frames) {
        turn.execute(
            &request,
            command::lookup(request.name()),
            db as usize,
            protocol,
            &mut unwanted,
        );
    }
}

impl<S: Socket> Session<S> {
    /// Sends `frames` behind the command that was just handed on. They may wait as long as it may.
    pub(in crate::session) fn send_behind(&mut self, frames: &[u8], is_patient: bool) {
        for request in requests(frames) {
            self.send_one_behind(&request, is_patient);
        }
    }

    /// The same for what was kept.
    pub(in crate::session) fn send_kept_behind(&mut self, is_patient: bool) {
        let frames = self.state.take_behind();
        self.send_behind(&frames, is_patient);
    }

    fn send_one_behind(&mut self, request: &Request<'_>, is_patient: bool) {
        let spec = command::lookup(request.name());
        if let Backend::Memory(embedded) = &self.context.backend {
            let (db, protocol) = (self.state.db as usize, self.state.protocol);
            let mut unwanted = Vec::new();
            embedded.engine.execute(request, spec, db, protocol, wall_clock(), &mut unwanted);
        } else if let Some(lane) = self.lane_in_use() {
            let class = if self.held.is_some() { Class::Never } else { class(spec) };
            let order = Order { is_silent: true, is_patient, class, ..Order::default() };
            lane.pass(spec, request, order, &self.replies);
        }
    }
}

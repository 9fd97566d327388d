//! What a client has made of its connection: protocol, database, name, transaction, and whether it wants
//! replies. Pure: decides, and knows no socket.

use super::govern::behind::Behind;
use crate::command::Number;
use crate::policy::Shape;
use crate::routing::target::{Hold, Situation};
use crate::upstream::lane::Order;
use crate::wire::Protocol;

/// Whether the client wants replies (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next command's reply is not wanted.
    SkipNext,
}

/// CLIENT TRACKING as the client set it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracking {
    /// Words of CLIENT TRACKINGINFO: bcast, optin, optout, noloop.
    pub(super) flags: Vec<&'static str>,
    /// Another client of ours that hears of invalidations.
    pub(super) redirect: Option<u64>,
    pub(super) prefixes: Vec<Vec<u8>>,
    /// The hub's connection at the time, which the redirection depends on.
    pub(super) epoch: u64,
    /// CLIENT CACHING was said for the next command.
    pub(super) caching: Option<bool>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct State {
    pub(super) protocol: Protocol,
    pub(super) db: u32,
    pub(super) is_authenticated: bool,
    pub(super) reply: ReplyMode,
    /// The uncommon command under way, until it is given an order: then its lane counts it.
    pub(super) command: Number,
    /// Which values of the next command's reply are keys.
    pub(super) shape: Shape,
    /// Between MULTI and EXEC.
    pub(super) in_multi: bool,
    /// How many commands the transaction holds.
    pub(super) multi_length: usize,
    /// Databases that were SELECTed within the transaction.
    pub(super) multi_dbs: Vec<u32>,
    /// Commands of the transaction whose replies have keys in them, with their places in it.
    pub(super) multi_shapes: Vec<(usize, Shape)>,
    /// Commands of the transaction that the session answers, with their places in it.
    pub(super) multi_here: Vec<(usize, Vec<u8>)>,
    /// While EXEC's reply is put together: messages that come meanwhile, which go out behind it.
    pub(super) apart: Option<Vec<u8>>,
    /// The whole transaction, where no upstream keeps it, and its bytes.
    queue: Vec<Vec<u8>>,
    queue_bytes: usize,
    /// The transaction's connection was lost: EXEC must fail.
    pub(super) is_multi_lost: bool,
    /// The connection of a WATCH was lost: whether its keys changed is unknown, so EXEC must not run.
    pub(super) is_watch_lost: bool,
    pub(super) tracking: Option<Box<Tracking>>,
    pub(super) no_touch: bool,
    /// Another state of the connection upstream that only RESET ends (SCRIPT DEBUG, READONLY).
    pub(super) is_pinned: bool,
    /// Keys are watched on the connection that is held.
    pub(super) is_watching: bool,
    /// A command could not be queued: EXEC must fail.
    pub(super) is_multi_refused: bool,
    /// What is to be sent behind commands.
    pub(super) behind: Option<Box<Behind>>,
}

impl State {
    /// A client that has just come, and is nobody yet.
    pub(super) fn new(db: u32) -> Self {
        Self {
            protocol: Protocol::Resp2,
            db,
            is_authenticated: false,
            reply: ReplyMode::On,
            command: Number::NONE,
            shape: Shape::None,
            in_multi: false,
            multi_length: 0,
            multi_dbs: Vec::new(),
            multi_shapes: Vec::new(),
            multi_here: Vec::new(),
            apart: None,
            queue: Vec::new(),
            queue_bytes: 0,
            is_multi_lost: false,
            is_watch_lost: false,
            tracking: None,
            no_touch: false,
            is_pinned: false,
            is_watching: false,
            is_multi_refused: false,
            behind: None,
        }
    }

    /// MULTI was sent.
    pub(super) fn begin_multi(&mut self) {
        self.in_multi = true;
    }

    /// A command goes into the transaction. The answer to itself, `QUEUED`, has no keys.
    pub(super) fn note_queued(&mut self) {
        let shape = std::mem::take(&mut self.shape);
        if shape != Shape::None {
            self.multi_shapes.push((self.multi_length, shape));
        }
        self.multi_length += 1;
    }

    /// The transaction is over. The databases that it SELECTed.
    pub(super) fn end_multi(&mut self) -> Vec<u32> {
        self.in_multi = false;
        self.multi_length = 0;
        self.multi_shapes.clear();
        self.multi_here.clear();
        self.take_queue();
        self.is_multi_lost = false;
        self.is_watch_lost = false;
        self.is_watching = false;
        self.is_multi_refused = false;
        self.behind = None;
        std::mem::take(&mut self.multi_dbs)
    }

    /// Keeps a command of the transaction. One that would make it larger than `most` bytes is refused, and with it
    /// the transaction.
    pub(super) fn queue(&mut self, frame: &[u8], most: usize) -> bool {
        if self.queue_bytes + frame.len() > most {
            self.is_multi_refused = true;
            return false;
        }
        self.queue_bytes += frame.len();
        self.queue.push(frame.to_vec());
        self.multi_length += 1;
        true
    }

    /// The commands that were kept.
    pub(super) fn take_queue(&mut self) -> Vec<Vec<u8>> {
        self.queue_bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// How the next ordinary command is to be carried; using up a CLIENT REPLY SKIP.
    pub(super) fn order(&mut self) -> Order {
        let command = std::mem::take(&mut self.command);
        let shape = std::mem::take(&mut self.shape);
        Order { is_silent: self.is_silenced(), command, shape, ..Order::default() }
    }

    /// Whether the reply of the command at hand is unwanted; using up a CLIENT REPLY SKIP.
    pub(super) fn is_silenced(&mut self) -> bool {
        match self.reply {
            ReplyMode::On => false,
            ReplyMode::Off => true,
            ReplyMode::SkipNext => {
                self.reply = ReplyMode::On;
                true
            }
        }
    }

    /// As far as the way of a command depends on it.
    pub(super) fn situation(&self, hold: Option<Hold>, has_subscriptions: bool) -> Situation {
        Situation {
            hold,
            in_multi: self.in_multi,
            is_subscriber: has_subscriptions && self.protocol == Protocol::Resp2,
        }
    }

    /// Whether the connection that is held has state of its own.
    pub(super) fn keeps_connection(&self) -> bool {
        self.tracking.is_some() || self.no_touch || self.is_pinned
    }
}

#[cfg(test)]
mod tests {
    use super::{ReplyMode, State};

    #[test]
    fn a_transaction_that_grows_too_large_can_only_be_discarded() {
        let mut state = State::new(0);
        state.begin_multi();
        assert!(state.queue(b"12345", 9) && !state.queue(b"12345", 9) && state.queue(b"1234", 9));
        assert!(state.is_multi_refused && state.multi_length == 2);
        state.end_multi();
        assert!(!state.is_multi_refused && state.take_queue().is_empty());
        assert!(state.queue(b"123456789", 9));
    }

    #[test]
    fn skip_silences_one_command_and_off_all() {
        let mut state = State::new(0);
        state.reply = ReplyMode::SkipNext;
        assert!(state.order().is_silent);
        assert!(!state.order().is_silent);
        state.reply = ReplyMode::Off;
        assert!(state.order().is_silent && state.order().is_silent);
    }
}

//! What a command does to what is kept: read of which keys, write of which keys, or of any.
//!
//! In doubt a command may have written anything.

use crate::command::keys::{Keys, positions};
use crate::command::{self, Flags, Kind, Spec};
use crate::wire::decode::Request;

/// What a command that is on its way does, and what the counters were when it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that concerns what is kept.
    #[default]
    None,
    /// Reads one key.
    Read {
        /// The key's counter.
        place: u32,
        /// What it was.
        stamp: u32,
    },
    /// Asks for the key's time to live.
    Asks {
        /// The key's counter.
        place: u32,
        /// What it was.
        stamp: u32,
    },
    /// Reads several keys.
    Reads {
        /// The sum of their counters.
        stamp: u32,
    },
    /// Will write one key, and is to be counted before its first byte is sent ([`ReplyCache::count_due`]).
    ///
    /// [`ReplyCache::count_due`]: super::ReplyCache::count_due
    Due {
        /// The key's hash.
        key: u64,
        /// What may be learnt from the reply, if nobody has read the key.
        interest: Interest,
    },
    /// Writes one key, and is counted.
    Write {
        /// The key's counter.
        place: u32,
        /// What it was, this write included.
        writes: u32,
        /// The count of writes that may have touched any key.
        era: u32,
        /// What may be learnt from the reply.
        interest: Interest,
    },
    /// Writes several keys.
    Writes,
    /// May write any key.
    Wide,
}

/// What there is to be learnt from a write that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing.
    None,
    /// The value of a key that was read before.
    Value,
    /// The value of a key that nobody has read.
    NewValue,
    /// The key's deadline.
    Deadline,
}

impl Interest {
    #[inline]
    pub(super) fn of(spec: Option<&Spec>, request: &Request<'_>) -> Self {
        match spec {
            Some(spec) if spec.gives_lifetime => Self::Deadline,
            Some(spec) if spec.name == "set" && request.argc() > 3 => Self::Deadline,
            Some(spec) if spec.name == "set" => Self::NewValue,
            _ => Self::None,
        }
    }

    /// The same once it is known whether the key was read before.
    #[inline]
    pub(super) fn knowing(self, was_read: bool) -> Self {
        match self {
            Self::NewValue if was_read => Self::Value,
            own => own,
        }
    }
}

/// What a command is, before anything is counted.
pub(super) enum Nature<'a> {
    Nothing,
    Read(&'a [u8]),
    /// TTL and its kin: the reply is not kept, but tells a deadline.
    Asks(&'a [u8]),
    Reads(Keys),
    Write(&'a [u8]),
    Writes(Keys),
    Wide,
}

/// Commands without the write flag that change what is there.
const CHANGERS: [&str; 4] = ["debug", "failover", "replicaof", "slaveof"];

impl<'a> Nature<'a> {
    #[inline]
    pub(super) fn of(spec: Option<&Spec>, request: &Request<'a>) -> Self {
        let Some(spec) = spec else { return Self::Wide };
        if spec.is_readonly() {
            return Self::of_read(spec, request);
        }
        if spec.is_write() {
            return Self::of_write(spec, request);
        }
        Self::of_other(spec, request)
    }

    #[inline]
    fn of_read(spec: &Spec, request: &Request<'a>) -> Self {
        let is_plain = matches!(spec.kind, Kind::Ordinary | Kind::BlockingIfAsked);
        if !spec.is_repeatable && tells_deadline(spec) {
            return request.arg(1).map_or(Self::Nothing, Self::Asks);
        }
        if !is_plain || !spec.is_repeatable {
            return Self::Nothing;
        }
        if has_one_key(spec) {
            return request.arg(1).map_or(Self::Nothing, Self::Read);
        }
        match positions(spec, request) {
            Ok(keys) if !keys.is_empty() => Self::Reads(keys),
            _ => Self::Nothing,
        }
    }

    #[inline]
    fn of_write(spec: &Spec, request: &Request<'a>) -> Self {
        if has_one_key(spec) {
            return request.arg(1).map_or(Self::Wide, Self::Write);
        }
        match positions(spec, request) {
            Ok(keys) if !keys.is_empty() => Self::Writes(keys),
            _ => Self::Wide,
        }
    }

    fn of_other(spec: &Spec, request: &Request<'a>) -> Self {
        match spec.kind {
            Kind::Script => Self::Wide,
            _ if CHANGERS.contains(&spec.name) => Self::Wide,
            _ if !spec.is_container() => Self::Nothing,
            // OBJECT, XINFO and MEMORY only read, but what they tell is not of the data alone.
            _ => match command::resolve(request) {
                Some(exact) if exact.is_write() => Self::of_write(exact, request),
                Some(_) if !matches!(spec.name, "module" | "cluster") => Self::Nothing,
                _ => Self::Wide,
            },
        }
    }
}

/// Whether the one key is the first argument, whatever the rest says.
#[inline]
fn has_one_key(spec: &Spec) -> bool {
    spec.first_key == 1 && spec.last_key == 1 && !spec.flags.contains(Flags::MOVABLEKEYS)
}

/// Whether the reply is a key's time to live.
fn tells_deadline(spec: &Spec) -> bool {
    matches!(spec.name, "ttl" | "pttl" | "expiretime" | "pexpiretime")
}

//! The commands that the engine has: one function each, grouped by what they work on.
//!
//! A function gets a [`Call`] whose number of arguments is right, changes the data, and appends one
//! whole reply; or it changes nothing, appends nothing, and returns its [`Failure`].

mod arguments;
mod blocking;
mod configuration;
mod counters;
mod expire;
mod hashes;
mod info;
mod keys;
mod lists;
mod moves;
mod object;
mod ranges;
mod sample;
mod scans;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod strings;
mod subsequence;
mod table;

use crate::command::{Group, Kind, Spec};
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};

use super::Now;
use super::engine::State;
use super::failure::Failure;
use super::keyspace::{Edit, Keyspace};
use super::value::{Typed, Value};

/// What the engine has, in the words of the error for what it has not.
pub(super) const OFFERED: &str = "strings, hashes, lists, sets, sorted sets and expiry";

/// Runs one command.
pub(super) type Command = fn(&mut Call<'_, '_>) -> Result<(), Failure>;

/// One request, and all that it may work on.
pub(super) struct Call<'a, 'r> {
    pub(super) state: &'a mut State,
    pub(super) request: &'a Request<'r>,
    /// Less than [`super::Engine::DATABASES`].
    pub(super) db: usize,
    pub(super) protocol: Protocol,
    pub(super) now: Now,
    pub(super) out: &'a mut Vec<u8>,
}

/// The function behind a command or a subcommand; `None` where the engine has none.
pub(super) fn find(spec: &Spec) -> Option<Command> {
    let name = spec.name;
    strings::find(name)
        .or_else(|| counters::find(name))
        .or_else(|| ranges::find(name))
        .or_else(|| subsequence::find(name))
        .or_else(|| expire::find(name))
        .or_else(|| hashes::find(name))
        .or_else(|| lists::find(name))
        .or_else(|| sorted_sets::find(name))
        .or_else(|| blocking::find(name))
        .or_else(|| sets::find(name))
        .or_else(|| keys::find(name))
        .or_else(|| moves::find(name))
        .or_else(|| object::find(name))
        .or_else(|| sort::find(name))
        .or_else(|| server::find(name))
        .or_else(|| configuration::find(name))
        .or_else(|| table::find(name))
}

/// Whether the session answers the command or subcommand, so that the engine has no function for it.
pub(super) fn is_answered_above(spec: &Spec) -> bool {
    let is_of_connection = matches!(
        spec.kind,
        Kind::Auth
            | Kind::Hello
            | Kind::Select
            | Kind::Client
            | Kind::Reset
            | Kind::Quit
            | Kind::Multi
            | Kind::Exec
            | Kind::Discard
            | Kind::Watch
            | Kind::Unwatch
    );
    is_of_connection || spec.group == Group::PubSub
}

/// The subcommand that a request to a container means.
pub(super) fn resolve(
    spec: &'static Spec,
    request: &Request<'_>,
) -> Result<&'static Spec, Failure> {
    match request.arg(1) {
        Some(given) if spec.is_container() => {
            spec.subcommand(given).ok_or_else(|| Failure::unknown_subcommand(spec.name, given))
        }
        _ => Ok(spec),
    }
}

impl<'r> Call<'_, 'r> {
    /// An argument that the command's arity has promised.
    fn arg(&self, index: usize) -> &'r [u8] {
        self.request.arg(index).unwrap_or_default()
    }

    /// The arguments from this one on.
    fn args_from(&self, index: usize) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        self.request.args().skip(index)
    }

    fn keyspace(&mut self) -> &mut Keyspace {
        &mut self.state.databases[self.db]
    }

    /// The value for a command that only reads: counted as a hit or a miss.
    fn read(&mut self, key: &[u8]) -> Option<&Value> {
        let value = self.state.databases[self.db].value(key, self.now);
        self.state.statistics.count_read(value.is_some());
        value
    }

    /// As [`Call::read`], of the type that the command works on, and where the reply goes.
    fn open<T: Typed>(&mut self, key: &[u8]) -> Result<(Option<&T>, &mut Vec<u8>), Failure> {
        let value = self.state.databases[self.db].typed::<T>(key, self.now);
        self.state.statistics.count_read(!matches!(value, Ok(None)));
        Ok((value?, self.out))
    }

    /// See [`Keyspace::change`].
    fn change<T: Typed, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> Result<Edit<R>, Failure>,
    ) -> Result<R, Failure> {
        self.state.databases[self.db].change(key, self.now, change)
    }

    /// See [`Keyspace::change_existing`].
    fn change_existing<T: Typed, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> Result<Edit<R>, Failure>,
    ) -> Result<Option<R>, Failure> {
        self.state.databases[self.db].change_existing(key, self.now, change)
    }

    fn reply_ok(&mut self) -> Result<(), Failure> {
        encode::simple(self.out, "OK");
        Ok(())
    }

    fn reply_integer(&mut self, value: i64) -> Result<(), Failure> {
        encode::integer(self.out, value);
        Ok(())
    }

    fn reply_count(&mut self, count: usize) -> Result<(), Failure> {
        self.reply_integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

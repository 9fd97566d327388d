//! Keys that get another name or another database: RENAME, MOVE, COPY, SWAPDB.
//!
//! A deadline goes where its key goes.

use super::super::Now;
use super::super::failure::Failure;
use super::super::keyspace::{Deadline, Keyspace};
use super::super::value::Value;
use super::arguments::database;
use super::{Call, Command};

const SAME: Failure = Failure::Text("source and destination objects are the same");

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "rename" => rename,
        "renamenx" => renamenx,
        "move" => move_to,
        "copy" => copy,
        "swapdb" => swapdb,
        _ => return None,
    })
}

fn rename(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    rename_unless(call, false)?;
    call.reply_ok()
}

fn renamenx(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let is_renamed = rename_unless(call, true)?;
    call.reply_integer(is_renamed.into())
}

/// Whether the key has the new name now. A key that has it already is renamed to itself, but not
/// where the name `must_be_new`.
fn rename_unless(call: &mut Call<'_, '_>, must_be_new: bool) -> Result<bool, Failure> {
    let (from, to, now) = (call.arg(1), call.arg(2), call.now);
    if !call.keyspace().contains(from, now) {
        return Err(Failure::Text("no such key"));
    }
    if must_be_new && call.keyspace().contains(to, now) {
        return Ok(false);
    }
    if from != to
        && let Some((value, deadline)) = take(call.keyspace(), from, now)
    {
        call.keyspace().set(to, value, deadline, now);
    }
    Ok(true)
}

fn move_to(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    let target = database(call.arg(2))?;
    if target == call.db {
        return Err(SAME);
    }
    if !call.keyspace().contains(key, now) || call.state.databases[target].contains(key, now) {
        return call.reply_integer(0);
    }
    if let Some((value, deadline)) = take(call.keyspace(), key, now) {
        call.state.databases[target].set(key, value, deadline, now);
    }
    call.reply_integer(1)
}

fn take(keyspace: &mut Keyspace, key: &[u8], now: Now) -> Option<(Value, Deadline)> {
    let deadline = keyspace.deadline(key, now)?;
    let value = keyspace.remove(key, now)?;
    Some((value, deadline.map_or(Deadline::Clear, Deadline::At)))
}

fn copy(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (from, to, now) = (call.arg(1), call.arg(2), call.now);
    let (mut target, mut may_replace) = (call.db, false);
    let mut options = call.args_from(3);
    while let Some(word) = options.next() {
        match word.to_ascii_uppercase().as_slice() {
            b"REPLACE" => may_replace = true,
            b"DB" => target = database(options.next().ok_or(Failure::Syntax)?)?,
            _ => return Err(Failure::Syntax),
        }
    }
    if target == call.db && from == to {
        return Err(SAME);
    }
    let Some(value) = call.read(from).cloned() else { return call.reply_integer(0) };
    let deadline = call.keyspace().deadline(from, now).flatten();
    if !may_replace && call.state.databases[target].contains(to, now) {
        return call.reply_integer(0);
    }
    let deadline = deadline.map_or(Deadline::Clear, Deadline::At);
    call.state.databases[target].set(to, value, deadline, now);
    call.reply_integer(1)
}

fn swapdb(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let first = database_named(call.arg(1), "invalid first DB index")?;
    let second = database_named(call.arg(2), "invalid second DB index")?;
    let (first, second) = (first?, second?);
    if let Ok([first, second]) = call.state.databases.get_disjoint_mut([first, second]) {
        first.swap(second, call.now);
    }
    call.reply_ok()
}

/// Both must be numbers before one that is out of range is told.
fn database_named(digits: &[u8], refusal: &'static str) -> Result<Result<usize, Failure>, Failure> {
    match database(digits) {
        Err(Failure::NoSuchDatabase) => Ok(Err(Failure::NoSuchDatabase)),
        Err(_) => Err(Failure::Text(refusal)),
        Ok(number) => Ok(Ok(number)),
    }
}

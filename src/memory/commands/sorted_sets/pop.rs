//! Members taken from one end: ZPOPMIN, ZPOPMAX, ZMPOP.
//!
//! Those that look through several keys are told apart from their commands, so that a client that waits for a
//! member can be served in the same way.

use crate::wire::{Protocol, encode};

use super::super::super::failure::Failure;
use super::super::super::keyspace::Edit;
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::arguments::{count, counted_keys, trailing_count};
use super::super::{Call, Command};
use super::write_members;

/// From which end members are popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Extreme {
    Min,
    Max,
}

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "zpopmin" => |call| pop(call, Extreme::Min),
        "zpopmax" => |call| pop(call, Extreme::Max),
        "zmpop" => zmpop,
        _ => return None,
    })
}

fn pop(call: &mut Call<'_, '_>, extreme: Extreme) -> Result<(), Failure> {
    let given = match call.request.argc() {
        2 => None,
        3 => Some(count(call.arg(2))?),
        _ => return Err(Failure::Syntax),
    };
    let popped = pop_up_to(call, call.arg(1), extreme, given.unwrap_or(1))?.unwrap_or_default();
    if given.is_some() {
        write_members(call.out, call.protocol, popped.len(), popped.iter().map(Entry::pair), true);
        return Ok(());
    }
    // One member alone comes without an array of its own, in RESP3 too.
    encode::array_header(call.out, popped.len() * 2);
    popped.iter().for_each(|entry| write_pair(call.out, call.protocol, entry));
    Ok(())
}

fn zmpop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let many = Many::read(call, 1)?;
    if !many.pop(call)? {
        encode::null_array(call.out, call.protocol);
    }
    Ok(())
}

/// Pops the first member of the first sorted set among these keys that is there, and replies with key, member
/// and score. `false`, and no reply, where none is.
pub(in super::super) fn pop_lone<'r>(
    call: &mut Call<'_, 'r>,
    keys: impl Iterator<Item = &'r [u8]>,
    extreme: Extreme,
) -> Result<bool, Failure> {
    for key in keys {
        let popped = pop_up_to(call, key, extreme, 1)?;
        if let Some(entry) = popped.as_deref().and_then(<[Entry]>::first) {
            encode::array_header(call.out, 3);
            encode::bulk(call.out, key);
            write_pair(call.out, call.protocol, entry);
            return Ok(true);
        }
    }
    Ok(false)
}

/// ZMPOP without its name, and without BZMPOP's timeout.
pub(in super::super) struct Many<'r> {
    keys: Vec<&'r [u8]>,
    extreme: Extreme,
    most: usize,
}

impl<'r> Many<'r> {
    /// `at` is where the number of keys stands.
    pub(in super::super) fn read(call: &Call<'_, 'r>, at: usize) -> Result<Self, Failure> {
        let (keys, behind) = counted_keys(call, at)?;
        let extreme = match call.arg(behind).to_ascii_lowercase().as_slice() {
            b"min" => Extreme::Min,
            b"max" => Extreme::Max,
            _ => return Err(Failure::Syntax),
        };
        Ok(Self { keys, extreme, most: trailing_count(call, behind + 1)? })
    }

    /// Pops from the first sorted set that is there. `false`, and no reply, where none is.
    pub(in super::super) fn pop(&self, call: &mut Call<'_, '_>) -> Result<bool, Failure> {
        for key in &self.keys {
            let Some(popped) = pop_up_to(call, key, self.extreme, self.most)? else { continue };
            encode::array_header(call.out, 2);
            encode::bulk(call.out, key);
            encode::array_header(call.out, popped.len());
            for entry in &popped {
                encode::array_header(call.out, 2);
                write_pair(call.out, call.protocol, entry);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

fn write_pair(out: &mut Vec<u8>, protocol: Protocol, entry: &Entry) {
    encode::bulk(out, &entry.member);
    encode::double(out, protocol, entry.score);
}

/// Takes up to `most` members from one end; `None` where there is no such set.
fn pop_up_to(
    call: &mut Call<'_, '_>,
    key: &[u8],
    extreme: Extreme,
    most: usize,
) -> Result<Option<Vec<Entry>>, Failure> {
    call.change_existing(key, |set: &mut SortedSet| {
        let len = set.len();
        let most = most.min(len);
        let popped: Vec<Entry> = match extreme {
            Extreme::Min => set.range(0..most).cloned().collect(),
            Extreme::Max => set.range_back(len - most..len).cloned().collect(),
        };
        for entry in &popped {
            set.remove(&entry.member);
        }
        Ok(Edit::when(!popped.is_empty(), popped))
    })
}

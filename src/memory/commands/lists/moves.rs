//! Elements from one list to another, and from the first list of several.
//!
//! Each is told apart from its command, so that a client that waits for an element can be served in the same way.

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::keyspace::Edit;
use super::super::super::value::list::{End, List};
use super::super::Call;
use super::super::arguments::{counted_keys, trailing_count};
use super::{pop_up_to, write_elements};

pub(super) fn lmove(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (from, to) = (end(call.arg(3))?, end(call.arg(4))?);
    reply_or_null(call, from, to)
}

pub(super) fn rpoplpush(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    reply_or_null(call, End::Right, End::Left)
}

pub(super) fn lmpop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let many = Many::read(call, 1)?;
    if !many.pop(call)? {
        encode::null_array(call.out, call.protocol);
    }
    Ok(())
}

fn reply_or_null(call: &mut Call<'_, '_>, from: End, to: End) -> Result<(), Failure> {
    if !move_element(call, from, to)? {
        encode::null(call.out, call.protocol);
    }
    Ok(())
}

/// An end in the words LEFT and RIGHT.
pub(in super::super) fn end(word: &[u8]) -> Result<End, Failure> {
    match word.to_ascii_lowercase().as_slice() {
        b"left" => Ok(End::Left),
        b"right" => Ok(End::Right),
        _ => Err(Failure::Syntax),
    }
}

/// Moves an element from the list that the first argument names to the one that the second does, and replies with it.
/// `false`, and no reply, where there is none.
pub(in super::super) fn move_element(
    call: &mut Call<'_, '_>,
    from: End,
    to: End,
) -> Result<bool, Failure> {
    let (source, target, now) = (call.arg(1), call.arg(2), call.now);
    if call.keyspace().typed::<List>(source, now)?.is_none() {
        return Ok(false);
    }
    call.keyspace().typed::<List>(target, now)?;
    let popped = call.change_existing(source, |list: &mut List| {
        let element = list.pop(from);
        // In one step: a list that is empty in between would be gone, and its deadline with it.
        if let Some(element) = element.as_ref().filter(|_| source == target) {
            list.push(to, element);
        }
        Ok(Edit::made(element))
    })?;
    let Some(element) = popped.flatten() else { return Ok(false) };
    if source != target {
        call.change(target, |list: &mut List| {
            list.push(to, &element);
            Ok(Edit::made(()))
        })?;
    }
    encode::bulk(call.out, &element);
    Ok(true)
}

/// Pops one element of the first list among these keys that is there, and replies with key and element. `false`,
/// and no reply, where none is.
pub(in super::super) fn pop_lone<'r>(
    call: &mut Call<'_, 'r>,
    keys: impl Iterator<Item = &'r [u8]>,
    end: End,
) -> Result<bool, Failure> {
    for key in keys {
        if let Some(elements) = pop_up_to(call, key, end, 1)? {
            encode::array_header(call.out, 2);
            encode::bulk(call.out, key);
            elements.iter().for_each(|element| encode::bulk(call.out, element));
            return Ok(true);
        }
    }
    Ok(false)
}

/// LMPOP without its name, and without BLMPOP's timeout.
pub(in super::super) struct Many<'r> {
    keys: Vec<&'r [u8]>,
    end: End,
    most: usize,
}

impl<'r> Many<'r> {
    /// `at` is where the number of keys stands.
    pub(in super::super) fn read(call: &Call<'_, 'r>, at: usize) -> Result<Self, Failure> {
        let (keys, behind) = counted_keys(call, at)?;
        Ok(Self { keys, end: end(call.arg(behind))?, most: trailing_count(call, behind + 1)? })
    }

    /// Pops from the first list that is there. `false`, and no reply, where none is.
    pub(in super::super) fn pop(&self, call: &mut Call<'_, '_>) -> Result<bool, Failure> {
        for key in &self.keys {
            if let Some(elements) = pop_up_to(call, key, self.end, self.most)? {
                encode::array_header(call.out, 2);
                encode::bulk(call.out, key);
                write_elements(call.out, &elements);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

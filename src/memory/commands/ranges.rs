//! Parts of strings, and a string beside another: cut out, written over, compared.
//!
//! <https://redis.io/docs/latest/commands/getrange/>

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::keyspace::Edit;
use super::super::value::WRITTEN;
use super::arguments::integer;
use super::strings::LONGEST;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "getrange" | "substr" => getrange,
        "setrange" => setrange,
        _ => return None,
    })
}

fn getrange(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (first, last) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let (string, out) = call.open::<Vec<u8>>(call.arg(1))?;
    encode::bulk(out, string.map_or(&[], |string| part(string, first, last)));
    Ok(())
}

/// From `first` to `last`, both included; below zero they count from the end, and what is beyond
/// the start is the start.
fn part(string: &[u8], first: i64, last: i64) -> &[u8] {
    if first < 0 && last < 0 && first > last {
        return &[];
    }
    let len = i64::try_from(string.len()).unwrap_or(i64::MAX);
    let from_start = |index: i64| if index < 0 { (index + len).max(0) } else { index };
    let (first, last) = (from_start(first), from_start(last).min(len - 1));
    match (usize::try_from(first), usize::try_from(last)) {
        (Ok(first), Ok(last)) => string.get(first..=last).unwrap_or_default(),
        _ => &[],
    }
}

fn setrange(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, piece) = (call.arg(1), call.arg(3));
    let at = integer(call.arg(2))?;
    let at = usize::try_from(at).map_err(|_| Failure::Text("offset is out of range"))?;
    if piece.is_empty() {
        let (string, _) = call.open::<Vec<u8>>(key)?;
        let len = string.map_or(0, Vec::len);
        return call.reply_count(len);
    }
    let end = at.saturating_add(piece.len());
    let len = call.change(key, |string: &mut Vec<u8>| {
        if end > LONGEST {
            return Err(Failure::StringTooLong);
        }
        string.reserve_exact(end.saturating_sub(string.len()) + WRITTEN);
        if string.len() < end {
            string.resize(end, 0);
        }
        if let Some(place) = string.get_mut(at..end) {
            place.copy_from_slice(piece);
        }
        Ok(Edit::made(string.len()))
    })?;
    call.reply_count(len)
}

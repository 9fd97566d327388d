//! Lists: pushed, popped, read and changed by index or by element.
//!
//! <https://redis.io/docs/latest/commands/?group=list>

mod moves;
mod position;

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::keyspace::Edit;
use super::super::value::list::{End, List};
use super::arguments::{count, integer, span};
use super::{Call, Command};

pub(super) use moves::{Many, end, move_element, pop_lone};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "lpush" => |call| push(call, End::Left),
        "rpush" => |call| push(call, End::Right),
        "lpushx" => |call| push_to_existing(call, End::Left),
        "rpushx" => |call| push_to_existing(call, End::Right),
        "lpop" => |call| pop(call, End::Left, "lpop"),
        "rpop" => |call| pop(call, End::Right, "rpop"),
        "llen" => llen,
        "lindex" => lindex,
        "linsert" => linsert,
        "lrange" => lrange,
        "lrem" => lrem,
        "lset" => lset,
        "ltrim" => ltrim,
        "lpos" => position::lpos,
        "lmove" => moves::lmove,
        "rpoplpush" => moves::rpoplpush,
        "lmpop" => moves::lmpop,
        _ => return None,
    })
}

fn push(call: &mut Call<'_, '_>, end: End) -> Result<(), Failure> {
    let elements = call.args_from(2);
    let len = call.change(call.arg(1), |list: &mut List| Ok(push_all(list, elements, end)))?;
    call.reply_count(len)
}

fn push_to_existing(call: &mut Call<'_, '_>, end: End) -> Result<(), Failure> {
    let elements = call.args_from(2);
    let len =
        call.change_existing(call.arg(1), |list: &mut List| Ok(push_all(list, elements, end)))?;
    call.reply_count(len.unwrap_or(0))
}

fn push_all<'r>(
    list: &mut List,
    elements: impl Iterator<Item = &'r [u8]>,
    end: End,
) -> Edit<usize> {
    elements.for_each(|element| list.push(end, element));
    Edit::made(list.len())
}

fn pop(call: &mut Call<'_, '_>, end: End, name: &'static str) -> Result<(), Failure> {
    match call.request.argc() {
        2 => pop_one(call, end),
        3 => pop_some(call, end),
        _ => Err(Failure::Arity(name)),
    }
}

fn pop_one(call: &mut Call<'_, '_>, end: End) -> Result<(), Failure> {
    let popped =
        call.change_existing(call.arg(1), |list: &mut List| Ok(Edit::made(list.pop(end))))?;
    match popped.flatten() {
        Some(element) => encode::bulk(call.out, &element),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

fn pop_some(call: &mut Call<'_, '_>, end: End) -> Result<(), Failure> {
    let most = count(call.arg(2))?;
    match pop_up_to(call, call.arg(1), end, most)? {
        Some(elements) => write_elements(call.out, &elements),
        None => encode::null_array(call.out, call.protocol),
    }
    Ok(())
}

/// Takes up to `most` elements from one end; `None` where there is no such list.
fn pop_up_to(
    call: &mut Call<'_, '_>,
    key: &[u8],
    end: End,
    most: usize,
) -> Result<Option<Vec<Box<[u8]>>>, Failure> {
    call.change_existing(key, |list: &mut List| {
        let popped: Vec<Box<[u8]>> = std::iter::from_fn(|| list.pop(end)).take(most).collect();
        Ok(Edit::when(!popped.is_empty(), popped))
    })
}

fn write_elements(out: &mut Vec<u8>, elements: &[Box<[u8]>]) {
    encode::array_header(out, elements.len());
    elements.iter().for_each(|element| encode::bulk(out, element));
}

fn llen(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (list, _) = call.open::<List>(call.arg(1))?;
    let len = list.map_or(0, List::len);
    call.reply_count(len)
}

fn lindex(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (digits, protocol) = (call.arg(2), call.protocol);
    let (list, out) = call.open::<List>(call.arg(1))?;
    // Redis looks at the index only when there is a list.
    let found = match list {
        Some(list) => {
            let index = span_of_one(integer(digits)?, list.len());
            index.and_then(|index| list.get(index))
        }
        None => None,
    };
    match found {
        Some(element) => encode::bulk(out, element),
        None => encode::null(out, protocol),
    }
    Ok(())
}

/// The index from the start that a perhaps negative one means, where it is one.
fn span_of_one(index: i64, len: usize) -> Option<usize> {
    let count = i64::try_from(len).unwrap_or(i64::MAX);
    let index = if index < 0 { index + count } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}

fn linsert(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let behind = match call.arg(2).to_ascii_lowercase().as_slice() {
        b"before" => 0,
        b"after" => 1,
        _ => return Err(Failure::Syntax),
    };
    let (pivot, element) = (call.arg(3), call.arg(4));
    let len = call.change_existing(call.arg(1), |list: &mut List| {
        let Some(at) = list.position(pivot) else { return Ok(Edit::when(false, -1)) };
        list.insert(at + behind, element);
        Ok(Edit::made(i64::try_from(list.len()).unwrap_or(i64::MAX)))
    })?;
    call.reply_integer(len.unwrap_or(0))
}

fn lrange(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (first, last) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let (list, out) = call.open::<List>(call.arg(1))?;
    let span = span(first, last, list.map_or(0, List::len));
    encode::array_header(out, span.len());
    for element in list.into_iter().flat_map(|list| list.range(span.clone())) {
        encode::bulk(out, element);
    }
    Ok(())
}

fn lrem(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (number, element) = (integer(call.arg(2))?, call.arg(3));
    let end = if number < 0 { End::Right } else { End::Left };
    let most = match usize::try_from(number.unsigned_abs()) {
        Ok(number) if number > 0 => number,
        _ => usize::MAX,
    };
    let removed = call.change_existing(call.arg(1), |list: &mut List| {
        let removed = list.remove(element, most, end);
        Ok(Edit::when(removed > 0, removed))
    })?;
    call.reply_count(removed.unwrap_or(0))
}

fn lset(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (digits, element) = (call.arg(2), call.arg(3));
    let set = call.change_existing(call.arg(1), |list: &mut List| {
        let index = span_of_one(integer(digits)?, list.len());
        if index.is_some_and(|index| list.replace(index, element)) {
            Ok(Edit::made(()))
        } else {
            Err(Failure::Text("index out of range"))
        }
    })?;
    set.ok_or(Failure::Text("no such key"))?;
    call.reply_ok()
}

fn ltrim(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (first, last) = (integer(call.arg(2))?, integer(call.arg(3))?);
    call.change_existing(call.arg(1), |list: &mut List| {
        let before = list.len();
        list.trim(span(first, last, before));
        Ok(Edit::made(()))
    })?;
    call.reply_ok()
}

//! Counters: strings that hold a number of 64 bits.
//!
//! A counter keeps its deadline, and one that would leave the 64 bits stays as it is.

use std::io::Write;

use super::super::failure::Failure;
use super::super::integer;
use super::super::keyspace::{Deadline, Edit};
use super::super::value::Value;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "incr" => |call| add(call, 1),
        "decr" => |call| add(call, -1),
        "incrby" => incrby,
        "decrby" => decrby,
        _ => return None,
    })
}

fn incrby(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let by = integer::parse(call.arg(2)).ok_or(Failure::NotAnInteger)?;
    add(call, by)
}

fn decrby(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let by = integer::parse(call.arg(2)).ok_or(Failure::NotAnInteger)?;
    add(call, by.checked_neg().ok_or(Failure::DecrementOverflow)?)
}

fn add(call: &mut Call<'_, '_>, by: i64) -> Result<(), Failure> {
    let counted = call.change_existing(call.arg(1), |digits: &mut Vec<u8>| {
        let before = integer::parse(digits).ok_or(Failure::NotAnInteger)?;
        let after = before.checked_add(by).ok_or(Failure::Overflow)?;
        digits.clear();
        // Writing to a Vec does not fail.
        let _ = write!(digits, "{after}");
        Ok(Edit::made(after))
    })?;
    if counted.is_none() {
        let (key, now) = (call.arg(1), call.now);
        call.keyspace().set(key, Value::string(by.to_string().as_bytes()), Deadline::Clear, now);
    }
    call.reply_integer(counted.unwrap_or(by))
}

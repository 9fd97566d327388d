//! Counters: strings that hold a number.
//!
//! A counter keeps its deadline, and one that would leave its bounds stays as it is.

use crate::wire::encode;

use super::super::extended::Extended;
use super::super::failure::Failure;
use super::super::integer::{self, Digits};
use super::super::keyspace::{Deadline, Edit};
use super::super::value::{Value, calculated};
use super::{Call, Command, arguments};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "incr" => |call| add(call, 1),
        "decr" => |call| add(call, -1),
        "incrby" => incrby,
        "decrby" => decrby,
        "incrbyfloat" => incrbyfloat,
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
        let text = Digits::of(after);
        if digits.capacity() == text.len() {
            digits.clear();
            digits.extend_from_slice(&text);
        } else {
            *digits = text.to_vec();
        }
        Ok(Edit::made(after))
    })?;
    if counted.is_none() {
        let (key, now) = (call.arg(1), call.now);
        call.keyspace().set(key, Value::string(&Digits::of(by)), Deadline::Clear, now);
    }
    call.reply_integer(counted.unwrap_or(by))
}

/// Counts in the floats of 80 bits that Redis counts in.
fn incrbyfloat(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, by, now) = (call.arg(1), call.arg(2), call.now);
    let counted = call.change_existing(key, |digits: &mut Vec<u8>| {
        let before = arguments::extended(digits)?;
        let after = arguments::sum(before, arguments::extended(by)?)?;
        *digits = calculated(&after);
        Ok(Edit::made(after))
    })?;
    let after = match counted {
        Some(after) => after,
        None => {
            let after = arguments::sum(Extended::ZERO, arguments::extended(by)?)?;
            call.keyspace().set(key, Value::String(calculated(&after)), Deadline::Clear, now);
            after
        }
    };
    encode::bulk(call.out, after.as_bytes());
    Ok(())
}

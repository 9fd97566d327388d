//! Commands that wait where they find nothing, run once: BLPOP, BLMOVE, BZPOPMIN and their kin.
//!
//! Here each takes what is there, or replies null at once, as Redis does within MULTI. Waiting is not this
//! floor's: a null is how its keeper knows that there was nothing.
//! <https://redis.io/docs/latest/commands/blpop/>

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::float;
use super::super::value::list::End;
use super::lists::{self, end, move_element};
use super::sorted_sets::{self, Extreme};
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "blpop" => |call| pop_element(call, End::Left),
        "brpop" => |call| pop_element(call, End::Right),
        "blmove" => blmove,
        "brpoplpush" => brpoplpush,
        "blmpop" => blmpop,
        "bzpopmin" => |call| pop_member(call, Extreme::Min),
        "bzpopmax" => |call| pop_member(call, Extreme::Max),
        "bzmpop" => bzmpop,
        _ => return None,
    })
}

fn pop_element(call: &mut Call<'_, '_>, end: End) -> Result<(), Failure> {
    let last = call.request.argc() - 1;
    check_timeout(call.arg(last))?;
    let keys = call.args_from(1).take(last - 1);
    let is_found = lists::pop_lone(call, keys, end)?;
    call.null_array_unless(is_found);
    Ok(())
}

fn pop_member(call: &mut Call<'_, '_>, extreme: Extreme) -> Result<(), Failure> {
    let last = call.request.argc() - 1;
    check_timeout(call.arg(last))?;
    let keys = call.args_from(1).take(last - 1);
    let is_found = sorted_sets::pop_lone(call, keys, extreme)?;
    call.null_array_unless(is_found);
    Ok(())
}

fn blmove(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (from, to) = (end(call.arg(3))?, end(call.arg(4))?);
    check_timeout(call.arg(5))?;
    reply_moved(call, from, to)
}

fn brpoplpush(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    check_timeout(call.arg(3))?;
    reply_moved(call, End::Right, End::Left)
}

fn reply_moved(call: &mut Call<'_, '_>, from: End, to: End) -> Result<(), Failure> {
    if !move_element(call, from, to)? {
        encode::null(call.out, call.protocol);
    }
    Ok(())
}

fn blmpop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let many = lists::Many::read(call, 2)?;
    check_timeout(call.arg(1))?;
    let is_found = many.pop(call)?;
    call.null_array_unless(is_found);
    Ok(())
}

fn bzmpop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let many = sorted_sets::Many::read(call, 2)?;
    check_timeout(call.arg(1))?;
    let is_found = many.pop(call)?;
    call.null_array_unless(is_found);
    Ok(())
}

/// A number of seconds, with a fraction; 0 and what rounds to it is for ever.
fn check_timeout(text: &[u8]) -> Result<(), Failure> {
    /// In milliseconds: as long as the 64 bits of Redis's clock.
    const LONGEST: f64 = i64::MAX as f64;
    let seconds =
        float::parse(text).ok_or(Failure::Text("timeout is not a float or out of range"))?;
    let millis = (seconds * 1000.0).ceil();
    // What is too long comes out negative in Redis, and so do its words for it.
    if (0.0..LONGEST).contains(&millis) {
        Ok(())
    } else {
        Err(Failure::Text("timeout is negative"))
    }
}

impl Call<'_, '_> {
    fn null_array_unless(&mut self, is_found: bool) {
        if !is_found {
            encode::null_array(self.out, self.protocol);
        }
    }
}

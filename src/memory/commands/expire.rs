//! Deadlines of keys: given, asked for, taken away.
//!
//! <https://redis.io/docs/latest/commands/expire/>

use super::super::expiry::{Unit, any_deadline, is_due};
use super::super::failure::Failure;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "expire" => |call| expire(call, Unit::Seconds, "expire"),
        "pexpire" => |call| expire(call, Unit::Millis, "pexpire"),
        "expireat" => |call| expire(call, Unit::AtSeconds, "expireat"),
        "pexpireat" => |call| expire(call, Unit::AtMillis, "pexpireat"),
        "ttl" => |call| show(call, |at, now| seconds(at.saturating_sub(now).max(0))),
        "pttl" => |call| show(call, |at, now| at.saturating_sub(now).max(0)),
        "expiretime" => |call| show(call, |at, _| seconds(at)),
        "pexpiretime" => |call| show(call, |at, _| at),
        "persist" => persist,
        _ => return None,
    })
}

fn expire(call: &mut Call<'_, '_>, unit: Unit, name: &'static str) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    let conditions = Conditions::read(call.args_from(3))?;
    let at = any_deadline(call.arg(2), unit, now, name)?;
    let Some(current) = call.keyspace().deadline(key, now) else { return call.reply_integer(0) };
    if !conditions.allow(current, at) {
        return call.reply_integer(0);
    }
    if is_due(at, now) {
        call.keyspace().remove(key, now);
    } else {
        call.keyspace().set_deadline(key, Some(at), now);
    }
    call.reply_integer(1)
}

fn persist(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    let had_one = matches!(call.keyspace().deadline(key, now), Some(Some(_)));
    if had_one {
        call.keyspace().set_deadline(key, None, now);
    }
    call.reply_integer(i64::from(had_one))
}

/// Replies -2 for no key, -1 for no deadline, else what `view` makes of the deadline and the clock.
fn show(call: &mut Call<'_, '_>, view: fn(i64, i64) -> i64) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    let deadline = call.keyspace().deadline(key, now);
    call.state.statistics.count_read(deadline.is_some());
    call.reply_integer(match deadline {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => view(at, now.millis()),
    })
}

/// To the nearest second, the last moment of all included.
fn seconds(millis: i64) -> i64 {
    millis / 1000 + (millis % 1000 + 500) / 1000
}

#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn read<'r>(args: impl Iterator<Item = &'r [u8]>) -> Result<Self, Failure> {
        let mut conditions = Self::default();
        for word in args {
            let condition = match word.to_ascii_uppercase().as_slice() {
                b"NX" => &mut conditions.nx,
                b"XX" => &mut conditions.xx,
                b"GT" => &mut conditions.gt,
                b"LT" => &mut conditions.lt,
                _ => return Err(Failure::unsupported_option(word)),
            };
            *condition = true;
        }
        if conditions.nx && (conditions.xx || conditions.gt || conditions.lt) {
            return Err(Failure::NxAndOthers);
        }
        if conditions.gt && conditions.lt {
            return Err(Failure::GtAndLt);
        }
        Ok(conditions)
    }

    /// No deadline counts as the last of all: GT never, LT always moves away from it.
    fn allow(&self, current: Option<i64>, at: i64) -> bool {
        let is_later = current.is_some_and(|current| at > current);
        let is_sooner = current.is_none_or(|current| at < current);
        (!self.nx || current.is_none())
            && (!self.xx || current.is_some())
            && (!self.gt || is_later)
            && (!self.lt || is_sooner)
    }
}

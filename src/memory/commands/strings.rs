//! Strings: stored, read, joined.
//!
//! Owns the options of SET and GETEX, read as Redis reads them: in any order, repeated where that
//! says nothing new. What a number in them means is `expiry`'s.
//! <https://redis.io/docs/latest/commands/set/>

use crate::wire::encode;

use super::super::Now;
use super::super::expiry::{Unit, is_due, positive_deadline};
use super::super::failure::Failure;
use super::super::keyspace::{Deadline, Edit};
use super::super::value::{Value, WRITTEN};
use super::{Call, Command};

/// Redis's `proto-max-bulk-len`: no string is longer.
pub(super) const LONGEST: usize = 512 * 1024 * 1024;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "get" => get,
        "set" => set,
        "mget" => mget,
        "mset" => mset,
        "msetnx" => msetnx,
        "setex" => setex,
        "psetex" => psetex,
        "setnx" => setnx,
        "getset" => getset,
        "getdel" => getdel,
        "getex" => getex,
        "append" => append,
        "strlen" => strlen,
        _ => return None,
    })
}

fn get(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.reply_string(call.arg(1)).map(drop)
}

fn mget(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    encode::array_header(call.out, call.request.argc() - 1);
    for key in call.args_from(1) {
        // A key of another type holds no string: null, not an error.
        if call.reply_string(key).is_err() {
            encode::null(call.out, call.protocol);
        }
    }
    Ok(())
}

fn set(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let mut args = call.args_from(1);
    let key = args.next().unwrap_or_default();
    let value = args.next().unwrap_or_default();
    let options = Options::read(args, Which::Set)?;
    let deadline = match options.lifetime {
        Lifetime::Unsaid | Lifetime::Persist => Deadline::Clear,
        Lifetime::Keep => Deadline::Keep,
        Lifetime::Until(unit, digits) => {
            Deadline::At(positive_deadline(digits, unit, call.now, "set")?)
        }
    };
    if options.returns_old {
        call.reply_string(key)?;
    }
    let is_stored = options.condition.is_none_or(|condition| {
        let exists = call.keyspace_contains(key);
        exists == (condition == Condition::Exists)
    });
    if is_stored {
        call.store(key, value, deadline);
    }
    if options.returns_old {
        return Ok(());
    }
    if is_stored {
        return call.reply_ok();
    }
    encode::null(call.out, call.protocol);
    Ok(())
}

fn mset(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc().is_multiple_of(2) {
        return Err(Failure::Arity("mset"));
    }
    store_all(call);
    call.reply_ok()
}

fn msetnx(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc().is_multiple_of(2) {
        return Err(Failure::Arity("msetnx"));
    }
    let are_new = !call.args_from(1).step_by(2).any(|key| call.keyspace_contains(key));
    if are_new {
        store_all(call);
    }
    call.reply_integer(are_new.into())
}

fn store_all(call: &mut Call<'_, '_>) {
    let mut args = call.args_from(1);
    while let (Some(key), Some(value)) = (args.next(), args.next()) {
        call.store(key, value, Deadline::Clear);
    }
}

fn setex(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    set_until(call, Unit::Seconds, "setex")
}

fn psetex(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    set_until(call, Unit::Millis, "psetex")
}

fn set_until(call: &mut Call<'_, '_>, unit: Unit, name: &'static str) -> Result<(), Failure> {
    let deadline = positive_deadline(call.arg(2), unit, call.now, name)?;
    call.store(call.arg(1), call.arg(3), Deadline::At(deadline));
    call.reply_ok()
}

fn setnx(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let key = call.arg(1);
    if call.keyspace_contains(key) {
        return call.reply_integer(0);
    }
    call.store(key, call.arg(2), Deadline::Clear);
    call.reply_integer(1)
}

fn getset(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let key = call.arg(1);
    call.reply_string(key)?;
    call.store(key, call.arg(2), Deadline::Clear);
    Ok(())
}

fn getdel(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    if call.reply_string(key)? {
        call.keyspace().remove(key, now);
    }
    Ok(())
}

fn getex(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (key, now) = (call.arg(1), call.now);
    let options = Options::read(call.args_from(2), Which::GetEx)?;
    call.keyspace().typed::<Vec<u8>>(key, now)?;
    // Redis looks at the number only when there is a key to give it to.
    let deadline = match options.lifetime {
        Lifetime::Until(unit, digits) if call.keyspace_contains(key) => {
            Some((unit, positive_deadline(digits, unit, now, "getex")?))
        }
        _ => None,
    };
    if !call.reply_string(key)? {
        return Ok(());
    }
    match (options.lifetime, deadline) {
        (_, Some((unit, at))) if unit.is_absolute() && is_due(at, now) => {
            call.keyspace().remove(key, now);
        }
        (_, Some((_, at))) => call.keyspace().set_deadline(key, Some(at), now),
        (Lifetime::Persist, None) => call.keyspace().set_deadline(key, None, now),
        _ => {}
    }
    Ok(())
}

fn append(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let tail = call.arg(2);
    let appended = call.change_existing(call.arg(1), |string: &mut Vec<u8>| {
        let len = string.len() + tail.len();
        if len > LONGEST {
            return Err(Failure::StringTooLong);
        }
        string.reserve(tail.len() + WRITTEN);
        string.extend_from_slice(tail);
        Ok(Edit::made(len))
    })?;
    if appended.is_none() {
        call.store(call.arg(1), tail, Deadline::Clear);
    }
    call.reply_count(appended.unwrap_or(tail.len()))
}

fn strlen(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (string, _) = call.open::<Vec<u8>>(call.arg(1))?;
    let len = string.map_or(0, Vec::len);
    call.reply_count(len)
}

impl Call<'_, '_> {
    /// Replies with the string under `key`, or null, and says whether there was one.
    fn reply_string(&mut self, key: &[u8]) -> Result<bool, Failure> {
        let protocol = self.protocol;
        let (string, out) = self.open::<Vec<u8>>(key)?;
        match string {
            Some(bytes) => encode::bulk(out, bytes),
            None => encode::null(out, protocol),
        }
        Ok(string.is_some())
    }

    fn keyspace_contains(&mut self, key: &[u8]) -> bool {
        let now = self.now;
        self.keyspace().contains(key, now)
    }

    fn store(&mut self, key: &[u8], value: &[u8], deadline: Deadline) {
        let now: Now = self.now;
        self.keyspace().set(key, Value::string(value), deadline, now);
    }
}

/// Whose options are read: each has some that the other has not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Set,
    GetEx,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// XX
    Exists,
    /// NX
    IsNew,
}

/// What becomes of the deadline. One excludes the others.
#[derive(Clone, Copy)]
enum Lifetime<'r> {
    Unsaid,
    Keep,
    Persist,
    Until(Unit, &'r [u8]),
}

struct Options<'r> {
    condition: Option<Condition>,
    returns_old: bool,
    lifetime: Lifetime<'r>,
}

impl<'r> Options<'r> {
    fn read(mut args: impl Iterator<Item = &'r [u8]>, which: Which) -> Result<Self, Failure> {
        let mut options = Self { condition: None, returns_old: false, lifetime: Lifetime::Unsaid };
        while let Some(word) = args.next() {
            match (which, Word::read(word).ok_or(Failure::Syntax)?) {
                (Which::Set, Word::Condition(condition)) => options.demand(condition)?,
                (Which::Set, Word::Get) => options.returns_old = true,
                (Which::Set, Word::KeepTtl) => options.live(Lifetime::Keep)?,
                (Which::GetEx, Word::Persist) => options.live(Lifetime::Persist)?,
                (_, Word::Until(unit)) => {
                    let digits = args.next().ok_or(Failure::Syntax)?;
                    options.live(Lifetime::Until(unit, digits))?;
                }
                _ => return Err(Failure::Syntax),
            }
        }
        Ok(options)
    }

    fn demand(&mut self, condition: Condition) -> Result<(), Failure> {
        match self.condition.replace(condition) {
            Some(before) if before != condition => Err(Failure::Syntax),
            _ => Ok(()),
        }
    }

    /// The same again is no contradiction, and the last number counts.
    fn live(&mut self, lifetime: Lifetime<'r>) -> Result<(), Failure> {
        match (self.lifetime, lifetime) {
            (Lifetime::Unsaid, _)
            | (Lifetime::Keep, Lifetime::Keep)
            | (Lifetime::Persist, Lifetime::Persist) => {}
            (Lifetime::Until(before, _), Lifetime::Until(unit, _)) if before == unit => {}
            _ => return Err(Failure::Syntax),
        }
        self.lifetime = lifetime;
        Ok(())
    }
}

enum Word {
    Condition(Condition),
    Get,
    KeepTtl,
    Persist,
    Until(Unit),
}

impl Word {
    fn read(word: &[u8]) -> Option<Self> {
        let known: [(&str, Self); 9] = [
            ("NX", Self::Condition(Condition::IsNew)),
            ("XX", Self::Condition(Condition::Exists)),
            ("EX", Self::Until(Unit::Seconds)),
            ("PX", Self::Until(Unit::Millis)),
            ("GET", Self::Get),
            ("KEEPTTL", Self::KeepTtl),
            ("PERSIST", Self::Persist),
            ("EXAT", Self::Until(Unit::AtSeconds)),
            ("PXAT", Self::Until(Unit::AtMillis)),
        ];
        let mut words = known.into_iter();
        words.find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word)).map(|(_, word)| word)
    }
}

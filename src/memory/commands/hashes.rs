//! Hashes: fields with values, set, read, counted.
//!
//! <https://redis.io/docs/latest/commands/?group=hash>

use crate::wire::{Protocol, encode};

use super::super::extended::Extended;
use super::super::failure::Failure;
use super::super::integer::{self, Digits};
use super::super::keyspace::Edit;
use super::super::value::Typed;
use super::super::value::hash::Hash;
use super::arguments;
use super::sample::Sample;
use super::scans::{self, Options};
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "hset" => hset,
        "hmset" => hmset,
        "hsetnx" => hsetnx,
        "hget" => hget,
        "hmget" => hmget,
        "hgetall" => hgetall,
        "hkeys" => hkeys,
        "hvals" => hvals,
        "hlen" => hlen,
        "hstrlen" => hstrlen,
        "hexists" => hexists,
        "hdel" => hdel,
        "hincrby" => hincrby,
        "hincrbyfloat" => hincrbyfloat,
        "hrandfield" => hrandfield,
        "hscan" => hscan,
        _ => return None,
    })
}

fn hset(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let added = set_fields(call, "hset")?;
    call.reply_count(added)
}

fn hmset(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    set_fields(call, "hmset")?;
    call.reply_ok()
}

/// How many of the fields are new.
fn set_fields(call: &mut Call<'_, '_>, name: &'static str) -> Result<usize, Failure> {
    if !call.request.argc().is_multiple_of(2) {
        return Err(Failure::Arity(name));
    }
    let mut args = call.args_from(2);
    call.change(call.arg(1), |hash: &mut Hash| {
        let mut added = 0;
        while let (Some(field), Some(value)) = (args.next(), args.next()) {
            added += usize::from(hash.set(field, value));
        }
        Ok(Edit::made(added))
    })
}

fn hsetnx(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (field, value) = (call.arg(2), call.arg(3));
    let is_set = call.change(call.arg(1), |hash: &mut Hash| {
        let is_new = hash.get(field).is_none();
        if is_new {
            hash.set(field, value);
        }
        Ok(Edit::when(is_new, is_new))
    })?;
    call.reply_integer(is_set.into())
}

fn hget(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let protocol = call.protocol;
    let field = call.arg(2);
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    match hash.and_then(|hash| hash.get(field)) {
        Some(value) => encode::bulk(out, value),
        None => encode::null(out, protocol),
    }
    Ok(())
}

fn hmget(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (fields, protocol) = (call.args_from(2), call.protocol);
    let count = call.request.argc() - 2;
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    encode::array_header(out, count);
    for field in fields {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => encode::bulk(out, value),
            None => encode::null(out, protocol),
        }
    }
    Ok(())
}

fn hgetall(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let protocol = call.protocol;
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    encode::map_header(out, protocol, hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        encode::bulk(out, field);
        encode::bulk(out, value);
    }
    Ok(())
}

fn hkeys(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    encode::array_header(out, hash.map_or(0, Hash::len));
    hash.into_iter().flat_map(Hash::iter).for_each(|(field, _)| encode::bulk(out, field));
    Ok(())
}

fn hvals(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    encode::array_header(out, hash.map_or(0, Hash::len));
    hash.into_iter().flat_map(Hash::iter).for_each(|(_, value)| encode::bulk(out, value));
    Ok(())
}

fn hlen(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (hash, _) = call.open::<Hash>(call.arg(1))?;
    let len = hash.map_or(0, Hash::len);
    call.reply_count(len)
}

fn hstrlen(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let field = call.arg(2);
    let (hash, _) = call.open::<Hash>(call.arg(1))?;
    let len = hash.and_then(|hash| hash.get(field)).map_or(0, <[u8]>::len);
    call.reply_count(len)
}

fn hexists(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let field = call.arg(2);
    let (hash, _) = call.open::<Hash>(call.arg(1))?;
    let exists = hash.is_some_and(|hash| hash.get(field).is_some());
    call.reply_integer(exists.into())
}

fn hdel(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let fields = call.args_from(2);
    let removed = call.change_existing(call.arg(1), |hash: &mut Hash| {
        let removed = fields.filter(|field| hash.remove(field)).count();
        Ok(Edit::when(removed > 0, removed))
    })?;
    call.reply_count(removed.unwrap_or(0))
}

fn hincrby(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let field = call.arg(2);
    let by = arguments::integer(call.arg(3))?;
    let after = call.change(call.arg(1), |hash: &mut Hash| {
        let before = match hash.get(field) {
            Some(digits) => integer::parse(digits).ok_or(Failure::HashNotAnInteger)?,
            None => 0,
        };
        let after = before.checked_add(by).ok_or(Failure::Overflow)?;
        hash.set(field, &Digits::of(after));
        Ok(Edit::made(after))
    })?;
    call.reply_integer(after)
}

fn hincrbyfloat(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let field = call.arg(2);
    let by = arguments::extended(call.arg(3))?;
    if !by.is_finite() {
        return Err(Failure::Text("value is NaN or Infinity"));
    }
    let after = call.change(call.arg(1), |hash: &mut Hash| {
        const NO_FLOAT: Failure = Failure::Text("hash value is not a float");
        let before = match hash.get(field) {
            Some(digits) => Extended::parse(digits).ok_or(NO_FLOAT)?,
            None => Extended::ZERO,
        };
        let after = arguments::sum(before, by)?;
        hash.set(field, after.as_bytes());
        Ok(Edit::made(after))
    })?;
    encode::bulk(call.out, after.as_bytes());
    Ok(())
}

fn hrandfield(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let protocol = call.protocol;
    let Some(digits) = call.request.arg(2) else {
        let (hash, out) = call.open::<Hash>(call.arg(1))?;
        match hash.and_then(|hash| hash.at(fastrand::usize(..hash.len().max(1)))) {
            Some((field, _)) => encode::bulk(out, field),
            None => encode::null(out, protocol),
        }
        return Ok(());
    };
    let sample = Sample::read(digits)?;
    let with_values = match call.request.arg(3) {
        None => false,
        Some(word) if call.request.argc() == 4 && word.eq_ignore_ascii_case(b"WITHVALUES") => true,
        Some(_) => return Err(Failure::Syntax),
    };
    if with_values && !sample.can_be_doubled() {
        return Err(Failure::Text("value is out of range"));
    }
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    let picked = sample.pick(hash.map_or(0, Hash::len), hash.map_or(0, Typed::bytes))?;
    let is_nested = with_values && protocol == Protocol::Resp3;
    let is_flat = with_values && !is_nested;
    encode::array_header(out, picked.len() * if is_flat { 2 } else { 1 });
    let Some(hash) = hash else { return Ok(()) };
    for (field, value) in picked.indices().filter_map(|index| hash.at(index)) {
        if is_nested {
            encode::array_header(out, 2);
        }
        encode::bulk(out, field);
        if with_values {
            encode::bulk(out, value);
        }
    }
    Ok(())
}

fn hscan(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let cursor = scans::cursor(call.arg(2))?;
    let options = call.args_from(3);
    let (hash, out) = call.open::<Hash>(call.arg(1))?;
    let Some(hash) = hash else { return scans::reply_nothing(out) };
    let options = Options::read(options, false)?;
    let (pairs, next) = hash.scan(cursor, options.count);
    let pairs: Vec<_> = pairs.into_iter().filter(|(field, _)| options.admits(field)).collect();
    scans::reply_header(out, next, pairs.len() * 2);
    for (field, value) in pairs {
        encode::bulk(out, field);
        encode::bulk(out, value);
    }
    Ok(())
}

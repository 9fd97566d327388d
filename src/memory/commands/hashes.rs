//! Hashes: fields with values, set, read, counted.
//!
//! <https://redis.io/docs/latest/commands/?group=hash>

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::integer;
use super::super::keyspace::Edit;
use super::super::value::hash::Hash;
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
    let by = integer::parse(call.arg(3)).ok_or(Failure::NotAnInteger)?;
    let after = call.change(call.arg(1), |hash: &mut Hash| {
        let before = match hash.get(field) {
            Some(digits) => integer::parse(digits).ok_or(Failure::HashNotAnInteger)?,
            None => 0,
        };
        let after = before.checked_add(by).ok_or(Failure::Overflow)?;
        hash.set(field, after.to_string().as_bytes());
        Ok(Edit::made(after))
    })?;
    call.reply_integer(after)
}

//! Keys, whatever they hold: there or not, of which type, taken away, looked for.

use crate::command::glob;
use crate::wire::encode;

use super::super::failure::Failure;
use super::super::value::Value;
use super::scans::{self, Options};
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        // Nothing that the engine holds is worth a thread to free it.
        "del" | "unlink" => delete,
        "exists" | "touch" => exists,
        "type" => type_of,
        "keys" => keys,
        "scan" => scan,
        "randomkey" => randomkey,
        "dbsize" => dbsize,
        "flushdb" => flushdb,
        "flushall" => flushall,
        _ => return None,
    })
}

fn delete(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let now = call.now;
    let removed = call.args_from(1).filter(|key| call.keyspace().remove(key, now).is_some());
    let removed = removed.count();
    call.reply_count(removed)
}

/// A key that is named twice counts twice.
fn exists(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let found = call.args_from(1).filter(|key| call.read(key).is_some()).count();
    call.reply_count(found)
}

fn type_of(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = call.read(call.arg(1)).map_or("none", Value::type_name);
    encode::simple(call.out, name);
    Ok(())
}

fn keys(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (pattern, now) = (call.arg(1), call.now);
    let keyspace = &call.state.databases[call.db];
    let found: Vec<&[u8]> = keyspace.keys(now).filter(|key| glob::matches(pattern, key)).collect();
    encode::array_header(call.out, found.len());
    for key in found {
        encode::bulk(call.out, key);
    }
    Ok(())
}

fn scan(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let cursor = scans::cursor(call.arg(1))?;
    let options = Options::read(call.args_from(2), true)?;
    let keyspace = &call.state.databases[call.db];
    let (entries, next) = keyspace.scan(cursor, options.count, call.now);
    let is_asked = |value: &Value| {
        let is_type = |name: &[u8]| name.eq_ignore_ascii_case(value.type_name().as_bytes());
        options.type_name.is_none_or(is_type)
    };
    let found: Vec<&[u8]> = entries
        .filter(|(key, value)| options.admits(key) && is_asked(value))
        .map(|(key, _)| key)
        .collect();
    scans::reply_header(call.out, next, found.len());
    found.iter().for_each(|key| encode::bulk(call.out, key));
    Ok(())
}

fn randomkey(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match call.state.databases[call.db].random(call.now) {
        Some(key) => encode::bulk(call.out, key),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

/// Counts what expiry has not reached yet, as Redis does.
fn dbsize(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let count = call.keyspace().len();
    call.reply_count(count)
}

fn flushdb(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    check_flush_option(call)?;
    call.keyspace().clear();
    call.reply_ok()
}

fn flushall(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    check_flush_option(call)?;
    for keyspace in &mut call.state.databases {
        keyspace.clear();
    }
    call.reply_ok()
}

/// SYNC or ASYNC, which make no difference here, or nothing.
fn check_flush_option(call: &Call<'_, '_>) -> Result<(), Failure> {
    let is_known =
        |word: &[u8]| word.eq_ignore_ascii_case(b"SYNC") || word.eq_ignore_ascii_case(b"ASYNC");
    match call.request.argc() {
        1 => Ok(()),
        2 if is_known(call.arg(1)) => Ok(()),
        _ => Err(Failure::Syntax),
    }
}

//! OBJECT: how a value would lie in Redis, and when it was last asked for.
//!
//! The encodings are those of Redis 7.0 with its default thresholds, which are the engine's own.
//! <https://redis.io/docs/latest/commands/object/>

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::integer;
use super::super::value::Value;
use super::{Call, Command};

/// Redis shares the objects of these numbers, and counts for ever.
const SHARED: std::ops::Range<i64> = 0..10_000;

const HELP: [&str; 15] = [
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Return the kind of internal representation used in order to store the value",
    "    associated with a <key>.",
    "FREQ <key>",
    "    Return the access frequency index of the <key>. The returned integer is",
    "    proportional to the logarithm of the recent access frequency of the key.",
    "IDLETIME <key>",
    "    Return the idle time of the <key>, that is the approximated number of",
    "    seconds elapsed since the last access to the key.",
    "REFCOUNT <key>",
    "    Return the number of references of the value associated with the specified",
    "    <key>.",
    "HELP",
    "    Prints this help.",
];

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        // The container runs only to be told that its subcommand is missing.
        "object" => |_| Err(Failure::Arity("object")),
        "object|encoding" => encoding,
        "object|freq" => freq,
        "object|help" => help,
        "object|idletime" => idletime,
        "object|refcount" => refcount,
        _ => return None,
    })
}

fn encoding(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match peek(call).map(Value::encoding) {
        Some(name) => encode::bulk(call.out, name.as_bytes()),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

fn refcount(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let Some(value) = peek(call) else {
        encode::null(call.out, call.protocol);
        return Ok(());
    };
    let is_shared = match value {
        Value::String(string) => {
            value.encoding() == "int"
                && integer::parse(string).is_some_and(|number| SHARED.contains(&number))
        }
        _ => false,
    };
    call.reply_integer(if is_shared { i32::MAX.into() } else { 1 })
}

fn idletime(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match call.state.databases[call.db].idle_seconds(call.arg(2), call.now) {
        Some(seconds) => encode::integer(call.out, seconds),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

fn freq(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if peek(call).is_some() {
        return Err(Failure::Text(
            "An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
             that when switching between policies at runtime LRU and LFU data will take some time \
             to adjust.",
        ));
    }
    encode::null(call.out, call.protocol);
    Ok(())
}

fn help(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    encode::array_header(call.out, HELP.len());
    HELP.iter().for_each(|line| encode::simple(call.out, line));
    Ok(())
}

/// To look at a value so is no access to it.
fn peek<'c>(call: &'c Call<'_, '_>) -> Option<&'c Value> {
    call.state.databases[call.db].peek(call.arg(2), call.now)
}

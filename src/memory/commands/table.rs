//! COMMAND: the command table, as far as it is served here.
//!
//! Lists what the engine has and what the session answers before the engine is asked, and nothing
//! else, so that a client that reads it knows what it may use.
//! <https://redis.io/docs/latest/commands/command/>

use crate::command::glob;
use crate::command::keys::{self, Access, Begin, Find, KeySpec};
use crate::command::{self, Flags, Spec};
use crate::wire::{Protocol, encode};

use super::super::failure::Failure;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "command" => show_all,
        "command|count" => count,
        "command|docs" => docs,
        "command|getkeys" => getkeys,
        "command|info" => show,
        "command|list" => list,
        _ => return None,
    })
}

fn served() -> impl Iterator<Item = &'static Spec> {
    command::all().filter(|spec| is_served(spec))
}

fn is_served(spec: &Spec) -> bool {
    super::is_answered_above(spec) || super::find(spec).is_some()
}

/// The command or subcommand (`config|get`) of this name, where it is served.
fn lookup(name: &[u8]) -> Option<&'static Spec> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let spec = command::lookup(parts.next()?)?;
    let spec = match parts.next() {
        Some(sub) => spec.subcommand(sub)?,
        None => spec,
    };
    is_served(spec).then_some(spec)
}

fn count(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.reply_count(served().count())
}

fn show_all(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    encode::array_header(call.out, served().count());
    served().for_each(|spec| write_spec(call.out, call.protocol, spec));
    Ok(())
}

fn show(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc() == 2 {
        return show_all(call);
    }
    encode::array_header(call.out, call.request.argc() - 2);
    for name in call.args_from(2) {
        match lookup(name) {
            Some(spec) => write_spec(call.out, call.protocol, spec),
            None => encode::null(call.out, call.protocol),
        }
    }
    Ok(())
}

/// The table knows each command's group; the texts of Redis's manual are not in it.
fn docs(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked: Vec<&Spec> = if call.request.argc() == 2 {
        served().collect()
    } else {
        call.args_from(2).filter_map(lookup).collect()
    };
    encode::map_header(call.out, call.protocol, asked.len());
    for spec in asked {
        encode::bulk(call.out, spec.name.as_bytes());
        encode::map_header(call.out, call.protocol, 1);
        encode::bulk(call.out, b"group");
        encode::bulk(call.out, spec.group.name().as_bytes());
    }
    Ok(())
}

fn list(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let filter = Filter::read(call)?;
    let names: Vec<&str> =
        served().filter(|spec| filter.admits(spec)).map(|spec| spec.name).collect();
    encode::array_header(call.out, names.len());
    for name in names {
        encode::bulk(call.out, name.as_bytes());
    }
    Ok(())
}

enum Filter<'r> {
    None,
    Category(&'r [u8]),
    Pattern(&'r [u8]),
    /// No command comes from a module.
    Module,
}

impl<'r> Filter<'r> {
    fn read(call: &Call<'_, 'r>) -> Result<Self, Failure> {
        if call.request.argc() == 2 {
            return Ok(Self::None);
        }
        if call.request.argc() != 5 || !call.arg(2).eq_ignore_ascii_case(b"FILTERBY") {
            return Err(Failure::Syntax);
        }
        match call.arg(3).to_ascii_uppercase().as_slice() {
            b"ACLCAT" => Ok(Self::Category(call.arg(4))),
            b"PATTERN" => Ok(Self::Pattern(call.arg(4))),
            b"MODULE" => Ok(Self::Module),
            _ => Err(Failure::Syntax),
        }
    }

    fn admits(&self, spec: &Spec) -> bool {
        match self {
            Self::None => true,
            Self::Category(name) => spec.categories.names().any(|own| {
                own.as_bytes().get(1..).is_some_and(|own| own.eq_ignore_ascii_case(name))
            }),
            Self::Pattern(pattern) => {
                glob::matches(&pattern.to_ascii_lowercase(), spec.name.as_bytes())
            }
            Self::Module => false,
        }
    }
}

/// Of any command in the table: where its keys are does not depend on who runs it.
fn getkeys(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let args: Vec<&[u8]> = call.args_from(2).collect();
    let spec = command::resolve(args.as_slice()).ok_or(Failure::InvalidCommand)?;
    if spec.keys.is_empty() {
        return Err(Failure::NoKeyArguments);
    }
    if !spec.fits(args.len()) {
        return Err(Failure::InvalidCount);
    }
    let keys = match keys::positions(spec, args.as_slice()) {
        Ok(keys) => keys,
        Err(_) if spec.flags.contains(Flags::NO_MANDATORY_KEYS) => keys::Keys::default(),
        Err(_) => return Err(Failure::InvalidArguments),
    };
    encode::array_header(call.out, keys.len());
    for position in keys.iter() {
        encode::bulk(call.out, args.get(position.index).copied().unwrap_or_default());
    }
    Ok(())
}

/// The ten fields of a command, its served subcommands the last.
fn write_spec(out: &mut Vec<u8>, protocol: Protocol, spec: &Spec) {
    encode::array_header(out, 10);
    encode::bulk(out, spec.name.as_bytes());
    encode::integer(out, spec.arity.into());
    write_words(out, protocol, spec.flags.names());
    encode::integer(out, spec.first_key.into());
    encode::integer(out, spec.last_key.into());
    encode::integer(out, spec.key_step.into());
    write_words(out, protocol, spec.categories.names());
    // Tips, which only say how a cluster's proxy should spread the command.
    encode::set_header(out, protocol, 0);
    encode::set_header(out, protocol, spec.keys.len());
    spec.keys.iter().for_each(|key| write_key_spec(out, protocol, key));
    let subcommands = || spec.subcommands.iter().filter(|sub| is_served(sub));
    encode::set_header(out, protocol, subcommands().count());
    subcommands().for_each(|sub| write_spec(out, protocol, sub));
}

fn write_words(out: &mut Vec<u8>, protocol: Protocol, words: impl Iterator<Item = &'static str>) {
    let words: Vec<&str> = words.collect();
    encode::set_header(out, protocol, words.len());
    words.iter().for_each(|word| encode::simple(out, word));
}

fn write_key_spec(out: &mut Vec<u8>, protocol: Protocol, key: &KeySpec) {
    encode::map_header(out, protocol, 3);
    encode::bulk(out, b"flags");
    write_words(out, protocol, Access::names(key.access));
    encode::bulk(out, b"begin_search");
    let number = |value: i16| Field::Number(i64::from(value));
    match key.begin {
        Begin::Index(index) => write_step(out, protocol, "index", &[("index", number(index))]),
        Begin::Keyword(word, from) => {
            let fields = [("keyword", Field::Word(word)), ("startfrom", number(from))];
            write_step(out, protocol, "keyword", &fields);
        }
        Begin::Unknown => write_step(out, protocol, "unknown", &[]),
    }
    encode::bulk(out, b"find_keys");
    match key.find {
        Find::Range { last, step, limit } => {
            let fields =
                [("lastkey", number(last)), ("keystep", number(step)), ("limit", number(limit))];
            write_step(out, protocol, "range", &fields);
        }
        Find::Count { number: at, first, step } => {
            let fields =
                [("keynumidx", number(at)), ("firstkey", number(first)), ("keystep", number(step))];
            write_step(out, protocol, "keynum", &fields);
        }
        Find::Unknown => write_step(out, protocol, "unknown", &[]),
    }
}

enum Field {
    Number(i64),
    Word(&'static str),
}

fn write_step(out: &mut Vec<u8>, protocol: Protocol, kind: &str, fields: &[(&str, Field)]) {
    encode::map_header(out, protocol, 2);
    encode::bulk(out, b"type");
    encode::bulk(out, kind.as_bytes());
    encode::bulk(out, b"spec");
    encode::map_header(out, protocol, fields.len());
    for (name, field) in fields {
        encode::bulk(out, name.as_bytes());
        match field {
            Field::Number(value) => encode::integer(out, *value),
            Field::Word(word) => encode::bulk(out, word.as_bytes()),
        }
    }
}

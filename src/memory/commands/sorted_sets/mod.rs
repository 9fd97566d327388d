//! Sorted sets: single members and their scores; the rest is in the files beside this one.
//!
//! <https://redis.io/docs/latest/commands/?group=sorted-set>

mod add;
mod bounds;
mod combine;
mod pop;
mod random;
mod range;
mod remove;
mod scan;

use crate::wire::{Protocol, encode};

use super::super::failure::Failure;
use super::super::value::sorted_set::SortedSet;
use super::{Call, Command};

pub(super) use pop::{Extreme, Many, pop_lone};

pub(super) fn find(name: &str) -> Option<Command> {
    one_member(name)
        .or_else(|| range::find(name))
        .or_else(|| remove::find(name))
        .or_else(|| combine::find(name))
        .or_else(|| pop::find(name))
}

fn one_member(name: &str) -> Option<Command> {
    Some(match name {
        "zadd" => add::zadd,
        "zincrby" => add::zincrby,
        "zcard" => zcard,
        "zscore" => zscore,
        "zmscore" => zmscore,
        "zrank" => |call| zrank(call, "zrank", |rank, _| rank),
        "zrevrank" => |call| zrank(call, "zrevrank", |rank, len| len - rank - 1),
        "zrandmember" => random::zrandmember,
        "zscan" => scan::zscan,
        _ => return None,
    })
}

fn zcard(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (set, _) = call.open::<SortedSet>(call.arg(1))?;
    let len = set.map_or(0, SortedSet::len);
    call.reply_count(len)
}

fn zscore(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (member, protocol) = (call.arg(2), call.protocol);
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    match set.and_then(|set| set.score(member)) {
        Some(score) => encode::double(out, protocol, score),
        None => encode::null(out, protocol),
    }
    Ok(())
}

fn zmscore(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (members, protocol) = (call.args_from(2), call.protocol);
    let count = call.request.argc() - 2;
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    encode::array_header(out, count);
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => encode::double(out, protocol, score),
            None => encode::null(out, protocol),
        }
    }
    Ok(())
}

/// As Redis 7.0 has it: WITHSCORE came later.
fn zrank(
    call: &mut Call<'_, '_>,
    name: &'static str,
    view: fn(usize, usize) -> usize,
) -> Result<(), Failure> {
    if call.request.argc() > 3 {
        return Err(Failure::Arity(name));
    }
    let member = call.arg(2);
    let (set, _) = call.open::<SortedSet>(call.arg(1))?;
    let rank = set.and_then(|set| Some(view(set.rank(member)?, set.len())));
    match rank {
        Some(rank) => call.reply_count(rank),
        None => {
            encode::null(call.out, call.protocol);
            Ok(())
        }
    }
}

/// Members, and their scores where asked: in turn in RESP2, as pairs in RESP3.
fn write_members<'m>(
    out: &mut Vec<u8>,
    protocol: Protocol,
    count: usize,
    members: impl Iterator<Item = (&'m [u8], f64)>,
    with_scores: bool,
) {
    let is_flat = with_scores && protocol == Protocol::Resp2;
    encode::array_header(out, if is_flat { count * 2 } else { count });
    for (member, score) in members {
        if with_scores && !is_flat {
            encode::array_header(out, 2);
        }
        encode::bulk(out, member);
        if with_scores {
            encode::double(out, protocol, score);
        }
    }
}

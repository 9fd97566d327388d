//! Several sets at once: what they share, what they hold together, what the others lack.
//!
//! A key that does not exist is an empty set. A key of another type is an error even where an empty
//! set has decided the result already.

use crate::wire::encode;

use super::super::arguments::at_least;
use super::{Call, Command};
use crate::memory::Now;
use crate::memory::failure::Failure;
use crate::memory::keyspace::{Deadline, Keyspace};
use crate::memory::value::Typed;
use crate::memory::value::set::{Member, Set};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "sinter" => |call| show(call, intersection),
        "sunion" => |call| show(call, union),
        "sdiff" => |call| show(call, difference),
        "sinterstore" => |call| store(call, intersection),
        "sunionstore" => |call| store(call, union),
        "sdiffstore" => |call| store(call, difference),
        "sintercard" => sintercard,
        _ => return None,
    })
}

type Operation = fn(&[Option<&Set>]) -> Set;

fn show(call: &mut Call<'_, '_>, operation: Operation) -> Result<(), Failure> {
    check(call, call.args_from(1))?;
    let result = operation(&sets(&call.state.databases[call.db], call.args_from(1), call.now));
    encode::set_header(call.out, call.protocol, result.len());
    result.iter().for_each(|member| encode::bulk(call.out, &member));
    Ok(())
}

fn store(call: &mut Call<'_, '_>, operation: Operation) -> Result<(), Failure> {
    check(call, call.args_from(2))?;
    let (target, now) = (call.arg(1), call.now);
    let result = operation(&sets(&call.state.databases[call.db], call.args_from(2), now));
    let len = result.len();
    if len == 0 {
        call.keyspace().remove(target, now);
    } else {
        call.keyspace().set(target, result.into_value(), Deadline::Clear, now);
    }
    call.reply_count(len)
}

fn sintercard(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let count = at_least(1, call.arg(1), "numkeys should be greater than 0")?;
    if count > call.request.argc() - 2 {
        return Err(Failure::Text("Number of keys can't be greater than number of args"));
    }
    let mut options = call.args_from(2 + count);
    let mut limit = 0;
    while let Some(word) = options.next() {
        let digits = options.next().filter(|_| word.eq_ignore_ascii_case(b"LIMIT"));
        limit = at_least(0, digits.ok_or(Failure::Syntax)?, "LIMIT can't be negative")?;
    }
    check(call, call.args_from(2).take(count))?;
    let keyspace = &call.state.databases[call.db];
    let sets = sets(keyspace, call.args_from(2).take(count), call.now);
    let most = if limit == 0 { usize::MAX } else { limit };
    let shared = common(&sets).take(most).count();
    call.reply_count(shared)
}

/// Whether each of the keys is a set or nothing.
fn check<'r>(
    call: &mut Call<'_, '_>,
    mut keys: impl Iterator<Item = &'r [u8]>,
) -> Result<(), Failure> {
    keys.try_for_each(|key| call.open::<Set>(key).map(drop))
}

fn sets<'k, 'r>(
    keyspace: &'k Keyspace,
    keys: impl Iterator<Item = &'r [u8]>,
    now: Now,
) -> Vec<Option<&'k Set>> {
    keys.map(|key| keyspace.peek(key, now).and_then(Set::of)).collect()
}

fn intersection(sets: &[Option<&Set>]) -> Set {
    of(common(sets))
}

/// Walks the smallest set, and asks the others.
fn common<'s>(sets: &[Option<&'s Set>]) -> impl Iterator<Item = Member<'s>> {
    let all: Option<Vec<&Set>> = sets.iter().copied().collect();
    let mut all = all.unwrap_or_default();
    all.sort_by_key(|set| set.len());
    let smallest = all.first().copied();
    let members = smallest.into_iter().flat_map(Set::iter);
    members.filter(move |member| all.iter().skip(1).all(|set| set.contains(member)))
}

fn union(sets: &[Option<&Set>]) -> Set {
    of(sets.iter().flatten().flat_map(|set| set.iter()))
}

/// What is less work decides which of two ways is gone, as in Redis: the result's encoding shows which.
fn difference(sets: &[Option<&Set>]) -> Set {
    let Some((Some(first), others)) = sets.split_first() else { return Set::default() };
    let others: Vec<&Set> = others.iter().flatten().copied().collect();
    let to_take_away: usize = others.iter().map(|set| set.len()).sum();
    if first.len() * (others.len() + 1) / 2 <= first.len() + to_take_away {
        let is_left = |member: &Member<'_>| !others.iter().any(|set| set.contains(member));
        return of(first.iter().filter(is_left));
    }
    let mut result = of(first.iter());
    for member in others.iter().flat_map(|set| set.iter()) {
        result.remove(&member);
    }
    result
}

fn of<'s>(members: impl Iterator<Item = Member<'s>>) -> Set {
    let mut set = Set::default();
    for member in members {
        set.insert(&member);
    }
    set
}

//! Sets: members put in, taken out, asked for.
//!
//! What is done with several sets at once is `algebra`'s.
//! <https://redis.io/docs/latest/commands/?group=set>

mod algebra;

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::keyspace::Edit;
use super::super::value::Typed;
use super::super::value::set::Set;
use super::arguments;
use super::sample::Sample;
use super::scans::{self, Options};
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "sadd" => sadd,
        "srem" => srem,
        "smembers" => smembers,
        "sismember" => sismember,
        "smismember" => smismember,
        "scard" => scard,
        "spop" => spop,
        "srandmember" => srandmember,
        "smove" => smove,
        "sscan" => sscan,
        _ => return algebra::find(name),
    })
}

fn sadd(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let members = call.args_from(2);
    let added = call.change(call.arg(1), |set: &mut Set| {
        let added = members.filter(|member| set.insert(member)).count();
        Ok(Edit::when(added > 0, added))
    })?;
    call.reply_count(added)
}

fn srem(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let members = call.args_from(2);
    let removed = call.change_existing(call.arg(1), |set: &mut Set| {
        let removed = members.filter(|member| set.remove(member)).count();
        Ok(Edit::when(removed > 0, removed))
    })?;
    call.reply_count(removed.unwrap_or(0))
}

fn smembers(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let protocol = call.protocol;
    let (set, out) = call.open::<Set>(call.arg(1))?;
    encode::set_header(out, protocol, set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|member| encode::bulk(out, &member));
    Ok(())
}

fn sismember(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let member = call.arg(2);
    let (set, _) = call.open::<Set>(call.arg(1))?;
    let is_in = set.is_some_and(|set| set.contains(member));
    call.reply_integer(is_in.into())
}

fn smismember(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (members, count) = (call.args_from(2), call.request.argc() - 2);
    let (set, out) = call.open::<Set>(call.arg(1))?;
    encode::array_header(out, count);
    for member in members {
        encode::integer(out, set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

fn scard(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (set, _) = call.open::<Set>(call.arg(1))?;
    let len = set.map_or(0, Set::len);
    call.reply_count(len)
}

fn spop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc() > 3 {
        return Err(Failure::Syntax);
    }
    let count = match call.request.arg(2) {
        Some(digits) => Some(arguments::count(digits)?),
        None => None,
    };
    let popped = call.change_existing(call.arg(1), |set: &mut Set| {
        let wanted = count.unwrap_or(1).min(set.len());
        let popped: Vec<Vec<u8>> = if wanted == set.len() {
            let all = std::mem::take(set);
            all.iter().map(|member| member.to_vec()).collect()
        } else {
            (0..wanted).filter_map(|_| pop(set)).collect()
        };
        Ok(Edit::when(wanted > 0, popped))
    })?;
    if count.is_some() {
        let popped = popped.unwrap_or_default();
        encode::set_header(call.out, call.protocol, popped.len());
        popped.iter().for_each(|member| encode::bulk(call.out, member));
        return Ok(());
    }
    match popped.and_then(|mut popped| popped.pop()) {
        Some(member) => encode::bulk(call.out, &member),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

fn pop(set: &mut Set) -> Option<Vec<u8>> {
    let member = set.at(fastrand::usize(..set.len().max(1)))?.to_vec();
    set.remove(&member);
    Some(member)
}

fn srandmember(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc() > 3 {
        return Err(Failure::Syntax);
    }
    let protocol = call.protocol;
    let Some(digits) = call.request.arg(2) else {
        let (set, out) = call.open::<Set>(call.arg(1))?;
        let member = set.and_then(|set| set.at(fastrand::usize(..set.len().max(1))));
        match member {
            Some(member) => encode::bulk(out, &member),
            None => encode::null(out, protocol),
        }
        return Ok(());
    };
    let sample = Sample::read(digits)?;
    let (set, out) = call.open::<Set>(call.arg(1))?;
    let picked = sample.pick(set.map_or(0, Set::len), set.map_or(0, Typed::bytes))?;
    encode::array_header(out, picked.len());
    let Some(set) = set else { return Ok(()) };
    for member in picked.indices().filter_map(|index| set.at(index)) {
        encode::bulk(out, &member);
    }
    Ok(())
}

fn smove(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (source, target, member) = (call.arg(1), call.arg(2), call.arg(3));
    let now = call.now;
    let Some(set) = call.keyspace().typed::<Set>(source, now)? else {
        return call.reply_integer(0);
    };
    let is_in = set.contains(member);
    call.keyspace().typed::<Set>(target, now)?;
    if is_in && source != target {
        call.change_existing(source, |set: &mut Set| Ok(Edit::made(set.remove(member))))?;
        call.change(target, |set: &mut Set| {
            let is_new = set.insert(member);
            Ok(Edit::when(is_new, ()))
        })?;
    }
    call.reply_integer(is_in.into())
}

fn sscan(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let cursor = scans::cursor(call.arg(2))?;
    let options = call.args_from(3);
    let (set, out) = call.open::<Set>(call.arg(1))?;
    let Some(set) = set else { return scans::reply_nothing(out) };
    let options = Options::read(options, false)?;
    let (members, next) = set.scan(cursor, options.count);
    let members: Vec<_> = members.iter().filter(|member| options.admits(member)).collect();
    scans::reply_header(out, next, members.len());
    members.iter().for_each(|member| encode::bulk(out, member));
    Ok(())
}

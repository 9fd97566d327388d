//! ZRANDMEMBER: members by chance.
//!
//! <https://redis.io/docs/latest/commands/zrandmember/>

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::value::Typed;
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::Call;
use super::super::sample::Sample;
use super::write_members;

pub(super) fn zrandmember(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.request.argc() > 2 {
        return show_some(call);
    }
    let protocol = call.protocol;
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    match set.and_then(|set| set.nth(fastrand::usize(..set.len()))) {
        Some(entry) => encode::bulk(out, &entry.member),
        None => encode::null(out, protocol),
    }
    Ok(())
}

fn show_some(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let sample = Sample::read(call.arg(2))?;
    let with_scores = match call.request.argc() {
        3 => false,
        4 if call.arg(3).eq_ignore_ascii_case(b"WITHSCORES") => true,
        _ => return Err(Failure::Syntax),
    };
    if with_scores && !sample.can_be_doubled() {
        return Err(Failure::Text("value is out of range"));
    }
    let protocol = call.protocol;
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    let picked = sample.pick(set.map_or(0, SortedSet::len), set.map_or(0, Typed::bytes))?;
    let chosen = picked.indices().filter_map(|rank| set?.nth(rank)).map(Entry::pair);
    write_members(out, protocol, picked.len(), chosen, with_scores);
    Ok(())
}

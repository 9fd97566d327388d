//! ZRANDMEMBER: members by chance.
//!
//! <https://redis.io/docs/latest/commands/zrandmember/>

use std::collections::HashSet;

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::Call;
use super::super::arguments::integer;
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

/// Different members, or so many that may repeat where the number is negative.
fn show_some(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (number, with_scores) = read(call)?;
    let protocol = call.protocol;
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    let most = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = set else {
        write_members(out, protocol, 0, std::iter::empty(), with_scores);
        return Ok(());
    };
    if number < 0 {
        let any = || set.nth(fastrand::usize(..set.len()));
        let chosen = (0..most).filter_map(|_| any()).map(Entry::pair);
        write_members(out, protocol, most, chosen, with_scores);
    } else {
        let ranks = different_ranks(most, set.len());
        let chosen = ranks.iter().filter_map(|&rank| set.nth(rank)).map(Entry::pair);
        write_members(out, protocol, ranks.len(), chosen, with_scores);
    }
    Ok(())
}

fn read(call: &Call<'_, '_>) -> Result<(i64, bool), Failure> {
    let number = integer(call.arg(2))?;
    if number == i64::MIN {
        return Err(Failure::Text(
            "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    match call.request.argc() {
        3 => Ok((number, false)),
        4 if call.arg(3).eq_ignore_ascii_case(b"WITHSCORES") => {
            // Twice as many must be a number too.
            let is_too_many = number.unsigned_abs() > i64::MAX as u64 / 2;
            if is_too_many {
                Err(Failure::Text("value is out of range"))
            } else {
                Ok((number, true))
            }
        }
        _ => Err(Failure::Syntax),
    }
}

/// As many ranks below `len`, each choice of them as likely as the others (Floyd's algorithm).
fn different_ranks(most: usize, len: usize) -> Vec<usize> {
    if most >= len {
        return (0..len).collect();
    }
    let mut chosen = HashSet::with_capacity(most);
    for last in len - most..len {
        let rank = fastrand::usize(..=last);
        chosen.insert(if chosen.contains(&rank) { last } else { rank });
    }
    chosen.into_iter().collect()
}

//! ZSCAN: a sorted set's members a few at a time, in no order.

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::integer::Digits;
use super::super::super::value::sorted_set::SortedSet;
use super::super::Call;
use super::super::scans::{self, Options};

pub(super) fn zscan(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let cursor = scans::cursor(call.arg(2))?;
    let options = call.args_from(3);
    let (set, out) = call.open::<SortedSet>(call.arg(1))?;
    let Some(set) = set else { return scans::reply_nothing(out) };
    let options = Options::read(options, false)?;
    let is_small = set.is_small();
    let (pairs, next) = set.scan(cursor, options.count);
    let pairs: Vec<_> = pairs.into_iter().filter(|(member, _)| options.admits(member)).collect();
    scans::reply_header(out, next, pairs.len() * 2);
    for (member, score) in pairs {
        encode::bulk(out, member);
        match whole(score).filter(|_| is_small) {
            Some(number) => encode::bulk(out, &Digits::of(number)),
            None => encode::bulk(out, &encode::double_text(score)),
        }
    }
    Ok(())
}

/// The score as Redis keeps it in a small set, whose bytes it shows as they are: whole numbers have no
/// exponent there.
#[allow(clippy::cast_possible_truncation, reason = "it is within the bounds")]
fn whole(score: f64) -> Option<i64> {
    const MOST: f64 = (i64::MAX / 2) as f64;
    ((-MOST..=MOST).contains(&score) && score.fract() == 0.0).then_some(score as i64)
}

//! Arguments that many commands read alike: numbers with their bounds, keys with their number, ranges.
//!
//! Each says with which words Redis refuses what does not fit.

use std::ops::Range;

use super::super::engine::Engine;
use super::super::extended::Extended;
use super::super::failure::Failure;
use super::super::{float, integer};
use super::Call;

/// A number of 64 bits.
pub(super) fn integer(digits: &[u8]) -> Result<i64, Failure> {
    integer::parse(digits).ok_or(Failure::NotAnInteger)
}

/// A number that is at least `least`; `refusal` tells of all others, whatever is wrong with them.
pub(super) fn at_least(least: i64, digits: &[u8], refusal: &'static str) -> Result<usize, Failure> {
    let number = integer::parse(digits).filter(|number| *number >= least);
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or(Failure::Text(refusal))
}

/// How many elements to pop.
pub(super) fn count(digits: &[u8]) -> Result<usize, Failure> {
    at_least(0, digits, "value is out of range, must be positive")
}

/// A number with a fraction.
pub(super) fn float(text: &[u8]) -> Result<f64, Failure> {
    float::parse(text).ok_or(Failure::Text("value is not a valid float"))
}

/// The part of `len` elements that Redis's inclusive, perhaps negative indexes mean.
pub(super) fn span(first: i64, last: i64, len: usize) -> Range<usize> {
    let count = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = |index: i64| if index < 0 { index + count } else { index };
    let (first, last) = (from_start(first).max(0), from_start(last).min(count - 1));
    match (usize::try_from(first), usize::try_from(last)) {
        (Ok(first), Ok(last)) if first <= last => first..last + 1,
        _ => 0..0,
    }
}

/// The keys of LMPOP, ZMPOP and their kin, and where the arguments behind them begin. `at` is where
/// their number stands.
pub(super) fn counted_keys<'r>(
    call: &Call<'_, 'r>,
    at: usize,
) -> Result<(Vec<&'r [u8]>, usize), Failure> {
    let number = at_least(1, call.arg(at), "numkeys should be greater than 0")?;
    let behind = at.saturating_add(number).saturating_add(1);
    // There must be one argument more: from where to pop.
    if behind >= call.request.argc() {
        return Err(Failure::Syntax);
    }
    Ok((call.args_from(at + 1).take(number).collect(), behind))
}

/// The `COUNT n` that may stand at the end of LMPOP and ZMPOP: 1 where it does not.
pub(super) fn trailing_count(call: &Call<'_, '_>, at: usize) -> Result<usize, Failure> {
    let mut args = call.args_from(at);
    let (Some(word), digits) = (args.next(), args.next()) else { return Ok(1) };
    let Some(digits) = digits.filter(|_| word.eq_ignore_ascii_case(b"COUNT")) else {
        return Err(Failure::Syntax);
    };
    let count = at_least(1, digits, "count should be greater than 0")?;
    if args.next().is_some() { Err(Failure::Syntax) } else { Ok(count) }
}

/// The number of a database that there is.
pub(super) fn database(digits: &[u8]) -> Result<usize, Failure> {
    let number = i32::try_from(integer(digits)?).map_err(|_| {
        Failure::Text("value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let number = usize::try_from(number).ok().filter(|&number| number < Engine::DATABASES);
    number.ok_or(Failure::NoSuchDatabase)
}

/// A number with a fraction, as INCRBYFLOAT counts.
pub(super) fn extended(text: &[u8]) -> Result<Extended, Failure> {
    Extended::parse(text).ok_or(Failure::Text("value is not a valid float"))
}

/// What INCRBYFLOAT and HINCRBYFLOAT store and reply.
pub(super) fn sum(before: Extended, by: Extended) -> Result<String, Failure> {
    let sum = before.plus(by);
    let is_number = sum.is_finite();
    is_number
        .then(|| sum.to_string())
        .ok_or(Failure::Text("increment would produce NaN or Infinity"))
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_cut_to_what_is_there() {
        for (first, last, len, wanted) in [
            (0, -1, 3, 0..3),
            (0, 0, 3, 0..1),
            (-1, -1, 3, 2..3),
            (-100, 100, 3, 0..3),
            (1, 0, 3, 0..0),
            (3, 3, 3, 0..0),
            (0, -4, 3, 0..0),
            (0, -1, 0, 0..0),
            (i64::MIN, i64::MAX, 3, 0..3),
            (i64::MAX, i64::MIN, 3, 0..0),
        ] {
            assert_eq!(span(first, last, len), wanted, "{first} {last} of {len}");
        }
    }
}

//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: the cursor, the options, the reply's shape.
//!
//! <https://redis.io/docs/latest/commands/scan/>

use crate::command::glob;
use crate::wire::encode;

use super::super::failure::Failure;
use super::arguments;

/// What a client wants to be shown, and about how much of it at a time.
pub(super) struct Options<'r> {
    pub(super) count: usize,
    pattern: Option<&'r [u8]>,
    /// Of SCAN alone.
    pub(super) type_name: Option<&'r [u8]>,
}

impl<'r> Options<'r> {
    pub(super) fn read(
        mut args: impl Iterator<Item = &'r [u8]>,
        has_type: bool,
    ) -> Result<Self, Failure> {
        let mut options = Self { count: 10, pattern: None, type_name: None };
        while let Some(word) = args.next() {
            let value = args.next().ok_or(Failure::Syntax)?;
            match word.to_ascii_uppercase().as_slice() {
                b"COUNT" => {
                    let count = arguments::integer(value)?;
                    let count = usize::try_from(count).ok().filter(|&count| count > 0);
                    options.count = count.ok_or(Failure::Syntax)?;
                }
                b"MATCH" => options.pattern = Some(value).filter(|pattern| *pattern != b"*"),
                b"TYPE" if has_type => options.type_name = Some(value),
                _ => return Err(Failure::Syntax),
            }
        }
        Ok(options)
    }

    /// Whether an element of this name is to be shown.
    pub(super) fn admits(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// A cursor, as C's `strtoul` reads it, which Redis asks: a sign may stand before it, nothing is 0.
pub(super) fn cursor(digits: &[u8]) -> Result<u64, Failure> {
    const INVALID: Failure = Failure::Text("invalid cursor");
    let digits = digits.split(|&byte| byte == 0).next().unwrap_or_default();
    let (is_negative, digits) = match digits {
        [] => return Ok(0),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(INVALID);
    }
    let value = digits
        .iter()
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    let value = value.ok_or(INVALID)?;
    Ok(if is_negative { value.wrapping_neg() } else { value })
}

/// The next cursor, and that so many strings follow.
pub(super) fn reply_header(out: &mut Vec<u8>, next: u64, length: usize) {
    encode::array_header(out, 2);
    encode::bulk(out, next.to_string().as_bytes());
    encode::array_header(out, length);
}

/// There is no such key, and so nothing to scan.
pub(super) fn reply_nothing(out: &mut Vec<u8>) -> Result<(), Failure> {
    reply_header(out, 0, 0);
    Ok(())
}

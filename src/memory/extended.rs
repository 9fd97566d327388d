//! Numbers of INCRBYFLOAT and HINCRBYFLOAT: x86's 80-bit floats, which Redis counts with.
//!
//! Rust has no such type, and with 64 bits the digits differ: 0.1 + 0.2 is 0.3 in Redis. So a number
//! is a mantissa of 64 bits and a power of two here, read and added with one rounding to the nearest,
//! ties to even, and written with 17 decimals as Redis does, without the zeros at the end. On other
//! machines than x86 Redis itself gives other digits. Here alone hexadecimal is not read, and what is
//! too small for a normal 80-bit float (below 1e-4931) is no number.

use std::cmp::Ordering;
use std::fmt;

/// As long as Redis lets a number be.
const LONGEST: usize = 5 * 1024;

/// The powers of two of the highest bit, outside of which a number is infinite or too small.
const EXPONENTS: std::ops::RangeInclusive<i64> = -16_382..=16_383;

/// A number, `mantissa` times two to the power of `exponent`; the mantissa's highest bit is set
/// unless the number is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extended {
    is_negative: bool,
    mantissa: u64,
    exponent: i64,
    is_infinite: bool,
}

impl Extended {
    pub(super) const ZERO: Self =
        Self { is_negative: false, mantissa: 0, exponent: 0, is_infinite: false };

    const INFINITY: Self = Self { is_infinite: true, ..Self::ZERO };

    /// A number as C's `strtold` reads it and Redis admits it: the whole text, no blanks before it, no
    /// NaN.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= LONGEST {
            return None;
        }
        let (is_negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let number = if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity")
        {
            Self::INFINITY
        } else {
            Self::from_decimal(text)?
        };
        Some(Self { is_negative, ..number })
    }

    pub(super) fn is_finite(self) -> bool {
        !self.is_infinite
    }

    /// The sum, rounded once.
    pub(super) fn plus(self, other: Self) -> Self {
        if self.is_infinite || self.mantissa == 0 && !other.is_infinite {
            return if self.is_infinite { self } else { other };
        }
        if other.is_infinite || other.mantissa == 0 {
            return if other.is_infinite { other } else { self };
        }
        let (large, small) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // 63 bits below the mantissa: what is shifted out of them only matters as more than nothing.
        const ROOM: u32 = 62;
        let high = u128::from(large.mantissa) << ROOM;
        let distance = u32::try_from(large.exponent - small.exponent).unwrap_or(u32::MAX);
        let low = shift_right(u128::from(small.mantissa) << ROOM, distance);
        let exponent = large.exponent - i64::from(ROOM);
        let (is_negative, bits) = if large.is_negative == small.is_negative {
            (large.is_negative, high + low)
        } else if high >= low {
            (large.is_negative, high - low)
        } else {
            (small.is_negative, low - high)
        };
        Self { is_negative, ..Self::rounded(bits, exponent) }
    }

    /// `digits[.digits][e[+-]digits]`
    fn from_decimal(text: &[u8]) -> Option<Self> {
        let (significand, power) =
            match text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'e')) {
                Some(at) => (&text[..at], decimal_exponent(&text[at + 1..])?),
                None => (text, 0),
            };
        let mut digits = Big::default();
        let mut decimals = 0_i64;
        let (mut is_behind_point, mut has_digits) = (false, false);
        for &byte in significand {
            match byte {
                b'0'..=b'9' => {
                    digits.multiply_add(10, u32::from(byte - b'0'));
                    decimals += i64::from(is_behind_point);
                    has_digits = true;
                }
                b'.' if !is_behind_point => is_behind_point = true,
                _ => return None,
            }
        }
        if !has_digits || digits.is_zero() {
            return has_digits.then_some(Self::ZERO);
        }
        // What is too large or too small for a float is no number to `strtold`.
        let number = Self::scaled(digits, power.saturating_sub(decimals));
        Some(number).filter(|number| number.is_finite() && number.mantissa != 0)
    }

    /// `digits` times ten to the `power`.
    fn scaled(mut digits: Big, power: i64) -> Self {
        // Beyond these no number of the allowed length is a float any more.
        const EXTREME: i64 = 12_000;
        if power < -EXTREME {
            return Self::ZERO;
        }
        if power > EXTREME {
            return Self::INFINITY;
        }
        let mut exponent = 0;
        let mut is_inexact = false;
        if power >= 0 {
            (0..power).for_each(|_| digits.multiply_add(10, 0));
        } else {
            // Enough bits that 64 and some are left when it is divided.
            let bits = u32::try_from(power.unsigned_abs()).unwrap_or(u32::MAX) * 10 / 3 + 160;
            digits.shift_left(bits);
            exponent = -i64::from(bits);
            for _ in 0..power.unsigned_abs() {
                is_inexact |= digits.divide(10) != 0;
            }
        }
        let (bits, dropped, is_rest) = digits.top();
        Self::rounded(bits | u128::from(is_rest || is_inexact), exponent + dropped)
    }

    /// `bits` times two to the power of `exponent`; the lowest bit may stand for anything below it.
    fn rounded(bits: u128, exponent: i64) -> Self {
        if bits == 0 {
            return Self::ZERO;
        }
        let excess = i64::from(128 - bits.leading_zeros()) - 64;
        let (mut mantissa, mut exponent) = if excess <= 0 {
            (bits << -excess, exponent + excess)
        } else {
            (round_right(bits, u32::try_from(excess).unwrap_or(0)), exponent + excess)
        };
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        let highest = exponent + 63;
        let mantissa = u64::try_from(mantissa).unwrap_or(u64::MAX);
        match (highest > *EXPONENTS.end(), EXPONENTS.contains(&highest)) {
            (true, _) => Self::INFINITY,
            (_, false) => Self::ZERO,
            _ => Self { mantissa, exponent, ..Self::ZERO },
        }
    }
}

/// As C's `%.17Lf`, without zeros at the end.
impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DECIMALS: usize = 17;
        const SCALE: u128 = 100_000_000_000_000_000;
        let mut scaled = Big::default();
        if self.exponent >= 0 {
            scaled.set(u128::from(self.mantissa));
            scaled.shift_left(u32::try_from(self.exponent).unwrap_or(0));
            (0..DECIMALS).for_each(|_| scaled.multiply_add(10, 0));
        } else {
            let shift = u32::try_from(-self.exponent).unwrap_or(u32::MAX);
            let bits = round_right(u128::from(self.mantissa) * SCALE, shift);
            scaled.set(bits);
        }
        let mut digits = Vec::new();
        while !scaled.is_zero() || digits.len() <= DECIMALS {
            digits.push(char::from(b"0123456789"[scaled.divide(10) as usize]));
        }
        let zeros = digits.iter().take(DECIMALS).take_while(|digit| **digit == '0').count();
        let is_zero = digits.iter().all(|digit| *digit == '0');
        let mut text = String::from(if self.is_negative && !is_zero { "-" } else { "" });
        text.extend(digits[DECIMALS..].iter().rev());
        if zeros < DECIMALS {
            text.push('.');
            text.extend(digits[zeros..DECIMALS].iter().rev());
        }
        f.write_str(&text)
    }
}

fn decimal_exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if is_negative { -value } else { value })
}

/// Shifted, the lowest bit set if any bit was lost.
fn shift_right(bits: u128, by: u32) -> u128 {
    match bits.checked_shr(by) {
        Some(shifted) => shifted | u128::from(shifted << by != bits),
        None => u128::from(bits != 0),
    }
}

/// Shifted, and rounded to the nearest, ties to even.
fn round_right(bits: u128, by: u32) -> u128 {
    if by == 0 {
        return bits;
    }
    let Some(shifted) = bits.checked_shr(by) else { return 0 };
    let rest = bits - (shifted << by);
    let is_up = match rest.cmp(&(1 << (by - 1))) {
        Ordering::Less => false,
        Ordering::Equal => shifted & 1 == 1,
        Ordering::Greater => true,
    };
    shifted + u128::from(is_up)
}

/// A whole number of any size, its lowest 32 bits first.
#[derive(Default)]
struct Big(Vec<u32>);

impl Big {
    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn set(&mut self, bits: u128) {
        let parts =
            (0..4).map(|part| u32::try_from(bits >> (32 * part) & 0xffff_ffff).unwrap_or(0));
        self.0 = parts.collect();
        self.trim();
    }

    fn multiply_add(&mut self, by: u32, carry: u32) {
        let mut carry = u64::from(carry);
        for part in &mut self.0 {
            let product = u64::from(*part) * u64::from(by) + carry;
            *part = low(product);
            carry = product >> 32;
        }
        if carry != 0 {
            self.0.push(low(carry));
        }
    }

    /// Divides, and gives the remainder.
    fn divide(&mut self, by: u32) -> u32 {
        let mut rest = 0;
        for part in self.0.iter_mut().rev() {
            let dividend = rest << 32 | u64::from(*part);
            *part = low(dividend / u64::from(by));
            rest = dividend % u64::from(by);
        }
        self.trim();
        low(rest)
    }

    fn shift_left(&mut self, by: u32) {
        (0..by % 32).for_each(|_| self.multiply_add(2, 0));
        if !self.is_zero() {
            self.0.splice(0..0, std::iter::repeat_n(0, (by / 32) as usize));
        }
    }

    /// The highest 96 to 128 bits with the power of two of the lowest of them, and whether any bit
    /// below is set.
    fn top(&self) -> (u128, i64, bool) {
        let below = self.0.len().saturating_sub(4);
        let bits =
            self.0[below..].iter().rev().fold(0, |bits, part| bits << 32 | u128::from(*part));
        let dropped = i64::try_from(below).unwrap_or(i64::MAX).saturating_mul(32);
        (bits, dropped, self.0[..below].iter().any(|part| *part != 0))
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Extended;

    fn sum(a: &str, b: &str) -> String {
        let [a, b] = [a, b].map(|text| Extended::parse(text.as_bytes()).unwrap());
        a.plus(b).to_string()
    }

    /// All taken from a real server.
    #[test]
    fn sums_have_the_digits_that_redis_shows() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "-3", "0"),
            ("-0", "-0", "0"),
            ("0", "-1e-20", "0"),
            ("1", "-1e-17", "0.99999999999999999"),
            ("1e18", "0.5", "1000000000000000000.5"),
            ("12345.6789", "0.0001", "12345.67899999999999938"),
            ("0.5", "0.5", "1"),
            ("1", "1e-300", "1"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn only_numbers_are_read() {
        for text in [
            "", "-", ".", "e5", "1e", "1e+", " 1", "1 ", "1.2.3", "nan", "1e9999", "1e-9999", "abc",
        ] {
            assert_eq!(Extended::parse(text.as_bytes()), None, "{text:?}");
        }
        for text in ["1.", ".5", "+1", "-.5e-3", "1E5", "00012", "inf", "-Infinity"] {
            assert!(Extended::parse(text.as_bytes()).is_some(), "{text:?}");
        }
    }
}

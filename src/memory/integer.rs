//! Numbers as Redis reads them: 64 bits, signed, written in exactly one way.

/// The number that these digits are. No sign but `-`, no leading zeros, no spaces, no `-0`: only what
/// Redis itself would write, so that a string that reads as a number is that number's string.
pub(super) fn parse(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    // Below zero there is one number more than above it.
    let magnitude = digits.iter().try_fold(0_i64, |sum, &digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative { Some(magnitude) } else { magnitude.checked_neg() }
}

/// The digits of a number, as [`parse`] reads them, without a block of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    bytes: [u8; 20],
    start: u8,
}

impl Digits {
    pub(super) fn of(number: i64) -> Self {
        let mut bytes = [0; 20];
        let mut start = bytes.len();
        let mut rest = number.unsigned_abs();
        while start == bytes.len() || rest > 0 {
            start -= 1;
            bytes[start] = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        if number < 0 {
            start -= 1;
            bytes[start] = b'-';
        }
        Self { bytes, start: u8::try_from(start).unwrap_or_default() }
    }
}

impl std::ops::Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

#[cfg(test)]
mod tests {
    use super::{Digits, parse};

    #[test]
    fn reads_what_redis_writes_and_nothing_else() {
        for number in [0, 1, -1, 10, -10, 42, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(parse(number.to_string().as_bytes()), Some(number));
            assert_eq!(&*Digits::of(number), number.to_string().as_bytes());
        }
        for text in [
            "",
            "-",
            "+1",
            " 1",
            "1 ",
            "01",
            "-0",
            "-01",
            "00",
            "1.0",
            "1e3",
            "0x1",
            "a",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "--1",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}

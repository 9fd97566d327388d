//! The numbers in length lines (`*3`, `$64`), read and written by hand: such lines have 1 to 3 digits, and a
//! search for their end would cost more than reading them. Decides which spellings are numbers: those that
//! Redis's `string2ll` takes, so no plus sign, no leading zero, no `-0`, no blanks.

/// The number whose first digit is at `at`, and the position after its CRLF. `None` says nothing about
/// validity: the line is not whole yet, or not of the common form, and wants the careful way.
#[inline(always)]
pub(super) fn short(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = input.get(at..)?;
    match *line {
        [a @ b'0'..=b'9', b'\r', b'\n', ..] => Some((digit(a), at + 3)),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Some((digit(a) * 10 + digit(b), at + 4))
        }
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] => medium(line, at),
        _ => None,
    }
}

/// Three to nine digits, so that the sum can't overflow.
#[inline]
fn medium(line: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value = 0;
    for (i, &byte) in line.iter().take(10).enumerate() {
        match byte {
            b'0'..=b'9' if i < 9 => value = value * 10 + digit(byte),
            b'\r' if line.get(i + 1) == Some(&b'\n') => return Some((value, at + i + 2)),
            _ => return None,
        }
    }
    None
}

#[inline(always)]
fn digit(byte: u8) -> usize {
    usize::from(byte - b'0')
}

/// The whole of `text` as a signed number, by the rules of Redis's `string2ll`.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut value: i64 = 0;
    for &byte in digits {
        let digit = if byte.is_ascii_digit() { i64::from(byte - b'0') } else { return None };
        // Downwards, because the lowest number has no positive twin.
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Appends `value` in decimal.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, value: u64) {
    if let Ok(small @ 0..=9) = u8::try_from(value) {
        out.push(b'0' + small);
        return;
    }
    // u64::MAX has 20 digits.
    let mut digits = [0_u8; 20];
    let mut first = digits.len();
    let mut rest = value;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        first -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spellings_that_redis_takes_are_numbers() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("1048576", 1_048_576),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            "+3",
            "01",
            "-0",
            "-01",
            " 1",
            "1 ",
            "1a",
            "0x1",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_careful_way() {
        for value in (0..2000_usize).chain([99_999, 12_345_678, 999_999_999]) {
            let line = format!("xx{value}\r\nrest");
            assert_eq!(short(line.as_bytes(), 2), Some((value, line.len() - 4)), "{value}");
        }
        for line in [
            "",
            "1",
            "12",
            "12\r",
            "1\n",
            "01\r\n",
            "\r\n",
            "1\rx",
            "-1\r\n",
            "1234567890\r\n",
            "1a3\r\n",
        ] {
            assert_eq!(short(line.as_bytes(), 0), None, "{line:?}");
        }
        assert_eq!(short(b"1", 9), None);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for value in [0, 1, 9, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}

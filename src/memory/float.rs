//! Numbers with a fraction, as C's `strtod` reads them.
//!
//! Redis hands a client's bytes to `strtod` and then decides by what it left over; so what is a score,
//! the bound of a range or a timeout is told apart here, and nowhere else.
//! <https://en.cppreference.com/w/c/string/byte/strtof>

/// What `strtod` made of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    value: f64,
    /// How many bytes are part of the number; 0 where none is.
    used: usize,
    /// The number is too large for a double, or too small to be told from zero.
    is_out_of_range: bool,
}

/// The number that is all of the text. `None` for blanks around it, for what is not a number, and for
/// what no double can hold.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    if let Some(value) = short_integer(text) {
        return Some(value);
    }
    let reading = read(text);
    let is_whole = !text.is_empty() && !is_blank(text[0]) && reading.used == text.len();
    (is_whole && !reading.is_out_of_range && !reading.value.is_nan()).then_some(reading.value)
}

/// The number in the bound of a range: blanks before it, nothing at all and numbers past the largest
/// are fine, and a zero byte ends it, all as in Redis.
pub(super) fn parse_bound(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = text.get(..end)?;
    let reading = read(text);
    (reading.used == text.len() && !reading.value.is_nan()).then_some(reading.value)
}

/// The number that SORT puts an element in order by: as the bound of a range, but one that a double can
/// hold.
pub(super) fn parse_weight(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let text = text.get(..end)?;
    let reading = read(text);
    let is_number = !reading.is_out_of_range && !reading.value.is_nan();
    (reading.used == text.len() && is_number).then_some(reading.value)
}

/// Most scores are a few digits.
fn short_integer(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let sum = text.iter().try_fold(0_u32, |sum, &byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
    });
    sum.map(f64::from)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn read(text: &[u8]) -> Reading {
    let blanks = text.iter().take_while(|&&byte| is_blank(byte)).count();
    let behind = text.get(blanks..).unwrap_or_default();
    let (is_negative, sign) = match behind.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let digits = behind.get(sign..).unwrap_or_default();
    let reading = word(digits).or_else(|| hexadecimal(digits)).unwrap_or_else(|| decimal(digits));
    let used = if reading.used == 0 { 0 } else { blanks + sign + reading.used };
    let value = if is_negative { -reading.value } else { reading.value };
    Reading { value, used, ..reading }
}

fn word(text: &[u8]) -> Option<Reading> {
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    let known: [(&[u8], f64); 3] =
        [(b"infinity", f64::INFINITY), (b"inf", f64::INFINITY), (b"nan", f64::NAN)];
    let (word, value) = known.into_iter().find(|(word, _)| begins(word))?;
    Some(Reading { value, used: word.len(), is_out_of_range: false })
}

fn decimal(text: &[u8]) -> Reading {
    let (used, _) = extent(text, u8::is_ascii_digit, b'e');
    let number = text.get(..used).unwrap_or_default();
    // What is left of the text are digits, a point and an exponent: the standard library reads them
    // exactly as C does.
    let value = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    let value: f64 = value.unwrap_or_default();
    let mantissa = number.split(|byte| byte.eq_ignore_ascii_case(&b'e')).next().unwrap_or_default();
    let is_nothing = value == 0.0 && mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    Reading { value, used, is_out_of_range: value.is_infinite() || is_nothing }
}

/// `0x1.8p3`; `None` where the text is not hexadecimal.
fn hexadecimal(text: &[u8]) -> Option<Reading> {
    let [b'0', b'x' | b'X', digits @ ..] = text else { return None };
    let (used, exponent) = extent(digits, u8::is_ascii_hexdigit, b'p');
    if used == 0 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut scale = 0_i64;
    let mut is_fraction = false;
    for &byte in digits.iter().take(used).take_while(|byte| !byte.eq_ignore_ascii_case(&b'p')) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            is_fraction = true;
            continue;
        };
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            scale -= if is_fraction { 4 } else { 0 };
        } else {
            // No double tells such digits apart, but for whether all of them are zero.
            mantissa |= u64::from(digit != 0);
            scale += if is_fraction { 0 } else { 4 };
        }
    }
    let value = scaled(mantissa, scale.saturating_add(exponent));
    let is_nothing = value == 0.0 && mantissa != 0;
    Some(Reading { value, used: used + 2, is_out_of_range: value.is_infinite() || is_nothing })
}

/// `mantissa` times two to the `exponent`. In two steps, each of which a double can hold.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-2_200, 2_200)).unwrap_or_default();
    let half = exponent / 2;
    mantissa as f64 * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

/// How many bytes are digits with at most one point among them and the exponent behind them, and that
/// exponent. Nothing without a digit; an exponent without one is not part of the number.
fn extent(text: &[u8], is_digit: fn(&u8) -> bool, mark: u8) -> (usize, i64) {
    let (mut used, mut has_digit, mut has_point) = (0, false, false);
    for byte in text {
        match byte {
            b'.' if !has_point => has_point = true,
            byte if is_digit(byte) => has_digit = true,
            _ => break,
        }
        used += 1;
    }
    if !has_digit {
        return (0, 0);
    }
    let behind = text.get(used..).unwrap_or_default();
    let Some((first, rest)) =
        behind.split_first().filter(|(first, _)| first.eq_ignore_ascii_case(&mark))
    else {
        return (used, 0);
    };
    let _ = first;
    let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let digits = rest.iter().skip(sign).take_while(|byte| byte.is_ascii_digit());
    let (count, size) = digits.fold((0, 0_i64), |(count, size), byte| {
        (count + 1, size.saturating_mul(10).saturating_add(i64::from(byte - b'0')))
    });
    if count == 0 {
        return (used, 0);
    }
    let exponent = if rest.first() == Some(&b'-') { -size } else { size };
    (used + 1 + sign + count, exponent)
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_bound};

    #[test]
    fn whole_numbers_are_read_as_c_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("007", 7.0),
            ("+5", 5.0),
            ("-5.", -5.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("123456789012", 123_456_789_012.0),
            ("2.5e-1", 0.25),
            ("inf", f64::INFINITY),
            ("+INF", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("0x.8p1", 1.0),
            ("-0X1.8P+3", -12.0),
            ("0x1fffffffffffff8", 144_115_188_075_855_864.0),
            ("0x1p-1074", 5e-324),
            ("5e-324", 5e-324),
            ("1.7976931348623157e308", f64::MAX),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse(b"-0").unwrap().is_sign_negative());
    }

    #[test]
    fn what_is_not_wholly_a_number_is_none() {
        for text in [
            "",
            " ",
            " 1",
            "1 ",
            "a",
            "1a",
            "-",
            "+",
            ".",
            "e5",
            "1e",
            "1e+",
            "nan",
            "-nan",
            "--1",
            "+-1",
            "1.2.3",
            "0x",
            "0xg",
            "infi",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p2000",
            "0x1p-2000",
            "1\0",
            "\0",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_are_read_with_more_patience() {
        for (text, value) in [
            ("", 0.0),
            (" 1", 1.0),
            ("\t\n1.5", 1.5),
            ("1e400", f64::INFINITY),
            ("-1e400", f64::NEG_INFINITY),
            ("1e-400", 0.0),
            ("1\0abc", 1.0),
        ] {
            assert_eq!(parse_bound(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in [" ", "1 ", "nan", "abc", "1e", "(1"] {
            assert_eq!(parse_bound(text.as_bytes()), None, "{text:?}");
        }
    }
}

//! Doubles in text, as Redis 7.0 writes them: C's `%.17g`, so that a score looks the same from here as
//! from the server. Seventeen digits read back as the same number, and 0.1 is 0.10000000000000001.
//! <https://en.cppreference.com/w/c/io/fprintf>

use std::io::Write;

use super::number;

/// Significant digits.
const DIGITS: usize = 17;

/// Below this, whole numbers are written digit by digit: what is left has an exponent or a fraction.
const WHOLE: f64 = 1e17;

/// Appends `value`: `inf`, `-inf` and `nan` for what is no number.
pub(super) fn write(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        let text = if value.is_nan() { "nan" } else { "inf" };
        out.extend_from_slice(if value < 0.0 { b"-" } else { b"" });
        return out.extend_from_slice(text.as_bytes());
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let size = value.abs();
    if size < WHOLE && size.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below WHOLE")]
        return number::write(out, size as u64);
    }
    let mut scientific = [0_u8; 32];
    let mut rest = scientific.as_mut_slice();
    // 17 digits, a point and an exponent of at most 4 always fit.
    let _ = write!(rest, "{size:.*e}", DIGITS - 1);
    let left = rest.len();
    let written = scientific.get(..scientific.len() - left).unwrap_or_default();
    layout(out, written);
}

/// `d.dddde-5` in the form that `%g` gives it.
fn layout(out: &mut Vec<u8>, scientific: &[u8]) {
    let mut parts = scientific.splitn(2, |&byte| byte == b'e');
    let mantissa = parts.next().unwrap_or_default();
    let exponent = parts.next().and_then(number::parse).unwrap_or_default();
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    match usize::try_from(exponent) {
        Ok(whole @ 0..DIGITS) => {
            digits.resize(digits.len().max(whole + 1), b'0');
            point(out, &digits, whole + 1);
        }
        Err(_) if exponent >= -4 => {
            let zeros = usize::try_from(-exponent).unwrap_or_default();
            digits.splice(..0, std::iter::repeat_n(b'0', zeros));
            point(out, &digits, 1);
        }
        _ => {
            point(out, &digits, 1);
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            // At least two digits, as C does.
            out.extend_from_slice(if exponent.abs() < 10 { b"0" } else { b"" });
            number::write(out, exponent.unsigned_abs());
        }
    }
}

/// The digits, with a point behind the first `whole` of them where more follow.
fn point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let (before, behind) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(before);
    if !behind.is_empty() {
        out.push(b'.');
        out.extend_from_slice(behind);
    }
}

#[cfg(test)]
mod tests {
    use super::write;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    /// The right side is what `printf("%.17g")` of glibc gives.
    #[test]
    fn doubles_are_written_as_c_writes_them() {
        for (value, wanted) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.10000000000000001"),
            (-2.5, "-2.5"),
            (1.0 / 3.0, "0.33333333333333331"),
            (123_456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e-7, "9.9999999999999995e-08"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e16, "10000000000000000"),
            (99_999_999_999_999_984.0, "99999999999999984"),
            (1e17, "1e+17"),
            (3e20, "3e+20"),
            (1.234_567_890_123_456_7e20, "1.2345678901234567e+20"),
            (1e21, "1e+21"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), wanted);
        }
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_number() {
        for _ in 0..20_000 {
            let value = f64::from_bits(fastrand::u64(..));
            if !value.is_nan() {
                assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
                assert!(text(value).len() < 26);
            }
        }
    }
}

//! Durations as `60us`, `250ms`, `10s`, `5m`, `2h`, `1d`, and sizes as `512`, `64kb`, `64mb`, `1gb`.
//! A duration without a unit is refused (0 alone needs none): nobody can tell seconds from
//! milliseconds. Sizes follow redis.conf: `k` is 1,000 and `kb` is 1,024.

use std::time::Duration;

const DURATIONS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

const SIZES: [(&str, u64); 8] = [
    ("gb", 1 << 30),
    ("mb", 1 << 20),
    ("kb", 1 << 10),
    ("g", 1_000_000_000),
    ("m", 1_000_000),
    ("k", 1_000),
    ("b", 1),
    ("", 1),
];

/// Reads `10s`; `None` where it is no duration, or past what microseconds in 64 bits can hold.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    scaled(text, &DURATIONS).map(Duration::from_micros)
}

/// Reads `64mb`, in bytes; `None` where it is no size, or past 64 bits.
pub fn parse_size(text: &str) -> Option<u64> {
    scaled(&text.to_ascii_lowercase(), &SIZES)
}

/// The shortest text that reads back as `duration` (in whole microseconds).
pub fn show_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        return "0s".to_owned();
    }
    // 24h is read more easily than 1d beside a timeout of 10s.
    for (unit, scale) in &DURATIONS[1..] {
        if micros.is_multiple_of(u128::from(*scale)) {
            return format!("{}{unit}", micros / u128::from(*scale));
        }
    }
    format!("{micros}us")
}

/// The shortest text that reads back as `bytes`.
pub fn show_size(bytes: u64) -> String {
    for (unit, scale) in &SIZES[..3] {
        if bytes > 0 && bytes.is_multiple_of(*scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse_duration, parse_size, show_duration, show_size};

    #[test]
    fn durations_read_and_print_back() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("24h", 86_400_000),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(text), Some(duration), "{text}");
            assert_eq!(show_duration(duration), text);
        }
        assert_eq!(show_duration(Duration::from_millis(90_000)), "90s");
        assert_eq!(parse_duration("60us"), Some(Duration::from_micros(60)));
        assert_eq!(show_duration(Duration::from_micros(1_500)), "1500us");
        assert_eq!(parse_duration("1d"), parse_duration("24h"));
        assert_eq!(parse_duration("0"), Some(Duration::ZERO));
        assert_eq!(parse_duration(&show_duration(Duration::ZERO)), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "10S", "10sec", "99999999999999999999s"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("18446744073709551615d"), None);
    }

    #[test]
    fn sizes_follow_redis_conf() {
        for (text, bytes) in [
            ("512", 512),
            ("512b", 512),
            ("1k", 1_000),
            ("1kb", 1_024),
            ("64mb", 64 << 20),
            ("64MB", 64 << 20),
            ("2gb", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes), "{text}");
        }
        assert_eq!(show_size(64 << 20), "64mb");
        for text in ["", "mb", "-1", "1tb", "1.5gb", "99999999999gb"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}

//! Names of commands and keys as operators see them: printable, and not too long.

use crate::command::resolve;
use crate::wire::decode::Request;

/// A longer key is shown by its first and last characters.
const LONGEST: usize = 64;
const HEAD: usize = 44;
const TAIL: usize = 12;

/// A key, printable and shortened: bytes that are no printable ASCII as `\xNN`.
#[must_use]
pub fn shorten(key: &[u8]) -> String {
    if key.len() <= LONGEST {
        return key.escape_ascii().to_string();
    }
    let (head, tail) = (&key[..HEAD], &key[key.len() - TAIL..]);
    format!("{}...{} ({} bytes)", head.escape_ascii(), tail.escape_ascii(), key.len())
}

/// A key for those who may not see it: that there is one, and the kind of it that its first part tells.
#[must_use]
pub fn mask(shown: &str) -> String {
    let kind = shown.split_once(':').map(|(kind, _)| kind);
    match kind.filter(|kind| kind.len() <= 16 && !kind.contains('\\')) {
        Some(kind) => format!("{kind}:***"),
        None => "***".to_owned(),
    }
}

/// The name of a command with its subcommand, in capitals. What is not in the table is not repeated: it may be
/// anything.
#[must_use]
pub fn name(request: &Request<'_>) -> String {
    resolve(request).map_or_else(
        || "an unknown command".to_owned(),
        |spec| spec.name.replace('|', " ").to_uppercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::{mask, shorten};

    #[test]
    fn keys_are_printable_and_short() {
        assert_eq!(shorten(b"user:1"), "user:1");
        assert_eq!(shorten(b"a\x00\xff\n"), "a\\x00\\xff\\n");
        assert_eq!(shorten(&[b'k'; 64]), "k".repeat(64));
        let long = shorten(&[b'k'; 1000]);
        assert!(long.ends_with("(1000 bytes)") && long.len() < 80, "{long}");
        assert!(shorten(&[0xff; 1000]).len() < 300);
    }

    #[test]
    fn a_masked_key_tells_its_kind_alone() {
        for (key, expected) in [
            ("session:abcdef", "session:***"),
            ("abcdef", "***"),
            ("", "***"),
            ("a-first-part-that-is-long:x", "***"),
        ] {
            assert_eq!(mask(key), expected);
        }
    }
}

//! A password. It prints `***` whatever is done with it; only `expose` gives it out.
//! Its bytes are overwritten when it is dropped, and it is compared in a time that does not tell
//! how much of a guess was right.

use std::fmt;

/// A text that must not be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text; a fresh copy is made, so the caller's own should be short-lived.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the handshake, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is this secret. The time depends on the length of `offered` alone.
    pub fn is_matched_by(&self, offered: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let mut difference = usize::from(secret.len() != offered.len());
        for (at, byte) in offered.iter().enumerate() {
            let own = secret.get(at % secret.len().max(1)).copied().unwrap_or(0);
            difference |= usize::from(std::hint::black_box(own ^ byte));
        }
        difference == 0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // So that the compiler keeps the fill, though nobody reads it.
        std::hint::black_box(&bytes);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = Secret::new("hunter2");
        assert!(secret.is_matched_by(b"hunter2"));
        for wrong in ["", "hunter", "hunter22", "hunter2hunter2", "Hunter2"] {
            assert!(!secret.is_matched_by(wrong.as_bytes()), "{wrong}");
        }
        assert!(Secret::new("").is_matched_by(b""));
        assert!(!Secret::new("").is_matched_by(b"x"));
    }
}

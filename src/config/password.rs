//! A password that clients have to say: as it is written, or as its SHA-256 (`sha256:` and 64 hexadecimal digits, what
//! Redis's ACL writes as `#`).
//! What is offered is hashed once and compared as a hash, in a time that tells neither how much of it was right nor
//! whose it might have been. The hash is the TLS provider's own: no package more.

use super::Secret;
use rustls::SupportedCipherSuite;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

/// What a hash begins with.
const MARK: &str = "sha256:";

/// A SHA-256.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

/// See the module. It prints `***`.
#[derive(Clone)]
pub struct Password(Digest);

impl Digest {
    /// Of what a client offers.
    #[must_use]
    pub fn of(offered: &[u8]) -> Self {
        let mut digest = [0; 32];
        if let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 {
            digest.copy_from_slice(suite.common.hash_provider.hash(offered).as_ref());
        }
        Self(digest)
    }
}

impl Password {
    /// As it was configured; `None` where it begins as a hash and is none.
    #[must_use]
    pub fn new(written: &Secret) -> Option<Self> {
        let Some(digits) = written.expose().strip_prefix(MARK) else {
            return Some(Self(Digest::of(written.expose().as_bytes())));
        };
        let mut digest = [0; 32];
        let pairs = digits.as_bytes().chunks_exact(2);
        if digits.len() != 2 * digest.len()
            || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(Digest(digest)))
    }

    /// Whether this is what a secret of the configuration is: then nobody can say it for its owner.
    #[must_use]
    pub fn is_hash(written: &Secret) -> bool {
        written.expose().starts_with(MARK)
    }

    /// Whether what was offered is this. Takes as long whatever differs.
    #[must_use]
    pub fn is_matched_by(&self, offered: &Digest) -> bool {
        let pairs = self.0.0.iter().zip(&offered.0);
        let difference =
            pairs.fold(0, |found, (own, other)| found | std::hint::black_box(own ^ other));
        difference == 0
    }

    /// Whether two are the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_matched_by(&other.0)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Password};
    use crate::config::Secret;

    /// SHA-256 of `foobared`, as `sha256sum` prints it.
    const FOOBARED: &str = "1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf";

    fn password(text: &str) -> Option<Password> {
        Password::new(&Secret::new(text))
    }

    #[test]
    fn a_hash_and_its_password_are_the_same() {
        let hash = password(&format!("sha256:{FOOBARED}")).unwrap();
        let upper = password(&format!("sha256:{}", FOOBARED.to_uppercase())).unwrap();
        let plain = password("foobared").unwrap();
        for known in [&hash, &upper, &plain] {
            assert!(known.is_matched_by(&Digest::of(b"foobared")));
            for wrong in [&b""[..], b"foobare", b"foobared ", b"Foobared", FOOBARED.as_bytes()] {
                assert!(!known.is_matched_by(&Digest::of(wrong)));
            }
        }
        assert!(hash.is_same(&plain) && !hash.is_same(&password("x").unwrap()));
        assert_eq!(format!("{hash:?} {plain:?}"), "*** ***");
    }

    #[test]
    fn what_begins_as_a_hash_must_be_one() {
        for text in ["sha256:", "sha256:12", &format!("sha256:{FOOBARED}0")] {
            assert!(password(text).is_none(), "{text}");
        }
        assert!(password(&format!("sha256:{}g", &FOOBARED[1..])).is_none());
        assert!(password(&format!("sha256:{}é", &FOOBARED[2..])).is_none());
        assert!(password("sha25").is_some());
    }

    #[test]
    fn the_empty_text_has_the_hash_that_the_standard_says() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(password(empty).unwrap().is_matched_by(&Digest::of(b"")));
    }
}

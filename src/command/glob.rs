//! Redis's glob patterns: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
//!
//! Matches as `stringmatchlen` of Redis 7.0 does, odd patterns (an unclosed class, a last backslash)
//! included. Iterative: no pattern can overflow the stack, and the work is at most the product of
//! both lengths, because a mismatch goes back to the last star alone.

/// A pattern that is matched often, with the forms that nearly all have told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `*`
    All,
    /// No character of it is special.
    Exact(Vec<u8>),
    /// Only a star at its end is.
    Prefix(Vec<u8>),
    /// Any other.
    Glob(Vec<u8>),
}

impl Pattern {
    /// Of a glob as KEYS has it.
    #[must_use]
    pub fn new(glob: &[u8]) -> Self {
        let is_plain = |text: &[u8]| !text.iter().any(|byte| b"*?[\\".contains(byte));
        match glob {
            b"*" => Self::All,
            [prefix @ .., b'*'] if is_plain(prefix) => Self::Prefix(prefix.to_vec()),
            text if is_plain(text) => Self::Exact(text.to_vec()),
            glob => Self::Glob(glob.to_vec()),
        }
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Exact(own) => own == text,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Glob(pattern) => matches(pattern, text),
        }
    }
}

/// Whether the whole of `text` matches `pattern`.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Redis never enters its loop for an empty text, and takes `*` alone as a case of its own.
    if text.is_empty() {
        return matches!(pattern, b"" | b"*");
    }
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while text_at < text.len() {
        match step(pattern.get(pattern_at..).unwrap_or_default(), text[text_at]) {
            Step::Star => {
                pattern_at += 1;
                retry = Some((pattern_at, text_at));
            }
            Step::Match(taken) => {
                pattern_at += taken;
                text_at += 1;
            }
            Step::Mismatch => {
                let Some((after_star, from)) = retry else { return false };
                retry = Some((after_star, from + 1));
                (pattern_at, text_at) = (after_star, from + 1);
            }
        }
    }
    pattern.get(pattern_at..).unwrap_or_default().iter().all(|&byte| byte == b'*')
}

enum Step {
    Star,
    /// The byte matches this many bytes of the pattern.
    Match(usize),
    Mismatch,
}

fn step(pattern: &[u8], byte: u8) -> Step {
    let (is_match, taken) = match pattern {
        [] => (false, 0),
        [b'*', ..] => return Step::Star,
        [b'?', ..] => (true, 1),
        [b'[', class @ ..] => {
            let (is_match, taken) = class_matches(class, byte);
            (is_match, taken + 1)
        }
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [literal, ..] => (*literal == byte, 1),
    };
    if is_match { Step::Match(taken) } else { Step::Mismatch }
}

/// Whether `byte` is in the class that `class` begins with, and how many bytes the class takes.
/// A class that is not closed ends with the pattern.
fn class_matches(class: &[u8], byte: u8) -> (bool, usize) {
    let is_negated = class.first() == Some(&b'^');
    let mut at = usize::from(is_negated);
    let mut is_in = false;
    loop {
        at += match class.get(at..).unwrap_or_default() {
            [] => break,
            [b'\\', escaped, ..] => {
                is_in |= *escaped == byte;
                2
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [from, b'-', to, ..] => {
                is_in |= (*from.min(to)..=*from.max(to)).contains(&byte);
                3
            }
            [literal, ..] => {
                is_in |= *literal == byte;
                1
            }
        };
    }
    (is_in != is_negated, at)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, matches};

    #[test]
    fn matches_as_redis_does() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "abc"),
            ("a*c", "abbbc"),
            ("a*c", "ac"),
            ("**", "x"),
            ("*a*b*", "xxaxxbxx"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("\\*", "*"),
            ("a\\", "a\\"),
            ("[a", "a"),
            ("[\\]]", "]"),
            ("[^a]", "]"),
            ("", ""),
        ] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} {text:?}");
        }
        for (pattern, text) in [
            ("a*c", "abbb"),
            ("h?llo", "hllo"),
            ("h[ae]llo", "hillo"),
            ("h[^e]llo", "hello"),
            ("\\*", "a"),
            ("[]", "]"),
            ("[]", "a"),
            ("", "a"),
            ("?", ""),
            ("*a", "ab"),
            ("**", ""),
        ] {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn the_common_forms_match_as_the_whole_does() {
        for pattern in ["*", "ab", "ab*", "a*b", "", "a\\*", "a?", "[ab]*"] {
            let form = Pattern::new(pattern.as_bytes());
            for text in ["", "a", "ab", "abc", "a*", "b", "xab"] {
                let expected = matches(pattern.as_bytes(), text.as_bytes());
                assert_eq!(form.matches(text.as_bytes()), expected, "{pattern:?} {text:?}");
            }
        }
    }

    #[test]
    fn a_pattern_full_of_stars_costs_no_more_than_the_product_of_the_lengths() {
        let (pattern, text) = ("a*".repeat(5_000) + "b", "a".repeat(20_000));
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}

//! Redis's glob patterns: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
//!
//! Matches as `stringmatchlen` of Redis 7.0 does, odd patterns (an unclosed class, a last backslash)
//! included. Iterative: no pattern can overflow the stack, and the work is at most the product of
//! both lengths, because a mismatch goes back to the last star alone.

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
    use super::matches;

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
    fn a_pattern_full_of_stars_costs_no_more_than_the_product_of_the_lengths() {
        let (pattern, text) = ("a*".repeat(5_000) + "b", "a".repeat(20_000));
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}

//! A short play of commands and the replies that a right Redis gives: what `validate` checks and `monitor` measures.
//!
//! A line is a command; `@name` is a key of ours, `'...'` one word. `2>` says it on a second connection, `3>` on a
//! third one in RESP3. A line that ends with `&` is sent and not waited for; `1<`, `2<`, `3<` wait for what comes.

mod expect;
mod player;

pub(super) use expect::{Expect, flat};
pub(super) use player::{Player, Trouble};

/// A line, and the reply to it.
pub(super) type Step = (&'static str, Expect);

/// Lines with one purpose.
pub(super) struct Script {
    pub(super) name: &'static str,
    /// The first version of Redis that has all of its commands.
    pub(super) since: (u16, u16),
    pub(super) steps: &'static [Step],
}

impl Script {
    /// For Redis 6.0 and later.
    pub(super) const fn new(name: &'static str, steps: &'static [Step]) -> Self {
        Self { name, since: (6, 0), steps }
    }

    /// For a later version and what comes after it.
    pub(super) const fn since(self, major: u16, minor: u16) -> Self {
        Self { since: (major, minor), ..self }
    }
}

/// Whether a refusal says that the server has no such thing, and not that it is broken.
pub(super) fn is_lacking(text: &str) -> bool {
    text.starts_with("ERR unknown")
        || text.contains("is not supported")
        // memory:// says so of what it has not.
        || text.contains("is not available with")
}

/// Which connection a line is for, and whether its reply is waited for.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    link: usize,
    /// `None` sends nothing and waits for what comes.
    command: Option<&'a str>,
    is_awaited: bool,
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Self {
        let (link, rest) = match text.as_bytes() {
            [digit @ b'1'..=b'3', b'<'] => {
                let link = usize::from(digit - b'1');
                return Self { link, command: None, is_awaited: true };
            }
            [digit @ b'1'..=b'3', b'>', b' ', ..] => (usize::from(digit - b'1'), &text[3..]),
            _ => (0, text),
        };
        match rest.strip_suffix(" &") {
            Some(command) => Self { link, command: Some(command), is_awaited: false },
            None => Self { link, command: Some(rest), is_awaited: true },
        }
    }
}

/// The words of a command; what stands between single quotes is one word.
fn words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Line, words};

    #[test]
    fn a_line_says_where_and_whether_to_wait() {
        for (text, link, command, is_awaited) in [
            ("GET @a", 0, Some("GET @a"), true),
            ("2> SUBSCRIBE @c", 1, Some("SUBSCRIBE @c"), true),
            ("BLPOP @q 5 &", 0, Some("BLPOP @q 5"), false),
            ("3<", 2, None, true),
        ] {
            assert_eq!(Line::read(text), Line { link, command, is_awaited }, "{text}");
        }
    }

    #[test]
    fn quotes_make_one_word() {
        assert_eq!(words("EVAL 'return \"a b\"' 1 @k"), ["EVAL", "return \"a b\"", "1", "@k"]);
        assert_eq!(words("SET @k ''"), ["SET", "@k", ""]);
    }
}

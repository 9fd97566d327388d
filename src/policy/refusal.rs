//! Why a command does not go: the rule that says so, and the words for the client.

use std::borrow::Cow;

/// A command that policy does not let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, as the metric says it; of few: `commands.deny`, `rules[2].access`.
    pub rule: Cow<'static, str>,
    /// The error, its code first.
    pub text: String,
    /// The key that it is about, for who may know.
    pub key: Option<Vec<u8>>,
    /// The rule is only tried: the command goes all the same.
    pub is_dry_run: bool,
}

impl Refusal {
    pub(super) fn new(rule: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { rule: rule.into(), text: text.into(), key: None, is_dry_run: false }
    }

    /// The same about a key.
    pub(super) fn of_key(mut self, key: &[u8]) -> Self {
        self.key = Some(key.to_vec());
        self
    }
}

/// Bytes of a key that an error or a log line shows.
const SHOWN: usize = 64;

/// A key in a text: printable, on one line, and not too long.
#[must_use]
pub fn show_key(key: &[u8]) -> String {
    let short = key.get(..SHOWN).unwrap_or(key);
    let dots = if short.len() < key.len() { "..." } else { "" };
    format!("{}{dots}", short.escape_ascii())
}

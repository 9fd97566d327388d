//! Why a command does not go: the rule that says so, and the words for the client.

/// A command that policy does not let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, as the metric says it; of few.
    pub rule: &'static str,
    /// The error, its code first.
    pub text: String,
}

impl Refusal {
    pub(super) fn new(rule: &'static str, text: impl Into<String>) -> Self {
        Self { rule, text: text.into() }
    }
}

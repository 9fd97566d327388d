//! What keys take: the forms of values and their bounds, in words.

use crate::config::units::{show_duration, show_size};
use std::time::Duration;

/// What a key takes. Bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// `127.0.0.1:6379`, `[::1]:6379`, `localhost:6379`, `:6379` (loopback), or `off`.
    Address,
    /// A whole number.
    Count(u64, u64),
    /// A whole number, or `off`.
    CountOrOff(u64, u64),
    /// A whole number, or `auto`.
    CountOrAuto(u64, u64),
    /// A duration.
    Span(Duration, Duration),
    /// A duration, or `off`.
    SpanOrOff(Duration, Duration),
    /// A size in bytes.
    Size(u64, u64),
    /// A path on this machine.
    Path,
    /// Any text.
    Text,
    /// Any text, never shown.
    Secret,
    /// An upstream URL.
    Url,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `on` or `off`; `true` and `false` too.
    Switch,
    /// A list of rules.
    Rules,
    /// A list of users.
    Users,
    /// A part of all, to the millionth.
    Share,
    /// Where HTTP is spoken.
    Endpoint,
    /// Names and values.
    Pairs,
    /// A list of commands' names.
    Names,
}

impl Takes {
    /// In words, for faults and for the documentation.
    pub fn describe(&self) -> String {
        let span = |least: &Duration, most: &Duration| {
            format!("{} to {}", show_duration(*least), show_duration(*most))
        };
        match self {
            Self::Address => "IP:PORT, localhost:PORT, :PORT (loopback), or off".to_owned(),
            Self::Count(least, most) => format!("{least} to {most}"),
            Self::CountOrOff(least, most) => format!("off, or {least} to {most}"),
            Self::CountOrAuto(least, most) => format!("auto, or {least} to {most}"),
            Self::Span(least, most) => span(least, most),
            Self::SpanOrOff(least, most) => format!("off, or {}", span(least, most)),
            Self::Size(least, most) => format!("{} to {}", show_size(*least), show_size(*most)),
            Self::Path => "a path".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Secret => "a secret".to_owned(),
            Self::Switch => "on or off".to_owned(),
            Self::Url => "redis://, rediss://, unix:///path or memory://".to_owned(),
            Self::Share => "0 to 1, such as 0.01".to_owned(),
            Self::Endpoint => "http://HOST:PORT or https://HOST".to_owned(),
            Self::Pairs => "name=value,name=value".to_owned(),
            Self::Rules => "a list of rules, each with match and what it says of those keys".into(),
            Self::Names => "a list of commands, subcommands and categories".into(),
            Self::Users => "a list of users: docs/policy.md".to_owned(),
            Self::Word(words) => match words {
                [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                words => words.join(""),
            },
        }
    }
}

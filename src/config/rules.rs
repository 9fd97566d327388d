//! `cache` and `rules`: what is kept of reads, and what keys get while the upstream is away.
//! A rule names keys by a glob; the first that matches counts. One that is wrong is told with its place in the
//! list (`rules[2].fallback`).

use std::time::Duration;

use serde_yaml::{Mapping, Value};

use super::{
    keys::{self, CACHE_ENTRY_SIZE, CACHE_SIZE, RULES},
    nearest::nearest,
    print::quoted,
    read::Reader,
    units::{parse_duration, show_duration},
};

/// What is kept of the replies to reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Whether anything is kept.
    pub enabled: bool,
    /// Bytes in all, 1 MiB to 64 GiB.
    pub size: usize,
    /// Bytes of one reply, 1 KiB to 512 MiB; at most a quarter of `size`.
    pub entry_size: usize,
}

/// What is done with the keys that a glob matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A glob as KEYS has it, on the key as the app says it.
    pub pattern: String,
    /// What they get while the upstream is away.
    pub fallback: Fallback,
    /// How old a stale reply may be; 1 s to 24 h.
    pub max_stale: Duration,
}

/// What keys get while the upstream is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Reads get the last reply, if it is not too old.
    Stale,
    /// Reads and writes work on an engine in memory that is thrown away afterwards.
    Local,
    /// Nothing: an error.
    None,
}

impl Fallback {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Local => "local",
            Self::None => "none",
        }
    }
}

/// How old a stale reply may be where no rule says.
pub const MAX_STALE: Duration = Duration::from_secs(600);

const NAMES: [&str; 3] = ["match", "fallback", "max_stale"];

pub(super) fn cache(reader: &mut Reader<'_>) -> Option<Cache> {
    let enabled = reader.switch(&keys::CACHE_ENABLED);
    let size = reader.size::<usize>(&CACHE_SIZE);
    let entry_size = reader.size::<usize>(&CACHE_ENTRY_SIZE);
    if let (Some(size), Some(entry_size)) = (size, entry_size)
        && entry_size > size / 4
    {
        let what = format!(
            "entry_size {} is more than a quarter of size {}",
            reader.text(&CACHE_ENTRY_SIZE),
            reader.text(&CACHE_SIZE)
        );
        let mend = "lower cache.entry_size, or raise cache.size";
        return reader.fault(&CACHE_ENTRY_SIZE, &what, mend);
    }
    Some(Cache { enabled: enabled?, size: size?, entry_size: entry_size? })
}

pub(super) fn rules(reader: &mut Reader<'_>) -> Option<Vec<Rule>> {
    let Ok(Value::Sequence(list)) = serde_yaml::from_str::<Value>(reader.text(&RULES)) else {
        return reader.refuse(&RULES, "is not a list");
    };
    let mut rules = Vec::new();
    let mut is_whole = true;
    for (place, value) in list.into_iter().enumerate() {
        let path = format!("rules[{place}]");
        let rule = match value {
            Value::Mapping(entries) => rule(reader, &path, &entries),
            _ => fault(reader, path, "is not a rule", "write {match: GLOB, fallback: stale}"),
        };
        is_whole &= rule.is_some();
        rules.extend(rule);
    }
    warn_of_hidden(reader, &rules);
    Some(rules).filter(|_| is_whole)
}

/// Rules behind one that matches all keys are never looked at.
fn warn_of_hidden(reader: &mut Reader<'_>, rules: &[Rule]) {
    let all = rules.iter().position(|rule| rule.pattern == "*");
    if let Some(place) = all.filter(|place| place + 1 < rules.len()) {
        let warning = format!("rules[{place}] matches all keys: those behind it have no effect");
        reader.warn(&RULES, &warning);
    }
}

fn rule(reader: &mut Reader<'_>, path: &str, entries: &Mapping) -> Option<Rule> {
    let mut is_whole = true;
    for name in entries.keys() {
        let name = name.as_str().unwrap_or_default();
        if !NAMES.contains(&name) {
            let near = nearest(name, NAMES);
            let mend = near.map_or_else(
                || format!("known here: {}", NAMES.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            is_whole = false;
            fault::<()>(reader, format!("{path}.{name}"), "is no key of a rule", &mend);
        }
    }
    let text = |name: &str| match entries.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let pattern = text("match").filter(|pattern| !pattern.is_empty()).or_else(|| {
        let mend = "give a glob, such as \"session:*\"; \"*\" is every key";
        fault(reader, format!("{path}.match"), "is missing", mend)
    });
    let fallback = match text("fallback").as_deref() {
        None if !entries.contains_key("fallback") => Some(Fallback::Stale),
        Some("stale") => Some(Fallback::Stale),
        Some("local") => Some(Fallback::Local),
        Some("none") => Some(Fallback::None),
        _ => fault(reader, format!("{path}.fallback"), "is not known", "give stale, local or none"),
    };
    let max_stale = match text("max_stale") {
        None if !entries.contains_key("max_stale") => Some(MAX_STALE),
        said => max_stale(reader, path, said.as_deref().unwrap_or_default()),
    };
    let rule = Rule { pattern: pattern?, fallback: fallback?, max_stale: max_stale? };
    Some(rule).filter(|_| is_whole)
}

fn max_stale(reader: &mut Reader<'_>, path: &str, text: &str) -> Option<Duration> {
    let bounds = Duration::from_secs(1)..=Duration::from_secs(86_400);
    parse_duration(text).filter(|span| bounds.contains(span)).or_else(|| {
        let what = format!("{text:?} is not a duration within bounds");
        fault(reader, format!("{path}.max_stale"), &what, "give 1s to 24h")
    })
}

fn fault<T>(reader: &mut Reader<'_>, path: String, what: &str, mend: &str) -> Option<T> {
    let origin = reader.layers.origin(&RULES);
    reader.faults.add(path, origin, what, mend);
    None
}

/// The list as it would be written in one line.
pub(super) fn show(rules: &[Rule]) -> String {
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| {
            let Rule { pattern, fallback, max_stale } = rule;
            let (fallback, max_stale) = (fallback.name(), show_duration(*max_stale));
            let pattern = quoted(pattern);
            format!("{{match: {pattern}, fallback: {fallback}, max_stale: {max_stale}}}")
        })
        .collect();
    format!("[{}]", rules.join(", "))
}

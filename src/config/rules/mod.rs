//! `cache` and `rules`: what is kept of reads; what may be done with keys, and what they get while the upstream is away.
//! A rule names keys by a glob; the first that matches counts. One that is wrong is told with its place in the
//! list (`rules[2].fallback`).

pub(super) mod entry;

use std::time::Duration;

use serde_yaml::{Mapping, Value};

use super::{
    keys::{self, CACHE_ENTRY_SIZE, CACHE_SIZE, RULES},
    print::quoted,
    read::Reader,
    units::{show_duration, show_size},
};
use entry::Entry;

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
    /// Whether apps may read and write them.
    pub access: Access,
    /// What becomes of their time to live.
    pub ttl: Option<Ttl>,
    /// Bytes that one value may have, 1 to 512 MiB.
    pub max_value: Option<u64>,
    /// How often they may be asked for.
    pub rate: Option<Rate>,
    /// Whether what `access`, `ttl`, `max_value` and `rate` would refuse or change passes, and is only counted
    /// and logged.
    pub dry_run: bool,
}

impl Rule {
    /// One that says nothing yet.
    #[must_use]
    pub fn of(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            fallback: Fallback::Stale,
            max_stale: MAX_STALE,
            access: Access::ReadWrite,
            ttl: None,
            max_value: None,
            rate: None,
            dry_run: false,
        }
    }
}

/// What apps may do with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// All.
    ReadWrite,
    /// Read them.
    ReadOnly,
    /// Nothing.
    None,
}

impl Access {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "read_write",
            Self::ReadOnly => "read_only",
            Self::None => "none",
        }
    }

    pub(super) fn of(word: &str) -> Self {
        match word {
            "read_only" => Self::ReadOnly,
            "none" => Self::None,
            _ => Self::ReadWrite,
        }
    }
}

/// What becomes of a time to live. `default <= max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// What a key gets that would have none; 1 ms to 10 years.
    pub default: Option<Duration>,
    /// The longest that there is; 1 ms to 10 years.
    pub max: Option<Duration>,
    /// Whether a key must have one.
    pub require: bool,
}

/// How often keys may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Commands a second, 1 to 10,000,000.
    pub per_second: u64,
    /// Commands at once, 1 to 10,000,000.
    pub burst: u64,
    /// Whose commands are counted together.
    pub per: Per,
}

/// Whose commands are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Those of one connection.
    Client,
    /// Those of all.
    All,
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

const NAMES: [&str; 8] =
    ["match", "access", "ttl", "max_value", "rate", "dry_run", "fallback", "max_stale"];

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The largest value that Redis stores, whatever the rules say.
const LARGEST: u64 = 512 << 20;

const FASTEST: u64 = 10_000_000;

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
            Value::Mapping(entries) => rule(reader, path, &entries),
            _ => {
                let origin = reader.layers.origin(&RULES);
                let mend = "write {match: GLOB, access: read_only}";
                reader.faults.add(path, origin, "is not a rule", mend);
                None
            }
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

fn rule(reader: &mut Reader<'_>, path: String, values: &Mapping) -> Option<Rule> {
    let mut entry = Entry::new(reader, &RULES, path, values, ("a rule", &NAMES));
    let pattern = match values.get("match") {
        Some(Value::String(_) | Value::Number(_)) => entry.text("match"),
        _ => None,
    };
    let pattern = pattern.filter(|pattern| !pattern.is_empty()).or_else(|| {
        let mend = "give a glob, such as \"session:*\"; \"*\" is every key";
        entry.fault("match", "is missing", mend)
    });
    let mut rule = Rule::of(&pattern.unwrap_or_default());
    match entry.word("fallback", &["stale", "local", "none"]) {
        Some("local") => rule.fallback = Fallback::Local,
        Some("none") => rule.fallback = Fallback::None,
        _ => {}
    }
    let day = Duration::from_secs(86_400);
    rule.max_stale = entry.span("max_stale", Duration::from_secs(1)..=day).unwrap_or(MAX_STALE);
    let access = entry.word("access", &["read_write", "read_only", "none"]);
    rule.access = access.map_or(Access::ReadWrite, Access::of);
    rule.ttl = entry.section("ttl", ("a time to live", &["default", "max", "require"]), ttl);
    rule.max_value = entry.size("max_value", 1..=LARGEST);
    rule.rate = entry.section("rate", ("a rate", &["per_second", "burst", "per"]), rate);
    rule.dry_run = entry.switch("dry_run");
    Some(rule).filter(|_| entry.is_whole())
}

fn ttl(entry: &mut Entry<'_, '_, '_>) -> Option<Ttl> {
    let bounds = || Duration::from_millis(1)..=TEN_YEARS;
    let (default, max) = (entry.span("default", bounds()), entry.span("max", bounds()));
    let require = entry.switch("require");
    if default.zip(max).is_some_and(|(default, max)| default > max) {
        return entry.fault("default", "is more than max", "lower default, or raise max");
    }
    Some(Ttl { default, max, require }).filter(|ttl| ttl.require || default.or(max).is_some())
}

fn rate(entry: &mut Entry<'_, '_, '_>) -> Option<Rate> {
    let per_second = entry.count("per_second", 1..=FASTEST);
    if !entry.has("per_second") {
        return entry.fault("per_second", "is missing", "give how many commands a second may come");
    }
    let burst = entry.count("burst", 1..=FASTEST).or(per_second);
    let per = match entry.word("per", &["client", "all"]) {
        Some("all") => Per::All,
        _ => Per::Client,
    };
    Some(Rate { per_second: per_second?, burst: burst?, per })
}

/// The list as it would be written in one line.
pub(super) fn show(rules: &[Rule]) -> String {
    format!("[{}]", rules.iter().map(show_rule).collect::<Vec<_>>().join(", "))
}

fn show_rule(rule: &Rule) -> String {
    let mut parts = vec![format!("match: {}", quoted(&rule.pattern))];
    if rule.access != Access::ReadWrite {
        parts.push(format!("access: {}", rule.access.name()));
    }
    if let Some(ttl) = rule.ttl {
        let span = |name: &str, span: Option<Duration>| {
            span.map(|span| format!("{name}: {}", show_duration(span)))
        };
        let require = ttl.require.then(|| "require: on".to_owned());
        let all = [span("default", ttl.default), span("max", ttl.max), require];
        parts
            .push(format!("ttl: {{{}}}", all.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    parts.extend(rule.max_value.map(|size| format!("max_value: {}", show_size(size))));
    if let Some(Rate { per_second, burst, per }) = rule.rate {
        let per = if per == Per::All { "all" } else { "client" };
        parts.push(format!("rate: {{per_second: {per_second}, burst: {burst}, per: {per}}}"));
    }
    if rule.dry_run {
        parts.push("dry_run: on".to_owned());
    }
    parts.push(format!("fallback: {}", rule.fallback.name()));
    parts.push(format!("max_stale: {}", show_duration(rule.max_stale)));
    format!("{{{}}}", parts.join(", "))
}

//! The rules: what may be done with which keys. Of a key, the first rule that matches counts; keys of no rule have the
//! default access.
//!
//! A command is judged by all its keys, each as the app says it. `access` first, then `max_value`, `ttl` and `rate`, so
//! that what is refused has used up nothing. Where keys can't be told and some are restricted, the command is refused.

mod access;
mod rate;
mod size;
#[cfg(test)]
mod tests;
mod ttl;

use super::refusal::Refusal;
use crate::command::glob::Pattern;
use crate::command::keys::{self, Access, Keys, KeysError};
use crate::command::{self, Spec};
use crate::config;
use crate::wire::decode::Request;
pub use rate::Meters;
use rate::Rate;
use std::sync::Arc;
use std::time::Instant;
use ttl::Ttl;

/// The rules of one app.
#[derive(Debug)]
pub struct Rules {
    who: Box<str>,
    /// The same for all apps, so that what is counted for all of them is counted once.
    rules: Arc<[Rule]>,
    default_access: config::Access,
    /// Some key may not be written, or not even read.
    is_restricted: bool,
    hides: bool,
    /// Some key must have a time to live.
    requires: bool,
    is_open: bool,
    /// What rates are counted from.
    epoch: Instant,
}

/// One rule, ready to be asked.
#[derive(Debug)]
struct Rule {
    /// As the configuration has it: `rules[2]`.
    name: String,
    pattern: Pattern,
    access: config::Access,
    ttl: Option<Ttl>,
    max_value: Option<u64>,
    rate: Option<Rate>,
    is_dry_run: bool,
}

/// When a command came.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For rates.
    pub instant: Instant,
    /// Milliseconds since 1970, for deadlines that are told as a time of day.
    pub unix_ms: u64,
}

/// What becomes of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    /// It goes as it is.
    Pass,
    /// It goes as it was written to the buffer.
    Changed,
    /// It goes as it is, and right behind it what was written to the buffer: commands of our own, whose replies are
    /// nobody's.
    Followed,
    /// It does not go.
    Refused(Refusal),
}

/// One key of a command.
#[derive(Clone, Copy)]
struct Place<'r> {
    index: usize,
    key: &'r [u8],
    access: Access,
    /// Which rule matches it.
    rule: Option<usize>,
}

impl Rules {
    /// As they were configured, for the app of this name.
    #[must_use]
    pub fn new(
        rules: &[config::Rule],
        default_access: config::Access,
        who: &str,
        epoch: Instant,
    ) -> Self {
        let rules: Arc<[Rule]> = rules.iter().enumerate().map(Rule::new).collect();
        // What is only tried must not refuse what can't be understood.
        let in_force = || rules.iter().filter(|rule| !rule.is_dry_run);
        let all = || in_force().map(|rule| rule.access).chain([default_access]);
        Self {
            who: who.into(),
            is_restricted: all().any(|access| access != config::Access::ReadWrite),
            hides: all().any(|access| access == config::Access::None),
            requires: in_force().any(|rule| rule.ttl.as_ref().is_some_and(|ttl| ttl.require)),
            is_open: default_access == config::Access::ReadWrite && rules.iter().all(Rule::is_open),
            rules,
            default_access,
            epoch,
        }
    }

    /// The same rules, for another app.
    #[must_use]
    pub fn shared_with(&self, who: &str) -> Self {
        Self { who: who.into(), rules: Arc::clone(&self.rules), ..*self }
    }

    /// Whether nothing is asked of any key.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether commands whose keys nobody knows would get around them.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.is_restricted || self.requires
    }

    /// Whether they must be told the time.
    #[must_use]
    pub fn reads_clock(&self) -> bool {
        self.rules.iter().any(|rule| rule.rate.is_some() || rule.ttl.is_some())
    }

    /// The rules that may refuse, as the metric says them.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.rules.iter().flat_map(Rule::labels).collect();
        if self.default_access != config::Access::ReadWrite {
            labels.push(DEFAULT.to_owned());
        }
        if self.is_strict() {
            labels.push(UNREADABLE.to_owned());
        }
        labels
    }

    /// What becomes of a command. Refusals by rules that are only tried go to `tried`; what else is to be sent to
    /// `out`, which is empty. `meters` are the client's own.
    #[must_use]
    pub fn judge(
        &self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        at: Option<Moment>,
        meters: &mut Meters,
        (out, tried): (&mut Vec<u8>, &mut Vec<Refusal>),
    ) -> Judged {
        // What the table does not have is the commands' matter.
        let Some(spec) = spec.filter(|_| !self.is_open) else { return Judged::Pass };
        let exact = command::resolve(request).unwrap_or(spec);
        if let Some(refusal) = self.judge_whole(exact, request) {
            return Judged::Refused(refusal);
        }
        if spec.keys.is_empty() && !spec.is_container() {
            return Judged::Pass;
        }
        let keys = match keys::positions(spec, request) {
            Ok(keys) if keys.is_empty() => return Judged::Pass,
            Ok(keys) => keys,
            Err(error) if self.is_strict() => {
                return Judged::Refused(self.unreadable(exact, error));
            }
            // The server refuses it, and says why.
            Err(_) => return Judged::Pass,
        };
        let at = at.unwrap_or(Moment { instant: self.epoch, unix_ms: 0 });
        let call = Call { rules: self, spec: exact, request, keys, at };
        match call.judge(meters, out, tried) {
            Ok(judged) => judged,
            Err(refusal) => Judged::Refused(refusal),
        }
    }

    /// The rule that matches a key.
    fn find(&self, key: &[u8]) -> Option<usize> {
        self.rules.iter().position(|rule| rule.pattern.matches(key))
    }

    fn unreadable(&self, spec: &Spec, error: KeysError) -> Refusal {
        match error {
            KeysError::Arity(name) => {
                let text = format!("ERR wrong number of arguments for '{name}' command");
                Refusal::new("arity", text)
            }
            _ => {
                let name = spec.name;
                let text =
                    format!("DENIED which keys '{name}' is about can't be told: {error} (rules)");
                Refusal::new(UNREADABLE, text)
            }
        }
    }
}

/// The labels of what no single rule says.
const DEFAULT: &str = "default_access";
const UNREADABLE: &str = "rules.unreadable";

impl Rule {
    fn new((place, config): (usize, &config::Rule)) -> Self {
        Self {
            name: format!("rules[{place}]"),
            pattern: Pattern::new(config.pattern.as_bytes()),
            access: config.access,
            ttl: config.ttl.map(Ttl::new),
            max_value: config.max_value,
            rate: config.rate.map(Rate::new),
            is_dry_run: config.dry_run,
        }
    }

    fn is_open(&self) -> bool {
        self.access == config::Access::ReadWrite
            && self.ttl.is_none()
            && self.max_value.is_none()
            && self.rate.is_none()
    }

    fn labels(&self) -> impl Iterator<Item = String> {
        let aspects = [
            (self.access != config::Access::ReadWrite).then_some("access"),
            self.max_value.map(|_| "max_value"),
            self.ttl.as_ref().filter(|ttl| ttl.may_refuse()).map(|_| "ttl"),
            self.rate.as_ref().map(|_| "rate"),
        ];
        aspects.into_iter().flatten().map(|aspect| format!("{}.{aspect}", self.name))
    }

    /// A refusal by one of its aspects, about a key.
    fn refusal(&self, aspect: &str, text: String, key: &[u8]) -> Refusal {
        let rule = format!("{}.{aspect}", self.name);
        let text = format!("{text} ({rule})");
        let is_dry_run = self.is_dry_run;
        Refusal { is_dry_run, ..Refusal::new(rule, text).of_key(key) }
    }
}

/// A command under judgement.
struct Call<'c, 'r> {
    rules: &'c Rules,
    /// Of the subcommand, where it has one.
    spec: &'static Spec,
    request: &'c Request<'r>,
    keys: Keys,
    at: Moment,
}

impl<'r> Call<'_, 'r> {
    fn judge(
        &self,
        meters: &mut Meters,
        out: &mut Vec<u8>,
        tried: &mut Vec<Refusal>,
    ) -> Result<Judged, Refusal> {
        self.check_access(tried)?;
        self.check_size(tried)?;
        let judged = self.check_ttl(out, tried)?;
        self.check_rate(meters, tried)?;
        Ok(judged)
    }

    /// The keys, in the order of the arguments, each with its rule.
    fn places(&self) -> impl Iterator<Item = Place<'r>> {
        let (keys, rules) = (self.keys, self.rules);
        self.request.args().enumerate().filter_map(move |(index, key)| {
            let access = keys.access(index)?;
            Some(Place { index, key, access, rule: rules.find(key) })
        })
    }

    /// The same of those that a rule matches.
    fn ruled(&self) -> impl Iterator<Item = (Place<'r>, &Rule)> {
        let rules = &self.rules.rules;
        self.places().filter_map(move |place| Some((place, rules.get(place.rule?)?)))
    }

    /// Whether the command may change this key.
    fn writes(&self, place: &Place<'_>) -> bool {
        // Reading from a group takes entries out of it, though Redis marks the key as read.
        (place.access.writes() || self.spec.name == "xreadgroup") && !self.spec.is_readonly()
    }
}

/// A rule refuses: so be it, or, where it is only tried, it is noted, once for each rule.
fn refuse(refusal: Refusal, tried: &mut Vec<Refusal>) -> Result<(), Refusal> {
    if !refusal.is_dry_run {
        return Err(refusal);
    }
    if tried.iter().all(|known| known.rule != refusal.rule) {
        tried.push(refusal);
    }
    Ok(())
}

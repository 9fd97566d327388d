//! Policy: what an app may say to the upstream, and in which words it goes there.
//!
//! One [`App`] is one app's share of the upstream. It judges each command once, before the command is given a way, and
//! knows nothing of sessions, connections or time but what it is told. What it can't understand, it refuses.

pub mod commands;
pub mod namespace;
#[cfg(test)]
mod neighbours;
mod refusal;
pub mod rules;
pub mod users;

use crate::command::{Number, Spec};
use crate::config;
use crate::wire::decode::{Decoded, Decoder, Limits, Request};
use commands::Commands;
use namespace::{Edit, Namespace};
pub use namespace::{Shape, Stripper};
pub use refusal::{Refusal, show_key};
use rules::{Judged, Meters, Moment, Rules};
use std::sync::Arc;
use std::time::Instant;

/// What one app may do.
#[derive(Debug)]
pub struct App {
    name: Box<str>,
    commands: Commands,
    rules: Rules,
    namespace: Option<Arc<Namespace>>,
    is_audited: bool,
}

/// What is one app's alone; all else is the configuration's.
#[derive(Clone, Copy, Debug)]
pub struct Own<'c> {
    /// What it is called.
    pub name: &'c str,
    /// Where its keys lie.
    pub namespace: &'c config::Namespace,
    /// Which commands it may run.
    pub commands: &'c config::Commands,
}

impl<'c> Own<'c> {
    /// What the top level says.
    pub(super) fn top(config: &'c config::Config) -> Self {
        let (namespace, commands) = (&config.namespace, &config.commands);
        Self { name: users::DEFAULT, namespace, commands }
    }
}

/// What becomes of one command.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes as it is.
    Pass,
    /// It goes as it was written to the draft: with as many arguments, and the name in its old place.
    Prefixed,
    /// It goes as it was written to the draft.
    Rewritten,
    /// It does not go as one command: it speaks of a whole database, of which the app has a part.
    Whole,
    /// It does not go.
    Refused(Refusal),
}

/// What policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'q> {
    /// What the table says of its name.
    pub spec: Option<&'static Spec>,
    /// Its number in the table.
    pub number: Number,
    /// The whole command.
    pub request: &'q Request<'q>,
    /// It comes between MULTI and EXEC.
    pub in_multi: bool,
    /// When it came; to be told where [`App::reads_clock`].
    pub at: Option<Moment>,
}

/// Bytes of a buffer that is kept.
const KEPT: usize = 64 << 10;

/// What judging writes down. Kept for the next command, so that nothing is allocated for each.
#[derive(Debug, Default)]
pub struct Draft {
    /// The command as it goes.
    pub command: Vec<u8>,
    /// Commands of our own that are to be sent right behind it.
    pub behind: Vec<u8>,
    /// Refusals by rules that are only tried.
    pub tried: Vec<Refusal>,
    /// The command as the rules changed it, or what they want behind it, with keys as the app says them.
    ruled: Vec<u8>,
}

impl App {
    /// The app of the configuration's top level; `None` where nothing is asked of it. `epoch` is any time before the
    /// first command.
    #[must_use]
    pub fn new(config: &config::Config, epoch: Instant) -> Option<Arc<Self>> {
        let rules = Rules::new(&config.rules, config.default_access, users::DEFAULT, epoch);
        Self::of(&Own::top(config), &rules, config.audit)
    }

    /// One of several. `rules` are those of all.
    #[must_use]
    pub fn of(own: &Own<'_>, rules: &Rules, is_audited: bool) -> Option<Arc<Self>> {
        let namespace = Namespace::new(own.namespace).map(Arc::new);
        let rules = rules.shared_with(own.name);
        let commands = Commands::new(own.commands, own.name, rules.is_strict());
        let is_open = namespace.is_none() && rules.is_open() && commands.is_open();
        let app = Self { name: own.name.into(), commands, rules, namespace, is_audited };
        (!is_open).then(|| Arc::new(app))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its keys lie, where they lie apart.
    #[must_use]
    pub fn namespace(&self) -> Option<&Arc<Namespace>> {
        self.namespace.as_ref()
    }

    /// Whether each refusal is to be logged.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.is_audited
    }

    /// Whether KEYS is to be answered by rounds of SCAN.
    #[must_use]
    pub fn scans_keys(&self) -> bool {
        self.commands.scans_keys()
    }

    /// Whether it must be told the time.
    #[must_use]
    pub fn reads_clock(&self) -> bool {
        self.rules.reads_clock()
    }

    /// All rules that may refuse, as the metric says them.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let commands = self.commands.labels().into_iter().map(str::to_owned);
        commands.chain(self.rules.labels()).collect()
    }

    /// Judges a command; what is to go instead or behind it is written to `draft`. How its reply is to be read
    /// follows from the command alone: [`Shape::of`]. `meters` are the client's.
    #[must_use]
    pub fn judge(&self, asked: &Asked<'_>, meters: &mut Meters, draft: &mut Draft) -> Verdict {
        draft.clear();
        let place = (asked.spec, asked.number);
        match self.commands.judge(place, asked.request, asked.in_multi) {
            Err(refusal) if refusal.is_dry_run => draft.tried.push(refusal),
            Err(refusal) => return Verdict::Refused(refusal),
            Ok(()) => {}
        }
        if self.rules.is_open() {
            return self.put_in_place(asked, asked.request, &mut draft.command);
        }
        let mut ruled = std::mem::take(&mut draft.ruled);
        ruled.clear();
        let out = (&mut ruled, &mut draft.tried);
        let verdict = match self.rules.judge(asked.spec, asked.request, asked.at, meters, out) {
            Judged::Pass => self.put_in_place(asked, asked.request, &mut draft.command),
            Judged::Changed => self.put_changed(asked, &ruled, &mut draft.command),
            Judged::Followed => {
                self.put_behind(&ruled, &mut draft.behind);
                self.put_in_place(asked, asked.request, &mut draft.command)
            }
            Judged::Refused(refusal) => Verdict::Refused(refusal),
        };
        draft.ruled = ruled;
        verdict
    }

    /// The command with its keys where they lie upstream.
    fn put_in_place(&self, asked: &Asked<'_>, request: &Request<'_>, out: &mut Vec<u8>) -> Verdict {
        let Some(namespace) = &self.namespace else { return Verdict::Pass };
        if asked.spec.is_none() && self.commands.allows_unknown(request.name()) {
            return Verdict::Pass;
        }
        match namespace.rewrite(asked.spec, request, asked.in_multi, out) {
            Ok(Edit::None) => Verdict::Pass,
            Ok(Edit::Prefixed) => Verdict::Prefixed,
            Ok(Edit::Written) => Verdict::Rewritten,
            Ok(Edit::Whole) => Verdict::Whole,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// The same of a command that the rules have written anew.
    fn put_changed(&self, asked: &Asked<'_>, ruled: &[u8], out: &mut Vec<u8>) -> Verdict {
        let verdict = match Request::parse(ruled) {
            Some(request) => self.put_in_place(asked, &request, out),
            None => return Verdict::Pass,
        };
        match verdict {
            Verdict::Pass => {
                out.extend_from_slice(ruled);
                Verdict::Rewritten
            }
            Verdict::Prefixed => Verdict::Rewritten,
            other => other,
        }
    }

    /// Commands of our own, with their keys where they lie upstream.
    fn put_behind(&self, ruled: &[u8], out: &mut Vec<u8>) {
        let Some(namespace) = &self.namespace else { return out.extend_from_slice(ruled) };
        for request in requests(ruled) {
            let (spec, mut own) = (crate::command::lookup(request.name()), Vec::new());
            if namespace.rewrite(spec, &request, false, &mut own).is_ok() {
                out.append(&mut own);
            }
        }
    }
}

impl Draft {
    fn clear(&mut self) {
        self.command.clear();
        self.behind.clear();
        self.tried.clear();
    }

    /// Gives back what a large command has taken.
    pub fn shrink(&mut self) {
        for buffer in [&mut self.command, &mut self.behind, &mut self.ruled] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}

/// Whole commands that stand one behind the other.
pub fn requests(bytes: &[u8]) -> impl Iterator<Item = Request<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || match Decoder::new().decode(rest, &Limits::DEFAULT) {
        Ok(Decoded::Request(request)) => {
            rest = rest.get(request.bytes().len()..).unwrap_or_default();
            Some(request)
        }
        _ => None,
    })
}

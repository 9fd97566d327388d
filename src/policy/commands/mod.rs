//! Which commands an app may run: the profile, and over it what is denied and allowed by name and by category.
//!
//! All is decided when the configuration is read: a command costs one bit test. The more exact word counts, a
//! subcommand before its container, a name before a category, any before the profile; of two alike, `deny`. What a
//! container has that the table does not know is refused as soon as anything known of it is; but CLIENT is the sidecar's own.

#[cfg(test)]
mod tests;

use super::refusal::{Refusal, show_key};
use crate::command::{self, Categories, Flags, Kind, Number, Spec};
use crate::config::{self, KeysCommand, Profile};
use crate::wire::decode::Request;
use std::collections::{HashMap, HashSet};

/// Words of a set of commands by number.
const WORDS: usize = Number::COUNT.div_ceil(64);

/// Administrators' and dangerous commands that apps and their libraries do use: they ask what server it is, who is
/// there, and sort; KEYS is made harmless in another way.
const NEEDED: [&str; 7] =
    ["client|list", "client|no-evict", "info", "keys", "role", "sort", "sort_ro"];

/// What the sidecar tells of all its apps together.
const OF_OTHERS: [&str; 3] = ["sidecar|bigkeys", "sidecar|hotkeys", "sidecar|slowlog"];

/// The rule that refuses what the table does not have.
const UNKNOWN: &str = "commands.allow_unknown";

/// See the module.
#[derive(Debug)]
pub struct Commands {
    who: Box<str>,
    /// Commands of which not all may run, by number.
    suspects: [u64; WORDS],
    /// By which rule a command or a subcommand is refused.
    refused: HashMap<&'static str, &'static str>,
    /// Names that the table does not have.
    denied_unknown: HashSet<Vec<u8>>,
    allowed_unknown: HashSet<Vec<u8>>,
    /// By which rule all others of those are refused.
    unknown: Option<&'static str>,
    keys: KeysCommand,
    is_dry_run: bool,
    is_open: bool,
}

impl Commands {
    /// As they were configured, for the app of this name. `is_strict`: what may touch unseen keys is refused.
    #[must_use]
    pub fn new(config: &config::Commands, who: &str, is_strict: bool) -> Self {
        let wishes = Wishes::of(config);
        let mut commands = Self {
            who: who.into(),
            suspects: [0; WORDS],
            refused: HashMap::new(),
            denied_unknown: wishes.unknown_names(&config.deny),
            allowed_unknown: wishes.unknown_names(&config.allow),
            unknown: wishes.of_unknown(is_strict),
            keys: resolve_keys(config),
            is_dry_run: config.dry_run,
            is_open: true,
        };
        commands
            .allowed_unknown
            .extend(config.allow_unknown.iter().map(|name| name.clone().into()));
        for spec in command::all() {
            let one = std::iter::once(spec).chain(spec.subcommands);
            for spec in one {
                if let Some(rule) = wishes.refusal(spec) {
                    commands.refused.insert(spec.name, rule);
                }
            }
        }
        commands.find_suspects();
        commands
    }

    fn find_suspects(&mut self) {
        for (index, spec) in (0..Number::COUNT).filter_map(|n| Some((n, command::numbered(n)?))) {
            let all = || std::iter::once(spec).chain(spec.subcommands);
            let is_scanned = spec.name == "keys" && self.keys != KeysCommand::Pass;
            if is_scanned || all().any(|spec| self.refused.contains_key(spec.name)) {
                self.suspect(index);
            }
        }
        if self.unknown.is_some() || !self.denied_unknown.is_empty() {
            self.suspect(Number::UNKNOWN.index());
        }
        self.is_open = self.suspects == [0; WORDS];
    }

    fn suspect(&mut self, index: usize) {
        if let Some(word) = self.suspects.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether every command may be run.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether KEYS is to be answered by rounds of SCAN.
    #[must_use]
    pub fn scans_keys(&self) -> bool {
        self.keys == KeysCommand::Scan
    }

    /// The rules that may refuse, as the metric says them.
    #[must_use]
    pub fn labels(&self) -> Vec<&'static str> {
        let keys = (self.keys != KeysCommand::Pass).then_some("commands.keys");
        let denied = (!self.denied_unknown.is_empty()).then_some("commands.deny");
        let all = self.refused.values().copied().chain(self.unknown).chain(keys).chain(denied);
        let mut labels: Vec<_> = all.collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Whether the command may be run, and if not, why; `is_dry_run` in that says that it goes all the same.
    ///
    /// # Errors
    /// It may not.
    #[inline]
    pub fn judge(
        &self,
        (spec, number): (Option<&'static Spec>, Number),
        request: &Request<'_>,
        in_multi: bool,
    ) -> Result<(), Refusal> {
        let index = number.index();
        let word = self.suspects.get(index / 64).copied().unwrap_or_default();
        if word >> (index % 64) & 1 == 0 {
            return Ok(());
        }
        self.judge_suspect(spec, request, in_multi)
    }

    #[cold]
    fn judge_suspect(
        &self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        in_multi: bool,
    ) -> Result<(), Refusal> {
        let Some(spec) = spec else { return self.judge_unknown(request.name()) };
        let exact = command::resolve(request).unwrap_or(spec);
        let mut rule = self.refused.get(exact.name).copied();
        let is_ours = matches!(exact.kind, Kind::Client | Kind::Sidecar);
        if rule.is_none() && exact.is_container() && !is_ours && request.argc() > 1 {
            // Of a subcommand that nobody knows only its container can be told.
            let known = exact.subcommands.iter().filter(|spec| !spec.name.ends_with("|help"));
            rule = known.filter_map(|spec| self.refused.get(spec.name).copied()).next();
        }
        match rule {
            Some(rule) => Err(self.refusal(rule, exact.name)),
            None if spec.name == "keys" => self.judge_keys(request, in_multi),
            None => Ok(()),
        }
    }

    fn judge_keys(&self, request: &Request<'_>, in_multi: bool) -> Result<(), Refusal> {
        match self.keys {
            KeysCommand::Deny => Err(self.refusal("commands.keys", "keys")),
            KeysCommand::Scan if in_multi && request.argc() == 2 => {
                let text = "DENIED KEYS is answered by rounds of SCAN, which can't be part of a \
                    transaction (commands.keys)";
                Err(Refusal { is_dry_run: false, ..Refusal::new("commands.keys", text) })
            }
            _ => Ok(()),
        }
    }

    /// Whether a name that the table does not have may pass wherever such are refused.
    #[must_use]
    pub fn allows_unknown(&self, name: &[u8]) -> bool {
        self.allowed_unknown.contains(&name.to_ascii_lowercase())
    }

    fn judge_unknown(&self, name: &[u8]) -> Result<(), Refusal> {
        let lower = name.to_ascii_lowercase();
        let rule = match () {
            () if self.denied_unknown.contains(&lower) => Some("commands.deny"),
            () if self.allowed_unknown.contains(&lower) => None,
            () => self.unknown,
        };
        let shown = show_key(&lower);
        rule.map_or(Ok(()), |rule| Err(self.refusal(rule, &shown)))
    }

    fn refusal(&self, rule: &'static str, name: &str) -> Refusal {
        let who = &self.who;
        let text =
            format!("NOPERM User {who} has no permissions to run the '{name}' command ({rule})");
        // What nobody knows could get around the rest, which is not only tried.
        let is_dry_run = self.is_dry_run && rule != UNKNOWN;
        Refusal { is_dry_run, ..Refusal::new(rule, text) }
    }
}

fn resolve_keys(config: &config::Commands) -> KeysCommand {
    match (config.keys, config.profile) {
        (KeysCommand::Auto, Profile::Open) => KeysCommand::Pass,
        (KeysCommand::Auto, _) => KeysCommand::Scan,
        (said, _) => said,
    }
}

/// What is wished, word by word.
struct Wishes<'c> {
    config: &'c config::Commands,
    denied: Words<'c>,
    allowed: Words<'c>,
}

/// One list.
struct Words<'c> {
    names: HashSet<&'c str>,
    categories: Vec<Categories>,
    is_all: bool,
}

impl<'c> Words<'c> {
    fn of(list: &'c [String]) -> Self {
        let categories = list.iter().filter(|name| name.starts_with('@'));
        Self {
            names: list.iter().map(String::as_str).filter(|name| !name.starts_with('@')).collect(),
            categories: categories.filter_map(|name| Categories::from_name(name)).collect(),
            is_all: list.iter().any(|name| name == "@all"),
        }
    }

    /// How exactly the list says the command; `None` for not at all.
    fn exactness(&self, spec: &Spec) -> Option<u8> {
        let container = spec.name.split_once('|').map(|(container, _)| container);
        match () {
            () if self.names.contains(spec.name) => Some(4),
            () if container.is_some_and(|name| self.names.contains(name)) => Some(3),
            () if self.categories.iter().any(|one| spec.categories.contains(*one)) => Some(2),
            () if self.is_all => Some(1),
            () => None,
        }
    }
}

impl<'c> Wishes<'c> {
    fn of(config: &'c config::Commands) -> Self {
        Self { config, denied: Words::of(&config.deny), allowed: Words::of(&config.allow) }
    }

    /// By which rule the command is refused.
    fn refusal(&self, spec: &'static Spec) -> Option<&'static str> {
        // Without these a connection can't even begin or end.
        if spec.flags.contains(Flags::NO_AUTH) {
            return None;
        }
        match (self.denied.exactness(spec), self.allowed.exactness(spec)) {
            (Some(denied), allowed) if allowed.is_none_or(|allowed| denied >= allowed) => {
                Some("commands.deny")
            }
            (_, Some(_)) => None,
            (..) => self.profile_refusal(spec),
        }
    }

    fn profile_refusal(&self, spec: &'static Spec) -> Option<&'static str> {
        let is_dangerous = spec.categories.contains(Categories::DANGEROUS)
            && !NEEDED.contains(&spec.name)
            || OF_OTHERS.contains(&spec.name);
        match self.config.profile {
            Profile::Open => None,
            Profile::App => is_dangerous.then_some("profile.app"),
            Profile::ReadOnly => (is_dangerous || may_write(spec)).then_some("profile.read_only"),
        }
    }

    /// By which rule commands that the table does not have are refused.
    fn of_unknown(&self, is_strict: bool) -> Option<&'static str> {
        match () {
            () if self.allowed.is_all && !is_strict => None,
            () if self.denied.is_all => Some("commands.deny"),
            () if self.config.profile == Profile::ReadOnly => Some("profile.read_only"),
            () => is_strict.then_some(UNKNOWN),
        }
    }

    /// Those names of a list that the table does not have.
    fn unknown_names(&self, list: &[String]) -> HashSet<Vec<u8>> {
        let is_unknown = |name: &&String| {
            !name.starts_with('@')
                && !name.contains('|')
                && command::lookup(name.as_bytes()).is_none()
        };
        list.iter().filter(is_unknown).map(|name| name.as_bytes().to_vec()).collect()
    }
}

/// Whether the command may change data: one that Redis marks readonly, or that names no key to write, does not.
fn may_write(spec: &Spec) -> bool {
    let writes_keys = || spec.keys.iter().any(|key| key.access.writes());
    !spec.is_readonly() && (spec.is_write() || spec.kind == Kind::Script || writes_keys())
}

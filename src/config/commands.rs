//! `commands`: which commands apps may run. Names are checked against the command table, so that a slip of the pen
//! denies what was meant or is a fault; a module's command is known by the dot in its name.

use serde_yaml::Value;

use super::{
    keys::{self, Key},
    nearest::nearest,
    print::quoted,
    read::Reader,
    rules::entry::Entry,
};
use crate::command::{self, Categories, Flags};

/// Which commands may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// What is denied to begin with.
    pub profile: Profile,
    /// Denied beyond that: names, `container|subcommand`, `@category`; in lower case.
    pub deny: Vec<String>,
    /// Exceptions; the same.
    pub allow: Vec<String>,
    /// Names that the command table does not have, and that may pass where such are refused.
    pub allow_unknown: Vec<String>,
    /// What becomes of KEYS.
    pub keys: KeysCommand,
    /// Whether what is denied passes, and is only counted and logged.
    pub dry_run: bool,
}

/// What is denied to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Nothing.
    Open,
    /// What no app needs, and many an app has been sorry for.
    App,
    /// That, and all that writes.
    ReadOnly,
}

/// What becomes of KEYS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysCommand {
    /// Scan where the profile denies anything.
    Auto,
    /// It goes to Redis as it is.
    Pass,
    /// It becomes rounds of SCAN.
    Scan,
    /// It is refused.
    Deny,
}

impl Profile {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::App => "app",
            Self::ReadOnly => "read_only",
        }
    }
}

impl KeysCommand {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pass => "pass",
            Self::Scan => "scan",
            Self::Deny => "deny",
        }
    }
}

pub(super) fn commands(reader: &mut Reader<'_>) -> Option<Commands> {
    let profile = reader.word(&keys::COMMANDS_PROFILE).map(profile);
    let deny = names(reader, &keys::COMMANDS_DENY, denied);
    let allow = names(reader, &keys::COMMANDS_ALLOW, named);
    let allow_unknown = names(reader, &keys::COMMANDS_ALLOW_UNKNOWN, unknown);
    let keys = reader.word(&keys::COMMANDS_KEYS).map(keys_command);
    let dry_run = reader.switch(&keys::COMMANDS_DRY_RUN);
    Some(Commands {
        profile: profile?,
        deny: deny?,
        allow: allow?,
        allow_unknown: allow_unknown?,
        keys: keys?,
        dry_run: dry_run?,
    })
}

/// The profile of this name.
pub(super) fn profile(word: &str) -> Profile {
    match word {
        "app" => Profile::App,
        "read_only" => Profile::ReadOnly,
        _ => Profile::Open,
    }
}

/// What becomes of KEYS, by name.
pub(super) fn keys_command(word: &str) -> KeysCommand {
    match word {
        "pass" => KeysCommand::Pass,
        "scan" => KeysCommand::Scan,
        "deny" => KeysCommand::Deny,
        _ => KeysCommand::Auto,
    }
}

/// Why a name can't stand in a list: what is wrong with it, and the mend.
pub(super) type Wrong = (String, String);

/// Whether a name may stand in a list.
type Check = fn(&str) -> Result<(), Wrong>;

/// A list of names, each in lower case and as `check` lets it stand.
fn names(reader: &mut Reader<'_>, key: &Key, check: Check) -> Option<Vec<String>> {
    let Ok(Value::Sequence(list)) = serde_yaml::from_str::<Value>(reader.text(key)) else {
        return reader.refuse(key, "is not a list");
    };
    match each(&list, check) {
        Ok(names) => Some(names),
        Err((what, mend)) => reader.fault(key, &what, &mend),
    }
}

/// All names of a list in lower case, where `check` lets each stand.
fn each(list: &[Value], check: Check) -> Result<Vec<String>, Wrong> {
    let name = |value: &Value| {
        let Value::String(name) = value else {
            let mend = "give a list of commands, subcommands and categories".to_owned();
            return Err(("has what is not a name".to_owned(), mend));
        };
        let name = name.to_ascii_lowercase();
        check(&name).map(|()| name)
    };
    list.iter().map(name).collect()
}

/// What one user may run: as its entry says, and where that says nothing as `top` does.
pub(super) fn of_user(entry: &mut Entry<'_, '_, '_>, top: &Commands) -> Commands {
    let mut own = top.clone();
    if let Some(word) = entry.word("profile", PROFILES) {
        own.profile = profile(word);
    }
    let form = ("a section", &["deny", "allow", "allow_unknown", "keys", "dry_run"][..]);
    entry.section("commands", form, |entry| {
        let lists: [(&str, &mut Vec<String>, Check); 3] = [
            ("deny", &mut own.deny, denied),
            ("allow", &mut own.allow, named),
            ("allow_unknown", &mut own.allow_unknown, unknown),
        ];
        for (name, list, check) in lists {
            let read = match entry.value(name) {
                None => continue,
                Some(Value::Sequence(list)) => each(list, check),
                Some(_) => Err(("is not a list".to_owned(), "give a list of commands".to_owned())),
            };
            match read {
                Ok(names) => *list = names,
                Err((what, mend)) => entry.fault(name, &what, &mend).unwrap_or_default(),
            }
        }
        if let Some(word) = entry.word("keys", KEYS) {
            own.keys = keys_command(word);
        }
        if entry.has("dry_run") {
            own.dry_run = entry.switch("dry_run");
        }
        Some(())
    });
    own
}

const PROFILES: &[&str] = &["open", "app", "read_only"];
const KEYS: &[&str] = &["auto", "pass", "scan", "deny"];

/// The part of a user's entry that says so.
pub(super) fn show_own(own: &Commands) -> String {
    format!(
        "profile: {}, commands: {{deny: {}, allow: {}, allow_unknown: {}, keys: {}, dry_run: {}}}",
        own.profile.name(),
        show(&own.deny),
        show(&own.allow),
        show(&own.allow_unknown),
        own.keys.name(),
        if own.dry_run { "on" } else { "off" },
    )
}

/// A name of `deny`: not one of those without which a connection can't even end.
pub(super) fn denied(name: &str) -> Result<(), Wrong> {
    let is_always_allowed =
        command::lookup(name.as_bytes()).is_some_and(|spec| spec.flags.contains(Flags::NO_AUTH));
    if is_always_allowed {
        let what = format!("{name} is always allowed, as in Redis");
        return Err((what, "leave it out".to_owned()));
    }
    named(name)
}

/// A name of a command, a subcommand or a category.
pub(super) fn named(name: &str) -> Result<(), Wrong> {
    let near = |near: Option<String>| match near {
        Some(near) => format!("did you mean {near}?"),
        None => "give a command, container|subcommand, or @category; a module's command has a dot"
            .to_owned(),
    };
    let fault = |mend| Err((format!("{} is no command that is known", quoted(name)), mend));
    if let Some(category) = name.strip_prefix('@') {
        let known = Categories::all_names().map(|name| name.trim_start_matches('@'));
        if category == "all" || Categories::from_name(category).is_some() {
            return Ok(());
        }
        let meant = nearest(category, known.chain(["all"])).map(|name| format!("@{name}"));
        return Err((format!("{} is no category of Redis", quoted(name)), near(meant)));
    }
    let (container, sub) = name.split_once('|').map_or((name, None), |(a, b)| (a, Some(b)));
    match (command::lookup(container.as_bytes()), sub) {
        (Some(spec), Some(sub)) if spec.subcommand(sub.as_bytes()).is_none() => {
            let known = spec.subcommands.iter().map(|spec| spec.name);
            fault(near(nearest(name, known).map(str::to_owned)))
        }
        (Some(_), _) => Ok(()),
        (None, None) if name.contains('.') => Ok(()),
        (None, _) => {
            let known = command::all().map(|spec| spec.name);
            fault(near(nearest(container, known).map(str::to_owned)))
        }
    }
}

/// A name that the command table does not have.
pub(super) fn unknown(name: &str) -> Result<(), Wrong> {
    let is_a_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_a_name || name.starts_with('@') {
        let what = format!("{} is no name of a command", quoted(name));
        return Err((what, "give the name of a module's command".to_owned()));
    }
    if command::lookup(name.as_bytes()).is_some() {
        let what = format!("{name} is a command that is known");
        return Err((what, "leave it out; commands.allow makes exceptions".to_owned()));
    }
    Ok(())
}

/// A list of names as it would be written in one line.
pub(super) fn show(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", names.join(", "))
}

//! The catalogue's keys of what apps may do: which commands, with which keys.

use super::{Key, Takes};

/// `commands.profile`
pub const COMMANDS_PROFILE: Key =
    Key::new("commands.profile", Takes::Word(&["open", "app", "read_only"]), "open")
        .why("What is denied to begin with: nothing, what no app needs, or all that writes too.");
/// `commands.deny`
pub const COMMANDS_DENY: Key = Key::new("commands.deny", Takes::Names, "[]")
    .why("Denied beyond the profile; a name goes before a category, and deny before allow.");
/// `commands.allow`
pub const COMMANDS_ALLOW: Key = Key::new("commands.allow", Takes::Names, "[]")
    .why("Exceptions from profile and deny; with deny: [\"@all\"], all that may be run.");
/// `commands.allow_unknown`
pub const COMMANDS_ALLOW_UNKNOWN: Key = Key::new("commands.allow_unknown", Takes::Names, "[]")
    .why("Modules' commands to let pass where those whose keys nobody knows are refused.");
/// `commands.keys`
pub const COMMANDS_KEYS: Key =
    Key::new("commands.keys", Takes::Word(&["auto", "pass", "scan", "deny"]), "auto").why(
        "KEYS: as it is, as rounds of SCAN, or not; auto is scan where the profile is not open.",
    );
/// `commands.dry_run`
pub const COMMANDS_DRY_RUN: Key = Key::new("commands.dry_run", Takes::Switch, "off")
    .why("Lets pass what commands would refuse, and counts and logs it.");
/// `default_access`
pub const DEFAULT_ACCESS: Key =
    Key::new("default_access", Takes::Word(&["read_write", "read_only", "none"]), "read_write")
        .why("What apps may do with keys that no rule matches.");
/// `audit`
pub const AUDIT: Key = Key::new("audit", Takes::Switch, "off")
    .why("Logs each refusal: who, which command, which key, by which rule; never a value.");
/// `rules`
pub const RULES: Key = Key::new("rules", Takes::Rules, "[]")
    .why("What may be done with keys, and what they get in an outage; the first match wins.");

//! The subcommands of the containers in the group `server`: ACL, CONFIG and others.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{ADMIN, LOADING, NO_ASYNC_LOADING, NOSCRIPT, READONLY, RO, STALE, cat, key};

pub(super) const ACL_SUBCOMMANDS: &[Spec] = &[
    row("acl|cat", -2, NOSCRIPT | LOADING | STALE),
    row("acl|deluser", -3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|dryrun", -4, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|genpass", -2, NOSCRIPT | LOADING | STALE),
    row("acl|getuser", 3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|help", 2, LOADING | STALE),
    row("acl|list", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|load", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|log", -2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|save", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|setuser", -3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|users", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("acl|whoami", 2, NOSCRIPT | LOADING | STALE),
];

pub(super) const COMMAND_SUBCOMMANDS: &[Spec] = &[
    row("command|count", 2, LOADING | STALE).categories(cat::CONNECTION),
    row("command|docs", -2, LOADING | STALE).categories(cat::CONNECTION),
    row("command|getkeys", -4, LOADING | STALE).categories(cat::CONNECTION),
    row("command|getkeysandflags", -4, LOADING | STALE).categories(cat::CONNECTION),
    row("command|help", 2, LOADING | STALE).categories(cat::CONNECTION),
    row("command|info", -2, LOADING | STALE).categories(cat::CONNECTION),
    row("command|list", -2, LOADING | STALE).categories(cat::CONNECTION),
];

pub(super) const CONFIG_SUBCOMMANDS: &[Spec] = &[
    row("config|get", -3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("config|help", 2, LOADING | STALE),
    row("config|resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("config|rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("config|set", -4, ADMIN | NOSCRIPT | LOADING | STALE),
];

pub(super) const LATENCY_SUBCOMMANDS: &[Spec] = &[
    row("latency|doctor", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("latency|graph", 3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("latency|help", 2, LOADING | STALE),
    row("latency|histogram", -2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("latency|history", 3, ADMIN | NOSCRIPT | LOADING | STALE),
    row("latency|latest", 2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("latency|reset", -2, ADMIN | NOSCRIPT | LOADING | STALE),
];

pub(super) const MEMORY_SUBCOMMANDS: &[Spec] = &[
    row("memory|doctor", 2, 0),
    row("memory|help", 2, LOADING | STALE),
    row("memory|malloc-stats", 2, 0),
    row("memory|purge", 2, 0),
    row("memory|stats", 2, 0),
    row("memory|usage", -3, READONLY).keys(&[key(2, RO)]),
];

pub(super) const MODULE_SUBCOMMANDS: &[Spec] = &[
    row("module|help", 2, LOADING | STALE),
    row("module|list", 2, ADMIN | NOSCRIPT),
    row("module|load", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    row("module|loadex", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    row("module|unload", 3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
];

pub(super) const SLOWLOG_SUBCOMMANDS: &[Spec] = &[
    row("slowlog|get", -2, ADMIN | LOADING | STALE),
    row("slowlog|help", 2, LOADING | STALE),
    row("slowlog|len", 2, ADMIN | LOADING | STALE),
    row("slowlog|reset", 2, ADMIN | LOADING | STALE),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Server, flags)
}

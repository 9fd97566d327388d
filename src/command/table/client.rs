//! The subcommands of CLIENT.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{ADMIN, LOADING, NOSCRIPT, STALE};
use super::newer;

pub(super) const CLIENT_SUBCOMMANDS: &[Spec] = &[
    row("client|caching", 3, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|getname", 2, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|getredir", 2, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|help", 2, LOADING | STALE).kind(Kind::Client),
    row("client|id", 2, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|info", 2, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|kill", -3, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|list", -2, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|no-evict", 3, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|pause", -3, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|reply", 3, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|setname", 3, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|tracking", -3, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|trackinginfo", 2, NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|unblock", -3, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    row("client|unpause", 2, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Client),
    newer::CLIENT_NO_TOUCH,
    newer::CLIENT_SETINFO,
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Connection, flags)
}

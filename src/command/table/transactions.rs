//! The table of MULTI and its kin: the group `transactions` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, RO, SKIP_SLOWLOG, STALE, range};

pub(super) static COMMANDS: &[Spec] = &[
    row("discard", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY).kind(Kind::Discard),
    row("exec", 1, NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG).kind(Kind::Exec),
    row("multi", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY).kind(Kind::Multi),
    row("unwatch", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY).kind(Kind::Unwatch),
    row("watch", -2, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .kind(Kind::Watch)
        .keys(&[range(1, -1, 1, RO)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Transactions, flags)
}

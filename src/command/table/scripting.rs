//! The table of scripts and functions: the group `scripting` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, ALLOW_BUSY, DENYOOM, LOADING, MOVABLEKEYS, NO_MANDATORY_KEYS, NOSCRIPT, READONLY, RO,
    RW, SKIP_MONITOR, STALE, UPDATE, WRITE, counted,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("eval", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS)
        .kind(Kind::Script)
        .keys(&[counted(2, RW | ACCESS | UPDATE)]),
    row(
        "eval_ro",
        -3,
        READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS,
    )
    .kind(Kind::Script)
    .keys(&[counted(2, RO | ACCESS)]),
    row("evalsha", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS)
        .kind(Kind::Script)
        .keys(&[counted(2, RW | ACCESS | UPDATE)]),
    row(
        "evalsha_ro",
        -3,
        READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS,
    )
    .kind(Kind::Script)
    .keys(&[counted(2, RO | ACCESS)]),
    row("fcall", -3, NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS)
        .kind(Kind::Script)
        .keys(&[counted(2, RW | ACCESS | UPDATE)]),
    row(
        "fcall_ro",
        -3,
        READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS,
    )
    .kind(Kind::Script)
    .keys(&[counted(2, RO | ACCESS)]),
    row("function", -2, 0).subcommands(FUNCTION_SUBCOMMANDS),
    row("script", -2, 0).subcommands(SCRIPT_SUBCOMMANDS),
];

const FUNCTION_SUBCOMMANDS: &[Spec] = &[
    row("function|delete", 3, WRITE | NOSCRIPT),
    row("function|dump", 2, NOSCRIPT),
    row("function|flush", -2, WRITE | NOSCRIPT),
    row("function|help", 2, LOADING | STALE),
    row("function|kill", 2, NOSCRIPT | ALLOW_BUSY),
    row("function|list", -2, NOSCRIPT),
    row("function|load", -3, WRITE | DENYOOM | NOSCRIPT),
    row("function|restore", -3, WRITE | DENYOOM | NOSCRIPT),
    row("function|stats", 2, NOSCRIPT | ALLOW_BUSY),
];

const SCRIPT_SUBCOMMANDS: &[Spec] = &[
    row("script|debug", 3, NOSCRIPT),
    row("script|exists", -3, NOSCRIPT),
    row("script|flush", -2, NOSCRIPT),
    row("script|help", 2, LOADING | STALE),
    row("script|kill", 2, NOSCRIPT | ALLOW_BUSY),
    row("script|load", 3, NOSCRIPT | STALE),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Scripting, flags)
}

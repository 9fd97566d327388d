//! The table of the connection itself: the group `connection` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::client::CLIENT_SUBCOMMANDS;
use super::columns::{ALLOW_BUSY, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE};

pub(super) static COMMANDS: &[Spec] = &[
    row("auth", -2, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY).kind(Kind::Auth),
    row("client", -2, 0).kind(Kind::Client).subcommands(CLIENT_SUBCOMMANDS),
    row("echo", 2, LOADING | STALE | FAST),
    row("hello", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY).kind(Kind::Hello),
    row("ping", -1, FAST).kind(Kind::Ping),
    row("quit", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY).kind(Kind::Quit),
    row("reset", 1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY).kind(Kind::Reset),
    row("select", 2, LOADING | STALE | FAST).kind(Kind::Select),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Connection, flags)
}

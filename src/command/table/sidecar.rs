//! The sidecar's own command: SIDECAR, which no server has. Every session answers it itself.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{LOADING, NOSCRIPT, STALE};

/// Newer than any server: none lists it.
const NEVER: (u8, u8) = (u8::MAX, u8::MAX);

pub(super) static COMMANDS: &[Spec] = &[row("sidecar", -2).subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Spec] = &[
    row("sidecar|bigkeys", 2),
    row("sidecar|health", 2),
    row("sidecar|help", 2),
    row("sidecar|hotkeys", 2),
    row("sidecar|slowlog", -2),
    row("sidecar|stats", 2),
];

const fn row(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, arity, Group::Server, NOSCRIPT | LOADING | STALE)
        .kind(Kind::Sidecar)
        .since(NEVER.0, NEVER.1)
}

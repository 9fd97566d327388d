//! The table of streams: the group `stream` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, BLOCKING, DELETE, DENYOOM, FAST, INSERT, LOADING, MOVABLEKEYS, READONLY, RO, RW, STALE,
    UPDATE, WRITE, after, key,
};

pub(super) static COMMANDS: &[Spec] =
    &[
        row("xack", -4, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
        row("xadd", -5, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]),
        row("xautoclaim", -6, WRITE | FAST).keys(&[key(1, RW | DELETE)]),
        row("xclaim", -6, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
        row("xdel", -3, WRITE | FAST).keys(&[key(1, RW | DELETE)]),
        row("xgroup", -2, 0).subcommands(XGROUP_SUBCOMMANDS),
        row("xinfo", -2, 0).subcommands(XINFO_SUBCOMMANDS),
        row("xlen", 2, READONLY | FAST).keys(&[key(1, RO)]),
        row("xpending", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("xrange", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("xread", -4, READONLY | BLOCKING | MOVABLEKEYS)
            .kind(Kind::BlockingIfAsked)
            .keys(&[after("STREAMS", 1, -1, 2, RO | ACCESS)]),
        row("xreadgroup", -7, WRITE | BLOCKING | MOVABLEKEYS)
            .kind(Kind::BlockingIfAsked)
            .keys(&[after("STREAMS", 4, -1, 2, RO | ACCESS)]),
        row("xrevrange", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("xsetid", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]),
        row("xtrim", -4, WRITE).keys(&[key(1, RW | DELETE)]),
    ];

const XGROUP_SUBCOMMANDS: &[Spec] = &[
    row("xgroup|create", -5, WRITE | DENYOOM).keys(&[key(2, RW | INSERT)]),
    row("xgroup|createconsumer", 5, WRITE | DENYOOM).keys(&[key(2, RW | INSERT)]),
    row("xgroup|delconsumer", 5, WRITE).keys(&[key(2, RW | DELETE)]),
    row("xgroup|destroy", 4, WRITE).keys(&[key(2, RW | DELETE)]),
    row("xgroup|help", 2, LOADING | STALE),
    row("xgroup|setid", -5, WRITE).keys(&[key(2, RW | UPDATE)]),
];

const XINFO_SUBCOMMANDS: &[Spec] = &[
    row("xinfo|consumers", 4, READONLY).keys(&[key(2, RO | ACCESS)]),
    row("xinfo|groups", 3, READONLY).keys(&[key(2, RO | ACCESS)]),
    row("xinfo|help", 2, LOADING | STALE),
    row("xinfo|stream", -3, READONLY).keys(&[key(2, RO | ACCESS)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Stream, flags)
}

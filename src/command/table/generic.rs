//! The table of keys of any type: the group `generic` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, DELETE, DENYOOM, FAST, INCOMPLETE, INSERT, LOADING, MOVABLEKEYS, NOSCRIPT, OW,
    READONLY, RM, RO, RW, STALE, UPDATE, WRITE, after, cat, key, range, unknown,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("copy", -3, WRITE | DENYOOM).keys(&[key(1, RO | ACCESS), key(2, OW | UPDATE)]),
    row("del", -2, WRITE).keys(&[range(1, -1, 1, RM | DELETE)]),
    row("dump", 2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("exists", -2, READONLY | FAST).keys(&[range(1, -1, 1, RO)]),
    row("expire", -3, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    row("expireat", -3, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    row("expiretime", 2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("keys", 2, READONLY).categories(cat::DANGEROUS | cat::KEYSPACE),
    row("migrate", -6, WRITE | MOVABLEKEYS)
        .keys(&[
            key(3, RW | ACCESS | DELETE),
            after("KEYS", -2, -1, 0, RW | ACCESS | DELETE | INCOMPLETE),
        ])
        .categories(cat::DANGEROUS | cat::KEYSPACE),
    row("move", 3, WRITE | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("object", -2, 0).subcommands(OBJECT_SUBCOMMANDS),
    row("persist", 2, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    row("pexpire", -3, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    row("pexpireat", -3, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    row("pexpiretime", 2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("pttl", 2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("randomkey", 1, READONLY),
    row("rename", 3, WRITE).keys(&[key(1, RW | ACCESS | DELETE), key(2, OW | UPDATE)]),
    row("renamenx", 3, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE), key(2, OW | INSERT)]),
    row("restore", -4, WRITE | DENYOOM)
        .keys(&[key(1, OW | UPDATE)])
        .categories(cat::DANGEROUS | cat::KEYSPACE),
    row("scan", -2, READONLY),
    row("sort", -2, WRITE | DENYOOM | MOVABLEKEYS)
        .keys(&[key(1, RO | ACCESS), unknown(RO | ACCESS), unknown(OW | UPDATE)])
        .categories(cat::DANGEROUS | cat::LIST | cat::SET | cat::SORTED_SET),
    row("sort_ro", -2, READONLY | MOVABLEKEYS)
        .keys(&[key(1, RO | ACCESS), unknown(RO | ACCESS)])
        .categories(cat::DANGEROUS | cat::LIST | cat::SET | cat::SORTED_SET),
    row("touch", -2, READONLY | FAST).keys(&[range(1, -1, 1, RO)]),
    row("ttl", 2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("type", 2, READONLY | FAST).keys(&[key(1, RO)]),
    row("unlink", -2, WRITE | FAST).keys(&[range(1, -1, 1, RM | DELETE)]),
    row("wait", 3, NOSCRIPT).kind(Kind::Wait).categories(cat::CONNECTION),
];

const OBJECT_SUBCOMMANDS: &[Spec] = &[
    row("object|encoding", 3, READONLY).keys(&[key(2, RO)]),
    row("object|freq", 3, READONLY).keys(&[key(2, RO)]),
    row("object|help", 2, LOADING | STALE),
    row("object|idletime", 3, READONLY).keys(&[key(2, RO)]),
    row("object|refcount", 3, READONLY).keys(&[key(2, RO)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Generic, flags)
}

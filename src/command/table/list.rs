//! The table of lists: the group `list` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, BLOCKING, DELETE, DENYOOM, FAST, INSERT, MOVABLEKEYS, NOSCRIPT, READONLY, RO, RW,
    UPDATE, WRITE, counted, key, range,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("blmove", 6, WRITE | DENYOOM | NOSCRIPT | BLOCKING)
        .kind(Kind::Blocking)
        .keys(&[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)]),
    row("blmpop", -5, WRITE | BLOCKING | MOVABLEKEYS)
        .kind(Kind::Blocking)
        .keys(&[counted(2, RW | ACCESS | DELETE)]),
    row("blpop", -3, WRITE | NOSCRIPT | BLOCKING).kind(Kind::Blocking).keys(&[range(
        1,
        -2,
        1,
        RW | ACCESS | DELETE,
    )]),
    row("brpop", -3, WRITE | NOSCRIPT | BLOCKING).kind(Kind::Blocking).keys(&[range(
        1,
        -2,
        1,
        RW | ACCESS | DELETE,
    )]),
    row("brpoplpush", 4, WRITE | DENYOOM | NOSCRIPT | BLOCKING)
        .kind(Kind::Blocking)
        .keys(&[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)]),
    row("lindex", 3, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("linsert", 5, WRITE | DENYOOM).keys(&[key(1, RW | INSERT)]),
    row("llen", 2, READONLY | FAST).keys(&[key(1, RO)]),
    row("lmove", 5, WRITE | DENYOOM).keys(&[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)]),
    row("lmpop", -4, WRITE | MOVABLEKEYS).keys(&[counted(1, RW | ACCESS | DELETE)]),
    row("lpop", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
    row("lpos", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("lpush", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("lpushx", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("lrange", 4, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("lrem", 4, WRITE).keys(&[key(1, RW | DELETE)]),
    row("lset", 4, WRITE | DENYOOM).keys(&[key(1, RW | UPDATE)]),
    row("ltrim", 4, WRITE).keys(&[key(1, RW | DELETE)]),
    row("rpop", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
    row("rpoplpush", 3, WRITE | DENYOOM).keys(&[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)]),
    row("rpush", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("rpushx", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::List, flags)
}

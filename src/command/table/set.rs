//! The table of sets: the group `set` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{
    ACCESS, DELETE, DENYOOM, FAST, INSERT, MOVABLEKEYS, OW, READONLY, RO, RW, UPDATE, WRITE,
    counted, key, range,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("sadd", -3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("scard", 2, READONLY | FAST).keys(&[key(1, RO)]),
    row("sdiff", -2, READONLY).keys(&[range(1, -1, 1, RO | ACCESS)]),
    row("sdiffstore", -3, WRITE | DENYOOM)
        .keys(&[key(1, OW | UPDATE), range(2, -1, 1, RO | ACCESS)]),
    row("sinter", -2, READONLY).keys(&[range(1, -1, 1, RO | ACCESS)]),
    row("sintercard", -3, READONLY | MOVABLEKEYS).keys(&[counted(1, RO | ACCESS)]),
    row("sinterstore", -3, WRITE | DENYOOM)
        .keys(&[key(1, RW | UPDATE), range(2, -1, 1, RO | ACCESS)]),
    row("sismember", 3, READONLY | FAST).keys(&[key(1, RO)]),
    row("smembers", 2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("smismember", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("smove", 4, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE), key(2, RW | INSERT)]),
    row("spop", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
    row("srandmember", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("srem", -3, WRITE | FAST).keys(&[key(1, RW | DELETE)]),
    row("sscan", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("sunion", -2, READONLY).keys(&[range(1, -1, 1, RO | ACCESS)]),
    row("sunionstore", -3, WRITE | DENYOOM)
        .keys(&[key(1, OW | UPDATE), range(2, -1, 1, RO | ACCESS)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Set, flags)
}

//! The table of hashes: the group `hash` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{ACCESS, DELETE, DENYOOM, FAST, INSERT, READONLY, RO, RW, UPDATE, WRITE, key};

pub(super) static COMMANDS: &[Spec] = &[
    row("hdel", -3, WRITE | FAST).keys(&[key(1, RW | DELETE)]),
    row("hexists", 3, READONLY | FAST).keys(&[key(1, RO)]),
    row("hget", 3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("hgetall", 2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("hincrby", 4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("hincrbyfloat", 4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("hkeys", 2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("hlen", 2, READONLY | FAST).keys(&[key(1, RO)]),
    row("hmget", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("hmset", -4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]),
    row("hrandfield", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("hscan", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("hset", -4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]),
    row("hsetnx", 4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("hstrlen", 3, READONLY | FAST).keys(&[key(1, RO)]),
    row("hvals", 2, READONLY).keys(&[key(1, RO | ACCESS)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Hash, flags)
}

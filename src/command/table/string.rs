//! The table of strings: the group `string` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{
    ACCESS, DELETE, DENYOOM, FAST, INSERT, OW, READONLY, RO, RW, UPDATE, VARIABLE_FLAGS, WRITE,
    key, range,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("append", 3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("decr", 2, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("decrby", 3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("get", 2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("getdel", 2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
    row("getex", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("getrange", 4, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("getset", 3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("incr", 2, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("incrby", 3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("incrbyfloat", 3, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
    row("lcs", -3, READONLY).keys(&[range(1, 1, 1, RO | ACCESS)]),
    row("mget", -2, READONLY | FAST).keys(&[range(1, -1, 1, RO | ACCESS)]),
    row("mset", -3, WRITE | DENYOOM).keys(&[range(1, -1, 2, OW | UPDATE)]),
    row("msetnx", -3, WRITE | DENYOOM).keys(&[range(1, -1, 2, OW | INSERT)]),
    row("psetex", 4, WRITE | DENYOOM).keys(&[key(1, OW | UPDATE)]),
    row("set", -3, WRITE | DENYOOM).keys(&[key(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS)]),
    row("setex", 4, WRITE | DENYOOM).keys(&[key(1, OW | UPDATE)]),
    row("setnx", 3, WRITE | DENYOOM | FAST).keys(&[key(1, OW | INSERT)]),
    row("setrange", 4, WRITE | DENYOOM).keys(&[key(1, RW | UPDATE)]),
    row("strlen", 2, READONLY | FAST).keys(&[key(1, RO)]),
    row("substr", 4, READONLY).keys(&[key(1, RO | ACCESS)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::String, flags)
}

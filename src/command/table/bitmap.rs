//! The table of bitmaps: the group `bitmap` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{
    ACCESS, DENYOOM, FAST, OW, READONLY, RO, RW, UPDATE, VARIABLE_FLAGS, WRITE, key, range,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("bitcount", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("bitfield", -2, WRITE | DENYOOM).keys(&[key(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS)]),
    row("bitfield_ro", -2, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("bitop", -4, WRITE | DENYOOM).keys(&[key(2, OW | UPDATE), range(3, -1, 1, RO | ACCESS)]),
    row("bitpos", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("getbit", 3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    row("setbit", 4, WRITE | DENYOOM).keys(&[key(1, RW | ACCESS | UPDATE)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Bitmap, flags)
}

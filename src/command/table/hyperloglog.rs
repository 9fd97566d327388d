//! The table of HyperLogLogs: the group `hyperloglog` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{ACCESS, ADMIN, DENYOOM, FAST, INSERT, READONLY, RO, RW, WRITE, key, range};

pub(super) static COMMANDS: &[Spec] = &[
    row("pfadd", -2, WRITE | DENYOOM | FAST).keys(&[key(1, RW | INSERT)]),
    row("pfcount", -2, READONLY).keys(&[range(1, -1, 1, RW | ACCESS)]),
    row("pfdebug", 3, WRITE | DENYOOM | ADMIN).keys(&[key(2, RW | ACCESS)]),
    row("pfmerge", -2, WRITE | DENYOOM)
        .keys(&[key(1, RW | ACCESS | INSERT), range(2, -1, 1, RO | ACCESS)]),
    row("pfselftest", 1, ADMIN),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::HyperLogLog, flags)
}

//! The table of places on earth: the group `geo` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Spec};
use super::columns::{
    ACCESS, DENYOOM, MOVABLEKEYS, OW, READONLY, RO, RW, UPDATE, WRITE, after, key,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("geoadd", -5, WRITE | DENYOOM).keys(&[key(1, RW | UPDATE)]),
    row("geodist", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("geohash", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("geopos", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("georadius", -6, WRITE | DENYOOM | MOVABLEKEYS).keys(&[
        key(1, RO | ACCESS),
        after("STORE", 6, 0, 0, OW | UPDATE),
        after("STOREDIST", 6, 0, 0, OW | UPDATE),
    ]),
    row("georadius_ro", -6, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("georadiusbymember", -5, WRITE | DENYOOM | MOVABLEKEYS).keys(&[
        key(1, RO | ACCESS),
        after("STORE", 5, 0, 0, OW | UPDATE),
        after("STOREDIST", 5, 0, 0, OW | UPDATE),
    ]),
    row("georadiusbymember_ro", -5, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("geosearch", -7, READONLY).keys(&[key(1, RO | ACCESS)]),
    row("geosearchstore", -8, WRITE | DENYOOM).keys(&[key(1, OW | UPDATE), key(2, RO | ACCESS)]),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Geo, flags)
}

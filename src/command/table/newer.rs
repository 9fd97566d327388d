//! What servers newer than 7.0 added and clients send today; `since` says which.
//!
//! An older server refuses these by itself.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, BLOCKING, DELETE, DENYOOM, FAST, LOADING, NOSCRIPT, READONLY, RO, RW, STALE, UPDATE,
    WRITE, cat, key,
};

pub(super) static COMMANDS: &[Spec] = &[
    hash("hexpire", -6, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    hash("hexpireat", -6, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    hash("hexpiretime", -5, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    hash("hgetdel", -5, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]).since(8, 0),
    hash("hgetex", -5, WRITE | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]).since(8, 0),
    hash("hpersist", -5, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    hash("hpexpire", -6, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    hash("hpexpireat", -6, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    hash("hpexpiretime", -5, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    hash("hpttl", -5, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    hash("hsetex", -6, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]).since(8, 0),
    hash("httl", -5, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    Spec::new("waitaof", 4, Group::Generic, BLOCKING)
        .kind(Kind::Wait)
        .categories(cat::CONNECTION)
        .since(7, 2),
    vector("vadd", -5, WRITE | DENYOOM).keys(&[key(1, RW | UPDATE)]),
    vector("vcard", 2, READONLY | FAST).keys(&[key(1, RO)]),
    vector("vdim", 2, READONLY | FAST).keys(&[key(1, RO)]),
    vector("vemb", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    vector("vgetattr", 3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    vector("vinfo", 2, READONLY | FAST).keys(&[key(1, RO)]),
    vector("vismember", 3, READONLY).keys(&[key(1, RO | ACCESS)]),
    vector("vlinks", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
    vector("vrandmember", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
    vector("vrem", 3, WRITE).keys(&[key(1, RW | DELETE)]),
    vector("vsetattr", 4, WRITE | FAST).keys(&[key(1, RW | UPDATE)]),
    vector("vsim", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
];

pub(super) const CLIENT_NO_TOUCH: Spec =
    connection("client|no-touch", 3, NOSCRIPT | LOADING | STALE).kind(Kind::Client);

pub(super) const CLIENT_SETINFO: Spec =
    connection("client|setinfo", 4, NOSCRIPT | LOADING | STALE).kind(Kind::Client);

pub(super) const CLUSTER_MYSHARDID: Spec =
    Spec::new("cluster|myshardid", 2, Group::Cluster, STALE).since(7, 2);

const fn hash(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Hash, flags).since(7, 4)
}

/// Vector sets: a module that comes with Redis 8. It says of itself no arity, and that all of it may change the key.
const fn vector(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Generic, flags).categories(cat::NONE).since(8, 0)
}

const fn connection(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Connection, flags).since(7, 2)
}

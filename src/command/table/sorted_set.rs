//! The table of sorted sets: the group `sorted-set` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{
    ACCESS, BLOCKING, DELETE, DENYOOM, FAST, MOVABLEKEYS, NOSCRIPT, OW, READONLY, RO, RW, UPDATE,
    WRITE, counted, key, range,
};

pub(super) static COMMANDS: &[Spec] =
    &[
        row("bzmpop", -5, WRITE | BLOCKING | MOVABLEKEYS)
            .kind(Kind::Blocking)
            .keys(&[counted(2, RW | ACCESS | DELETE)]),
        row("bzpopmax", -3, WRITE | NOSCRIPT | BLOCKING | FAST)
            .kind(Kind::Blocking)
            .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)]),
        row("bzpopmin", -3, WRITE | NOSCRIPT | BLOCKING | FAST)
            .kind(Kind::Blocking)
            .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)]),
        row("zadd", -4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | UPDATE)]),
        row("zcard", 2, READONLY | FAST).keys(&[key(1, RO)]),
        row("zcount", 4, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zdiff", -3, READONLY | MOVABLEKEYS).keys(&[counted(1, RO | ACCESS)]),
        row("zdiffstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
            .keys(&[key(1, OW | UPDATE), counted(2, RO | ACCESS)]),
        row("zincrby", 4, WRITE | DENYOOM | FAST).keys(&[key(1, RW | ACCESS | UPDATE)]),
        row("zinter", -3, READONLY | MOVABLEKEYS).keys(&[counted(1, RO | ACCESS)]),
        row("zintercard", -3, READONLY | MOVABLEKEYS).keys(&[counted(1, RO | ACCESS)]),
        row("zinterstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
            .keys(&[key(1, OW | UPDATE), counted(2, RO | ACCESS)]),
        row("zlexcount", 4, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zmpop", -4, WRITE | MOVABLEKEYS).keys(&[counted(1, RW | ACCESS | DELETE)]),
        row("zmscore", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zpopmax", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
        row("zpopmin", -2, WRITE | FAST).keys(&[key(1, RW | ACCESS | DELETE)]),
        row("zrandmember", -2, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrange", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrangebylex", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrangebyscore", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrangestore", -5, WRITE | DENYOOM).keys(&[key(1, OW | UPDATE), key(2, RO | ACCESS)]),
        row("zrank", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zrem", -3, WRITE | FAST).keys(&[key(1, RW | DELETE)]),
        row("zremrangebylex", 4, WRITE).keys(&[key(1, RW | DELETE)]),
        row("zremrangebyrank", 4, WRITE).keys(&[key(1, RW | DELETE)]),
        row("zremrangebyscore", 4, WRITE).keys(&[key(1, RW | DELETE)]),
        row("zrevrange", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrevrangebylex", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrevrangebyscore", -4, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zrevrank", -3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zscan", -3, READONLY).keys(&[key(1, RO | ACCESS)]),
        row("zscore", 3, READONLY | FAST).keys(&[key(1, RO | ACCESS)]),
        row("zunion", -3, READONLY | MOVABLEKEYS).keys(&[counted(1, RO | ACCESS)]),
        row("zunionstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
            .keys(&[key(1, OW | UPDATE), counted(2, RO | ACCESS)]),
    ];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::SortedSet, flags)
}

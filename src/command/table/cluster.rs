//! The table of Redis Cluster: the group `cluster` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{ADMIN, FAST, LOADING, NO_ASYNC_LOADING, NOSCRIPT, STALE, cat};
use super::newer;

pub(super) static COMMANDS: &[Spec] = &[
    row("asking", 1, FAST).kind(Kind::Asking).categories(cat::CONNECTION),
    row("cluster", -2, 0).subcommands(CLUSTER_SUBCOMMANDS),
    row("readonly", 1, LOADING | STALE | FAST).kind(Kind::ReadOnlyMode).categories(cat::CONNECTION),
    row("readwrite", 1, LOADING | STALE | FAST)
        .kind(Kind::ReadOnlyMode)
        .categories(cat::CONNECTION),
];

const CLUSTER_SUBCOMMANDS: &[Spec] = &[
    row("cluster|addslots", -3, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|addslotsrange", -4, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|bumpepoch", 2, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|count-failure-reports", 3, ADMIN | STALE),
    row("cluster|countkeysinslot", 3, STALE),
    row("cluster|delslots", -3, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|delslotsrange", -4, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|failover", -2, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|flushslots", 2, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|forget", 3, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|getkeysinslot", 4, STALE),
    row("cluster|help", 2, LOADING | STALE),
    row("cluster|info", 2, STALE),
    row("cluster|keyslot", 3, STALE),
    row("cluster|links", 2, STALE),
    row("cluster|meet", -4, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|myid", 2, STALE),
    row("cluster|nodes", 2, STALE),
    row("cluster|replicas", 3, ADMIN | STALE),
    row("cluster|replicate", 3, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|reset", -2, ADMIN | NOSCRIPT | STALE),
    row("cluster|saveconfig", 2, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|set-config-epoch", 3, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|setslot", -4, ADMIN | STALE | NO_ASYNC_LOADING),
    row("cluster|shards", 2, STALE),
    row("cluster|slaves", 3, ADMIN | STALE),
    row("cluster|slots", 2, STALE),
    newer::CLUSTER_MYSHARDID,
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Cluster, flags)
}

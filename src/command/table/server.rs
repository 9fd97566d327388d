//! The table of the server: the group `server` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::admin::{
    ACL_SUBCOMMANDS, COMMAND_SUBCOMMANDS, CONFIG_SUBCOMMANDS, LATENCY_SUBCOMMANDS,
    MEMORY_SUBCOMMANDS, MODULE_SUBCOMMANDS, SLOWLOG_SUBCOMMANDS,
};
use super::columns::{
    ADMIN, ALLOW_BUSY, ASKING, DENYOOM, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, OW,
    READONLY, STALE, UPDATE, WRITE, cat, key,
};

pub(super) static COMMANDS: &[Spec] = &[
    row("acl", -2, 0).kind(Kind::Acl).subcommands(ACL_SUBCOMMANDS),
    row("bgrewriteaof", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    row("bgsave", -1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING),
    row("command", -1, LOADING | STALE)
        .subcommands(COMMAND_SUBCOMMANDS)
        .categories(cat::CONNECTION),
    row("config", -2, 0).subcommands(CONFIG_SUBCOMMANDS),
    row("dbsize", 1, READONLY | FAST).categories(cat::KEYSPACE),
    row("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE),
    row("failover", -1, ADMIN | NOSCRIPT | STALE),
    row("flushall", -1, WRITE).categories(cat::DANGEROUS | cat::KEYSPACE),
    row("flushdb", -1, WRITE).categories(cat::DANGEROUS | cat::KEYSPACE),
    row("info", -1, LOADING | STALE).kind(Kind::Info).categories(cat::DANGEROUS),
    row("lastsave", 1, LOADING | STALE | FAST).categories(cat::ADMIN | cat::DANGEROUS),
    row("latency", -2, 0).subcommands(LATENCY_SUBCOMMANDS),
    row("lolwut", -1, READONLY | FAST),
    row("memory", -2, 0).subcommands(MEMORY_SUBCOMMANDS),
    row("module", -2, 0).subcommands(MODULE_SUBCOMMANDS),
    row("monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE).kind(Kind::Monitor),
    row("psync", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI).kind(Kind::Replication),
    row("replconf", -1, ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY).kind(Kind::Replication),
    row("replicaof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING),
    row("restore-asking", -4, WRITE | DENYOOM | ASKING)
        .keys(&[key(1, OW | UPDATE)])
        .categories(cat::DANGEROUS | cat::KEYSPACE),
    row("role", 1, NOSCRIPT | LOADING | STALE | FAST).categories(cat::ADMIN | cat::DANGEROUS),
    row("save", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI),
    row("shutdown", -1, ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
        .kind(Kind::Shutdown),
    row("slaveof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING),
    row("slowlog", -2, 0).subcommands(SLOWLOG_SUBCOMMANDS),
    row("swapdb", 3, WRITE | FAST).categories(cat::DANGEROUS | cat::KEYSPACE),
    row("sync", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI).kind(Kind::Replication),
    row("time", 1, LOADING | STALE | FAST),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::Server, flags)
}

//! The table of channels: the group `pubsub` of Redis.
//!
//! One row per command; the columns are explained in `columns.rs`.

use super::super::spec::{Group, Kind, Spec};
use super::columns::{FAST, LOADING, NOSCRIPT, NOT_KEY, PUBSUB, STALE, cat, key, range};

pub(super) static COMMANDS: &[Spec] = &[
    row("psubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE).kind(Kind::PSubscribe),
    row("publish", 3, PUBSUB | LOADING | STALE | FAST),
    row("pubsub", -2, 0).subcommands(PUBSUB_SUBCOMMANDS),
    row("punsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE).kind(Kind::PUnsubscribe),
    row("spublish", 3, PUBSUB | LOADING | STALE | FAST).keys(&[key(1, NOT_KEY)]),
    row("ssubscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE)
        .kind(Kind::SSubscribe)
        .keys(&[range(1, -1, 1, NOT_KEY)]),
    row("subscribe", -2, PUBSUB | NOSCRIPT | LOADING | STALE).kind(Kind::Subscribe),
    row("sunsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE)
        .kind(Kind::SUnsubscribe)
        .keys(&[range(1, -1, 1, NOT_KEY)]),
    row("unsubscribe", -1, PUBSUB | NOSCRIPT | LOADING | STALE).kind(Kind::Unsubscribe),
];

const PUBSUB_SUBCOMMANDS: &[Spec] = &[
    row("pubsub|channels", -2, PUBSUB | LOADING | STALE),
    row("pubsub|help", 2, LOADING | STALE).categories(cat::NONE),
    row("pubsub|numpat", 2, PUBSUB | LOADING | STALE),
    row("pubsub|numsub", -2, PUBSUB | LOADING | STALE),
    row("pubsub|shardchannels", -2, PUBSUB | LOADING | STALE),
    row("pubsub|shardnumsub", -2, PUBSUB | LOADING | STALE),
];

const fn row(name: &'static str, arity: i16, flags: u32) -> Spec {
    Spec::new(name, arity, Group::PubSub, flags)
}

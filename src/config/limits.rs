//! `limits`: how much a client may ask, be owed and be told. What they do to a client is docs/limits.md's matter.

use super::keys;
use super::read::Reader;
use super::units::{show_duration, show_size};
use super::values::{Row, or_off, shown};
use std::time::Duration;

/// How much a client may ask, be owed and be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arguments of one command, its name included; 16 to 2,147,483,647.
    pub max_arguments: usize,
    /// Bytes of one argument, 16 KiB to 4 GiB; at most `max_request`.
    pub max_bulk: usize,
    /// Bytes of a whole command, 64 KiB to 16 GiB.
    pub max_request: usize,
    /// Aggregates within each other in one reply, 8 to 10,000.
    pub depth: usize,
    /// What is asked of a client that has yet to authenticate.
    pub before_auth: BeforeAuth,
    /// Bytes of replies that a client may leave unread, 1 MiB to 4 GiB.
    pub client_output: usize,
    /// Messages that a subscriber may leave unread.
    pub subscriber_output: SubscriberOutput,
    /// Commands a second.
    pub requests_per_second: Rates,
}

/// What is asked of a client that has yet to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeforeAuth {
    /// Arguments of one command, 7 to 1024.
    pub max_arguments: usize,
    /// Bytes of one argument, 1 KiB to 1 MiB.
    pub max_bulk: usize,
    /// How long it may take; `None` is for ever.
    pub timeout: Option<Duration>,
}

/// Messages that a subscriber may leave unread. `soft <= hard`, 64 KiB to 4 GiB each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberOutput {
    /// Bytes at which it is closed at once.
    pub hard: usize,
    /// Bytes above which it may be for no longer than `soft_time`.
    pub soft: usize,
    /// 1 ms to an hour.
    pub soft_time: Duration,
}

/// Commands a second, 1 to 10,000,000; `None` is as many as come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one client.
    pub client: Option<u64>,
    /// Of all together.
    pub all: Option<u64>,
}

pub(super) fn limits(reader: &mut Reader<'_>) -> Option<Limits> {
    let max_arguments = reader.count(&keys::LIMITS_MAX_ARGUMENTS);
    let max_bulk = reader.size(&keys::LIMITS_MAX_BULK);
    let max_request = reader.size(&keys::LIMITS_MAX_REQUEST);
    let depth = reader.count(&keys::LIMITS_DEPTH);
    let auth_arguments = reader.count(&keys::LIMITS_AUTH_ARGUMENTS);
    let auth_bulk = reader.size(&keys::LIMITS_AUTH_BULK);
    let timeout = reader.span_or_off(&keys::LIMITS_AUTH_TIMEOUT);
    let client_output = reader.size(&keys::LIMITS_CLIENT_OUTPUT);
    let hard = reader.size(&keys::LIMITS_SUBSCRIBER_HARD);
    let soft = reader.size(&keys::LIMITS_SUBSCRIBER_SOFT);
    let soft_time = reader.span(&keys::LIMITS_SUBSCRIBER_SOFT_TIME);
    let client = reader.count_or_off(&keys::LIMITS_RATE_CLIENT);
    let all = reader.count_or_off(&keys::LIMITS_RATE_ALL);
    reader
        .check_order((&keys::LIMITS_MAX_BULK, max_bulk), (&keys::LIMITS_MAX_REQUEST, max_request));
    reader
        .check_order((&keys::LIMITS_SUBSCRIBER_SOFT, soft), (&keys::LIMITS_SUBSCRIBER_HARD, hard));
    Some(Limits {
        max_arguments: max_arguments?,
        max_bulk: max_bulk?,
        max_request: max_request?,
        depth: depth?,
        before_auth: BeforeAuth {
            max_arguments: auth_arguments?,
            max_bulk: auth_bulk?,
            timeout: timeout?,
        },
        client_output: client_output?,
        subscriber_output: SubscriberOutput { hard: hard?, soft: soft?, soft_time: soft_time? },
        requests_per_second: Rates { client: client?, all: all? },
    })
}

/// Every key with its value, in the catalogue's order.
pub(super) fn values(limits: &Limits) -> [Row<'_>; 13] {
    let size = |bytes: usize| shown(show_size(u64::try_from(bytes).unwrap_or(u64::MAX)));
    let (before, output) = (&limits.before_auth, &limits.subscriber_output);
    let rates = &limits.requests_per_second;
    [
        (&keys::LIMITS_MAX_ARGUMENTS, shown(limits.max_arguments)),
        (&keys::LIMITS_MAX_BULK, size(limits.max_bulk)),
        (&keys::LIMITS_MAX_REQUEST, size(limits.max_request)),
        (&keys::LIMITS_DEPTH, shown(limits.depth)),
        (&keys::LIMITS_AUTH_ARGUMENTS, shown(before.max_arguments)),
        (&keys::LIMITS_AUTH_BULK, size(before.max_bulk)),
        (&keys::LIMITS_AUTH_TIMEOUT, or_off(before.timeout.map(show_duration))),
        (&keys::LIMITS_CLIENT_OUTPUT, size(limits.client_output)),
        (&keys::LIMITS_SUBSCRIBER_HARD, size(output.hard)),
        (&keys::LIMITS_SUBSCRIBER_SOFT, size(output.soft)),
        (&keys::LIMITS_SUBSCRIBER_SOFT_TIME, shown(show_duration(output.soft_time))),
        (&keys::LIMITS_RATE_CLIENT, or_off(rates.client)),
        (&keys::LIMITS_RATE_ALL, or_off(rates.all)),
    ]
}

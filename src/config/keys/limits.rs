//! The catalogue's keys of `limits`: how much a client may ask, be owed and be told.

use super::{Key, MS, TIMEOUT_OR_OFF, Takes};
use std::time::Duration;

const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;
const GB: u64 = 1 << 30;

/// The longest time for which a subscriber may be behind.
const HOUR: Duration = Duration::from_secs(3600);

/// Requests a second.
const RATE: Takes = Takes::CountOrOff(1, 10_000_000);

/// `limits.max_arguments`
pub const LIMITS_MAX_ARGUMENTS: Key =
    Key::new("limits.max_arguments", Takes::Count(16, 2_147_483_647), "1048576")
        .why("Arguments of one command, its name included; one more is a protocol error.");
/// `limits.max_bulk`
pub const LIMITS_MAX_BULK: Key = Key::new("limits.max_bulk", Takes::Size(16 * KB, 4 * GB), "512mb")
    .why("Bytes of one argument: Redis's own bound (its proto-max-bulk-len).");
/// `limits.max_request`
pub const LIMITS_MAX_REQUEST: Key =
    Key::new("limits.max_request", Takes::Size(64 * KB, 16 * GB), "1gb")
        .why("Bytes of a whole command, so that many arguments that each fit are bounded too.");
/// `limits.depth`
pub const LIMITS_DEPTH: Key = Key::new("limits.depth", Takes::Count(8, 10_000), "128")
    .why("How deep a reply may nest; the client gets an error in place of a deeper one.");
/// `limits.before_auth.max_arguments`
pub const LIMITS_AUTH_ARGUMENTS: Key =
    Key::new("limits.before_auth.max_arguments", Takes::Count(7, 1024), "10")
        .why("The same two for a client that must AUTH and has not; Redis's own bounds.");
/// `limits.before_auth.max_bulk`
pub const LIMITS_AUTH_BULK: Key =
    Key::new("limits.before_auth.max_bulk", Takes::Size(KB, MB), "16kb")
        .why("Long enough for any password, and little enough for anybody.");
/// `limits.before_auth.timeout`
pub const LIMITS_AUTH_TIMEOUT: Key = Key::new("limits.before_auth.timeout", TIMEOUT_OR_OFF, "60s")
    .live()
    .why("A client that must AUTH and has not is closed then: it takes another's place.");
/// `limits.client_output`
pub const LIMITS_CLIENT_OUTPUT: Key =
    Key::new("limits.client_output", Takes::Size(MB, 4 * GB), "64mb")
        .why("Bytes of replies that a client may leave unread; with more, it is closed.");
/// `limits.subscriber_output.hard`
pub const LIMITS_SUBSCRIBER_HARD: Key =
    Key::new("limits.subscriber_output.hard", Takes::Size(64 * KB, 4 * GB), "32mb")
        .why("Bytes of messages that a subscriber may leave unread; with more, it is closed.");
/// `limits.subscriber_output.soft`
pub const LIMITS_SUBSCRIBER_SOFT: Key =
    Key::new("limits.subscriber_output.soft", Takes::Size(64 * KB, 4 * GB), "8mb")
        .why("The same for one that stays above this for soft_time; Redis's own bounds.");
/// `limits.subscriber_output.soft_time`
pub const LIMITS_SUBSCRIBER_SOFT_TIME: Key =
    Key::new("limits.subscriber_output.soft_time", Takes::Span(MS, HOUR), "60s")
        .why("How long a subscriber may be above soft.");
/// `limits.requests_per_second.client`
pub const LIMITS_RATE_CLIENT: Key = Key::new("limits.requests_per_second.client", RATE, "off")
    .why("Commands of one client, as many at once; more get an error that begins with DENIED.");
/// `limits.requests_per_second.all`
pub const LIMITS_RATE_ALL: Key = Key::new("limits.requests_per_second.all", RATE, "off")
    .why("The same for all clients of this sidecar together.");

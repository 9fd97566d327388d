//! Two bit sets of a command: the flags that a server's COMMAND lists, and its ACL categories.
//!
//! The names are Redis's own, so that a rule or a test can speak of them as the server does.
//! <https://redis.io/docs/latest/commands/command/>

use std::ops::BitOr;

/// A command's flags, as COMMAND lists them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

/// What each bit of [`Flags`] is called on the wire, lowest bit first.
const FLAG_NAMES: [&str; 19] = [
    "write",
    "readonly",
    "denyoom",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "asking",
    "fast",
    "no_auth",
    "no_multi",
    "movablekeys",
    "allow_busy",
    "no_async_loading",
    "no_mandatory_keys",
];

impl Flags {
    /// May change data.
    pub const WRITE: Self = Self(1);
    /// Only reads data.
    pub const READONLY: Self = Self(1 << 1);
    /// Refused when the server is out of memory.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 3);
    /// Has to do with channels.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Not allowed in scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May hold its connection until something happens.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while the server loads its data.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a replica whose data is stale.
    pub const STALE: Self = Self(1 << 8);
    /// Not shown by MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 9);
    /// Not logged by SLOWLOG.
    pub const SKIP_SLOWLOG: Self = Self(1 << 10);
    /// Allowed on a slot that is being imported.
    pub const ASKING: Self = Self(1 << 11);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 12);
    /// Allowed before AUTH.
    pub const NO_AUTH: Self = Self(1 << 13);
    /// Not allowed in MULTI.
    pub const NO_MULTI: Self = Self(1 << 14);
    /// Its first/last/step do not tell all its keys.
    pub const MOVABLEKEYS: Self = Self(1 << 15);
    /// Allowed while a script holds the server busy.
    pub const ALLOW_BUSY: Self = Self(1 << 16);
    /// Refused while a replica loads data and still answers reads.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 17);
    /// May have no keys at all, though it takes some.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 18);

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the flags that are set, as COMMAND writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of(self.0, &FLAG_NAMES)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The ACL categories of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u32);

/// What each bit of [`Categories`] is called on the wire, lowest bit first.
const CATEGORY_NAMES: [&str; 21] = [
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

impl Categories {
    /// No category.
    pub const NONE: Self = Self(0);
    /// Keys of any type, databases, expiry.
    pub const KEYSPACE: Self = Self(1);
    /// Reads data.
    pub const READ: Self = Self(1 << 1);
    /// Changes data.
    pub const WRITE: Self = Self(1 << 2);
    /// Sets.
    pub const SET: Self = Self(1 << 3);
    /// Sorted sets.
    pub const SORTED_SET: Self = Self(1 << 4);
    /// Lists.
    pub const LIST: Self = Self(1 << 5);
    /// Hashes.
    pub const HASH: Self = Self(1 << 6);
    /// Strings.
    pub const STRING: Self = Self(1 << 7);
    /// Bitmaps.
    pub const BITMAP: Self = Self(1 << 8);
    /// HyperLogLogs.
    pub const HYPERLOGLOG: Self = Self(1 << 9);
    /// Places on earth.
    pub const GEO: Self = Self(1 << 10);
    /// Streams.
    pub const STREAM: Self = Self(1 << 11);
    /// Channels.
    pub const PUBSUB: Self = Self(1 << 12);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 13);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 14);
    /// All that is not fast.
    pub const SLOW: Self = Self(1 << 15);
    /// May hold its connection.
    pub const BLOCKING: Self = Self(1 << 16);
    /// To be kept from applications.
    pub const DANGEROUS: Self = Self(1 << 17);
    /// The connection itself.
    pub const CONNECTION: Self = Self(1 << 18);
    /// MULTI and its kin.
    pub const TRANSACTION: Self = Self(1 << 19);
    /// Scripts and functions.
    pub const SCRIPTING: Self = Self(1 << 20);

    /// The category of this name, written as in an ACL rule (`@read`) or without the `@`;
    /// case does not matter. `@all` is no category.
    pub fn from_name(name: &str) -> Option<Self> {
        let bare = name.strip_prefix('@').unwrap_or(name);
        let known = |n: &&str| n.trim_start_matches('@').eq_ignore_ascii_case(bare);
        CATEGORY_NAMES.iter().position(known).map(|bit| Self(1 << bit))
    }

    /// What all categories are called, as COMMAND writes them.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        CATEGORY_NAMES.into_iter()
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every category of `other` is among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of these categories, as COMMAND writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of(self.0, &CATEGORY_NAMES)
    }
}

impl BitOr for Categories {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

pub(super) fn names_of(
    bits: u32,
    names: &'static [&'static str],
) -> impl Iterator<Item = &'static str> {
    names.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name)
}

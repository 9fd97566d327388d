//! What the table says of one command.
//!
//! A [`Spec`] is plain data, fixed at compile time. What a server derives from other columns
//! (ACL categories from flags, first/last/step from the key specs) is derived here in the same
//! way, so that a row of the table says each thing once.

use super::flags::{Categories, Flags};
use super::keys::{Begin, Find, KeySpec};
use super::nature::{LIFETIMES, UNREPEATABLE, is_among};

/// One command, or one subcommand, of Redis.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Lower-case; a subcommand's is the full one, such as `config|set`.
    pub name: &'static str,
    /// The number of arguments, the name included; `-n` means at least `n`.
    pub arity: i16,
    /// The flags that COMMAND lists.
    pub flags: Flags,
    /// The group of Redis's documentation it is in.
    pub group: Group,
    /// What it does to the connection it comes on.
    pub kind: Kind,
    /// Where its keys are. [`super::keys::positions`] reads them for a concrete command.
    pub keys: &'static [KeySpec],
    /// The first key's place, 0 for none; like the next two as COMMAND shows it, which is not
    /// the whole truth where the flags say `MOVABLEKEYS`.
    pub first_key: i16,
    /// The last key's place; negative counts from the end.
    pub last_key: i16,
    /// The distance from one key to the next.
    pub key_step: i16,
    /// The ACL categories, the implied ones included.
    pub categories: Categories,
    /// The first server, as (major, minor), that lists it; (7, 0) for all that are older.
    pub since: (u8, u8),
    /// The subcommands, when it is nothing but their container.
    pub subcommands: &'static [Spec],
    /// Whether its reply follows from the data alone: not from chance, the time, or a cursor.
    pub is_repeatable: bool,
    /// Whether it may give a key, or a part of one, a time to live; SET does with options only.
    pub gives_lifetime: bool,
}

/// A group of Redis's documentation, as COMMAND DOCS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Hashes.
    Hash,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Channels.
    PubSub,
    /// MULTI and its kin.
    Transactions,
    /// Scripts and functions.
    Scripting,
    /// Places on earth.
    Geo,
    /// HyperLogLogs.
    HyperLogLog,
    /// Bitmaps.
    Bitmap,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// Redis Cluster.
    Cluster,
}

/// What a command does to the connection it comes on; routing decides by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing: one reply, and the connection is as it was.
    #[default]
    Ordinary,
    /// AUTH.
    Auth,
    /// HELLO.
    Hello,
    /// SELECT.
    Select,
    /// CLIENT, and all its subcommands.
    Client,
    /// RESET.
    Reset,
    /// QUIT.
    Quit,
    /// MULTI.
    Multi,
    /// EXEC.
    Exec,
    /// DISCARD.
    Discard,
    /// WATCH.
    Watch,
    /// UNWATCH.
    Unwatch,
    /// SUBSCRIBE.
    Subscribe,
    /// PSUBSCRIBE.
    PSubscribe,
    /// SSUBSCRIBE.
    SSubscribe,
    /// UNSUBSCRIBE.
    Unsubscribe,
    /// PUNSUBSCRIBE.
    PUnsubscribe,
    /// SUNSUBSCRIBE.
    SUnsubscribe,
    /// PING: its reply has another shape in a RESP2 subscriber.
    Ping,
    /// MONITOR.
    Monitor,
    /// May hold the connection until a key changes or its timeout ends: BLPOP and its kin.
    Blocking,
    /// Blocks only when it says BLOCK ([`super::keys::asks_to_block`]): XREAD, XREADGROUP.
    BlockingIfAsked,
    /// WAIT, WAITAOF: speaks of the writes that this connection sent before.
    Wait,
    /// SYNC, PSYNC, REPLCONF: what follows is no RESP.
    Replication,
    /// EVAL, EVALSHA, FCALL and their `_RO` forms.
    Script,
    /// SHUTDOWN: no reply when it succeeds.
    Shutdown,
    /// SIDECAR: about the sidecar itself, which answers it.
    Sidecar,
    /// INFO: the sidecar adds a section of its own.
    Info,
    /// ACL: WHOAMI speaks of the client's own connection.
    Acl,
    /// ASKING: holds for the next command.
    Asking,
    /// READONLY, READWRITE: a cluster replica's mode.
    ReadOnlyMode,
}

impl Kind {
    /// SUBSCRIBE, UNSUBSCRIBE and their kin.
    #[must_use]
    pub fn is_subscription(self) -> bool {
        matches!(
            self,
            Self::Subscribe
                | Self::PSubscribe
                | Self::SSubscribe
                | Self::Unsubscribe
                | Self::PUnsubscribe
                | Self::SUnsubscribe
        )
    }
}

impl Spec {
    /// A row of the table. `flags` are the bits of [`Flags`], joined.
    pub(super) const fn new(name: &'static str, arity: i16, group: Group, flags: u32) -> Self {
        let flags = Flags::from_bits(flags);
        Self {
            name,
            arity,
            flags,
            group,
            kind: Kind::Ordinary,
            keys: &[],
            first_key: 0,
            last_key: 0,
            key_step: 0,
            categories: implied(flags, group.category()),
            since: (7, 0),
            subcommands: &[],
            is_repeatable: flags.contains(Flags::READONLY) && !is_among(name, &UNREPEATABLE),
            gives_lifetime: is_among(name, &LIFETIMES),
        }
    }

    pub(super) const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        (self.first_key, self.last_key, self.key_step) = plain_range(keys);
        self.keys = keys;
        self
    }

    /// In these categories, and those that the flags imply, instead of the group's own.
    pub(super) const fn categories(mut self, own: u32) -> Self {
        self.categories = implied(self.flags, Categories::from_bits(own));
        self
    }

    pub(super) const fn since(mut self, major: u8, minor: u8) -> Self {
        self.since = (major, minor);
        self
    }

    /// A container is in no category of its group: its subcommands are.
    pub(super) const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self.categories(0)
    }

    /// The subcommand of this name (`set` of CONFIG), in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        let prefix = self.name.len() + 1;
        self.subcommands.iter().find(|sub| {
            sub.name.as_bytes().get(prefix..).is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }

    /// Whether it may have this many arguments, its name included.
    pub const fn fits(&self, argc: usize) -> bool {
        let arity = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { argc >= arity } else { argc == arity }
    }

    /// Whether Redis says that it only reads.
    pub const fn is_readonly(&self) -> bool {
        self.flags.contains(Flags::READONLY)
    }

    /// Whether it may change data. A script that is not `_RO` may, though Redis does not flag it.
    pub const fn is_write(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }

    /// Whether it may hold its connection; XREAD and XREADGROUP do only with BLOCK.
    pub const fn is_blocking(&self) -> bool {
        self.flags.contains(Flags::BLOCKING)
    }

    /// Whether it has subcommands. Only COMMAND can do without one.
    pub const fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Generic,
        Self::String,
        Self::Hash,
        Self::List,
        Self::Set,
        Self::SortedSet,
        Self::Stream,
        Self::PubSub,
        Self::Transactions,
        Self::Scripting,
        Self::Geo,
        Self::HyperLogLog,
        Self::Bitmap,
        Self::Connection,
        Self::Server,
        Self::Cluster,
    ];

    /// The name that COMMAND DOCS uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Scripting => "scripting",
            Self::Geo => "geo",
            Self::HyperLogLog => "hyperloglog",
            Self::Bitmap => "bitmap",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Cluster => "cluster",
        }
    }

    /// The category that most commands of the group are in.
    const fn category(self) -> Categories {
        match self {
            Self::Generic => Categories::KEYSPACE,
            Self::String => Categories::STRING,
            Self::Hash => Categories::HASH,
            Self::List => Categories::LIST,
            Self::Set => Categories::SET,
            Self::SortedSet => Categories::SORTED_SET,
            Self::Stream => Categories::STREAM,
            Self::PubSub => Categories::PUBSUB,
            Self::Transactions => Categories::TRANSACTION,
            Self::Scripting => Categories::SCRIPTING,
            Self::Geo => Categories::GEO,
            Self::HyperLogLog => Categories::HYPERLOGLOG,
            Self::Bitmap => Categories::BITMAP,
            Self::Connection => Categories::CONNECTION,
            Self::Server | Self::Cluster => Categories::NONE,
        }
    }
}

/// What Redis's `setImplicitACLCategories` adds to a command's own categories.
const fn implied(flags: Flags, own: Categories) -> Categories {
    let mut all = own;
    if flags.contains(Flags::WRITE) {
        all = all.union(Categories::WRITE);
    }
    if flags.contains(Flags::READONLY) && !own.contains(Categories::SCRIPTING) {
        all = all.union(Categories::READ);
    }
    if flags.contains(Flags::ADMIN) {
        all = all.union(Categories::ADMIN.union(Categories::DANGEROUS));
    }
    if flags.contains(Flags::PUBSUB) {
        all = all.union(Categories::PUBSUB);
    }
    if flags.contains(Flags::BLOCKING) {
        all = all.union(Categories::BLOCKING);
    }
    if flags.contains(Flags::FAST) {
        all.union(Categories::FAST)
    } else {
        all.union(Categories::SLOW)
    }
}

/// First, last and step, as Redis's `populateCommandLegacyRangeSpec` finds them: one range is
/// taken as it is, several are taken together as long as they lie side by side.
const fn plain_range(specs: &[KeySpec]) -> (i16, i16, i16) {
    if let [KeySpec { begin: Begin::Index(first), find: Find::Range { last, step, .. }, .. }] =
        specs
    {
        return (*first, if *last < 0 { *last } else { *first + *last }, *step);
    }
    let (mut first, mut last, mut previous) = (i16::MAX, 0, 0);
    let mut n = 0;
    while n < specs.len() {
        if let Begin::Index(index) = specs[n].begin
            && let Find::Range { last: end, step: 1, .. } = specs[n].find
            && (previous == 0 || previous == index - 1)
        {
            let end = if end < 0 { end } else { index + end };
            first = if index < first { index } else { first };
            last = if end < 0 || end > last { end } else { last };
            previous = end;
        }
        n += 1;
    }
    if first == i16::MAX { (0, 0, 0) } else { (first, last, 1) }
}

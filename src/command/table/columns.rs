//! The words that the rows of the table are written in.
//!
//! A row is `row(name, arity, flags)`, then what differs from the usual: `.kind()`, `.keys()`,
//! `.categories()` where they are not just the group's own and those that follow from the flags.
//! Bits are plain integers here because `|` of anything else can't be computed at compile time.

use super::super::flags::Flags;
use super::super::keys::{Access, Begin, Find, KeySpec};

pub(super) const WRITE: u32 = Flags::WRITE.bits();
pub(super) const READONLY: u32 = Flags::READONLY.bits();
pub(super) const DENYOOM: u32 = Flags::DENYOOM.bits();
pub(super) const ADMIN: u32 = Flags::ADMIN.bits();
pub(super) const PUBSUB: u32 = Flags::PUBSUB.bits();
pub(super) const NOSCRIPT: u32 = Flags::NOSCRIPT.bits();
pub(super) const BLOCKING: u32 = Flags::BLOCKING.bits();
pub(super) const LOADING: u32 = Flags::LOADING.bits();
pub(super) const STALE: u32 = Flags::STALE.bits();
pub(super) const SKIP_MONITOR: u32 = Flags::SKIP_MONITOR.bits();
pub(super) const SKIP_SLOWLOG: u32 = Flags::SKIP_SLOWLOG.bits();
pub(super) const ASKING: u32 = Flags::ASKING.bits();
pub(super) const FAST: u32 = Flags::FAST.bits();
pub(super) const NO_AUTH: u32 = Flags::NO_AUTH.bits();
pub(super) const NO_MULTI: u32 = Flags::NO_MULTI.bits();
pub(super) const MOVABLEKEYS: u32 = Flags::MOVABLEKEYS.bits();
pub(super) const ALLOW_BUSY: u32 = Flags::ALLOW_BUSY.bits();
pub(super) const NO_ASYNC_LOADING: u32 = Flags::NO_ASYNC_LOADING.bits();
pub(super) const NO_MANDATORY_KEYS: u32 = Flags::NO_MANDATORY_KEYS.bits();

pub(super) const RO: u16 = Access::RO.bits();
pub(super) const RW: u16 = Access::RW.bits();
pub(super) const OW: u16 = Access::OW.bits();
pub(super) const RM: u16 = Access::RM.bits();
pub(super) const ACCESS: u16 = Access::ACCESS.bits();
pub(super) const UPDATE: u16 = Access::UPDATE.bits();
pub(super) const INSERT: u16 = Access::INSERT.bits();
pub(super) const DELETE: u16 = Access::DELETE.bits();
pub(super) const NOT_KEY: u16 = Access::NOT_KEY.bits();
pub(super) const INCOMPLETE: u16 = Access::INCOMPLETE.bits();
pub(super) const VARIABLE_FLAGS: u16 = Access::VARIABLE_FLAGS.bits();

/// ACL categories; a module of their own because flags have the same names.
pub(super) mod cat {
    use super::super::super::flags::Categories;

    pub(in super::super) const NONE: u32 = Categories::NONE.bits();
    pub(in super::super) const KEYSPACE: u32 = Categories::KEYSPACE.bits();
    pub(in super::super) const SET: u32 = Categories::SET.bits();
    pub(in super::super) const SORTED_SET: u32 = Categories::SORTED_SET.bits();
    pub(in super::super) const LIST: u32 = Categories::LIST.bits();
    pub(in super::super) const ADMIN: u32 = Categories::ADMIN.bits();
    pub(in super::super) const DANGEROUS: u32 = Categories::DANGEROUS.bits();
    pub(in super::super) const CONNECTION: u32 = Categories::CONNECTION.bits();
}

/// The one key at `index`.
pub(super) const fn key(index: i16, access: u16) -> KeySpec {
    range(index, 0, 1, access)
}

/// The keys from `index` on, every `step`th up to `last`: negative counts from the end.
pub(super) const fn range(index: i16, last: i16, step: i16, access: u16) -> KeySpec {
    spec(Begin::Index(index), Find::Range { last, step, limit: 0 }, access)
}

/// As many keys as the argument at `index` says, right after it.
pub(super) const fn counted(index: i16, access: u16) -> KeySpec {
    spec(Begin::Index(index), Find::Count { number: 0, first: 1, step: 1 }, access)
}

/// The keys after a word that is looked for from argument `from` on.
pub(super) const fn after(
    word: &'static str,
    from: i16,
    last: i16,
    limit: i16,
    access: u16,
) -> KeySpec {
    spec(Begin::Keyword(word, from), Find::Range { last, step: 1, limit }, access)
}

/// Keys that no spec can tell; `keys::options` reads them.
pub(super) const fn unknown(access: u16) -> KeySpec {
    spec(Begin::Unknown, Find::Unknown, access)
}

const fn spec(begin: Begin, find: Find, access: u16) -> KeySpec {
    KeySpec { access: Access::from_bits(access), begin, find }
}

//! The rows of the table, one file per command group of Redis, and the way from a name to its row.
//!
//! The index is a hash table that the compiler builds: a look-up hashes the first and last bytes
//! of the name and its length, then compares one name, rarely two. It allocates nothing.

mod admin;
mod bitmap;
mod client;
mod cluster;
mod columns;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod newer;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sidecar;
mod sorted_set;
mod stream;
mod string;
#[cfg(test)]
mod tests;
mod transactions;

use super::spec::Spec;

static GROUPS: [&[Spec]; 18] = [
    generic::COMMANDS,
    string::COMMANDS,
    hash::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    pubsub::COMMANDS,
    transactions::COMMANDS,
    scripting::COMMANDS,
    geo::COMMANDS,
    hyperloglog::COMMANDS,
    bitmap::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    cluster::COMMANDS,
    newer::COMMANDS,
    sidecar::COMMANDS,
];

/// A power of two, and four times the rows, so that nearly every name has a slot to itself.
const SLOTS: usize = 1024;

static INDEX: [Option<&'static Spec>; SLOTS] = index();

/// The spec of the command of this name, in any case; `None` when the table doesn't know it.
/// Subcommands are found by [`Spec::subcommand`].
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    find(name).0
}

/// The same, and the command's number, for those who count by command.
pub fn find(name: &[u8]) -> (Option<&'static Spec>, Number) {
    let mut slot = slot(name);
    while let Some(spec) = INDEX.get(slot).copied().flatten() {
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return (Some(spec), Number::of_slot(slot));
        }
        slot = (slot + 1) % SLOTS;
    }
    (None, Number::UNKNOWN)
}

/// A command's place in the index: the same for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(u16);

impl Number {
    /// Of all commands that are not in the table.
    pub const UNKNOWN: Self = Self(1024);
    /// Of what is no client's command.
    pub const NONE: Self = Self(u16::MAX);
    /// Indices are below this.
    pub const COUNT: usize = SLOTS + 1;

    fn of_slot(slot: usize) -> Self {
        u16::try_from(slot).map_or(Self::UNKNOWN, Self)
    }

    /// For a list with a place for each number; none for [`Number::NONE`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Number {
    fn default() -> Self {
        Self::NONE
    }
}

/// The command with the number of this index.
#[must_use]
pub fn numbered(index: usize) -> Option<&'static Spec> {
    INDEX.get(index).copied().flatten()
}

/// Every command, group by group, subcommands inside their containers.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.iter().copied().flatten()
}

const fn index() -> [Option<&'static Spec>; SLOTS] {
    let mut index = [None; SLOTS];
    let mut group = 0;
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            let spec = &GROUPS[group][row];
            let mut slot = slot(spec.name.as_bytes());
            while index[slot].is_some() {
                slot = (slot + 1) % SLOTS;
            }
            index[slot] = Some(spec);
            row += 1;
        }
        group += 1;
    }
    index
}

/// Where the search for a name starts. Upper and lower case of a letter differ in bit 5 alone;
/// with that bit set everywhere they hash alike.
const fn slot(name: &[u8]) -> usize {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (head, tail) = ends(name);
    let mixed = (head | CASE).rotate_left(23) ^ (tail | CASE) ^ ((name.len() as u64) << 56);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SLOTS
}

/// The first and the last bytes of a name, up to eight; they overlap in short names.
const fn ends(name: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
    } else if let [first, .., last] = name {
        (*first as u64, ((name[1] as u64) << 8) | *last as u64)
    } else if let [only] = name {
        (*only as u64, 0)
    } else {
        (0, 0)
    }
}

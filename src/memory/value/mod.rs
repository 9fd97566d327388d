//! What a key can hold.
//!
//! A value knows its type and how many bytes it takes; it knows nothing of its key. Each type is a
//! [`Typed`], so that a command names the type it works on and never the enum. Collections are boxed:
//! a string, the most common value, must not pay for them.

pub(super) mod hash;
pub(super) mod list;
mod packed;
pub(super) mod set;
pub(super) mod sorted_set;
mod table;

use super::integer;
use hash::Hash;
use list::List;
use set::Set;
use sorted_set::SortedSet;

/// The value of one key.
#[derive(Debug)]
pub(super) enum Value {
    /// Any bytes. Integers are kept as the digits that Redis would show. The room to spare tells
    /// how the bytes came here, as far as Redis shows it: see [`Value::encoding`].
    String(Vec<u8>),
    /// Fields with a value each.
    Hash(Box<Hash>),
    /// Elements in the order in which they were pushed.
    List(Box<List>),
    /// Members in the order of their scores.
    SortedSet(Box<SortedSet>),
    /// Members, each once.
    Set(Box<Set>),
}

/// One of the types that a value can be. The default is a value with nothing in it.
pub(super) trait Typed: Default {
    /// The value as this type; `None` where it is of another.
    fn of(value: &Value) -> Option<&Self>;

    /// As [`Typed::of`], to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;

    fn into_value(self) -> Value;

    /// The bytes that it takes beside its slot in the keyspace, spare room included. Takes no walk
    /// over the elements.
    fn bytes(&self) -> usize;

    /// Whether the key is gone with what was in it, as with a collection's last element. A string
    /// may be empty.
    fn is_gone(&self) -> bool;
}

impl Value {
    /// A string that holds these bytes and no spare room.
    pub(super) fn string(bytes: &[u8]) -> Self {
        Self::String(bytes.to_vec())
    }

    /// The type's name, as TYPE answers it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
            Self::SortedSet(_) => "zset",
            Self::Set(_) => "set",
        }
    }

    /// The name that Redis 7.0 has for how it keeps such a value, as OBJECT ENCODING answers it.
    pub(super) fn encoding(&self) -> &'static str {
        /// The longest string that Redis puts into one block with its header.
        const LONGEST_EMBEDDED: usize = 44;
        match self {
            Self::String(string) if room(string) >= WRITTEN || string.len() > LONGEST_EMBEDDED => {
                "raw"
            }
            Self::String(string) if room(string) == 0 && integer::parse(string).is_some() => "int",
            Self::String(_) => "embstr",
            Self::Hash(hash) => hash.encoding(),
            Self::Set(set) => set.encoding(),
            Self::List(_) => "quicklist",
            Self::SortedSet(set) if set.is_small() => "listpack",
            Self::SortedSet(_) => "skiplist",
        }
    }

    /// See [`Typed::bytes`].
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::String(string) => string.bytes(),
            Self::Hash(hash) => hash.bytes(),
            Self::List(list) => list.bytes(),
            Self::SortedSet(set) => set.bytes(),
            Self::Set(set) => set.bytes(),
        }
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        match self {
            Self::String(string) => {
                // `Vec::clone` would leave no room.
                let mut copy = Vec::with_capacity(string.len() + room(string).min(WRITTEN));
                copy.extend_from_slice(string);
                Self::String(copy)
            }
            Self::Hash(hash) => Self::Hash(hash.clone()),
            Self::Set(set) => Self::Set(set.clone()),
            Self::List(list) => Self::List(list.clone()),
            Self::SortedSet(set) => Self::SortedSet(set.clone()),
        }
    }
}

impl Typed for Vec<u8> {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::String(string) = value { Some(string) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::String(string) = value { Some(string) } else { None }
    }

    fn into_value(self) -> Value {
        Value::String(self)
    }

    fn bytes(&self) -> usize {
        block(self.capacity())
    }

    fn is_gone(&self) -> bool {
        false
    }
}

/// The least room to spare of a string that was written in place; one that a command calculated, and
/// that is no integer to Redis whatever it looks like, has less, and all others have none.
pub(super) const WRITTEN: usize = 2;

/// A string that a command calculated.
pub(super) fn calculated(text: &str) -> Vec<u8> {
    let mut string = Vec::with_capacity(text.len() + WRITTEN - 1);
    string.extend_from_slice(text.as_bytes());
    string
}

fn room(string: &Vec<u8>) -> usize {
    string.capacity() - string.len()
}

/// What the allocator takes for a block of `size` bytes: its own 8 bytes, and steps of 16 from 32 on
/// (glibc; others differ by less than they save).
pub(super) const fn block(size: usize) -> usize {
    const LEAST: usize = 32;
    match size {
        0 => 0,
        1..=24 => LEAST,
        _ => (size + 8).next_multiple_of(16),
    }
}

/// What an item of `size` bytes takes in a table: the slot, its hash, and its place in the index at
/// the usual filling.
pub(super) const fn slot(size: usize) -> usize {
    size + size_of::<u64>() + 14
}

//! What a command does to a key, as key specs say it.
//!
//! Exactly one of `RO RW OW RM` says what happens to the key's value as a whole; `ACCESS UPDATE
//! INSERT DELETE` what happens to the user's data in it. The names are Redis's.

use std::ops::BitOr;

use super::super::flags::names_of;

/// The flags of a key spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access(u16);

const NAMES: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

impl Access {
    /// The key is read.
    pub const RO: Self = Self(1);
    /// The key is read and written.
    pub const RW: Self = Self(1 << 1);
    /// The key is overwritten.
    pub const OW: Self = Self(1 << 2);
    /// The key is removed.
    pub const RM: Self = Self(1 << 3);
    /// The reply shows, or another key takes, the user's data.
    pub const ACCESS: Self = Self(1 << 4);
    /// Data is changed.
    pub const UPDATE: Self = Self(1 << 5);
    /// Data is added.
    pub const INSERT: Self = Self(1 << 6);
    /// Data is deleted.
    pub const DELETE: Self = Self(1 << 7);
    /// No key though it is where one would be, such as a shard channel.
    pub const NOT_KEY: Self = Self(1 << 8);
    /// The specs do not tell all keys.
    pub const INCOMPLETE: Self = Self(1 << 9);
    /// The options of the command decide; never in what `positions` finds.
    pub const VARIABLE_FLAGS: Self = Self(1 << 10);

    pub(in super::super) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub(in super::super) const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether data may leave the key: what a rule about reading looks at.
    pub const fn reads(self) -> bool {
        self.0 & (Self::RO.0 | Self::ACCESS.0) != 0
    }

    /// Whether the key may be another one afterwards: what a rule about writing looks at.
    pub const fn writes(self) -> bool {
        self.0 & (Self::RW.0 | Self::OW.0 | Self::RM.0) != 0
    }

    /// The names of the flags that are set, as COMMAND writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of(u32::from(self.0), &NAMES)
    }
}

impl BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

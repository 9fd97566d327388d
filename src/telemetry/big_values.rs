//! The keys with the largest values that were written or read: each with the largest size that was seen.
//!
//! Only what is at least [`LEAST`] long is told here, so small commands cost one comparison. A size is that of the
//! command or reply on the wire. Pure: time is an argument.

use std::time::SystemTime;

/// Smaller values are not looked at.
pub const LEAST: usize = 8 * 1024;

/// So many keys are kept.
pub const KEPT: usize = 20;

/// A key with a large value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big {
    /// Printable and shortened.
    pub key: String,
    /// In bytes, on the wire.
    pub size: usize,
    /// The command that wrote or read it.
    pub command: String,
    /// When.
    pub at: SystemTime,
}

/// See the module.
#[derive(Debug, Default)]
pub struct BigValues {
    largest: Vec<Big>,
}

impl BigValues {
    /// A value was written or read.
    pub fn add(&mut self, big: Big) {
        if !self.wants(big.size) {
            return;
        }
        match self.largest.iter().position(|known| known.key == big.key) {
            Some(place) if self.largest[place].size > big.size => return,
            Some(place) => drop(self.largest.remove(place)),
            None if self.largest.len() == KEPT => drop(self.largest.pop()),
            None => {}
        }
        let place = self.largest.partition_point(|known| known.size >= big.size);
        self.largest.insert(place, big);
    }

    /// Whether a value of this size may be kept: if its key is not known, or with less.
    #[must_use]
    pub fn wants(&self, size: usize) -> bool {
        self.largest.len() < KEPT || self.largest.last().is_some_and(|least| least.size < size)
    }

    /// The largest first.
    #[must_use]
    pub fn largest(&self) -> &[Big] {
        &self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::{Big, BigValues, KEPT};
    use std::time::SystemTime;

    fn big(key: &str, size: usize) -> Big {
        let (key, command) = (key.to_owned(), "GET".to_owned());
        Big { key, size, command, at: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn the_largest_are_kept_each_key_once_with_its_largest_size() {
        let mut values = BigValues::default();
        for n in 0..1000_usize {
            values.add(big(&format!("k{n}"), n * 7919 % 1000));
        }
        let sizes: Vec<usize> = values.largest().iter().map(|big| big.size).collect();
        assert_eq!(sizes, (1000 - KEPT..1000).rev().collect::<Vec<_>>());
        assert!(values.wants(981) && !values.wants(980));
        let first = values.largest()[0].key.clone();
        values.add(big(&first, 990));
        assert_eq!((values.largest().len(), values.largest()[0].size), (KEPT, 999));
        values.add(big("k0", 5));
        let last = values.largest()[KEPT - 1].key.clone();
        values.add(big(&last, 5000));
        assert_eq!(values.largest()[0], big(&last, 5000));
        assert_eq!(values.largest().len(), KEPT);
    }
}

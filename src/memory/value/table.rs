//! Many items, each found by its bytes: the large form of hashes and sets.
//!
//! Items lie in one dense array beside the hash, so that a random one is one index away, and a scan
//! can walk the array (see `scan`): removing puts the last item into the gap.

use indexmap::IndexMap;

use super::{block, slot};

/// Below this many slots the array is left as large as it is.
const SMALL: usize = 64;

/// Items by name, with what belongs to each.
#[derive(Clone, Debug)]
pub(super) struct Table<V> {
    items: IndexMap<Box<[u8]>, V>,
    /// Of the items alone: their slots, names and what belongs to them.
    bytes: usize,
}

/// What belongs to a name.
pub(super) trait Content {
    /// The bytes of the blocks that it has.
    fn bytes(&self) -> usize;
}

impl Content for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Content for Box<[u8]> {
    fn bytes(&self) -> usize {
        block(self.len())
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { items: IndexMap::new(), bytes: 0 }
    }
}

impl<V: Content> Table<V> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&V> {
        self.items.get(name)
    }

    /// The item at an index below [`Table::len`].
    pub(super) fn at(&self, index: usize) -> Option<(&[u8], &V)> {
        self.items.get_index(index).map(|(name, content)| (&**name, content))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.items.iter().map(|(name, content)| (&**name, content))
    }

    /// Whether the name is new.
    pub(super) fn insert(&mut self, name: &[u8], content: V) -> bool {
        self.bytes += content.bytes();
        if let Some(before) = self.items.get_mut(name) {
            self.bytes -= before.bytes();
            *before = content;
            return false;
        }
        self.bytes += Self::cost(name);
        self.items.insert(Box::from(name), content);
        true
    }

    /// Whether there was such a name.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some((_, content)) = self.items.swap_remove_entry(name) else { return false };
        self.bytes -= Self::cost(name) + content.bytes();
        let (len, capacity) = (self.items.len(), self.items.capacity());
        if capacity > SMALL && len < capacity / 8 {
            self.items.shrink_to(len * 2);
        }
        true
    }

    fn cost(name: &[u8]) -> usize {
        slot(size_of::<(Box<[u8]>, V)>()) + block(name.len())
    }
}

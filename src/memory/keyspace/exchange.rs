//! SWAPDB: two databases change their content, not those who look at them.

use super::super::Now;
use super::Keyspace;

impl Keyspace {
    /// Each gets the keys of the other. Who watches a database or waits on it stays with its number.
    pub(in super::super) fn swap(&mut self, other: &mut Self, now: Now) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.interest, &mut other.interest);
        self.came_after(other, now);
        other.came_after(self, now);
    }

    /// The keys of `before` were here until now.
    fn came_after(&mut self, before: &Self, now: Now) {
        let entries = &self.entries;
        let is_here = |key: &[u8]| entries.get(key).is_some_and(|entry| !entry.is_past(now));
        self.interest.changed_where(|key| before.entries.contains_key(key) || is_here(key));
        self.interest.stored_where(is_here);
    }
}

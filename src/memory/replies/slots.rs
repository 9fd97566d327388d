//! Counters of writes, by the hash of their key: how a reply is known to be no older than any write.
//!
//! A fixed table, shared by all threads, with no lock: a counter that several keys share at worst keeps a reply
//! from being kept. Each counter stands beside the number of records that are kept for its keys, in one word,
//! so that whoever counts a write knows whether there is something to take away, and whoever begins to keep
//! something knows of every write before.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A power of two, and more than the keys that are kept as a rule, so that a write seldom finds a record of
/// another key; the table takes 4 MB.
const COUNT: usize = 256 * 1024;

const ONE_WRITE: u64 = 1 << 32;

/// See the module.
pub(super) struct Slots {
    slots: Box<[Slot]>,
    /// Writes that may have touched any key.
    era: AtomicU32,
}

#[derive(Default)]
struct Slot {
    /// Writes, and in the lower half records kept.
    state: AtomicU64,
    /// Who wrote last, and in the lower half what the counter was when it began to be the only one.
    writer: AtomicU64,
}

/// A counter after a write was counted.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) writes: u32,
    /// Something is kept of the counter's keys.
    pub(super) has_records: bool,
}

impl Slots {
    pub(super) fn new() -> Self {
        let slots = (0..COUNT).map(|_| Slot::default()).collect();
        Self { slots, era: AtomicU32::new(0) }
    }

    /// Where the counter of a key stands.
    #[inline]
    pub(super) fn place(key: u64) -> u32 {
        low(key & (COUNT as u64 - 1))
    }

    #[inline]
    fn slot(&self, place: u32) -> &Slot {
        &self.slots[place as usize & (COUNT - 1)]
    }

    #[inline]
    pub(super) fn era(&self) -> u32 {
        self.era.load(Ordering::Acquire)
    }

    /// Counts a write that may touch any key.
    pub(super) fn count_wide(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// The writes counted for one key, those that may have touched any included.
    #[inline]
    pub(super) fn stamp(&self, place: u32) -> u32 {
        self.era().wrapping_add(self.writes(place))
    }

    #[inline]
    pub(super) fn writes(&self, place: u32) -> u32 {
        (self.slot(place).state.load(Ordering::Acquire) >> 32) as u32
    }

    /// Brings counters near. The processor fetches as many at once as it can, which it can't while it counts: that
    /// waits for each.
    pub(super) fn fetch(&self, places: impl Iterator<Item = u32>) {
        let all = places.map(|place| self.slot(place).state.load(Ordering::Relaxed));
        std::hint::black_box(all.fold(0, |any, state| any | state));
    }

    /// Counts a write of `writer`.
    #[inline]
    pub(super) fn count(&self, place: u32, writer: u32) -> Count {
        let slot = self.slot(place);
        let before = slot.state.fetch_add(ONE_WRITE, Ordering::AcqRel);
        let writes = ((before >> 32) as u32).wrapping_add(1);
        if slot.writer.load(Ordering::Relaxed) >> 32 != u64::from(writer) {
            let writer = u64::from(writer) << 32 | u64::from(writes);
            slot.writer.store(writer, Ordering::Relaxed);
        }
        Count { writes, has_records: before & u64::from(u32::MAX) != 0 }
    }

    /// Whether `writer` alone has written since the counter was `writes`, so that its writes are in order. Of two
    /// that overlap, the one that ends later is never told so.
    pub(super) fn is_alone(&self, place: u32, writer: u32, writes: u32) -> bool {
        let last = self.slot(place).writer.load(Ordering::Relaxed);
        let since = low(last);
        last >> 32 == u64::from(writer) && writes.wrapping_sub(since) < 1 << 31
    }

    /// One record more is kept. The writes counted until then: later ones know of it.
    pub(super) fn enter(&self, place: u32) -> u32 {
        (self.slot(place).state.fetch_add(1, Ordering::AcqRel) >> 32) as u32
    }

    /// One less.
    pub(super) fn leave(&self, place: u32) {
        self.slot(place).state.fetch_sub(1, Ordering::AcqRel);
    }
}

#[inline]
fn low(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default()
}

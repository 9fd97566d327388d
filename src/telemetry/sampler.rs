//! Which commands are looked at closely: about a thousand a second for each worker, however many there are.
//!
//! What it costs the others is one countdown. Few commands are all looked at; with more, one in `gap`, at random
//! distances, so that no rhythm of an app hides a key.

use std::cell::Cell;

/// A worker looks at no more than so many in a second before it makes the gap wider.
const MOST: u32 = 2000;

/// With fewer than so many, narrower.
const FEW: u32 = 500;

/// The widest gap.
const WIDEST: u32 = 4096;

/// See the module.
#[derive(Debug)]
pub struct Sampler {
    /// Commands until the next one that is looked at.
    left: Cell<u32>,
    gap: Cell<u32>,
    /// Looked at since the last tick.
    taken: Cell<u32>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { left: Cell::new(1), gap: Cell::new(1), taken: Cell::new(0) }
    }
}

impl Sampler {
    /// Whether this command is to be looked at.
    #[inline]
    pub fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left == 0
    }

    /// If a command is due: how many it stands for. Sets the distance to the next.
    #[cold]
    pub fn take(&self) -> Option<u64> {
        if self.left.get() > 0 {
            return None;
        }
        let gap = self.gap.get();
        self.taken.set(self.taken.get() + 1);
        if self.taken.get().is_multiple_of(MOST) {
            self.gap.set((gap * 2).min(WIDEST));
        }
        self.left.set(fastrand::u32(1..gap * 2));
        Some(u64::from(gap))
    }

    /// A second is over.
    pub fn tick(&self) {
        if self.taken.take() < FEW {
            self.gap.set((self.gap.get() / 2).max(1));
            // A wide gap of a busy time must not outlast it.
            self.left.set(self.left.get().min(self.gap.get() * 2 - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Sampler};

    fn second(sampler: &Sampler, commands: u32) -> (u32, u64) {
        let (mut taken, mut stands_for) = (0, 0);
        for _ in 0..commands {
            if sampler.is_due() {
                taken += 1;
                stands_for += sampler.take().unwrap();
            }
        }
        sampler.tick();
        (taken, stands_for)
    }

    #[test]
    fn few_commands_are_all_looked_at() {
        let sampler = Sampler::default();
        for _ in 0..10 {
            assert_eq!(second(&sampler, 100), (100, 100));
        }
    }

    #[test]
    fn of_many_commands_a_part_stands_for_all() {
        let sampler = Sampler::default();
        for _ in 0..5 {
            second(&sampler, 500_000);
        }
        let (taken, stands_for) = second(&sampler, 500_000);
        assert!(taken < MOST * 2, "{taken}");
        assert!((400_000..600_000).contains(&stands_for), "{stands_for}");
        for _ in 0..20 {
            second(&sampler, 0);
        }
        assert_eq!(second(&sampler, 100).1, 100, "back to all of few");
    }
}

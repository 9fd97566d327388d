//! Replies with keys in them, for a caller whose keys lie in a namespace.
//!
//! While a reply may still be taken back it is kept as it came; once it is too long for that, it goes out piece by
//! piece, and the prefix is taken off as it passes.

use super::WHOLE;
use super::owed::{Owed, head};
use crate::policy::{Shape, Stripper};
use crate::upstream::spare::Spare;

impl Owed {
    pub(super) fn part_shaped(&mut self, bytes: &[u8], shape: Shape, spare: &Spare) {
        self.arrived += bytes.len();
        if self.is_closed {
            self.wake_caller();
        } else if self.is_torn {
            self.pass_on(bytes, spare);
            self.wake_caller();
        } else {
            self.part.get_or_insert(self.out.len());
            self.shape = shape;
            self.raw.extend_from_slice(bytes);
            if self.raw.len() > WHOLE && !self.is_rewinding {
                self.last = head(&self.raw);
                self.part = None;
                self.is_torn = true;
                self.pass_on(&[], spare);
                self.wake_caller();
            }
        }
    }

    pub(super) fn complete_shaped(&mut self, end: &[u8], shape: Shape, spare: &Spare) {
        let size = (std::mem::take(&mut self.arrived) + end.len()) as u64;
        self.weigh(size);
        if !self.is_closed {
            self.shape = shape;
            if !self.is_torn {
                self.last = head(if self.raw.is_empty() { end } else { &self.raw });
            }
            self.pass_on(end, spare);
        }
        self.part = None;
        self.forget_shaped();
        self.finish(spare);
    }

    /// Bytes of the reply that have come and are not in `out`.
    pub(super) fn held_back(&self) -> usize {
        self.raw.len() + self.stripper.as_ref().map_or(0, |stripper| stripper.held().len())
    }

    /// What has come of the reply is not wanted any more.
    pub(super) fn forget_shaped(&mut self) {
        self.shape = Shape::None;
        self.raw.clear();
        self.raw.shrink_to(WHOLE);
        self.stripper = None;
    }

    /// What was kept, and `bytes` behind it, go out.
    fn pass_on(&mut self, bytes: &[u8], spare: &Spare) {
        let Some(namespace) = self.namespace.clone() else { return };
        let shape = self.shape;
        let mut stripper = self.stripper.take().unwrap_or_else(|| Box::new(Stripper::new(shape)));
        let mut own = Vec::with_capacity(self.raw.len() + bytes.len());
        stripper.feed(&self.raw, namespace.prefix(), &mut own);
        stripper.feed(bytes, namespace.prefix(), &mut own);
        self.raw.clear();
        self.stripper = Some(stripper);
        self.append(&own, spare);
    }
}

//! Elements in the order in which they were pushed.
//!
//! A ring of blocks, one an element: both ends and every index are one step away, and the elements
//! in between are only walked by who asks for them by their bytes.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Typed, Value, block};

/// Below this many slots the ring is left as large as it is.
const SMALL: usize = 64;

/// The value under a key of type list.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct List {
    elements: VecDeque<Box<[u8]>>,
    /// Of the elements' own blocks.
    bytes: usize,
}

/// One of the ends of a list, in the words of LMOVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    Left,
    Right,
}

impl List {
    pub(in super::super) fn len(&self) -> usize {
        self.elements.len()
    }

    pub(in super::super) fn get(&self, index: usize) -> Option<&[u8]> {
        self.elements.get(index).map(|element| &**element)
    }

    /// The elements in a range, which must lie within the list. Costs what it gives.
    pub(in super::super) fn range(
        &self,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.elements.range(range).map(|element| &**element)
    }

    pub(in super::super) fn position(&self, element: &[u8]) -> Option<usize> {
        self.elements.iter().position(|own| **own == *element)
    }

    pub(in super::super) fn push(&mut self, end: End, element: &[u8]) {
        self.bytes += block(element.len());
        match end {
            End::Left => self.elements.push_front(Box::from(element)),
            End::Right => self.elements.push_back(Box::from(element)),
        }
    }

    pub(in super::super) fn pop(&mut self, end: End) -> Option<Box<[u8]>> {
        let element = match end {
            End::Left => self.elements.pop_front(),
            End::Right => self.elements.pop_back(),
        }?;
        self.bytes -= block(element.len());
        self.shrink();
        Some(element)
    }

    /// Puts an element before the one at `index`, which is at most the length. Moves the slots on the
    /// shorter side of it.
    pub(in super::super) fn insert(&mut self, index: usize, element: &[u8]) {
        self.bytes += block(element.len());
        self.elements.insert(index, Box::from(element));
    }

    /// Whether there is such an index.
    pub(in super::super) fn replace(&mut self, index: usize, element: &[u8]) -> bool {
        let Some(own) = self.elements.get_mut(index) else { return false };
        self.bytes = self.bytes + block(element.len()) - block(own.len());
        *own = Box::from(element);
        true
    }

    /// Takes away at most `most` elements that equal this one, those nearest to `end` first, and
    /// says how many.
    pub(in super::super) fn remove(&mut self, element: &[u8], most: usize, end: End) -> usize {
        let mut spared = match end {
            End::Left => 0,
            End::Right => {
                let equal = self.elements.iter().filter(|own| ***own == *element).count();
                equal.saturating_sub(most)
            }
        };
        let mut removed = 0;
        self.elements.retain(|own| {
            if removed == most || **own != *element {
                return true;
            }
            if spared > 0 {
                spared -= 1;
                return true;
            }
            removed += 1;
            false
        });
        self.bytes -= removed * block(element.len());
        self.shrink();
        removed
    }

    /// Leaves the elements in a range, which must lie within the list, and no others.
    pub(in super::super) fn trim(&mut self, range: Range<usize>) {
        let cost = |element: Box<[u8]>| block(element.len());
        self.bytes -= self.elements.drain(range.end..).map(cost).sum::<usize>();
        self.bytes -= self.elements.drain(..range.start).map(cost).sum::<usize>();
        self.shrink();
    }

    fn shrink(&mut self) {
        let (len, capacity) = (self.elements.len(), self.elements.capacity());
        if capacity > SMALL && len < capacity / 8 {
            self.elements.shrink_to(len * 2);
        }
    }
}

impl Typed for List {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn into_value(self) -> Value {
        Value::List(Box::new(self))
    }

    fn bytes(&self) -> usize {
        let ring = block(self.elements.capacity() * size_of::<Box<[u8]>>());
        block(size_of::<Self>()) + ring + self.bytes
    }

    fn is_gone(&self) -> bool {
        self.elements.is_empty()
    }
}

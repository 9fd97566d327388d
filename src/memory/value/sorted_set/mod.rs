//! Members, each with a score, and in the order of the scores.
//!
//! Small, in the measure of Redis's listpacks, a set is its order alone, and a member is found by a
//! walk; then, for good, a table beside the order tells each member's score. OBJECT ENCODING tells the
//! one from the other, and so does a zero below zero: a small set forgets the sign, as Redis does.

mod order;

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::packed::{LONGEST, MOST};
use super::{Typed, Value, block, slot};
use crate::memory::scan;
use order::{Member, Order, PLACE};

pub(in super::super) use order::Entry;

/// What a member's place in the table of scores takes.
const SLOT: usize = slot(size_of::<(Member, f64)>());

/// What stands before a shared member's bytes: two counts of references.
const COUNTS: usize = 16;

/// Below this many slots the table is left as large as it is.
const FEW: usize = 64;

/// The value under a key of type sorted set.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct SortedSet {
    order: Order,
    /// `None` in a small set.
    scores: Option<IndexMap<Member, f64>>,
    /// Of the members' own blocks.
    bytes: usize,
}

impl SortedSet {
    /// These members, none of them twice, in the form that fits all of them.
    pub(in super::super) fn holding(members: &[(&[u8], f64)]) -> Self {
        let mut set = Self::default();
        if members.len() > MOST || members.iter().any(|(member, _)| member.len() > LONGEST) {
            set.unpack();
        }
        members.iter().for_each(|(member, score)| set.insert(member, *score));
        set
    }

    pub(in super::super) fn is_small(&self) -> bool {
        self.scores.is_none()
    }

    pub(in super::super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(in super::super) fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.scores {
            Some(scores) => scores.get(member).copied(),
            None => self.walk(member).map(|entry| entry.score),
        }
    }

    /// How many members lie before this one.
    pub(in super::super) fn rank(&self, member: &[u8]) -> Option<usize> {
        let score = self.score(member)?;
        Some(self.order.rank(score, member))
    }

    /// Takes a member away, and says whether it was there.
    pub(in super::super) fn remove(&mut self, member: &[u8]) -> bool {
        let score = match &mut self.scores {
            Some(scores) => {
                let Some(score) = scores.swap_remove(member) else { return false };
                let (len, capacity) = (scores.len(), scores.capacity());
                if capacity > FEW && len < capacity / 8 {
                    scores.shrink_to(len * 2);
                }
                score
            }
            None => match self.walk(member) {
                Some(entry) => entry.score,
                None => return false,
            },
        };
        self.bytes -= block(COUNTS + member.len());
        self.order.remove(score, member)
    }

    /// All members, in order.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.order.range(0..self.len())
    }

    /// The members of these ranks, which must lie within the set. Costs what it gives, and the way
    /// to the first of them.
    pub(in super::super) fn range(&self, ranks: Range<usize>) -> impl Iterator<Item = &Entry> {
        self.order.range(ranks)
    }

    /// The member of a rank.
    pub(in super::super) fn nth(&self, rank: usize) -> Option<&Entry> {
        self.order.range(rank..rank.saturating_add(1)).next()
    }

    /// As [`SortedSet::range`], from the last to the first.
    pub(in super::super) fn range_back(&self, ranks: Range<usize>) -> impl Iterator<Item = &Entry> {
        self.order.range_back(ranks)
    }

    /// How many members lie before the first one that `is_before` denies. It must hold for all
    /// members up to a place, and for none from there on.
    pub(in super::super) fn partition_point(&self, is_before: impl Fn(&Entry) -> bool) -> usize {
        self.order.partition_point(is_before)
    }

    /// What a call of ZSCAN returns, and the next cursor: all at once in the small form.
    pub(in super::super) fn scan(&self, cursor: u64, count: usize) -> (Vec<(&[u8], f64)>, u64) {
        let Some(scores) = &self.scores else {
            return (self.iter().map(Entry::pair).collect(), 0);
        };
        let (range, next) = scan::step(scores.len(), cursor, count);
        let found = range.filter_map(|index| scores.get_index(index));
        (found.map(|(member, score)| (&**member, *score)).collect(), next)
    }

    /// Adds a member that is not there yet. The score must be a number.
    pub(in super::super) fn insert(&mut self, member: &[u8], score: f64) {
        if self.len() >= MOST || member.len() > LONGEST {
            self.unpack();
        }
        self.bytes += block(COUNTS + member.len());
        let member = Member::from(member);
        let score = self.kept(score);
        if let Some(scores) = &mut self.scores {
            scores.insert(Arc::clone(&member), score);
        }
        self.order.insert(Entry { score, member });
    }

    /// Gives a member that is there with one score another, which must be a number.
    pub(in super::super) fn rescore(&mut self, member: &[u8], before: f64, score: f64) {
        let shared = match &mut self.scores {
            Some(scores) => scores.get_full_mut(member).map(|(_, member, own)| {
                *own = score;
                Arc::clone(member)
            }),
            None => self.walk(member).map(|entry| Arc::clone(&entry.member)),
        };
        let Some(member) = shared else { return };
        self.order.remove(before, &member);
        let score = self.kept(score);
        self.order.insert(Entry { score, member });
    }

    /// The score as this form keeps it.
    fn kept(&self, score: f64) -> f64 {
        if self.is_small() && score == 0.0 { 0.0 } else { score }
    }

    /// Changes to the large form, if it is not in it.
    pub(in super::super) fn unpack(&mut self) {
        if self.is_small() {
            let pairs = self.iter().map(|entry| (Arc::clone(&entry.member), entry.score));
            self.scores = Some(pairs.collect());
        }
    }

    fn walk(&self, member: &[u8]) -> Option<&Entry> {
        self.iter().find(|entry| *entry.member == *member)
    }
}

impl Typed for SortedSet {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::SortedSet(set) = value { Some(set) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::SortedSet(set) = value { Some(set) } else { None }
    }

    fn into_value(self) -> Value {
        Value::SortedSet(Box::new(self))
    }

    fn bytes(&self) -> usize {
        let slot = if self.is_small() { 0 } else { SLOT };
        block(size_of::<Self>()) + self.len() * (PLACE + slot) + self.bytes
    }

    fn is_gone(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;

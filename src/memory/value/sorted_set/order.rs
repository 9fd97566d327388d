//! Members in the order of their scores, each with its rank.
//!
//! A counted B+ tree: all members lie in the leaves, in order; a branch knows of each child the
//! first member and how many there are below. So finding a member, its rank, or the member of a rank
//! takes one way down, and a walk reads whole leaves.
//!
//! Invariants: no node has more than [`FULL`] slots; none but the root is empty; all leaves are
//! equally deep; `low` and `count` of a child are exact. Members of one score are in the order of
//! their bytes, as in Redis. No score is NaN.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// Slots of a node: 1.5 KB of entries, little to move for an insertion, and three levels hold a hundred
/// thousand.
const FULL: usize = 64;

/// A node with fewer slots is joined with its neighbour, where both fit into one.
const SPARSE: usize = FULL / 4;

/// What a member's place takes: its slot in a leaf at the usual filling, and its part of the branches.
pub(super) const PLACE: usize = size_of::<Entry>() * 3 / 2;

/// A member's bytes, shared by all who name it.
pub(super) type Member = Arc<[u8]>;

/// A member in its place.
#[derive(Clone, Debug)]
pub(in super::super::super) struct Entry {
    pub(in super::super::super) score: f64,
    pub(in super::super::super) member: Member,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Entry>),
    Branch(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    /// The first entry below.
    low: Entry,
    /// How many entries are below.
    count: usize,
    node: Node,
}

/// All members of a sorted set, in order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    root: Node,
    len: usize,
}

impl Default for Order {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl Order {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The entry must not be there yet.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        let Some(right) = self.root.insert(entry) else { return };
        let left = std::mem::replace(&mut self.root, Node::Branch(Vec::new()));
        let halves = [left, right].into_iter().filter_map(Child::of);
        self.root = Node::Branch(halves.collect());
    }

    /// Whether there was such an entry.
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        if !self.root.remove(score, member) {
            return false;
        }
        self.len -= 1;
        while let Node::Branch(children) = &mut self.root {
            if children.len() > 1 {
                break;
            }
            self.root = children.pop().map_or(Node::Leaf(Vec::new()), |child| child.node);
        }
        true
    }

    /// How many entries lie before the first one that `is_before` denies. It must hold for all
    /// entries up to a place, and for none from there on.
    pub(super) fn partition_point(&self, is_before: impl Fn(&Entry) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(entries) => return rank + entries.partition_point(&is_before),
                Node::Branch(children) => {
                    let behind = children.partition_point(|child| is_before(&child.low));
                    let Some(at) = behind.checked_sub(1) else { return rank };
                    rank += children.iter().take(at).map(|child| child.count).sum::<usize>();
                    let Some(child) = children.get(at) else { return rank };
                    node = &child.node;
                }
            }
        }
    }

    /// How many entries lie before this one, whether it is there or not.
    pub(super) fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.partition_point(|entry| entry.compare(score, member) == Ordering::Less)
    }

    /// The entries of these ranks, which must lie within the set.
    pub(super) fn range(&self, ranks: Range<usize>) -> impl Iterator<Item = &Entry> {
        let Range { mut start, end } = ranks;
        let slices = std::iter::from_fn(move || {
            let (leaf, at) = self.leaf(start).filter(|_| start < end)?;
            let slice = leaf.get(at..leaf.len().min(at + end - start))?;
            start += slice.len();
            Some(slice)
        });
        slices.flatten()
    }

    /// As [`Order::range`], the last entry first.
    pub(super) fn range_back(&self, ranks: Range<usize>) -> impl Iterator<Item = &Entry> {
        let Range { start, mut end } = ranks;
        let slices = std::iter::from_fn(move || {
            let last = end.checked_sub(1).filter(|&last| last >= start)?;
            let (leaf, at) = self.leaf(last)?;
            let slice = leaf.get(at.saturating_sub(last - start)..=at)?;
            end -= slice.len();
            Some(slice.iter().rev())
        });
        slices.flatten()
    }

    /// The leaf that holds the entry of this rank, and the entry's index in it.
    fn leaf(&self, rank: usize) -> Option<(&[Entry], usize)> {
        let (mut node, mut left) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(entries) => return (left < entries.len()).then_some((entries, left)),
                Node::Branch(children) => {
                    let mut children = children.iter();
                    node = loop {
                        let child = children.next()?;
                        match left.checked_sub(child.count) {
                            Some(behind) => left = behind,
                            None => break &child.node,
                        }
                    };
                }
            }
        }
    }
}

impl Entry {
    /// The member's bytes and its score.
    pub(in super::super::super) fn pair(&self) -> (&[u8], f64) {
        (&self.member, self.score)
    }

    fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        // Both zeros are one score, and no score is NaN.
        let by_score = self.score.partial_cmp(&score).unwrap_or(Ordering::Equal);
        by_score.then_with(|| (*self.member).cmp(member))
    }
}

impl Child {
    /// `None` for an empty node, which is no child of anything.
    fn of(node: Node) -> Option<Self> {
        let low = node.first()?.clone();
        Some(Self { low, count: node.count(), node })
    }
}

impl Node {
    /// Gives back the right half where the node had to be split.
    fn insert(&mut self, entry: Entry) -> Option<Self> {
        match self {
            Self::Leaf(entries) => {
                let before = |own: &Entry| own.compare(entry.score, &entry.member).is_lt();
                let at = entries.partition_point(before);
                place(entries, at, entry).map(Self::Leaf)
            }
            Self::Branch(children) => {
                let before = |child: &Child| child.low.compare(entry.score, &entry.member).is_lt();
                let at = children.partition_point(before).saturating_sub(1);
                let child = children.get_mut(at)?;
                if child.low.compare(entry.score, &entry.member).is_gt() {
                    child.low = entry.clone();
                }
                child.count += 1;
                let right = Child::of(child.node.insert(entry)?)?;
                child.count -= right.count;
                place(children, at + 1, right).map(Self::Branch)
            }
        }
    }

    fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        match self {
            Self::Leaf(entries) => {
                let found = entries.binary_search_by(|entry| entry.compare(score, member));
                let found = found.map(|at| entries.remove(at)).is_ok();
                shrink(entries);
                found
            }
            Self::Branch(children) => {
                let behind =
                    children.partition_point(|child| child.low.compare(score, member).is_le());
                let Some(at) = behind.checked_sub(1) else { return false };
                let Some(child) = children.get_mut(at) else { return false };
                if !child.node.remove(score, member) {
                    return false;
                }
                child.count -= 1;
                tidy(children, at, score, member);
                true
            }
        }
    }

    fn slots(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch(children) => children.len(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    fn first(&self) -> Option<&Entry> {
        match self {
            Self::Leaf(entries) => entries.first(),
            Self::Branch(children) => children.first().map(|child| &child.low),
        }
    }

    /// Takes over the slots of the node to the right, which is as deep as this one.
    fn join(&mut self, right: Self) {
        match (self, right) {
            (Self::Leaf(own), Self::Leaf(mut entries)) => own.append(&mut entries),
            (Self::Branch(own), Self::Branch(mut children)) => own.append(&mut children),
            _ => {}
        }
    }
}

/// Puts `slot` at `at`, and gives back the right part where there was no room. Who adds at the end
/// is likely to go on there: then the left part stays full.
fn place<T>(slots: &mut Vec<T>, at: usize, slot: T) -> Option<Vec<T>> {
    if slots.len() < FULL {
        slots.insert(at, slot);
        return None;
    }
    let cut = if at == FULL { FULL } else { FULL / 2 };
    let mut right = slots.split_off(cut);
    if at < cut || (at == cut && cut < FULL) {
        slots.insert(at, slot);
    } else {
        right.insert(at - cut, slot);
    }
    Some(right)
}

/// Makes the child at `at`, which has lost an entry, fit the invariants again.
fn tidy(children: &mut Vec<Child>, at: usize, score: f64, member: &[u8]) {
    let Some(child) = children.get_mut(at) else { return };
    let Some(first) = child.node.first() else {
        children.remove(at);
        return shrink(children);
    };
    if child.low.compare(score, member).is_eq() {
        child.low = first.clone();
    }
    if child.node.slots() >= SPARSE {
        return;
    }
    let left = at.saturating_sub(1);
    if let [one, other, ..] = children.get_mut(left..).unwrap_or_default()
        && one.node.slots() + other.node.slots() <= FULL
    {
        let right = children.remove(left + 1);
        if let Some(one) = children.get_mut(left) {
            one.count += right.count;
            one.node.join(right.node);
        }
        shrink(children);
    }
}

fn shrink<T>(slots: &mut Vec<T>) {
    if slots.capacity() > 4 && slots.len() < slots.capacity() / 4 {
        slots.shrink_to(slots.len() * 2);
    }
}

#[cfg(test)]
mod tests;

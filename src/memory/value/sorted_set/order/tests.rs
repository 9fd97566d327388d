//! The tree against a plain sorted vector, after every step of random work.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

use super::{Entry, FULL, Node, Order};

type Plain = Vec<(f64, Vec<u8>)>;

fn entry(score: f64, member: &[u8]) -> Entry {
    Entry { score, member: Arc::from(member) }
}

fn compare(one: &(f64, Vec<u8>), other: &(f64, Vec<u8>)) -> Ordering {
    one.0.partial_cmp(&other.0).unwrap().then_with(|| one.1.cmp(&other.1))
}

fn plain(entries: impl Iterator<Item = impl std::ops::Deref<Target = Entry>>) -> Plain {
    entries.map(|entry| (entry.score, entry.member.to_vec())).collect()
}

/// How deep the leaves are; fails where a node breaks an invariant.
fn depth(node: &Node, is_root: bool) -> usize {
    assert!(node.slots() <= FULL);
    assert!(is_root || node.slots() > 0, "an empty node");
    let Node::Branch(children) = node else { return 0 };
    let below = children.iter().map(|child| {
        assert_eq!(child.count, child.node.count(), "a wrong count");
        let first = child.node.first().unwrap();
        assert!(child.low.compare(first.score, &first.member).is_eq(), "a wrong first entry");
        depth(&child.node, false)
    });
    let mut depths: Vec<usize> = below.collect();
    depths.dedup();
    assert_eq!(depths.len(), 1, "leaves of different depths");
    depths[0] + 1
}

#[derive(Clone, Debug)]
enum Step {
    Insert(f64, Vec<u8>),
    Remove(usize),
    RemoveRun(usize, usize),
    Append(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let scores = [0.0, -0.0, 1.0, -1.0, 0.1, f64::INFINITY, f64::NEG_INFINITY, 1e300, 5e-324];
    let score = prop_oneof![select(scores.to_vec()), (-50..50_i32).prop_map(f64::from)];
    let member = (0..3_000_u32).prop_map(|number| number.to_string().into_bytes());
    prop_oneof![
        6 => (score, member).prop_map(|(score, member)| Step::Insert(score, member)),
        4 => (0..5_000_usize).prop_map(Step::Remove),
        1 => (0..5_000_usize, 0..150_usize).prop_map(|(at, count)| Step::RemoveRun(at, count)),
        1 => (0..300_usize).prop_map(Step::Append),
    ]
}

fn apply(step: &Step, order: &mut Order, model: &mut Plain) {
    match step {
        Step::Insert(score, member) => insert(order, model, *score, member),
        Step::Append(count) => {
            let last = model.last().map_or(0.0, |(score, _)| *score);
            let scores = (0..*count).map(|number| last + number as f64);
            scores.for_each(|score| insert(order, model, score, b"appended"));
        }
        Step::Remove(at) => remove(order, model, *at),
        Step::RemoveRun(at, count) => (0..*count).for_each(|_| remove(order, model, *at)),
    }
}

fn insert(order: &mut Order, model: &mut Plain, score: f64, member: &[u8]) {
    let pair = (score, member.to_vec());
    if let Err(at) = model.binary_search_by(|own| compare(own, &pair)) {
        order.insert(entry(score, member));
        model.insert(at, pair);
    }
}

fn remove(order: &mut Order, model: &mut Plain, at: usize) {
    if !model.is_empty() {
        let (score, member) = model.remove(at % model.len());
        assert!(order.remove(score, &member));
        assert!(!order.remove(score, &member));
    }
}

proptest! {
    #[test]
    fn any_work_leaves_what_a_sorted_vector_would_hold(steps in vec(any_step(), 1..400)) {
        let (mut order, mut model) = (Order::default(), Plain::new());
        for step in &steps {
            apply(step, &mut order, &mut model);
            prop_assert_eq!(order.len(), model.len());
        }
        depth(&order.root, true);
        prop_assert_eq!(plain(order.range(0..order.len())), &model[..]);
        for (rank, (score, member)) in model.iter().enumerate().step_by(17) {
            prop_assert_eq!(order.rank(*score, member), rank);
        }
        while !model.is_empty() {
            remove(&mut order, &mut model, 7);
        }
        prop_assert!(matches!(&order.root, Node::Leaf(entries) if entries.is_empty()));
    }

    #[test]
    fn ranges_in_both_directions_are_the_vectors_slices(
        count in 0..2_000_usize, one in 0..2_000_usize, other in 0..2_000_usize,
    ) {
        let mut order = Order::default();
        (0..count).for_each(|n| order.insert(entry((n * 7919 % 100) as f64, n.to_string().as_bytes())));
        let all = plain(order.range(0..count));
        prop_assert!(all.is_sorted_by(|one, other| compare(one, other).is_lt()));
        let (start, end) = (one.min(other).min(count), one.max(other).min(count));
        prop_assert_eq!(plain(order.range(start..end)), &all[start..end]);
        let mut back = plain(order.range_back(start..end));
        back.reverse();
        prop_assert_eq!(back, &all[start..end]);
    }
}

#[test]
fn a_hundred_thousand_in_any_order_are_three_levels_deep() {
    for spread in [1, 99_999, 7919] {
        let mut order = Order::default();
        (0..100_000_usize).for_each(|n| order.insert(entry((n * spread % 100_000) as f64, b"m")));
        assert!(depth(&order.root, true) <= 3, "{spread}");
        assert_eq!(order.rank(50_000.0, b"m"), 50_000);
        (0..99_000_usize).for_each(|n| assert!(order.remove((n * spread % 100_000) as f64, b"m")));
        assert!(depth(&order.root, true) <= 2, "{spread}");
    }
}

#[test]
fn the_partition_point_is_where_the_predicate_ends() {
    let mut order = Order::default();
    (0..5_000).for_each(|number| order.insert(entry(f64::from(number), b"m")));
    for bound in [-1, 0, 1, 63, 64, 65, 2_500, 4_999, 5_000, 9_999] {
        let found = order.partition_point(|entry| entry.score < f64::from(bound));
        assert_eq!(found, usize::try_from(bound.clamp(0, 5_000)).unwrap());
    }
}

//! What the two forms of a sorted set have in common, and where they differ.

use super::{COUNTS, SortedSet};
use crate::memory::value::{Typed, block};

fn filled(count: usize) -> SortedSet {
    let mut set = SortedSet::default();
    (0..count).for_each(|number| set.insert(name(number).as_bytes(), number as f64));
    set
}

fn name(number: usize) -> String {
    format!("member:{number:05}")
}

#[test]
fn scores_and_ranks_follow_every_change_in_either_form() {
    for count in [0, 1, 127, 128, 129, 5_000] {
        let mut set = filled(count);
        assert_eq!((set.len(), set.is_small()), (count, count <= 128));
        for number in 0..count {
            assert_eq!(set.rank(name(number).as_bytes()), Some(number));
            assert_eq!(set.score(name(number).as_bytes()), Some(number as f64));
        }
        if count > 0 {
            set.rescore(name(0).as_bytes(), 0.0, 1e9);
            assert_eq!(set.rank(name(0).as_bytes()), Some(count - 1));
            assert_eq!(set.score(name(0).as_bytes()), Some(1e9));
        }
        assert_eq!((set.score(b"none"), set.rank(b"none")), (None, None));
        assert!(!set.remove(b"none"));
        let empty = SortedSet {
            scores: set.scores.as_ref().map(|_| Default::default()),
            ..Default::default()
        }
        .bytes();
        (0..count).for_each(|number| assert!(set.remove(name(number).as_bytes())));
        assert!(set.is_gone());
        assert_eq!(set.bytes(), empty, "bytes of members that are gone");
    }
}

#[test]
fn a_long_member_makes_a_set_large_for_good() {
    let mut set = filled(2);
    set.insert(&[b'x'; 64], 1.0);
    assert!(set.is_small());
    set.insert(&[b'x'; 65], 1.0);
    assert!(!set.is_small());
    set.remove(&[b'x'; 65]);
    assert!(!set.is_small());
    let left: Vec<(&[u8], f64)> = set.iter().map(super::Entry::pair).collect();
    assert!(SortedSet::holding(&left).is_small());
}

#[test]
fn a_zero_below_zero_keeps_its_sign_in_the_large_form_alone() {
    let sign = |set: &SortedSet| set.score(b"m").unwrap().is_sign_negative();
    let long = [b'x'; 65];
    let small = SortedSet::holding(&[(b"m", -0.0)]);
    let mut large = SortedSet::holding(&[(b"m", -0.0), (&long, 1.0)]);
    assert_eq!((sign(&small), sign(&large)), (false, true));
    large.remove(&long);
    assert!(sign(&large));
}

#[test]
fn the_bytes_are_those_of_the_members_and_their_places() {
    let (few, many) = (filled(100), filled(10_000));
    let each = |set: &SortedSet| (set.bytes() - block(size_of::<SortedSet>())) / set.len();
    let member = block(COUNTS + name(0).len());
    assert!((member + 24..member + 48).contains(&each(&few)), "{}", each(&few));
    assert!((member + 64..member + 128).contains(&each(&many)), "{}", each(&many));
}

//! SCAN's cursor over a dense array whose gaps are filled with its last item.
//!
//! A scan goes from the end of the array to its start; the cursor is how many items are left before
//! it. An item that it has not seen lies below the cursor, and a removal only ever moves an item
//! down. So what is there from the first call to the last is returned, whatever comes and goes
//! meanwhile; what was moved may be returned twice, as in Redis.

use std::ops::Range;

/// Which items of an array of `len` a call with this cursor returns, and the next cursor. 0 begins
/// a scan, and ends it.
pub(super) fn step(len: usize, cursor: u64, count: usize) -> (Range<usize>, u64) {
    let end = match usize::try_from(cursor) {
        Ok(0) => len,
        Ok(left) => left.min(len),
        Err(_) => len,
    };
    let start = end.saturating_sub(count);
    (start..end, start as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use indexmap::IndexSet;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::step;

    proptest! {
        #[test]
        fn what_is_there_from_the_first_call_to_the_last_is_returned(
            before in vec(0..60_u8, 0..60),
            calls in vec((1..9_usize, vec((any::<bool>(), 0..60_u8), 0..20)), 0..60),
        ) {
            let mut items: IndexSet<u8> = before.into_iter().collect();
            let mut stayed: BTreeSet<u8> = items.iter().copied().collect();
            let mut seen = BTreeSet::new();
            let mut cursor = 0;
            for (count, changes) in calls.into_iter().chain(std::iter::repeat((1, Vec::new()))) {
                let (range, next) = step(items.len(), cursor, count);
                seen.extend(range.filter_map(|index| items.get_index(index)));
                if next == 0 {
                    break;
                }
                prop_assert!(cursor == 0 || next < cursor, "a scan comes to an end");
                cursor = next;
                for (is_added, item) in changes {
                    if is_added {
                        items.insert(item);
                    } else {
                        items.swap_remove(&item);
                        stayed.remove(&item);
                    }
                }
            }
            prop_assert!(stayed.is_subset(&seen), "{stayed:?} {seen:?}");
        }
    }
}

//! Random picks, as SRANDMEMBER and its kin count them: up to so many different ones, or, with a
//! negative number, exactly so many that may be the same.

use indexmap::IndexSet;

use super::super::failure::Failure;
use super::arguments;

/// A reply of repeated picks is not longer than the longest string.
const LONGEST: usize = 512 * 1024 * 1024;

/// What a pick costs besides the element itself: its index while it is picked, its length and line ends in the reply.
const OVERHEAD: usize = 16;

/// How many to pick, and whether one may come twice.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    count: usize,
    may_repeat: bool,
}

/// Which were picked, of a collection that can name its elements by index.
pub(super) enum Picked {
    /// All of so many.
    All(usize),
    Indices(Vec<usize>),
}

impl Sample {
    /// The lowest number has no opposite, and Redis refuses it.
    pub(super) fn read(digits: &[u8]) -> Result<Self, Failure> {
        let number = arguments::integer(digits)?;
        if number == i64::MIN {
            return Err(Failure::Text(
                "value is out of range, \
                 value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let count = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        Ok(Self { count, may_repeat: number < 0 })
    }

    /// Whether twice as many would still be a number.
    pub(super) fn can_be_doubled(self) -> bool {
        self.count <= usize::MAX / 4
    }

    /// Picks among `len` elements that take `bytes` together.
    pub(super) fn pick(self, len: usize, bytes: usize) -> Result<Picked, Failure> {
        let Self { count, may_repeat } = self;
        if len == 0 || count == 0 {
            return Ok(Picked::Indices(Vec::new()));
        }
        if may_repeat {
            if count.saturating_mul(bytes / len + OVERHEAD) > LONGEST {
                return Err(Failure::Text("value is out of range"));
            }
            return Ok(Picked::Indices((0..count).map(|_| fastrand::usize(..len)).collect()));
        }
        if count >= len {
            return Ok(Picked::All(len));
        }
        if count > len / 3 {
            return Ok(Picked::Indices(fastrand::choose_multiple(0..len, count)));
        }
        let mut indices = IndexSet::with_capacity(count);
        while indices.len() < count {
            indices.insert(fastrand::usize(..len));
        }
        Ok(Picked::Indices(indices.into_iter().collect()))
    }
}

impl Picked {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(len) => *len,
            Self::Indices(indices) => indices.len(),
        }
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        let (all, some) = match self {
            Self::All(len) => (0..*len, [].as_slice()),
            Self::Indices(indices) => (0..0, indices.as_slice()),
        };
        all.chain(some.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Sample;

    #[test]
    fn what_is_picked_without_repeats_is_never_the_same_and_comes_from_everywhere() {
        for count in [1, 3, 50, 99, 100, 1_000] {
            let sample = Sample::read(count.to_string().as_bytes()).unwrap();
            let mut seen = BTreeSet::new();
            for _ in 0..2_000 / count + 100 {
                let picked: Vec<usize> = sample.pick(100, 100).unwrap().indices().collect();
                let once: BTreeSet<usize> = picked.iter().copied().collect();
                assert_eq!((once.len(), picked.len()), (count.min(100), count.min(100)));
                seen.extend(once);
            }
            assert!(count < 50 || seen.len() == 100, "{count} {}", seen.len());
        }
    }

    #[test]
    fn repeats_are_counted_exactly_and_bounded() {
        let picked = Sample::read(b"-500").unwrap().pick(3, 3).unwrap();
        assert_eq!(picked.len(), 500);
        assert!(Sample::read(b"-100000000000").unwrap().pick(3, 300).is_err());
        assert!(Sample::read(b"-5").unwrap().pick(0, 0).unwrap().indices().next().is_none());
    }
}

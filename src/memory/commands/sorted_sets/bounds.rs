//! Which members a command means: those between two ranks, scores or names.
//!
//! Whatever a client says becomes a range of ranks of one set, which costs two ways down its tree.
//! <https://redis.io/docs/latest/commands/zrange/>

use std::ops::Range;

use super::super::super::failure::Failure;
use super::super::super::float;
use super::super::super::value::sorted_set::SortedSet;
use super::super::arguments::{integer, span};

/// By what members are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Name,
}

/// From which member to which.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'r> {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Names(NameBound<'r>, NameBound<'r>),
}

/// `5`, or `(5` for what lies beyond.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreBound {
    score: f64,
    is_exclusive: bool,
}

/// `[a`, `(a` for what lies beyond, `-` or `+`.
#[derive(Clone, Copy, Debug)]
pub(super) enum NameBound<'r> {
    Lowest,
    Inclusive(&'r [u8]),
    Exclusive(&'r [u8]),
    Highest,
}

impl<'r> Bounds<'r> {
    pub(super) fn read(by: By, low: &'r [u8], high: &'r [u8]) -> Result<Self, Failure> {
        match by {
            By::Rank => Ok(Self::Ranks(integer(low)?, integer(high)?)),
            By::Score => {
                let pair = ScoreBound::read(low).zip(ScoreBound::read(high));
                let (low, high) = pair.ok_or(Failure::Text("min or max is not a float"))?;
                Ok(Self::Scores(low, high))
            }
            By::Name => {
                let pair = NameBound::read(low).zip(NameBound::read(high));
                let refusal = "min or max not valid string range item";
                let (low, high) = pair.ok_or(Failure::Text(refusal))?;
                Ok(Self::Names(low, high))
            }
        }
    }

    /// The ranks of the members that are meant. Ranks count from the other end if `is_reverse`.
    pub(super) fn ranks(&self, set: &SortedSet, is_reverse: bool) -> Range<usize> {
        let len = set.len();
        let (start, end) = match self {
            Self::Ranks(first, last) => {
                let Range { start, end } = span(*first, *last, len);
                return if is_reverse { len - end..len - start } else { start..end };
            }
            Self::Scores(low, high) => (
                set.partition_point(|entry| low.is_above(entry.score)),
                set.partition_point(|entry| !high.is_below(entry.score)),
            ),
            Self::Names(low, high) => (
                set.partition_point(|entry| low.is_above(&entry.member)),
                set.partition_point(|entry| !high.is_below(&entry.member)),
            ),
        };
        start..end.max(start)
    }
}

impl ScoreBound {
    fn read(text: &[u8]) -> Option<Self> {
        let exclusive = text.strip_prefix(b"(");
        let score = float::parse_bound(exclusive.unwrap_or(text))?;
        Some(Self { score, is_exclusive: exclusive.is_some() })
    }

    /// Whether a range that begins here leaves the score out.
    fn is_above(self, score: f64) -> bool {
        if self.is_exclusive { score <= self.score } else { score < self.score }
    }

    /// Whether a range that ends here leaves the score out.
    fn is_below(self, score: f64) -> bool {
        if self.is_exclusive { score >= self.score } else { score > self.score }
    }
}

impl<'r> NameBound<'r> {
    fn read(text: &'r [u8]) -> Option<Self> {
        match text {
            // A zero byte ends the text for Redis.
            [b'-'] | [b'-', 0, ..] => Some(Self::Lowest),
            [b'+'] | [b'+', 0, ..] => Some(Self::Highest),
            [b'[', name @ ..] => Some(Self::Inclusive(name)),
            [b'(', name @ ..] => Some(Self::Exclusive(name)),
            _ => None,
        }
    }

    /// Whether a range that begins here leaves the name out.
    fn is_above(self, name: &[u8]) -> bool {
        match self {
            Self::Lowest => false,
            Self::Inclusive(own) => name < own,
            Self::Exclusive(own) => name <= own,
            Self::Highest => true,
        }
    }

    /// Whether a range that ends here leaves the name out.
    fn is_below(self, name: &[u8]) -> bool {
        match self {
            Self::Lowest => true,
            Self::Inclusive(own) => name > own,
            Self::Exclusive(own) => name >= own,
            Self::Highest => false,
        }
    }
}

//! LPOS: where an element stands in a list.
//!
//! <https://redis.io/docs/latest/commands/lpos/>

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::value::list::List;
use super::super::Call;
use super::super::arguments::{at_least, integer};

/// What LPOS is to look for, beside the element.
struct Search {
    /// The first match to tell of; from the end where it is negative.
    rank: i64,
    /// How many matches to tell of, 0 for all; `None` for one that is not in an array.
    count: Option<usize>,
    /// How many elements to look at, 0 for all.
    most: usize,
}

pub(super) fn lpos(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let search = Search::read(call.args_from(3))?;
    let (element, protocol) = (call.arg(2), call.protocol);
    let (list, out) = call.open::<List>(call.arg(1))?;
    let found = list.map(|list| search.run(list, element)).unwrap_or_default();
    if search.count.is_some() {
        encode::array_header(out, found.len());
    } else if found.is_empty() {
        encode::null(out, protocol);
    }
    found.into_iter().for_each(|index| encode::integer(out, index));
    Ok(())
}

impl Search {
    fn read<'r>(mut args: impl Iterator<Item = &'r [u8]>) -> Result<Self, Failure> {
        let mut search = Self { rank: 1, count: None, most: 0 };
        while let Some(word) = args.next() {
            let value = args.next().ok_or(Failure::Syntax)?;
            match word.to_ascii_lowercase().as_slice() {
                b"rank" => search.rank = rank(value)?,
                b"count" => search.count = Some(at_least(0, value, "COUNT can't be negative")?),
                b"maxlen" => search.most = at_least(0, value, "MAXLEN can't be negative")?,
                _ => return Err(Failure::Syntax),
            }
        }
        Ok(search)
    }

    /// The indexes of the matches.
    fn run(&self, list: &List, element: &[u8]) -> Vec<i64> {
        let is_backward = self.rank < 0;
        let len = list.len();
        let looked_at = if self.most == 0 { len } else { self.most.min(len) };
        let matches = (0..looked_at).filter_map(|step| {
            let index = if is_backward { len - step - 1 } else { step };
            let is_match = list.get(index) == Some(element);
            is_match.then(|| i64::try_from(index).unwrap_or(i64::MAX))
        });
        // The lowest number has no positive: Redis takes it for the first match from the end, and then
        // does not find the end of its count.
        let positive = self.rank.checked_abs();
        let before = usize::try_from(positive.unwrap_or(1) - 1).unwrap_or(usize::MAX);
        let wanted = match self.count {
            Some(count) if count == 0 || positive.is_none() => usize::MAX,
            Some(count) => count,
            None => 1,
        };
        matches.skip(before).take(wanted).collect()
    }
}

fn rank(digits: &[u8]) -> Result<i64, Failure> {
    match integer(digits)? {
        0 => Err(Failure::Text(
            "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
             negative to start from the end of the list",
        )),
        rank => Ok(rank),
    }
}

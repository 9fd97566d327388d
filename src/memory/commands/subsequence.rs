//! LCS: the longest subsequence that two strings share, its length, or where it lies in both.
//!
//! <https://redis.io/docs/latest/commands/lcs/>

use crate::wire::encode;

use super::super::failure::Failure;
use super::super::value::Typed;
use super::arguments::integer;
use super::strings::LONGEST;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    (name == "lcs").then_some(lcs as Command)
}

fn lcs(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    const NO_STRING: Failure = Failure::Text("The specified keys must contain string values");
    let now = call.now;
    for key in [call.arg(1), call.arg(2)] {
        if call.read(key).is_some_and(|value| <Vec<u8>>::of(value).is_none()) {
            return Err(NO_STRING);
        }
    }
    let options = Options::read(call.args_from(3))?;
    let keyspace = &call.state.databases[call.db];
    let string = |key| keyspace.peek(key, now).and_then(Vec::of).map_or(&[][..], Vec::as_slice);
    let (a, b) = (string(call.arg(1)), string(call.arg(2)));
    let table = Table::fill(a, b)?;
    match options.view {
        View::Length => encode::integer(call.out, table.at(a.len(), b.len()).into()),
        View::Text => encode::bulk(call.out, &table.shared(a, b)),
        View::Places => {
            let matches = table.matches(a, b);
            let is_long = |found: &&Match| found.len >= options.least;
            let shown: Vec<&Match> = matches.iter().filter(is_long).collect();
            encode::map_header(call.out, call.protocol, 2);
            encode::bulk(call.out, b"matches");
            encode::array_header(call.out, shown.len());
            shown.iter().for_each(|found| found.write(call.out, options.has_lengths));
            encode::bulk(call.out, b"len");
            encode::integer(call.out, table.at(a.len(), b.len()).into());
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Text,
    Length,
    Places,
}

struct Options {
    view: View,
    /// Shorter matches are not shown.
    least: usize,
    has_lengths: bool,
}

impl Options {
    fn read<'r>(mut args: impl Iterator<Item = &'r [u8]>) -> Result<Self, Failure> {
        let (mut is_length, mut is_places, mut has_lengths, mut least) = (false, false, false, 0);
        while let Some(word) = args.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"IDX" => is_places = true,
                b"LEN" => is_length = true,
                b"WITHMATCHLEN" => has_lengths = true,
                b"MINMATCHLEN" => least = integer(args.next().ok_or(Failure::Syntax)?)?,
                _ => return Err(Failure::Syntax),
            }
        }
        let view = match (is_length, is_places) {
            (true, true) => {
                return Err(Failure::Text(
                    "If you want both the length and indexes, please just use IDX.",
                ));
            }
            (true, false) => View::Length,
            (false, true) => View::Places,
            (false, false) => View::Text,
        };
        let least = usize::try_from(least).unwrap_or(if least < 0 { 0 } else { usize::MAX });
        Ok(Self { view, least, has_lengths })
    }
}

/// How long the longest shared subsequence of every two beginnings is.
struct Table {
    lengths: Vec<u32>,
    width: usize,
}

/// A stretch that is the same in both strings.
struct Match {
    /// Where it begins in the first string and in the second.
    starts: (usize, usize),
    len: usize,
}

impl Table {
    fn fill(a: &[u8], b: &[u8]) -> Result<Self, Failure> {
        let width = b.len() + 1;
        let size = (a.len() + 1).checked_mul(width);
        let size = size.filter(|size| *size <= LONGEST / size_of::<u32>()).ok_or(Failure::Text(
            "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ))?;
        let mut table = Self { lengths: vec![0; size], width };
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                let length = if x == y {
                    table.at(i, j) + 1
                } else {
                    table.at(i, j + 1).max(table.at(i + 1, j))
                };
                table.lengths[(i + 1) * width + j + 1] = length;
            }
        }
        Ok(table)
    }

    /// Of the first `i` bytes of the one and the first `j` of the other.
    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * self.width + j]
    }

    /// The matches, the last first, each as long as it can be.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] != b[j - 1] {
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1
                } else {
                    j -= 1
                }
                continue;
            }
            match found.last_mut().filter(|last| last.starts == (i, j)) {
                Some(last) => *last = Match { starts: (i - 1, j - 1), len: last.len + 1 },
                None => found.push(Match { starts: (i - 1, j - 1), len: 1 }),
            }
            (i, j) = (i - 1, j - 1);
        }
        found
    }

    fn shared(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let matches = self.matches(a, b);
        let pieces = matches.iter().rev().map(|Match { starts: (at, _), len }| &a[*at..at + len]);
        pieces.collect::<Vec<_>>().concat()
    }
}

impl Match {
    fn write(&self, out: &mut Vec<u8>, has_length: bool) {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        encode::array_header(out, if has_length { 3 } else { 2 });
        for start in [self.starts.0, self.starts.1] {
            encode::array_header(out, 2);
            encode::integer(out, number(start));
            encode::integer(out, number(start + self.len - 1));
        }
        if has_length {
            encode::integer(out, number(self.len));
        }
    }
}

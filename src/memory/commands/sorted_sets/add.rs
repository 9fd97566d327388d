//! ZADD and ZINCRBY: members get scores.
//!
//! Owns ZADD's options and the order in which Redis checks them.
//! <https://redis.io/docs/latest/commands/zadd/>

use crate::wire::encode;

use super::super::super::failure::Failure;
use super::super::super::keyspace::Edit;
use super::super::super::value::sorted_set::SortedSet;
use super::super::Call;
use super::super::arguments::float;

#[derive(Clone, Copy, Default)]
struct Options {
    only_new: bool,
    only_existing: bool,
    only_greater: bool,
    only_less: bool,
    counts_changed: bool,
    increments: bool,
}

/// What became of one member.
enum Outcome {
    Added(f64),
    Changed(f64),
    Same(f64),
    /// The options forbid it.
    Skipped,
}

/// How many members were added and changed, and the last one's score.
#[derive(Default)]
struct Summary {
    added: usize,
    changed: usize,
    score: Option<f64>,
}

pub(super) fn zadd(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    add(call, Options::default())
}

pub(super) fn zincrby(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    add(call, Options { increments: true, ..Options::default() })
}

fn add(call: &mut Call<'_, '_>, mut options: Options) -> Result<(), Failure> {
    let words = call.args_from(2).take_while(|word| options.take(word)).count();
    let elements = call.request.argc() - 2 - words;
    if elements == 0 || !elements.is_multiple_of(2) {
        return Err(Failure::Syntax);
    }
    options.check(elements / 2)?;
    let pairs = pairs(call, 2 + words)?;
    let summary = call.change(call.arg(1), |set: &mut SortedSet| {
        let mut summary = Summary::default();
        for (score, member) in &pairs {
            summary.count(&options.apply(set, *score, member)?);
        }
        Ok(Edit::when(summary.added + summary.changed > 0, summary))
    })?;
    if !options.increments {
        let changed = if options.counts_changed { summary.changed } else { 0 };
        return call.reply_count(summary.added + changed);
    }
    match summary.score {
        Some(score) => encode::double(call.out, call.protocol, score),
        None => encode::null(call.out, call.protocol),
    }
    Ok(())
}

/// All scores are read before the first is given.
fn pairs<'r>(call: &Call<'_, 'r>, at: usize) -> Result<Vec<(f64, &'r [u8])>, Failure> {
    let mut args = call.args_from(at);
    let pair = || {
        let (score, member) = (args.next()?, args.next()?);
        Some(float(score).map(|score| (score, member)))
    };
    std::iter::from_fn(pair).collect()
}

impl Options {
    /// Whether the word is an option.
    fn take(&mut self, word: &[u8]) -> bool {
        let option = match word.len() {
            2 if word.eq_ignore_ascii_case(b"NX") => &mut self.only_new,
            2 if word.eq_ignore_ascii_case(b"XX") => &mut self.only_existing,
            2 if word.eq_ignore_ascii_case(b"GT") => &mut self.only_greater,
            2 if word.eq_ignore_ascii_case(b"LT") => &mut self.only_less,
            2 if word.eq_ignore_ascii_case(b"CH") => &mut self.counts_changed,
            4 if word.eq_ignore_ascii_case(b"INCR") => &mut self.increments,
            _ => return false,
        };
        *option = true;
        true
    }

    fn check(self, elements: usize) -> Result<(), Failure> {
        let Self { only_new, only_greater, only_less, .. } = self;
        let text = if only_new && self.only_existing {
            "XX and NX options at the same time are not compatible"
        } else if only_new && (only_greater || only_less) || only_greater && only_less {
            "GT, LT, and/or NX options at the same time are not compatible"
        } else if self.increments && elements > 1 {
            "INCR option supports a single increment-element pair"
        } else {
            return Ok(());
        };
        Err(Failure::Text(text))
    }

    fn apply(self, set: &mut SortedSet, score: f64, member: &[u8]) -> Result<Outcome, Failure> {
        let Some(before) = set.score(member) else {
            if self.only_existing {
                return Ok(Outcome::Skipped);
            }
            set.insert(member, score);
            return Ok(Outcome::Added(score));
        };
        if self.only_new {
            return Ok(Outcome::Skipped);
        }
        let after = if self.increments { before + score } else { score };
        if after.is_nan() {
            return Err(Failure::Text("resulting score is not a number (NaN)"));
        }
        if self.only_less && after >= before || self.only_greater && after <= before {
            return Ok(Outcome::Skipped);
        }
        if after == before {
            return Ok(Outcome::Same(after));
        }
        set.rescore(member, before, after);
        Ok(Outcome::Changed(after))
    }
}

impl Summary {
    fn count(&mut self, outcome: &Outcome) {
        self.added += usize::from(matches!(outcome, Outcome::Added(_)));
        self.changed += usize::from(matches!(outcome, Outcome::Changed(_)));
        self.score = match outcome {
            Outcome::Added(score) | Outcome::Changed(score) | Outcome::Same(score) => Some(*score),
            Outcome::Skipped => None,
        };
    }
}

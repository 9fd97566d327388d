//! ZUNION, ZINTER, ZDIFF, their storing forms, and ZINTERCARD.
//!
//! Inputs are sorted sets, or plain sets whose members all have the score 1. The smallest input comes first, as in Redis:
//! which sums of scores round how depends on it.
//! <https://redis.io/docs/latest/commands/zunion/>

use std::cmp::Ordering;
use std::collections::HashMap;

use super::super::super::failure::Failure;
use super::super::super::keyspace::Keyspace;
use super::super::super::value::Value;
use super::super::super::value::set::{Member, Set};
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::super::{Now, float};
use super::super::arguments::{at_least, integer};
use super::super::{Call, Command};
use super::write_members;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

/// What comes behind the keys.
struct Options {
    weights: Option<Vec<f64>>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Of ZINTERCARD; 0 for none.
    limit: usize,
}

/// What becomes of the result, which decides which options there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Shown,
    Stored,
    Counted,
}

/// What to combine, and how.
struct Plan<'r> {
    operation: Operation,
    keys: Vec<&'r [u8]>,
    options: Options,
}

/// One of the sets to combine.
struct Input<'k> {
    members: Members<'k>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'k> {
    None,
    Sorted(&'k SortedSet),
    /// All with the score 1.
    Plain(&'k Set),
}

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "zunion" => |call| show(call, Operation::Union, "zunion"),
        "zinter" => |call| show(call, Operation::Intersection, "zinter"),
        "zdiff" => |call| show(call, Operation::Difference, "zdiff"),
        "zunionstore" => |call| store(call, Operation::Union, "zunionstore"),
        "zinterstore" => |call| store(call, Operation::Intersection, "zinterstore"),
        "zdiffstore" => |call| store(call, Operation::Difference, "zdiffstore"),
        "zintercard" => zintercard,
        _ => return None,
    })
}

fn show(call: &mut Call<'_, '_>, operation: Operation, name: &str) -> Result<(), Failure> {
    let plan = Plan::read(call, 1, (operation, Outcome::Shown), name)?;
    let result = plan.run(&call.state.databases[call.db], call.now);
    let with_scores = plan.options.with_scores;
    write_members(call.out, call.protocol, result.len(), pairs(&result), with_scores);
    Ok(())
}

fn store(call: &mut Call<'_, '_>, operation: Operation, name: &str) -> Result<(), Failure> {
    let plan = Plan::read(call, 2, (operation, Outcome::Stored), name)?;
    let result = plan.run(&call.state.databases[call.db], call.now);
    let (len, set) = (result.len(), SortedSet::holding(&pairs(&result).collect::<Vec<_>>()));
    call.put(call.arg(1), set);
    call.reply_count(len)
}

fn zintercard(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let plan = Plan::read(call, 1, (Operation::Intersection, Outcome::Counted), "zintercard")?;
    let inputs = plan.inputs(&call.state.databases[call.db], call.now);
    let most = if plan.options.limit == 0 { usize::MAX } else { plan.options.limit };
    let count = intersection(&inputs, plan.options.aggregate).take(most).count();
    call.reply_count(count)
}

impl<'r> Plan<'r> {
    /// `at` is where the number of keys stands. Redis checks the keys' types before the options.
    fn read(
        call: &mut Call<'_, 'r>,
        at: usize,
        (operation, outcome): (Operation, Outcome),
        name: &str,
    ) -> Result<Self, Failure> {
        let number = integer(call.arg(at))?;
        let Some(number) = usize::try_from(number).ok().filter(|number| *number > 0) else {
            let text = format!("at least 1 input key is needed for '{name}' command");
            return Err(Failure::Quoting(text.into_bytes()));
        };
        if number > call.request.argc() - at - 1 {
            return Err(Failure::Syntax);
        }
        let mut keys: Vec<&[u8]> = call.args_from(at + 1).collect();
        let rest = keys.split_off(number);
        for key in &keys {
            if call.read(key).is_some_and(|value| Members::of(value).is_none()) {
                return Err(Failure::WrongType);
            }
        }
        let options = Options::read(&rest, number, operation, outcome)?;
        Ok(Self { operation, keys, options })
    }

    /// The members of the result and their scores, in order.
    fn run<'k>(&self, keyspace: &'k Keyspace, now: Now) -> Vec<(Member<'k>, f64)> {
        let inputs = self.inputs(keyspace, now);
        let aggregate = self.options.aggregate;
        let mut result: Vec<(Member<'k>, f64)> = match self.operation {
            Operation::Union => union(&inputs, aggregate).into_iter().collect(),
            Operation::Intersection => intersection(&inputs, aggregate).collect(),
            Operation::Difference => difference(&inputs).collect(),
        };
        result.sort_unstable_by(|(one, low), (other, high)| {
            low.partial_cmp(high).unwrap_or(Ordering::Equal).then_with(|| (**one).cmp(&**other))
        });
        result
    }

    fn inputs<'k>(&self, keyspace: &'k Keyspace, now: Now) -> Vec<Input<'k>> {
        let weights = self.options.weights.iter().flatten().copied();
        let weights = weights.chain(std::iter::repeat(1.0));
        let inputs = self.keys.iter().zip(weights).map(|(key, weight)| {
            let members = keyspace.peek(key, now).and_then(Members::of);
            Input { members: members.unwrap_or(Members::None), weight }
        });
        let mut inputs: Vec<Input<'k>> = inputs.collect();
        if self.operation != Operation::Difference {
            inputs.sort_by_key(|input| input.members.len());
        }
        inputs
    }
}

impl Options {
    fn read(
        mut rest: &[&[u8]],
        inputs: usize,
        operation: Operation,
        outcome: Outcome,
    ) -> Result<Self, Failure> {
        let mut options =
            Self { weights: None, aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        let rescores = operation != Operation::Difference && outcome != Outcome::Counted;
        while let [word, behind @ ..] = rest {
            let used = match (word.to_ascii_lowercase().as_slice(), behind) {
                (b"weights", _) if rescores && behind.len() >= inputs => {
                    options.weights = Some(weights(&behind[..inputs])?);
                    inputs
                }
                (b"aggregate", [how, ..]) if rescores => {
                    options.aggregate = Aggregate::read(how)?;
                    1
                }
                (b"withscores", _) if outcome == Outcome::Shown => {
                    options.with_scores = true;
                    0
                }
                (b"limit", [digits, ..]) if outcome == Outcome::Counted => {
                    options.limit = at_least(0, digits, "LIMIT can't be negative")?;
                    1
                }
                _ => return Err(Failure::Syntax),
            };
            rest = &behind[used..];
        }
        Ok(options)
    }
}

fn pairs<'m>(result: &'m [(Member<'_>, f64)]) -> impl Iterator<Item = (&'m [u8], f64)> {
    result.iter().map(|(member, score)| (&**member, *score))
}

fn weights(texts: &[&[u8]]) -> Result<Vec<f64>, Failure> {
    let refusal = Failure::Text("weight value is not a float");
    texts.iter().map(|text| float::parse(text)).collect::<Option<_>>().ok_or(refusal)
}

impl Aggregate {
    fn read(word: &[u8]) -> Result<Self, Failure> {
        match word.to_ascii_lowercase().as_slice() {
            b"sum" => Ok(Self::Sum),
            b"min" => Ok(Self::Min),
            b"max" => Ok(Self::Max),
            _ => Err(Failure::Syntax),
        }
    }

    fn apply(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => or_zero(one + other),
            Self::Min if other < one => other,
            Self::Max if other > one => other,
            Self::Min | Self::Max => one,
        }
    }
}

/// Infinities of both signs, or one of them times zero, come to nothing.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

fn union<'k>(inputs: &[Input<'k>], aggregate: Aggregate) -> HashMap<Member<'k>, f64> {
    let mut scores = HashMap::new();
    for input in inputs {
        for (member, score) in input.iter() {
            let known = scores.entry(member).and_modify(|own| *own = aggregate.apply(*own, score));
            known.or_insert(score);
        }
    }
    scores
}

fn intersection<'k>(
    inputs: &[Input<'k>],
    aggregate: Aggregate,
) -> impl Iterator<Item = (Member<'k>, f64)> {
    let first = inputs.first().into_iter().flat_map(Input::iter);
    first.filter_map(move |(member, score)| {
        let mut others = inputs.iter().skip(1);
        let score = others
            .try_fold(score, |score, other| Some(aggregate.apply(score, other.score(&member)?)))?;
        Some((member, score))
    })
}

fn difference<'k>(inputs: &[Input<'k>]) -> impl Iterator<Item = (Member<'k>, f64)> {
    let first = inputs.first().into_iter().flat_map(Input::iter);
    let is_elsewhere =
        |member: &[u8]| inputs.iter().skip(1).any(|other| other.score(member).is_some());
    first.filter(move |(member, _)| !is_elsewhere(member))
}

impl<'k> Input<'k> {
    /// All members with their weighted scores.
    fn iter(&self) -> impl Iterator<Item = (Member<'k>, f64)> + use<'k> {
        let weight = self.weight;
        self.members.iter().map(move |(member, score)| (member, or_zero(weight * score)))
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        let score = match self.members {
            Members::None => None,
            Members::Sorted(set) => set.score(member),
            Members::Plain(set) => set.contains(member).then_some(1.0),
        };
        score.map(|score| self.weight * score)
    }
}

impl<'k> Members<'k> {
    fn of(value: &'k Value) -> Option<Self> {
        match value {
            Value::SortedSet(set) => Some(Self::Sorted(set)),
            Value::Set(set) => Some(Self::Plain(set)),
            _ => None,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Sorted(set) => set.len(),
            Self::Plain(set) => set.len(),
        }
    }

    fn iter(self) -> impl Iterator<Item = (Member<'k>, f64)> + use<'k> {
        let (sorted, plain) = match self {
            Self::None => (None, None),
            Self::Sorted(set) => (Some(set), None),
            Self::Plain(set) => (None, Some(set)),
        };
        let sorted = sorted.into_iter().flat_map(SortedSet::iter).map(Entry::pair);
        let sorted = sorted.map(|(member, score)| (Member::Bytes(member), score));
        sorted.chain(plain.into_iter().flat_map(Set::iter).map(|member| (member, 1.0)))
    }
}

//! ZRANGE in all its forms, by its old names too, and ZRANGESTORE; ZCOUNT and ZLEXCOUNT.
//!
//! Owns the options and the order in which Redis checks them.
//! <https://redis.io/docs/latest/commands/zrange/>

use std::ops::Range;

use super::super::super::failure::Failure;
use super::super::super::keyspace::Deadline;
use super::super::super::value::Typed;
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::arguments::integer;
use super::super::{Call, Command};
use super::bounds::{Bounds, By};
use super::write_members;

/// What a command's name has decided already.
#[derive(Clone, Copy)]
struct Form {
    /// Argument of the key to read.
    key: usize,
    by: Option<By>,
    is_reverse: Option<bool>,
    stores: bool,
}

impl Form {
    const ZRANGE: Self = Self { key: 1, by: None, is_reverse: None, stores: false };
    const ZRANGESTORE: Self = Self { key: 2, stores: true, ..Self::ZRANGE };

    const fn old(by: By, is_reverse: bool) -> Self {
        Self { by: Some(by), is_reverse: Some(is_reverse), ..Self::ZRANGE }
    }
}

/// What is asked for, with all options read.
struct Query<'r> {
    bounds: Bounds<'r>,
    is_reverse: bool,
    with_scores: bool,
    limit: Limit,
}

/// How many of the members to leave out first, and how many to give: all where negative.
#[derive(Clone, Copy)]
struct Limit {
    offset: i64,
    count: i64,
}

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "zrange" => |call| show(call, Form::ZRANGE),
        "zrevrange" => |call| show(call, Form::old(By::Rank, true)),
        "zrangebyscore" => |call| show(call, Form::old(By::Score, false)),
        "zrevrangebyscore" => |call| show(call, Form::old(By::Score, true)),
        "zrangebylex" => |call| show(call, Form::old(By::Name, false)),
        "zrevrangebylex" => |call| show(call, Form::old(By::Name, true)),
        "zrangestore" => store,
        "zcount" => |call| count(call, By::Score),
        "zlexcount" => |call| count(call, By::Name),
        _ => return None,
    })
}

fn show(call: &mut Call<'_, '_>, form: Form) -> Result<(), Failure> {
    let query = Query::read(call, form)?;
    let protocol = call.protocol;
    let (set, out) = call.open::<SortedSet>(call.arg(form.key))?;
    let Some(set) = set else {
        write_members(out, protocol, 0, std::iter::empty(), false);
        return Ok(());
    };
    let ranks = query.ranks(set);
    let count = ranks.len();
    if query.is_reverse {
        let members = set.range_back(ranks).map(Entry::pair);
        write_members(out, protocol, count, members, query.with_scores);
    } else {
        let members = set.range(ranks).map(Entry::pair);
        write_members(out, protocol, count, members, query.with_scores);
    }
    Ok(())
}

fn store(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let query = Query::read(call, Form::ZRANGESTORE)?;
    let mut result = SortedSet::default();
    let (set, _) = call.open::<SortedSet>(call.arg(Form::ZRANGESTORE.key))?;
    if let Some(set) = set {
        let chosen = set.range(query.ranks(set));
        chosen.for_each(|entry| result.insert(&entry.member, entry.score));
    }
    let len = result.len();
    call.put(call.arg(1), result);
    call.reply_count(len)
}

fn count(call: &mut Call<'_, '_>, by: By) -> Result<(), Failure> {
    let bounds = Bounds::read(by, call.arg(2), call.arg(3))?;
    let (set, _) = call.open::<SortedSet>(call.arg(1))?;
    let count = set.map_or(0, |set| bounds.ranks(set, false).len());
    call.reply_count(count)
}

impl Call<'_, '_> {
    /// Stores a result under a key, whatever was there before; an empty one is no key.
    pub(super) fn put(&mut self, key: &[u8], set: SortedSet) {
        let now = self.now;
        if set.is_gone() {
            self.keyspace().remove(key, now);
        } else {
            self.keyspace().set(key, set.into_value(), Deadline::Clear, now);
        }
    }
}

impl<'r> Query<'r> {
    fn read(call: &Call<'_, 'r>, form: Form) -> Result<Self, Failure> {
        let mut args = call.args_from(form.key + 1);
        let (first, second) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
        let (mut by, mut is_reverse) = (form.by, form.is_reverse);
        let (mut with_scores, mut limit) = (false, None);
        while let Some(word) = args.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"withscores" if !form.stores => with_scores = true,
                b"limit" => limit = Some(Limit::read(args.next(), args.next())?),
                b"rev" if is_reverse.is_none() => is_reverse = Some(true),
                b"bylex" if by.is_none() => by = Some(By::Name),
                b"byscore" if by.is_none() => by = Some(By::Score),
                _ => return Err(Failure::Syntax),
            }
        }
        let (by, is_reverse) = (by.unwrap_or(By::Rank), is_reverse.unwrap_or(false));
        let limit = limit.unwrap_or(Limit::NONE);
        check(by, with_scores, limit)?;
        let (low, high) =
            if is_reverse && by != By::Rank { (second, first) } else { (first, second) };
        let bounds = Bounds::read(by, low, high)?;
        Ok(Self { bounds, is_reverse, with_scores, limit })
    }

    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let Range { start, end } = self.bounds.ranks(set, self.is_reverse);
        if let Bounds::Ranks(..) = self.bounds {
            return start..end;
        }
        let (skipped, taken) = self.limit.cut(end - start);
        if self.is_reverse {
            end - skipped - taken..end - skipped
        } else {
            start + skipped..start + skipped + taken
        }
    }
}

/// A limit of all members is as good as none, by rank too.
fn check(by: By, with_scores: bool, limit: Limit) -> Result<(), Failure> {
    let text = if limit.count != Limit::NONE.count && by == By::Rank {
        "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
    } else if with_scores && by == By::Name {
        "syntax error, WITHSCORES not supported in combination with BYLEX"
    } else {
        return Ok(());
    };
    Err(Failure::Text(text))
}

impl Limit {
    const NONE: Self = Self { offset: 0, count: -1 };

    fn read(offset: Option<&[u8]>, count: Option<&[u8]>) -> Result<Self, Failure> {
        let (offset, count) = offset.zip(count).ok_or(Failure::Syntax)?;
        Ok(Self { offset: integer(offset)?, count: integer(count)? })
    }

    /// Of `len` members, how many to leave out first and how many to give.
    fn cut(self, len: usize) -> (usize, usize) {
        // A negative offset never comes to its end.
        let skipped = usize::try_from(self.offset).unwrap_or(usize::MAX).min(len);
        let taken = usize::try_from(self.count).unwrap_or(usize::MAX).min(len - skipped);
        (skipped, taken)
    }
}

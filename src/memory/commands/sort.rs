//! SORT: the elements of a list, a set or a sorted set in another order, or what other keys hold for
//! them.
//!
//! Texts are compared byte by byte, as Redis does in the C locale.
//! <https://redis.io/docs/latest/commands/sort/>

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use memchr::memmem;

use crate::wire::encode;

use super::super::Now;
use super::super::failure::Failure;
use super::super::float;
use super::super::keyspace::{Deadline, Edit, Keyspace};
use super::super::value::hash::Hash;
use super::super::value::list::{End, List};
use super::super::value::sorted_set::SortedSet;
use super::super::value::{Typed, Value};
use super::arguments::integer;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "sort" => |call| sort(call, true),
        "sort_ro" => |call| sort(call, false),
        _ => return None,
    })
}

fn sort(call: &mut Call<'_, '_>, may_store: bool) -> Result<(), Failure> {
    let options = Options::read(call.args_from(2), may_store)?;
    let (key, now) = (call.arg(1), call.now);
    if matches!(call.read(key), Some(Value::SortedSet(_))) {
        // As the server does, which OBJECT ENCODING tells.
        call.change_existing(key, |set: &mut SortedSet| {
            set.unpack();
            Ok(Edit::when(false, ()))
        })?;
    }
    let keyspace = &call.state.databases[call.db];
    let source = keyspace.peek(key, now);
    let sorted = match source {
        Some(Value::String(_) | Value::Hash(_)) => return Err(Failure::WrongType),
        Some(value) => options.arrange(keyspace, value, now)?,
        None => Vec::new(),
    };
    let shown = sorted.iter().flat_map(|element| options.shown(keyspace, element, now));
    let Some(target) = options.store else {
        let count = sorted.len() * options.gets.len().max(1);
        encode::array_header(call.out, count);
        for found in shown {
            match found {
                Some(bytes) => encode::bulk(call.out, &bytes),
                None => encode::null(call.out, call.protocol),
            }
        }
        return Ok(());
    };
    let mut list = List::default();
    shown.for_each(|found| list.push(End::Right, &found.unwrap_or_default()));
    let len = list.len();
    if len == 0 {
        call.keyspace().remove(target, now);
    } else {
        call.keyspace().set(target, list.into_value(), Deadline::Clear, now);
    }
    call.reply_count(len)
}

#[derive(Default)]
struct Options<'r> {
    is_descending: bool,
    is_text: bool,
    /// Where to begin, and how many; below zero is all.
    limit: Option<(i64, i64)>,
    by: Option<&'r [u8]>,
    gets: Vec<&'r [u8]>,
    store: Option<&'r [u8]>,
}

impl<'r> Options<'r> {
    fn read(mut args: impl Iterator<Item = &'r [u8]>, may_store: bool) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(word) = args.next() {
            let mut next = || args.next().ok_or(Failure::Syntax);
            match word.to_ascii_uppercase().as_slice() {
                b"ASC" => options.is_descending = false,
                b"DESC" => options.is_descending = true,
                b"ALPHA" => options.is_text = true,
                b"LIMIT" => {
                    let (start, count) = (next()?, next()?);
                    options.limit = Some((integer(start)?, integer(count)?));
                }
                b"STORE" if may_store => options.store = Some(next()?),
                b"BY" => options.by = Some(next()?),
                b"GET" => options.gets.push(next()?),
                _ => return Err(Failure::Syntax),
            }
        }
        Ok(options)
    }

    /// A pattern that means the same for all elements asks for no order.
    fn is_unordered(&self) -> bool {
        self.by.is_some_and(|pattern| !pattern.contains(&b'*'))
    }

    /// The elements in the order that is asked for, those beyond the limit left away.
    fn arrange<'v>(
        &self,
        keyspace: &Keyspace,
        value: &'v Value,
        now: Now,
    ) -> Result<Vec<Cow<'v, [u8]>>, Failure> {
        let mut elements = elements(value);
        let range = self.range(elements.len());
        if !self.is_unordered() {
            self.order(keyspace, &mut elements, now, (self.is_text, self.by))?;
        } else if matches!(value, Value::Set(_)) && self.store.is_some() {
            // A set has no order of its own, and what is stored should not be left to chance.
            self.order(keyspace, &mut elements, now, (true, None))?;
        } else if self.is_descending && !matches!(value, Value::Set(_)) {
            elements.reverse();
        }
        elements.truncate(range.end);
        elements.drain(..range.start);
        Ok(elements)
    }

    fn range(&self, len: usize) -> Range<usize> {
        let Some((start, count)) = self.limit else { return 0..len };
        let start = usize::try_from(start.max(0)).unwrap_or(usize::MAX).min(len);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(len)
    }

    fn order(
        &self,
        keyspace: &Keyspace,
        elements: &mut Vec<Cow<'_, [u8]>>,
        now: Now,
        (is_text, by): (bool, Option<&[u8]>),
    ) -> Result<(), Failure> {
        let weight = |element: &[u8]| {
            let found = match by {
                Some(pattern) => look_up(keyspace, pattern, element, now),
                None => Some(element.to_vec()),
            };
            if is_text { Ok(Weight::Text(found)) } else { Weight::number(found) }
        };
        let mut weighed = Vec::with_capacity(elements.len());
        for element in elements.drain(..) {
            weighed.push((weight(&element)?, element));
        }
        weighed.sort_by(|one, other| {
            let order = one.0.compare(&other.0, || one.1.cmp(&other.1));
            if self.is_descending { order.reverse() } else { order }
        });
        elements.extend(weighed.into_iter().map(|(_, element)| element));
        Ok(())
    }

    /// What is shown for an element: itself, or what each GET finds for it.
    fn shown<'s>(
        &'s self,
        keyspace: &'s Keyspace,
        element: &'s [u8],
        now: Now,
    ) -> impl Iterator<Item = Option<Cow<'s, [u8]>>> {
        let itself = self.gets.is_empty().then_some(Some(Cow::Borrowed(element)));
        let found = self.gets.iter().map(move |pattern| match *pattern {
            b"#" => Some(Cow::Borrowed(element)),
            pattern => look_up(keyspace, pattern, element, now).map(Cow::Owned),
        });
        itself.into_iter().chain(found)
    }
}

/// What an element is ordered by.
enum Weight {
    /// A key that is not there weighs nothing.
    Number(f64),
    Text(Option<Vec<u8>>),
}

impl Weight {
    fn number(found: Option<Vec<u8>>) -> Result<Self, Failure> {
        const NO_NUMBER: Failure =
            Failure::Text("One or more scores can't be converted into double");
        let number = found.map_or(Some(0.0), |text| float::parse_weight(&text));
        number.map(Self::Number).ok_or(NO_NUMBER)
    }

    fn compare(&self, other: &Self, tie: impl FnOnce() -> Ordering) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => {
                one.partial_cmp(other).unwrap_or(Ordering::Equal).then_with(tie)
            }
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => Ordering::Equal,
        }
    }
}

/// In their own order, where they have one.
fn elements(value: &Value) -> Vec<Cow<'_, [u8]>> {
    match value {
        Value::List(list) => list.range(0..list.len()).map(Cow::Borrowed).collect(),
        Value::Set(set) => set.iter().map(|member| Cow::Owned(member.to_vec())).collect(),
        Value::SortedSet(set) => set.iter().map(|entry| Cow::Borrowed(&*entry.member)).collect(),
        Value::String(_) | Value::Hash(_) => Vec::new(),
    }
}

/// The string under the key that `pattern` means with `element` in the place of its first star, or
/// in a field of that key's hash (`key_*->field`).
fn look_up(keyspace: &Keyspace, pattern: &[u8], element: &[u8], now: Now) -> Option<Vec<u8>> {
    let star = memchr::memchr(b'*', pattern)?;
    let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = memmem::find(behind, b"->").filter(|at| at + 2 < behind.len());
    let (behind, field) = match arrow {
        Some(at) => (&behind[..at], Some(&behind[at + 2..])),
        None => (behind, None),
    };
    let value = keyspace.peek(&[before, element, behind].concat(), now)?;
    match field {
        Some(field) => Hash::of(value)?.get(field).map(<[u8]>::to_vec),
        None => <Vec<u8>>::of(value).cloned(),
    }
}

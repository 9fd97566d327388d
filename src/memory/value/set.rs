//! Members, each once.
//!
//! Three forms, each left for good when it no longer fits. Integers alone, at most [`MOST_INTEGERS`]:
//! sorted, 8 bytes each; Redis calls it intset. Few and short: packed. Else a table. Redis 7.0 calls
//! the latter two hashtable.

use std::hash::{Hash, Hasher};

use super::packed::{LONGEST, MOST, Packed};
use super::table::Table;
use super::{Typed, Value, block};
use crate::memory::integer::{self, Digits};
use crate::memory::scan;

/// As many integers as Redis keeps in an intset.
const MOST_INTEGERS: usize = 512;

/// The value under a key of type set.
#[derive(Clone, Debug)]
pub(in super::super) struct Set(Form);

#[derive(Clone, Debug)]
enum Form {
    Integers(Vec<i64>),
    Packed(Packed),
    Table(Table<()>),
}

/// A member's bytes.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Member<'a> {
    Integer(Digits),
    Bytes(&'a [u8]),
}

impl std::ops::Deref for Member<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Integer(digits) => digits,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Members are the same whose bytes are.
impl PartialEq for Member<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Member<'_> {}

impl Hash for Member<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Set {
    /// As OBJECT ENCODING names it.
    pub(in super::super) fn encoding(&self) -> &'static str {
        match self.0 {
            Form::Integers(_) => "intset",
            Form::Packed(_) | Form::Table(_) => "hashtable",
        }
    }

    pub(in super::super) fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Packed(packed) => packed.len(),
            Form::Table(table) => table.len(),
        }
    }

    pub(in super::super) fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Integers(integers) => {
                integer::parse(member).is_some_and(|number| integers.binary_search(&number).is_ok())
            }
            Form::Packed(packed) => packed.find(member, 1).is_some(),
            Form::Table(table) => table.get(member).is_some(),
        }
    }

    /// Whether the member is new.
    pub(in super::super) fn insert(&mut self, member: &[u8]) -> bool {
        if matches!(self.0, Form::Integers(_)) && integer::parse(member).is_none() {
            self.leave_integers(member.len());
        }
        if matches!(self.0, Form::Packed(_)) && member.len() > LONGEST {
            self.unpack();
        }
        match &mut self.0 {
            Form::Integers(integers) => {
                let Some(number) = integer::parse(member) else { return false };
                let Err(at) = integers.binary_search(&number) else { return false };
                integers.insert(at, number);
                if integers.len() > MOST_INTEGERS {
                    self.leave_integers(0);
                }
                true
            }
            Form::Packed(packed) => {
                if packed.find(member, 1).is_some() {
                    return false;
                }
                packed.push(member);
                if packed.len() > MOST {
                    self.unpack();
                }
                true
            }
            Form::Table(table) => table.get(member).is_none() && table.insert(member, ()),
        }
    }

    /// Whether there was such a member.
    pub(in super::super) fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => {
                let number = integer::parse(member);
                let found = number.and_then(|number| integers.binary_search(&number).ok());
                found.map(|at| integers.remove(at)).is_some()
            }
            Form::Packed(packed) => {
                let found = packed.find(member, 1);
                found.inspect(|&at| packed.remove(at, 1)).is_some()
            }
            Form::Table(table) => table.remove(member),
        }
    }

    /// The member at an index below [`Set::len`]; which one that is says nothing.
    pub(in super::super) fn at(&self, index: usize) -> Option<Member<'_>> {
        match &self.0 {
            Form::Integers(integers) => {
                integers.get(index).map(|&number| Member::Integer(Digits::of(number)))
            }
            Form::Packed(packed) => packed.iter().nth(index).map(Member::Bytes),
            Form::Table(table) => table.at(index).map(|(member, ())| Member::Bytes(member)),
        }
    }

    /// All members, in no order that a caller may rely on.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        let (integers, packed, table) = match &self.0 {
            Form::Integers(integers) => (Some(integers.iter()), None, None),
            Form::Packed(packed) => (None, Some(packed.iter()), None),
            Form::Table(table) => (None, None, Some(table.iter())),
        };
        let integers = integers.into_iter().flatten();
        let packed = packed.into_iter().flatten();
        let table = table.into_iter().flatten().map(|(member, ())| member);
        integers
            .map(|&number| Member::Integer(Digits::of(number)))
            .chain(packed.chain(table).map(Member::Bytes))
    }

    /// The members that a call of SSCAN returns, and the next cursor: all at once in the small forms.
    pub(in super::super) fn scan(&self, cursor: u64, count: usize) -> (Vec<Member<'_>>, u64) {
        let Form::Table(table) = &self.0 else { return (self.iter().collect(), 0) };
        let (range, next) = scan::step(table.len(), cursor, count);
        (range.filter_map(|index| self.at(index)).collect(), next)
    }

    /// To the form for what is not all integers, with room for a member of `length` bytes.
    fn leave_integers(&mut self, length: usize) {
        let Form::Integers(integers) = &self.0 else { return };
        let mut packed = Packed::default();
        integers.iter().for_each(|&number| packed.push(&Digits::of(number)));
        self.0 = Form::Packed(packed);
        if self.len() >= MOST || length > LONGEST {
            self.unpack();
        }
    }

    fn unpack(&mut self) {
        let Form::Packed(packed) = &self.0 else { return };
        let mut table = Table::default();
        for member in packed.iter() {
            table.insert(member, ());
        }
        self.0 = Form::Table(table);
    }
}

impl Default for Set {
    fn default() -> Self {
        Self(Form::Integers(Vec::new()))
    }
}

impl Typed for Set {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }

    fn into_value(self) -> Value {
        Value::Set(Box::new(self))
    }

    fn bytes(&self) -> usize {
        block(size_of::<Self>())
            + match &self.0 {
                Form::Integers(integers) => block(integers.capacity() * size_of::<i64>()),
                Form::Packed(packed) => block(packed.capacity()),
                Form::Table(table) => table.bytes(),
            }
    }

    fn is_gone(&self) -> bool {
        self.len() == 0
    }
}

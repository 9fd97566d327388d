//! Fields with a value each.
//!
//! Packed while it has at most [`MOST`] fields and none that is longer than [`LONGEST`]; then a table
//! for good. Redis packs up to [`MOST_IN_REDIS`], which is what OBJECT ENCODING tells; a walk over so
//! many would be slow.

use super::packed::{LONGEST, MOST, Packed};
use super::table::Table;
use super::{Typed, Value, block};
use crate::memory::scan;

/// As many fields as Redis keeps in a listpack.
const MOST_IN_REDIS: usize = 512;

/// A field and its value.
pub(in super::super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// The value under a key of type hash.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Hash {
    form: Form,
    /// Redis would not pack it any more.
    is_large: bool,
}

#[derive(Clone, Debug)]
enum Form {
    /// Field, value, field, value.
    Packed(Packed),
    Table(Table<Box<[u8]>>),
}

impl Hash {
    /// As OBJECT ENCODING names it.
    pub(in super::super) fn encoding(&self) -> &'static str {
        if self.is_large { "hashtable" } else { "listpack" }
    }

    pub(in super::super) fn len(&self) -> usize {
        match &self.form {
            Form::Packed(packed) => packed.len() / 2,
            Form::Table(table) => table.len(),
        }
    }

    pub(in super::super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.form {
            Form::Packed(packed) => packed.from(packed.find(field, 2)?).nth(1),
            Form::Table(table) => table.get(field).map(|value| &**value),
        }
    }

    /// Whether the field is new.
    pub(in super::super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        if field.len().max(value.len()) > LONGEST {
            self.is_large = true;
            self.unpack();
        }
        let is_new = match &mut self.form {
            Form::Packed(packed) => match packed.find(field, 2) {
                Some(at) => {
                    packed.replace_second(at, value);
                    false
                }
                None => {
                    packed.push(field);
                    packed.push(value);
                    true
                }
            },
            Form::Table(table) => table.insert(field, Box::from(value)),
        };
        if is_new && self.len() > MOST {
            self.unpack();
            self.is_large |= self.len() > MOST_IN_REDIS;
        }
        is_new
    }

    /// Whether there was such a field.
    pub(in super::super) fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Packed(packed) => {
                let found = packed.find(field, 2);
                found.inspect(|&at| packed.remove(at, 2)).is_some()
            }
            Form::Table(table) => table.remove(field),
        }
    }

    /// All fields and their values, in no order that a caller may rely on.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (packed, table) = match &self.form {
            Form::Packed(packed) => (Some(packed.pairs()), None),
            Form::Table(table) => (None, Some(table.iter())),
        };
        let table = table.into_iter().flatten().map(|(field, value)| (field, &**value));
        packed.into_iter().flatten().chain(table)
    }

    /// The field at an index below [`Hash::len`], and its value; which one that is says nothing.
    pub(in super::super) fn at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        match &self.form {
            Form::Packed(packed) => packed.pairs().nth(index),
            Form::Table(table) => table.at(index).map(|(field, value)| (field, &**value)),
        }
    }

    /// What a call of HSCAN returns, and the next cursor: all at once in the small form.
    pub(in super::super) fn scan(&self, cursor: u64, count: usize) -> (Vec<Pair<'_>>, u64) {
        let Form::Table(table) = &self.form else { return (self.iter().collect(), 0) };
        let (range, next) = scan::step(table.len(), cursor, count);
        (range.filter_map(|index| self.at(index)).collect(), next)
    }

    fn unpack(&mut self) {
        let Form::Packed(packed) = &self.form else { return };
        let mut table = Table::default();
        for (field, value) in packed.pairs() {
            table.insert(field, Box::from(value));
        }
        self.form = Form::Table(table);
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Typed for Hash {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn into_value(self) -> Value {
        Value::Hash(Box::new(self))
    }

    fn bytes(&self) -> usize {
        block(size_of::<Self>())
            + match &self.form {
                Form::Packed(packed) => block(packed.capacity()),
                Form::Table(table) => table.bytes(),
            }
    }

    fn is_gone(&self) -> bool {
        self.len() == 0
    }
}

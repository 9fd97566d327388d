//! Fields with a value each.
//!
//! Packed while it has at most [`MOST`] fields and none that is longer than [`LONGEST`], as in Redis;
//! then a table for good. OBJECT ENCODING tells the one from the other.

use super::packed::{LONGEST, MOST, Packed};
use super::table::Table;
use super::{Typed, Value, block};

/// The value under a key of type hash.
#[derive(Clone, Debug)]
pub(in super::super) struct Hash(Form);

#[derive(Clone, Debug)]
enum Form {
    /// Field, value, field, value.
    Packed(Packed),
    Table(Table<Box<[u8]>>),
}

impl Hash {
    pub(in super::super) fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len() / 2,
            Form::Table(table) => table.len(),
        }
    }

    pub(in super::super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Form::Packed(packed) => packed.from(packed.find(field, 2)?).nth(1),
            Form::Table(table) => table.get(field).map(|value| &**value),
        }
    }

    /// Whether the field is new.
    pub(in super::super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        if field.len().max(value.len()) > LONGEST {
            self.unpack();
        }
        let is_new = match &mut self.0 {
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
        }
        is_new
    }

    /// Whether there was such a field.
    pub(in super::super) fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Form::Packed(packed) => {
                let found = packed.find(field, 2);
                found.inspect(|&at| packed.remove(at, 2)).is_some()
            }
            Form::Table(table) => table.remove(field),
        }
    }

    /// All fields and their values, in no order that a caller may rely on.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (packed, table) = match &self.0 {
            Form::Packed(packed) => (Some(packed.pairs()), None),
            Form::Table(table) => (None, Some(table.iter())),
        };
        let table = table.into_iter().flatten().map(|(field, value)| (field, &**value));
        packed.into_iter().flatten().chain(table)
    }

    fn unpack(&mut self) {
        let Form::Packed(packed) = &self.0 else { return };
        let mut table = Table::default();
        for (field, value) in packed.pairs() {
            table.insert(field, Box::from(value));
        }
        self.0 = Form::Table(table);
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self(Form::Packed(Packed::default()))
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
            + match &self.0 {
                Form::Packed(packed) => block(packed.capacity()),
                Form::Table(table) => table.bytes(),
            }
    }

    fn is_gone(&self) -> bool {
        self.len() == 0
    }
}

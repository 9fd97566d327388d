//! What a key can hold.
//!
//! A value knows its type's name and how many bytes it takes; it knows nothing of its key.

/// The value of one key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Any bytes. Integers are kept as the digits that Redis would show.
    String(Vec<u8>),
}

impl Value {
    /// A string that holds these bytes and no spare room.
    pub(super) fn string(bytes: &[u8]) -> Self {
        Self::String(bytes.to_vec())
    }

    /// The type's name, as TYPE answers it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
        }
    }

    /// The bytes that the value takes beside its slot in the keyspace, spare room included.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::String(bytes) => bytes.capacity(),
        }
    }
}

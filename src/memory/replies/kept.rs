//! A reply that is kept, the question that it answers, and when it does.
//!
//! A reply is found by the whole of its command: the hash only leads to it.

/// What a reply takes beside its bytes: its place in a vector, and what the allocator adds.
const REPLY_COST: usize = size_of::<Kept>() + 32;

/// A reply that is kept.
pub(super) struct Kept {
    pub(super) question: u64,
    pub(super) db: u32,
    /// Bit 0 for RESP2, bit 1 for RESP3.
    pub(super) protocols: u8,
    /// When it was asked for, in milliseconds since the cache was made.
    pub(super) at: u64,
    /// Somebody asked for it; else it is what was set.
    pub(super) was_read: bool,
    pub(super) name: &'static str,
    /// The command behind its name, and from `split` on the reply.
    pub(super) bytes: Box<[u8]>,
    pub(super) split: usize,
    /// The other keys that it was read from, and their records' numbers.
    pub(super) others: Box<[(u64, u64)]>,
}

/// What is looked for.
pub(super) struct Question<'a> {
    pub(super) question: u64,
    pub(super) db: u32,
    pub(super) protocols: u8,
    pub(super) name: &'static str,
    pub(super) tail: &'a [u8],
}

/// What was found: the reply, when it was asked for, and what else must hold.
pub(super) struct Found {
    pub(super) reply: Vec<u8>,
    pub(super) at: u64,
    pub(super) others: Box<[(u64, u64)]>,
}

impl Kept {
    pub(super) fn cost(&self) -> usize {
        REPLY_COST + self.bytes.len() + self.others.len() * size_of::<(u64, u64)>()
    }

    pub(super) fn answers(&self, question: &Question<'_>) -> bool {
        self.question == question.question
            && self.db == question.db
            && self.protocols & question.protocols != 0
            && self.name == question.name
            && self.bytes[..self.split] == *question.tail
    }

    pub(super) fn is_same_question(&self, other: &Self) -> bool {
        self.question == other.question
            && self.db == other.db
            && self.protocols & other.protocols != 0
            && self.name == other.name
            && self.bytes[..self.split] == other.bytes[..other.split]
    }
}

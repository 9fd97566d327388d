//! Where the keys of a command are: the key specs of the table, and their places in a concrete
//! command.
//!
//! Commands with options are read as the server reads them, option by option: a key that is
//! called like a keyword can't hide another. What can't be read is an error, never a guess, so
//! that a namespace can fail closed. Nothing is allocated.
//! <https://redis.io/docs/latest/develop/reference/key-specs/>

mod access;
mod options;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use access::Access;
pub use options::{asks_to_block, patterns};

use super::spec::Spec;

/// A command as its arguments, the name first.
pub trait Args {
    /// How many there are, the name included.
    fn argc(&self) -> usize;
    /// The one at this place.
    fn arg(&self, index: usize) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]>> Args for [T] {
    fn argc(&self) -> usize {
        self.len()
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

impl Args for crate::wire::decode::Request<'_> {
    fn argc(&self) -> usize {
        Self::argc(self)
    }

    fn arg(&self, index: usize) -> Option<&[u8]> {
        Self::arg(self, index)
    }
}

/// One key spec of a command: where some of its keys are, and what it does to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What the command does to these keys.
    pub access: Access,
    /// Where the search begins.
    pub begin: Begin,
    /// What is found from there.
    pub find: Find,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(i16),
    /// After this word, looked for from an argument on; from the end backwards when negative.
    Keyword(&'static str, i16),
    /// No spec can say it.
    Unknown,
}

/// Which arguments are keys, counted from where the search began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Every `step`th up to `last`; negative counts from the end. A `limit` of 2 takes the first
    /// half of what is there, 3 the first third.
    Range {
        /// The last key, counted from the first; negative from the end of the command.
        last: i16,
        /// From one key to the next.
        step: i16,
        /// How many parts the rest has, 0 or 1 for one.
        limit: i16,
    },
    /// As many as an argument says.
    Count {
        /// Where the number of keys is.
        number: i16,
        /// Where the first key is.
        first: i16,
        /// From one key to the next.
        step: i16,
    },
    /// No spec can say it.
    Unknown,
}

/// Why the keys of a command can't be told. A server refuses such a command, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeysError {
    /// Not the number of arguments that the command has.
    #[error("wrong number of arguments for {0}")]
    Arity(&'static str),
    /// Its number of keys is no number, or not that of the arguments.
    #[error("invalid number of keys for {0}")]
    Count(&'static str),
    /// An option that the command doesn't have.
    #[error("syntax error in the options of {0}")]
    Option(&'static str),
    /// A subcommand that the container doesn't have.
    #[error("unknown subcommand of {0}")]
    Subcommand(&'static str),
}

/// The place of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which argument it is, the command's name being 0.
    pub index: usize,
    /// What the command does to it.
    pub access: Access,
}

/// The key positions of one command, in the order of its key specs. Costs no allocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    spans: [Span; SPANS],
    used: usize,
}

/// GEORADIUS has the most: its key, STORE and STOREDIST.
const SPANS: usize = 3;

/// Keys at equal distances; `start == end` for none.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    end: usize,
    step: usize,
    access: Access,
}

/// Every key of the command `args`, whose spec is `spec` (a container finds its subcommand by
/// itself). Channels are no keys. SORT's BY and GET are [`patterns`].
///
/// # Errors
/// The command is malformed in a way that hides its keys; the server would refuse it.
pub fn positions<A: Args + ?Sized>(spec: &Spec, args: &A) -> Result<Keys, KeysError> {
    let spec = match args.arg(1) {
        Some(name) if spec.is_container() => {
            spec.subcommand(name).ok_or(KeysError::Subcommand(spec.name))?
        }
        _ => spec,
    };
    if !spec.fits(args.argc()) {
        return Err(KeysError::Arity(spec.name));
    }
    options::keys(spec, args).unwrap_or_else(|| plain(spec, args))
}

/// The keys of a command whose specs say it all.
fn plain<A: Args + ?Sized>(spec: &Spec, args: &A) -> Result<Keys, KeysError> {
    let mut keys = Keys::default();
    for key in spec.keys.iter().filter(|key| !key.access.contains(Access::NOT_KEY)) {
        keys.push(key.span(spec, args)?);
    }
    Ok(keys)
}

impl Keys {
    /// The positions, in the order of the key specs.
    pub fn iter(&self) -> impl Iterator<Item = Position> + '_ {
        self.spans.iter().take(self.used).flat_map(|span| {
            let access = span.access;
            (span.start..span.end).step_by(span.step).map(move |index| Position { index, access })
        })
    }

    /// The keys themselves, in the order of the arguments; in one pass over them.
    pub fn of<'a>(
        &self,
        request: &crate::wire::decode::Request<'a>,
    ) -> impl Iterator<Item = &'a [u8]> {
        let keys = *self;
        request.args().enumerate().filter(move |(index, _)| keys.has(*index)).map(|(_, arg)| arg)
    }

    /// Whether the argument at this place is a key.
    #[inline]
    pub fn has(&self, index: usize) -> bool {
        self.spans.iter().take(self.used).any(|span| span.has(index))
    }

    /// What the command does to the key at this place; `None` where there is none.
    #[inline]
    pub fn access(&self, index: usize) -> Option<Access> {
        let holds = |span: &&Span| {
            (span.start..span.end).contains(&index)
                && (index - span.start).is_multiple_of(span.step)
        };
        self.spans.iter().take(self.used).find(holds).map(|span| span.access)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        let count = |span: &Span| (span.end - span.start).div_ceil(span.step);
        self.spans.iter().take(self.used).map(count).sum()
    }

    /// Whether the command names no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&mut self, span: Span) {
        if let Some(free) = self.spans.get_mut(self.used) {
            *free = span;
            self.used += 1;
        }
    }
}

impl Span {
    fn one(index: usize, access: Access) -> Self {
        Self { start: index, end: index + 1, step: 1, access }
    }

    fn has(&self, index: usize) -> bool {
        (self.start..self.end).contains(&index) && (index - self.start).is_multiple_of(self.step)
    }
}

impl KeySpec {
    fn span<A: Args + ?Sized>(&self, spec: &Spec, args: &A) -> Result<Span, KeysError> {
        let Begin::Index(begin) = self.begin else { return Err(KeysError::Option(spec.name)) };
        let begin = usize::from(begin.unsigned_abs());
        let (start, end, step) = match self.find {
            Find::Range { last, step, .. } => (begin, range_end(begin, last, args.argc()), step),
            Find::Count { number, first, step } => {
                let number = args.arg(begin + usize::from(number.unsigned_abs()));
                let count = number.and_then(parse_count).ok_or(KeysError::Count(spec.name))?;
                let start = begin + usize::from(first.unsigned_abs());
                (start, start + count, step)
            }
            Find::Unknown => return Err(KeysError::Option(spec.name)),
        };
        // PFMERGE may well have no source: an empty range is none of our business.
        if start > end || end > args.argc() {
            return Err(KeysError::Count(spec.name));
        }
        Ok(Span { start, end, step: usize::from(step.unsigned_abs()), access: self.access })
    }
}

/// One past the last key of a range that begins at `begin`.
fn range_end(begin: usize, last: i16, argc: usize) -> usize {
    let distance = usize::from(last.unsigned_abs());
    if last < 0 { (argc + 1).saturating_sub(distance) } else { begin + distance + 1 }
}

/// A number of keys as the server reads it: digits alone, no sign, no leading zero.
fn parse_count(text: &[u8]) -> Option<usize> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= 9 => text.iter().try_fold(0, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + usize::from(digit - b'0'))
        }),
        _ => None,
    }
}

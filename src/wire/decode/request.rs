//! A request as the client sent it, seen and never rebuilt: its bytes are what goes upstream.
//! Only its extent and its name are kept; other arguments are read again by who asks for them.
//! Invariant: the bytes are exactly one well-formed multibulk request of at least one argument.

use super::super::number;
use super::{Decoded, Decoder, Limits};

/// One whole multibulk request within a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    bytes: &'a [u8],
    argc: usize,
    name_at: usize,
    name_len: usize,
}

impl<'a> Request<'a> {
    #[inline(always)]
    pub(super) fn new(
        input: &'a [u8],
        end: usize,
        argc: usize,
        name_at: usize,
        name_len: usize,
    ) -> Self {
        Self { bytes: input.get(..end).unwrap_or_default(), argc, name_at, name_len }
    }

    /// Reads a frame that is known to be whole, as [`Decoded::Inline`] holds. `None` where it is not exactly one
    /// request. Bounded by the frame's own length alone.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let limits = Limits {
            max_arguments: frame.len(),
            max_bulk: frame.len(),
            max_request: frame.len(),
            max_inline: frame.len(),
            unauthenticated: false,
        };
        match Decoder::new().decode(frame, &limits) {
            Ok(Decoded::Request(request)) if request.bytes.len() == frame.len() => Some(request),
            _ => None,
        }
    }

    /// The same command in `frame`, which has as many arguments, with the same name in the same place.
    #[must_use]
    pub fn within<'b>(&self, frame: &'b [u8]) -> Request<'b> {
        Request { bytes: frame, ..*self }
    }

    /// The whole frame, as the client sent it.
    #[inline]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many arguments, the name included: at least 1.
    #[inline]
    pub const fn argc(&self) -> usize {
        self.argc
    }

    /// Argument 0, in the client's spelling. Costs no second parse.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.bytes.get(self.name_at..self.name_at + self.name_len).unwrap_or_default()
    }

    /// Argument `index`, the name being 0. Reads over the arguments before it.
    #[inline]
    pub fn arg(&self, index: usize) -> Option<&'a [u8]> {
        match index.checked_sub(1) {
            None => Some(self.name()),
            Some(behind_name) => self.behind_name().nth(behind_name),
        }
    }

    /// All arguments, from the name on.
    #[inline]
    pub fn args(&self) -> Args<'a> {
        // The name's own line is what stands between the first line and the name.
        let first_line = memchr::memchr(b'\n', self.bytes).map_or(self.bytes.len(), |end| end + 1);
        Args { rest: self.bytes.get(first_line..).unwrap_or_default(), left: self.argc }
    }

    #[inline]
    fn behind_name(&self) -> Args<'a> {
        let start = self.name_at + self.name_len + 2;
        Args { rest: self.bytes.get(start..).unwrap_or_default(), left: self.argc - 1 }
    }
}

/// The arguments of a [`Request`], in order.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Args<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (length, start) = number::short(self.rest, 1).or_else(|| long_length(self.rest))?;
        let argument = self.rest.get(start..start + length)?;
        self.rest = self.rest.get(start + length + 2..)?;
        Some(argument)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Args<'_> {}

#[cold]
fn long_length(line: &[u8]) -> Option<(usize, usize)> {
    let end = memchr::memchr(b'\r', line)?;
    let length = number::parse(line.get(1..end)?)?;
    Some((usize::try_from(length).ok()?, end + 2))
}

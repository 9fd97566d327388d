//! Requests from a client, found in a buffer that starts at the first byte of the request under way and grows.
//! The decoder remembers how far it got, so a request in a thousand pieces still costs one pass.
//! Refuses what Redis 7.0 refuses, in its words, and besides: a bulk or a length line that is not closed by CRLF
//! (Redis skips those two bytes unread; a forwarder that guesses there could lose its place among the frames), and
//! what exceeds [`Limits`]. Invariant: nothing is allocated from a declared length.

mod inline;
mod request;
#[cfg(test)]
mod tests;

use memchr::memchr;

use super::number;
pub use request::{Args, Request};

/// The most that one request may ask of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arguments of one request, its name included.
    pub max_arguments: usize,
    /// Bytes of one argument.
    pub max_bulk: usize,
    /// Bytes of a whole request as sent, length lines included.
    pub max_request: usize,
    /// Bytes of an inline request, or of a length line, before its end must have come.
    pub max_inline: usize,
    /// Whether the limits stand because the client has yet to authenticate: it is then told so.
    pub unauthenticated: bool,
}

impl Limits {
    /// What Redis takes by default from a client that it knows, with the sum bounded as its query buffer is.
    pub const DEFAULT: Self = Self {
        max_arguments: 1024 * 1024,
        max_bulk: 512 * 1024 * 1024,
        max_request: 1024 * 1024 * 1024,
        max_inline: 64 * 1024,
        unauthenticated: false,
    };

    /// What Redis takes before AUTH where a password is set: 10 arguments of 16 KiB.
    pub const UNAUTHENTICATED: Self = Self {
        max_arguments: 10,
        max_bulk: 16 * 1024,
        max_request: 256 * 1024,
        max_inline: 64 * 1024,
        unauthenticated: true,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a client's bytes are no request. After it the connection must be closed: where the next request would
/// begin is unknown. The text is what Redis 7.0 sends after `-ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// `*` is not followed by a number, or by one beyond the limit.
    #[error("Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// More arguments than a client may send before AUTH.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// An argument does not begin with `$`. Holds the byte that stood there (shown as a blank where it would
    /// break the line).
    #[error("Protocol error: expected '$', got '{}'", printable(*.0))]
    ExpectedBulk(u8),
    /// `$` is not followed by a number, or by one beyond the limit; or the argument is not closed by CRLF.
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// A longer argument than a client may send before AUTH.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// The line of `*` does not end.
    #[error("Protocol error: too big mbulk count string")]
    MultibulkLineTooLong,
    /// The line of `$` does not end.
    #[error("Protocol error: too big bulk count string")]
    BulkLineTooLong,
    /// An inline request does not end.
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    /// A quote in an inline request is not closed, or is closed amid a word.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// The arguments fit one by one but not together. The text is ours: Redis closes without a word.
    #[error("Protocol error: too big request")]
    RequestTooLarge,
    /// A web browser was made to talk to us. To be closed without a reply, as Redis does, and to be logged.
    #[error("possible cross-protocol attack: HTTP on a Redis port")]
    HttpRequest,
}

fn printable(byte: u8) -> char {
    if matches!(byte, b'\r' | b'\n') { ' ' } else { char::from(byte) }
}

/// What the input begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole multibulk request.
    Request(Request<'a>),
    /// A whole inline request (redis-cli, telnet, health checks).
    Inline {
        /// Bytes of input that it took.
        consumed: usize,
        /// The same request as multibulk, to be read with [`Request::parse`].
        encoded: Vec<u8>,
    },
    /// Nothing to do and nothing to answer: `*0`, `*-1` or an empty line.
    Empty {
        /// Bytes of input to skip.
        consumed: usize,
    },
    /// The request has not arrived whole.
    Incomplete,
}

/// Finds requests; one per client. See the module for the contract on its input.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// Where the line under way begins.
    line: usize,
    /// Bytes of that line known not to hold its end.
    searched: usize,
    /// Where the bulk under way ends, CRLF included; 0 within a line.
    bulk_end: usize,
    /// Arguments declared, and how many of them are still to come: 0 before the first line is read.
    argc: usize,
    remaining: usize,
    name_at: usize,
    name_len: usize,
}

impl Decoder {
    /// A decoder at the start of a request.
    pub const fn new() -> Self {
        Self { line: 0, searched: 0, bulk_end: 0, argc: 0, remaining: 0, name_at: 0, name_len: 0 }
    }

    /// The length that the input must have before another `decode` gets any further; 0 where that is unknown.
    /// Declared by the client and only bounded by [`Limits`]: never reserve it unbounded.
    pub const fn progress(&self) -> usize {
        self.bulk_end
    }

    /// Reads on. `input` must begin where it began when the last answer was [`Decoded::Incomplete`], and hold at
    /// least what it held then; after every other answer, it begins behind what was consumed.
    ///
    /// # Errors
    /// The bytes are no request, or one beyond `limits`.
    #[inline]
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, ProtocolError> {
        if input.len() < self.bulk_end {
            return Ok(Decoded::Incomplete);
        }
        let mut state = std::mem::take(self);
        let decoded = state.advance(input, limits);
        if matches!(decoded, Ok(Decoded::Incomplete)) {
            *self = state;
        }
        decoded
    }

    #[inline(always)]
    fn advance<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, ProtocolError> {
        if self.remaining == 0 {
            match input.first() {
                Some(b'*') => {}
                Some(_) => return self.inline(input, limits),
                None => return Ok(Decoded::Incomplete),
            }
            let Some((count, next)) = self.count(input, limits)? else {
                return Ok(Decoded::Incomplete);
            };
            if count == 0 {
                return Ok(Decoded::Empty { consumed: next });
            }
            (self.argc, self.remaining, self.line) = (count, count, next);
            self.searched = 0;
        }
        while self.remaining > 0 {
            if self.bulk_end == 0 && !self.begin_bulk(input, limits)? {
                return Ok(Decoded::Incomplete);
            }
            match input.get(self.bulk_end - 2..self.bulk_end) {
                Some(b"\r\n") => {}
                Some(_) => return Err(ProtocolError::InvalidBulkLength),
                None => return Ok(Decoded::Incomplete),
            }
            (self.line, self.bulk_end) = (self.bulk_end, 0);
            self.remaining -= 1;
        }
        let request = Request::new(input, self.line, self.argc, self.name_at, self.name_len);
        if is_http(request.name()) {
            return Err(ProtocolError::HttpRequest);
        }
        Ok(Decoded::Request(request))
    }

    /// Reads the line of `*`: the arguments to come, and where the first begins.
    #[inline(always)]
    fn count(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let (count, next) = match number::short(input, 1) {
            Some(found) => found,
            None => match self.careful_count(input, limits)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        if count > limits.max_arguments {
            let declared = limits.unauthenticated && i32::try_from(count).is_ok();
            return Err(if declared {
                ProtocolError::UnauthenticatedMultibulkLength
            } else {
                ProtocolError::InvalidMultibulkLength
            });
        }
        Ok(Some((count, next)))
    }

    #[cold]
    fn careful_count(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some(end) = self.line_end(input, limits, ProtocolError::MultibulkLineTooLong)? else {
            return Ok(None);
        };
        let value = closed_number(input, 1, end).ok_or(ProtocolError::InvalidMultibulkLength)?;
        // A negative count is an empty request to Redis.
        let count = usize::try_from(value.max(0)).unwrap_or(usize::MAX);
        Ok(Some((count, end + 2)))
    }

    /// Reads the line of `$`; false where it has not arrived whole.
    #[inline(always)]
    fn begin_bulk(&mut self, input: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let found = match input.get(self.line) {
            Some(b'$') => number::short(input, self.line + 1),
            _ => None,
        };
        let (length, start) = match found {
            Some(found) => found,
            None => match self.careful_length(input, limits)? {
                Some(found) => found,
                None => return Ok(false),
            },
        };
        if length > limits.max_bulk {
            let declared = limits.unauthenticated && length <= Limits::DEFAULT.max_bulk;
            return Err(if declared {
                ProtocolError::UnauthenticatedBulkLength
            } else {
                ProtocolError::InvalidBulkLength
            });
        }
        let end = start.saturating_add(length).saturating_add(2);
        if end > limits.max_request {
            return Err(ProtocolError::RequestTooLarge);
        }
        if self.remaining == self.argc {
            (self.name_at, self.name_len) = (start, length);
        }
        (self.bulk_end, self.searched) = (end, 0);
        Ok(true)
    }

    #[cold]
    fn careful_length(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some(end) = self.line_end(input, limits, ProtocolError::BulkLineTooLong)? else {
            return Ok(None);
        };
        match input.get(self.line) {
            Some(b'$') => {}
            other => return Err(ProtocolError::ExpectedBulk(other.copied().unwrap_or_default())),
        }
        let length = closed_number(input, self.line + 1, end)
            .and_then(|value| usize::try_from(value).ok())
            .ok_or(ProtocolError::InvalidBulkLength)?;
        Ok(Some((length, end + 2)))
    }

    /// Where the CR of the line under way is, once the byte behind it has arrived too: Redis judges a line, and
    /// even its first byte, no earlier.
    fn line_end(
        &mut self,
        input: &[u8],
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let from = self.line + self.searched;
        let Some(offset) = self.search(input, b'\r', limits, too_long)? else {
            return Ok(None);
        };
        let end = from + offset;
        Ok((end + 1 < input.len()).then_some(end))
    }

    /// The offset of `byte`, counted from the first byte not searched before. The bound is the same however the
    /// bytes arrive.
    fn search(
        &mut self,
        input: &[u8],
        byte: u8,
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let bound = self.line.saturating_add(limits.max_inline).saturating_add(1);
        let stop = bound.min(input.len());
        let unsearched = input.get(self.line + self.searched..stop).unwrap_or_default();
        if let Some(offset) = memchr(byte, unsearched) {
            self.searched += offset;
            return Ok(Some(offset));
        }
        if input.len() >= bound {
            return Err(too_long);
        }
        self.searched += unsearched.len();
        Ok(None)
    }

    #[cold]
    fn inline<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, ProtocolError> {
        if self.search(input, b'\n', limits, ProtocolError::InlineTooLong)?.is_none() {
            return Ok(Decoded::Incomplete);
        }
        let consumed = self.searched + 1;
        let line = input.get(..self.searched).unwrap_or_default();
        let words = inline::split(line.strip_suffix(b"\r").unwrap_or(line))?;
        match words.first() {
            None => Ok(Decoded::Empty { consumed }),
            Some(name) if is_http(name) => Err(ProtocolError::HttpRequest),
            Some(_) => Ok(Decoded::Inline { consumed, encoded: inline::encode(&words) }),
        }
    }
}

/// The number between `start` and the CR at `end`, which must be followed by LF.
fn closed_number(input: &[u8], start: usize, end: usize) -> Option<i64> {
    let value = number::parse(input.get(start..end)?)?;
    (input.get(end + 1) == Some(&b'\n')).then_some(value)
}

/// The names that Redis takes for a web request, as a command or as a header.
#[inline]
fn is_http(name: &[u8]) -> bool {
    matches!(name.len(), 4 | 5)
        && (name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:"))
}

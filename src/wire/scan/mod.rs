//! Where a reply from upstream ends, in RESP2 and RESP3, so that it can be passed on as it is, even while it arrives.
//! Every byte is fed once; a length line or a CRLF may be cut anywhere. Refuses streamed types (`$?`, `*?`), which
//! Redis never sends, and whatever shows that we have lost our place. Does not judge what the values mean.
//! Invariant: a few words of state however long the reply is, and one more for each level that is told apart; no
//! recursion, no allocation but for those.

mod error;
#[cfg(test)]
mod tests;

use memchr::memchr;

use super::number;
pub use error::ScanError;

/// What a piece of input did for the reply under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The reply ended.
    Complete {
        /// How many bytes of this piece belong to it; the next reply begins behind them.
        used: usize,
    },
    /// All bytes of the piece belong to the reply, and more must come.
    Partial,
}

/// Finds the ends of replies; one per upstream connection. Useless after an error, as is the connection.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// Values still to come, the one under way included; 0 between replies. Below `most` levels a sum instead of a
    /// stack: where a reply ends depends only on how many values are missing, not on which aggregate they belong to.
    pending: u64,
    /// The same for each level around, from the outermost.
    outer: Vec<u64>,
    /// Levels that are told apart, and whether the reply has more.
    most: usize,
    is_deep: bool,
    state: State,
    kind: u8,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A value's first byte comes next.
    Type,
    /// Within the line of a length or a count.
    Length { kind: u8, line: Line },
    /// Within a value that is a short line (`:` `#` `_`): bytes so far.
    Short { kind: u8, seen: u8 },
    /// Within a line of any length, the last byte having been CR.
    Text { cr: bool },
    /// Within a bulk: bytes left, its CRLF included.
    Bulk { left: u64 },
}

/// A length line that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    value: u64,
    seen: u8,
    minus: bool,
    cr: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner between replies.
    pub const fn new() -> Self {
        Self::bounded(0)
    }

    /// The same, but it tells apart so many levels of aggregates, so as to say whether a reply has more.
    pub const fn bounded(depth: usize) -> Self {
        let outer = Vec::new();
        Self { pending: 0, outer, most: depth, is_deep: false, state: State::Type, kind: 0 }
    }

    /// Whether the reply under way, or the last one, nests deeper than the scanner tells apart.
    pub const fn is_deep(&self) -> bool {
        self.is_deep
    }

    /// The first byte of the reply under way; `None` between replies. `|` where attributes come first.
    pub const fn kind(&self) -> Option<u8> {
        if self.pending == 0 { None } else { Some(self.kind) }
    }

    /// Whether no byte of a reply has arrived whose end has not.
    pub const fn is_idle(&self) -> bool {
        self.pending == 0
    }

    /// Reads a piece of input: the bytes behind those that were read before. After [`Progress::Complete`] it is
    /// ready for the next reply.
    ///
    /// # Errors
    /// The bytes are no reply; the connection must be closed.
    #[inline]
    pub fn feed(&mut self, piece: &[u8]) -> Result<Progress, ScanError> {
        if self.pending == 0 {
            let Some(&kind) = piece.first() else { return Ok(Progress::Partial) };
            (self.kind, self.pending, self.is_deep) = (kind, 1, false);
        }
        let mut at = 0;
        while at < piece.len() {
            at = match self.state {
                State::Type => match self.bulks(piece, at) {
                    behind if behind > at => behind,
                    _ => self.value(piece, at)?,
                },
                State::Length { kind, line } => self.length(piece, at, kind, line)?,
                State::Short { kind, seen } => self.short(piece, at, kind, seen)?,
                State::Text { cr } => self.text(piece, at, cr),
                State::Bulk { left } => self.bulk(piece, at, left)?,
            };
            if self.pending == 0 {
                return Ok(Progress::Complete { used: at });
            }
        }
        Ok(Progress::Partial)
    }

    /// A value from its first byte: to its end where it is all there.
    #[inline(always)]
    fn value(&mut self, piece: &[u8], at: usize) -> Result<usize, ScanError> {
        let kind = piece.get(at).copied().unwrap_or_default();
        let next = at + 1;
        match kind {
            b'$' | b'*' | b'%' | b'~' | b'>' | b'=' | b'!' | b'|' => {
                match number::short(piece, next) {
                    Some((length, next)) => self.sized(piece, next, kind, length as u64),
                    None => self.length(piece, next, kind, Line::default()),
                }
            }
            b'+' | b'-' | b',' | b'(' => Ok(self.text(piece, next, false)),
            b':' | b'#' | b'_' => self.short(piece, next, kind, 0),
            b';' | b'.' => Err(ScanError::Streamed),
            other => Err(ScanError::UnknownType(other)),
        }
    }

    /// As many bulks in a row as are whole and of the common form, which most lists are made of; the last value of
    /// a level is left to [`Self::value`], which leaves the level. Where they end.
    #[inline(always)]
    fn bulks(&mut self, piece: &[u8], mut at: usize) -> usize {
        let mut left = self.pending;
        while left > 1
            && piece.get(at) == Some(&b'$')
            && let Some((length, text)) = number::short(piece, at + 1)
            && let Some([.., b'\r', b'\n']) = piece.get(text..text + length + 2)
        {
            at = text + length + 2;
            left -= 1;
        }
        self.pending = left;
        at
    }

    /// What follows a length or a count.
    #[inline(always)]
    fn sized(
        &mut self,
        piece: &[u8],
        at: usize,
        kind: u8,
        length: u64,
    ) -> Result<usize, ScanError> {
        let values = match kind {
            b'$' | b'=' | b'!' => {
                // At most 2^63, so the sum holds.
                return self.bulk(piece, at, length + 2);
            }
            b'%' => count(length)? * 2,
            // The value that has the attributes is still to come.
            b'|' => count(length)? * 2 + 1,
            _ => count(length)?,
        };
        self.state = State::Type;
        self.open(values)?;
        Ok(at)
    }

    /// An aggregate of so many values begins.
    #[inline(always)]
    fn open(&mut self, values: u64) -> Result<(), ScanError> {
        self.pending -= 1;
        if self.outer.len() < self.most {
            self.outer.push(self.pending);
            self.pending = values;
        } else {
            self.is_deep = true;
            self.pending = self.pending.checked_add(values).ok_or(ScanError::LengthOutOfRange)?;
        }
        self.close();
        Ok(())
    }

    /// Leaves the levels that are at their end.
    #[inline(always)]
    fn close(&mut self) {
        while self.pending == 0 {
            let Some(pending) = self.outer.pop() else { return };
            self.pending = pending;
        }
    }

    #[inline(always)]
    fn ended(&mut self) {
        self.pending -= 1;
        self.state = State::Type;
        self.close();
    }

    #[inline(always)]
    fn bulk(&mut self, piece: &[u8], at: usize, left: u64) -> Result<usize, ScanError> {
        let rest = piece.get(at..).unwrap_or_default();
        // A piece is never longer than 2^63, so what exceeds usize is certainly not all there.
        let all = usize::try_from(left).unwrap_or(usize::MAX);
        let Some(whole) = rest.get(..all) else {
            return self.part_of_bulk(rest, at, left);
        };
        // Of the CRLF itself only the LF may be left.
        if !whole.ends_with(b"\r\n") && whole != b"\n" {
            return Err(ScanError::MissingCrlf);
        }
        self.ended();
        Ok(at + all)
    }

    /// All of `rest` belongs to the bulk. Of its CRLF there can be no more than the CR.
    #[inline(never)]
    fn part_of_bulk(&mut self, rest: &[u8], at: usize, left: u64) -> Result<usize, ScanError> {
        let left = left - rest.len() as u64;
        if left == 1 && !rest.is_empty() && !rest.ends_with(b"\r") {
            return Err(ScanError::MissingCrlf);
        }
        self.state = State::Bulk { left };
        Ok(at + rest.len())
    }

    /// A line that nothing is known of but that CRLF ends it. A CR or an LF alone is part of it.
    fn text(&mut self, piece: &[u8], at: usize, cr: bool) -> usize {
        let rest = piece.get(at..).unwrap_or_default();
        if cr && rest.first() == Some(&b'\n') {
            self.ended();
            return at + 1;
        }
        let mut from = 0;
        while let Some(offset) = memchr(b'\r', rest.get(from..).unwrap_or_default()) {
            let behind = from + offset + 1;
            match rest.get(behind) {
                Some(b'\n') => {
                    self.ended();
                    return at + behind + 1;
                }
                Some(_) => from = behind,
                None => {
                    self.state = State::Text { cr: true };
                    return piece.len();
                }
            }
        }
        self.state = State::Text { cr: false };
        piece.len()
    }

    /// A line of a few bytes, checked one by one.
    #[inline(always)]
    fn short(
        &mut self,
        piece: &[u8],
        at: usize,
        kind: u8,
        mut seen: u8,
    ) -> Result<usize, ScanError> {
        for (i, &byte) in piece.get(at..).unwrap_or_default().iter().enumerate() {
            seen = match byte {
                b'\r' if seen >= least(kind) && seen != CR => CR,
                b'\n' if seen == CR => {
                    self.ended();
                    return Ok(at + i + 1);
                }
                _ if seen < most(kind) && fits(kind, seen, byte) => seen + 1,
                _ => return Err(ScanError::InvalidLine(kind)),
            };
        }
        self.state = State::Short { kind, seen };
        Ok(piece.len())
    }

    /// A length line that is cut, long, or `-1`.
    #[cold]
    fn length(
        &mut self,
        piece: &[u8],
        at: usize,
        kind: u8,
        mut line: Line,
    ) -> Result<usize, ScanError> {
        for (i, &byte) in piece.get(at..).unwrap_or_default().iter().enumerate() {
            if !line.push(byte)? {
                continue;
            }
            let next = at + i + 1;
            return match (line.minus, kind) {
                (false, _) => self.sized(piece, next, kind, line.value),
                (true, b'$' | b'*') => {
                    self.ended();
                    Ok(next)
                }
                (true, _) => Err(ScanError::InvalidLength),
            };
        }
        self.state = State::Length { kind, line };
        Ok(piece.len())
    }
}

impl Line {
    /// Takes the next byte; true once the line has ended. The only negative length is -1.
    fn push(&mut self, byte: u8) -> Result<bool, ScanError> {
        match byte {
            b'\n' if self.cr => return Ok(true),
            _ if self.cr => return Err(ScanError::InvalidLength),
            b'\r' if self.seen > 0 && (!self.minus || self.value == 1) => self.cr = true,
            b'-' if self.seen == 0 && !self.minus => self.minus = true,
            b'?' if self.seen == 0 && !self.minus => return Err(ScanError::Streamed),
            b'0'..=b'9' if self.seen < MAX_DIGITS => {
                self.value = self.value * 10 + u64::from(byte - b'0');
                self.seen += 1;
            }
            b'0'..=b'9' => return Err(ScanError::LengthOutOfRange),
            _ => return Err(ScanError::InvalidLength),
        }
        Ok(false)
    }
}

/// Digits of a length that surely fit 63 bits.
const MAX_DIGITS: u8 = 18;
/// In place of a number of bytes seen: the CR has come.
const CR: u8 = u8::MAX;

fn count(length: u64) -> Result<u64, ScanError> {
    u32::try_from(length).map(u64::from).map_err(|_| ScanError::LengthOutOfRange)
}

const fn least(kind: u8) -> u8 {
    if kind == b'_' { 0 } else { 1 }
}

const fn most(kind: u8) -> u8 {
    match kind {
        b'_' => 0,
        b'#' => 1,
        // The longest is i64::MIN.
        _ => 20,
    }
}

const fn fits(kind: u8, seen: u8, byte: u8) -> bool {
    match kind {
        b'#' => matches!(byte, b't' | b'f'),
        _ => byte.is_ascii_digit() || (seen == 0 && matches!(byte, b'-' | b'+')),
    }
}

//! Replies on their way back: the prefix is taken off the keys in them, while they arrive.
//!
//! Which values of a reply are keys follows from the command ([`Shape`]). A [`Stripper`] is fed the pieces of one
//! reply in order and holds back no more than a line and a prefix of them, so that a reply of any size passes. A value
//! that lacks the prefix is passed as it is: the command asked for keys of the namespace alone.

use crate::command::{Group, Kind, Spec};
use std::borrow::Cow;

/// Which values of a reply are keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// None, and no error of the command quotes one.
    #[default]
    None,
    /// None, but its errors may quote one.
    Errors,
    /// All strings of the array: KEYS, PUBSUB CHANNELS.
    Each,
    /// The first of the array: BLPOP, LMPOP.
    First,
    /// All strings of the arrays within the array: SCAN.
    Within,
    /// The first of each array within the array, or every key of the map: XREAD.
    Heads,
}

impl Shape {
    /// The shape of a command's reply; of a subcommand rather than its container.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        match spec.group {
            Group::Generic => match spec.name {
                "keys" => Self::Each,
                "scan" => Self::Within,
                _ => Self::None,
            },
            Group::List | Group::SortedSet => match spec.name {
                "blpop" | "brpop" | "lmpop" | "blmpop" | "bzpopmin" | "bzpopmax" | "zmpop"
                | "bzmpop" => Self::First,
                _ => Self::None,
            },
            Group::Stream if matches!(spec.name, "xread" | "xreadgroup") => Self::Heads,
            Group::Stream => Self::Errors,
            Group::PubSub if spec.kind == Kind::Ordinary => Self::of_topics(spec),
            _ => Self::None,
        }
    }

    /// PUBSUB is known by its container here and there: its other replies have no strings.
    fn of_topics(spec: &Spec) -> Self {
        match spec.name {
            "publish" | "spublish" | "pubsub|help" | "pubsub|numpat" => Self::None,
            _ => Self::Each,
        }
    }

    fn is_key(self, depth: usize, top: Frame, inner: Frame) -> bool {
        match (self, depth) {
            (Self::Each, 1) | (Self::Within, 2) => true,
            (Self::First, 1) => top.index == 0,
            (Self::Heads, 1) => top.is_map && top.index.is_multiple_of(2),
            (Self::Heads, 2) => !top.is_map && inner.index == 0,
            _ => false,
        }
    }
}

/// An aggregate under way.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    left: u64,
    index: u64,
    is_map: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Within the line that a value begins with.
    Line,
    /// Before a key of this length, of which so much was compared.
    Key { length: usize, seen: usize },
    /// Within a string: bytes left, its CRLF included.
    Bulk { left: usize },
}

/// See the module.
#[derive(Debug)]
pub struct Stripper {
    shape: Shape,
    state: State,
    /// What has come of the line, and is not passed on yet.
    line: Vec<u8>,
    frames: [Frame; 2],
    depth: usize,
    /// Values still to come that lie deeper.
    deep: u64,
}

impl Stripper {
    /// For one reply of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            state: State::Line,
            line: Vec::new(),
            frames: [Frame::default(); 2],
            depth: 0,
            deep: 0,
        }
    }

    /// What was fed and not passed on yet.
    #[must_use]
    pub fn held(&self) -> &[u8] {
        &self.line
    }

    /// Passes on a piece of the reply to `out`.
    pub fn feed(&mut self, mut piece: &[u8], prefix: &[u8], out: &mut Vec<u8>) {
        while !piece.is_empty() {
            let used = match self.state {
                State::Line => self.feed_line(piece, prefix, out),
                State::Key { length, seen } => self.feed_key((length, seen), piece, prefix, out),
                State::Bulk { left } => {
                    let used = left.min(piece.len());
                    out.extend_from_slice(&piece[..used]);
                    self.state = State::Bulk { left: left - used };
                    if used == left {
                        self.end_value();
                    }
                    used
                }
            };
            piece = &piece[used..];
        }
    }

    fn feed_line(&mut self, piece: &[u8], prefix: &[u8], out: &mut Vec<u8>) -> usize {
        let Some(end) = end_of_line(&self.line, piece) else {
            self.line.extend_from_slice(piece);
            return piece.len();
        };
        self.line.extend_from_slice(&piece[..=end]);
        let kind = self.line[0];
        let number = number(&self.line);
        match kind {
            b'*' | b'~' | b'>' => self.open(number, false),
            b'%' => self.open(number.map(|pairs| pairs.saturating_mul(2)), true),
            b'|' => self.skip_attributes(number),
            b'$' if number.is_some() && self.is_at_key() => {
                self.state = State::Key { length: number.unwrap_or(0), seen: 0 };
                return end + 1;
            }
            b'$' | b'=' | b'!' if number.is_some() => {
                self.state = State::Bulk { left: number.unwrap_or(0).saturating_add(2) };
            }
            b'-' => {
                out.extend_from_slice(&unquote(&self.line, prefix));
                self.line.clear();
                self.end_value();
                return end + 1;
            }
            _ => self.end_value(),
        }
        out.append(&mut self.line);
        end + 1
    }

    /// Bytes at the start of a key. What is compared lies in the prefix, so nothing of it need be kept.
    fn feed_key(
        &mut self,
        (length, seen): (usize, usize),
        piece: &[u8],
        prefix: &[u8],
        out: &mut Vec<u8>,
    ) -> usize {
        let wanted = prefix.get(seen..).unwrap_or_default();
        let used = wanted.len().min(piece.len()).min(length - seen);
        if piece[..used] != wanted[..used] || length < prefix.len() {
            out.append(&mut self.line);
            out.extend_from_slice(&prefix[..seen]);
            self.state = State::Bulk { left: (length - seen).saturating_add(2) };
            return 0;
        }
        if used < wanted.len() {
            self.state = State::Key { length, seen: seen + used };
            return used;
        }
        self.line.clear();
        crate::wire::encode::bulk_header(out, length - prefix.len());
        self.state = State::Bulk { left: (length - prefix.len()).saturating_add(2) };
        used
    }

    fn is_at_key(&self) -> bool {
        self.deep == 0 && self.shape.is_key(self.depth, self.frames[0], self.frames[1])
    }

    fn open(&mut self, values: Option<usize>, is_map: bool) {
        let left = values.map_or(0, |values| values as u64);
        if left == 0 {
            self.end_value();
        } else if self.deep > 0 {
            // It was one of those that were to come; now its own values are.
            self.deep = (self.deep - 1).saturating_add(left);
        } else if self.depth == self.frames.len() {
            self.deep = left;
        } else {
            self.frames[self.depth] = Frame { left, index: 0, is_map };
            self.depth += 1;
        }
    }

    /// Attributes come before a value, which then is none of those that are looked for.
    fn skip_attributes(&mut self, pairs: Option<usize>) {
        let values = pairs.map_or(0, |pairs| pairs as u64).saturating_mul(2);
        self.deep = self.deep.max(1).saturating_add(values);
    }

    fn end_value(&mut self) {
        self.state = State::Line;
        if self.deep > 0 {
            self.deep -= 1;
            if self.deep > 0 {
                return;
            }
        }
        while let Some(frame) = self.depth.checked_sub(1).map(|top| &mut self.frames[top]) {
            frame.left -= 1;
            frame.index += 1;
            if frame.left > 0 {
                return;
            }
            self.depth -= 1;
        }
    }
}

/// Where the line of which `begin` is here ends in `piece`: at CRLF. A CR or an LF alone is part of it.
fn end_of_line(begin: &[u8], piece: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', piece).find(|end| {
        let before = end.checked_sub(1).map_or(begin.last(), |at| piece.get(at));
        before == Some(&b'\r')
    })
}

/// The number in a line, if it is one that is not negative.
fn number(line: &[u8]) -> Option<usize> {
    let digits = line.get(1..)?.trim_ascii_end();
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// An error text without the prefix behind its quotation marks: Redis quotes keys so.
pub(super) fn unquote<'t>(text: &'t [u8], prefix: &[u8]) -> Cow<'t, [u8]> {
    let quoted = [b"'", prefix].concat();
    if memchr::memmem::find(text, &quoted).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, &quoted) {
        out.extend_from_slice(&rest[..=at]);
        rest = &rest[at + quoted.len()..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

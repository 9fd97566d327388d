//! What the hub's connection carries: frames, and the first parts of one.

use crate::upstream::Connection;
use crate::wire::scan::{Progress, Scanner};
use bytes::Bytes;
use std::io;
use tokio::io::AsyncBufReadExt;

/// A message of this size is no message.
const MAX_FRAME: usize = 512 << 20;

/// A frame's buffer of up to this size is kept for the next.
const KEPT: usize = 64 * 1024;

/// The hub's connection, read frame by frame. Cancelling a read loses nothing.
pub(super) struct Line {
    pub(super) connection: Connection,
    scanner: Scanner,
    frame: Vec<u8>,
}

impl Line {
    pub(super) fn over(connection: Connection) -> Self {
        Self { connection, scanner: Scanner::new(), frame: Vec::new() }
    }

    pub(super) async fn frame(&mut self) -> io::Result<Bytes> {
        loop {
            let piece = self.connection.transport.fill_buf().await?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let nonsense = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            let progress = self.scanner.feed(piece).map_err(nonsense)?;
            let used = match progress {
                Progress::Complete { used } => used,
                Progress::Partial => piece.len(),
            };
            self.frame.extend_from_slice(&piece[..used]);
            self.connection.transport.consume(used);
            if let Progress::Complete { .. } = progress {
                if self.frame.len() > KEPT {
                    return Ok(std::mem::take(&mut self.frame).into());
                }
                let frame = Bytes::copy_from_slice(&self.frame);
                self.frame.clear();
                return Ok(frame);
            }
            if self.frame.len() > MAX_FRAME {
                let cause = "a message has no end";
                return Err(io::Error::new(io::ErrorKind::InvalidData, cause));
            }
        }
    }
}

/// Reads the first parts of a whole frame.
pub(super) struct Parts<'a> {
    frame: &'a [u8],
    /// Where what was read ends.
    pub(super) at: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Self {
        Self { frame, at: 0 }
    }

    /// The kind of the next header; passes its line.
    pub(super) fn header(&mut self) -> Option<u8> {
        let rest = self.frame.get(self.at..)?;
        let kind = *rest.first()?;
        self.at += memchr::memchr(b'\n', rest)? + 1;
        Some(kind)
    }

    /// The next bulk string.
    pub(super) fn bulk(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let kind = self.header()?;
        let line = self.frame.get(start + 1..self.at)?.trim_ascii_end();
        let length: usize = std::str::from_utf8(line).ok()?.parse().ok()?;
        if kind != b'$' {
            return None;
        }
        let bytes = self.frame.get(self.at..self.at + length)?;
        self.at += length + 2;
        Some(bytes)
    }
}

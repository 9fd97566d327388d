//! The bytes of commands on their way up: what is still to be written, and what was written and is not
//! answered yet, in the order of the commands.
//!
//! Small commands are gathered in chunks, large ones come along whole, without a copy. A command's bytes
//! are kept until it is answered, so that what may be sent again can be. Invariant: the first kept byte is
//! the first byte of the oldest unanswered command.

use std::collections::VecDeque;

/// Small commands are gathered until a chunk has this size: one TLS record.
const CHUNK: usize = 16 * 1024;

/// Empty chunks kept for reuse.
const KEPT: usize = 8;

/// See the module.
#[derive(Default)]
pub(super) struct Outgoing {
    chunks: VecDeque<Chunk>,
    spare: Vec<Vec<u8>>,
    /// Chunk under way, and what of it was written.
    at: usize,
    written: usize,
    /// Bytes of the front chunk whose commands are answered.
    answered: usize,
    /// Bytes not written yet.
    unwritten: usize,
    /// Bytes kept in all.
    kept: usize,
}

struct Chunk {
    bytes: Vec<u8>,
    /// Takes no more commands: a large one, handed over as it is.
    is_sealed: bool,
}

impl Outgoing {
    /// Adds a command.
    pub(super) fn append(&mut self, frame: &[u8]) {
        self.unwritten += frame.len();
        self.kept += frame.len();
        match self.chunks.back_mut() {
            Some(tail) if !tail.is_sealed && tail.bytes.len() + frame.len() <= CHUNK => {
                tail.bytes.extend_from_slice(frame);
            }
            _ => {
                let mut bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
                bytes.extend_from_slice(frame);
                self.chunks.push_back(Chunk { bytes, is_sealed: false });
                self.advance();
            }
        }
    }

    /// Adds a large command without copying it.
    pub(super) fn append_whole(&mut self, frame: Vec<u8>) {
        self.unwritten += frame.len();
        self.kept += frame.len();
        self.chunks.push_back(Chunk { bytes: frame, is_sealed: true });
        self.advance();
    }

    /// The next bytes to write; empty when all is written.
    pub(super) fn next(&self) -> &[u8] {
        self.chunks.get(self.at).map_or(&[], |chunk| &chunk.bytes[self.written..])
    }

    /// `count` bytes of `next` were handed to the stream.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        self.unwritten -= count;
        self.advance();
    }

    /// Goes on from a chunk that is written, unless it is the tail, which may still grow.
    fn advance(&mut self) {
        let is_written = self.chunks.get(self.at).is_some_and(|c| c.bytes.len() == self.written);
        if is_written && self.at + 1 < self.chunks.len() {
            self.at += 1;
            self.written = 0;
        }
    }

    /// The oldest command, of `length` bytes, is answered: forget it.
    pub(super) fn answered(&mut self, length: usize) {
        self.kept -= length;
        self.answered += length;
        while self.chunks.front().is_some_and(|front| self.answered >= front.bytes.len()) {
            let is_tail = self.chunks.len() == 1;
            let Some(mut front) = self.chunks.pop_front() else { break };
            self.answered -= front.bytes.len();
            if is_tail || self.at == 0 {
                // Answered though not written to its end: only when nothing was ever sent (a failure).
                self.written = 0;
            }
            self.at = self.at.saturating_sub(1);
            if !front.is_sealed && self.spare.len() < KEPT {
                front.bytes.clear();
                self.spare.push(front.bytes);
            }
            if is_tail {
                break;
            }
        }
    }

    /// Bytes that wait to be written.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten
    }

    /// Bytes kept for commands that are not answered.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// The bytes of the commands that are kept, one after the other.
    pub(super) fn frames(&self) -> Frames<'_> {
        Frames { outgoing: self, chunk: 0, at: self.answered }
    }

    /// Takes the oldest command's bytes out, for a queue that is rebuilt after a loss.
    pub(super) fn take_front(&mut self, length: usize) -> Vec<u8> {
        let mut frame = Vec::new();
        if let Some(front) = self.chunks.front_mut() {
            if self.answered == 0 && front.is_sealed && front.bytes.len() == length {
                frame = std::mem::take(&mut front.bytes);
                self.kept -= length;
                self.chunks.pop_front();
                return frame;
            }
            frame.extend_from_slice(&front.bytes[self.answered..self.answered + length]);
        }
        self.answered(length);
        frame
    }
}

/// Goes through the kept commands, of which the caller knows the lengths. A command lies in one chunk.
pub(super) struct Frames<'o> {
    outgoing: &'o Outgoing,
    chunk: usize,
    at: usize,
}

impl<'o> Frames<'o> {
    /// The next command, of `length` bytes.
    pub(super) fn next(&mut self, length: usize) -> &'o [u8] {
        if length == 0 {
            return &[];
        }
        while let Some(chunk) = self.outgoing.chunks.get(self.chunk) {
            if self.at < chunk.bytes.len() {
                break;
            }
            self.at -= chunk.bytes.len();
            self.chunk += 1;
        }
        let start = self.at;
        self.at += length;
        let chunk = self.outgoing.chunks.get(self.chunk);
        chunk.and_then(|chunk| chunk.bytes.get(start..start + length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Outgoing;

    fn drain(outgoing: &mut Outgoing, step: usize) -> Vec<u8> {
        let mut seen = Vec::new();
        while !outgoing.next().is_empty() {
            let count = outgoing.next().len().min(step);
            seen.extend_from_slice(&outgoing.next()[..count]);
            outgoing.wrote(count);
        }
        seen
    }

    #[test]
    fn bytes_come_out_once_and_in_order_whatever_the_sizes() {
        for step in [1, 7, 1000, usize::MAX] {
            let mut outgoing = Outgoing::default();
            let mut expected = Vec::new();
            let mut seen = Vec::new();
            let mut lengths = std::collections::VecDeque::new();
            for round in 0..400_usize {
                let frame = vec![u8::try_from(round % 251).unwrap(); 1 + (round * 37) % 3000];
                expected.extend_from_slice(&frame);
                lengths.push_back(frame.len());
                if round % 13 == 0 {
                    outgoing.append_whole(frame);
                } else {
                    outgoing.append(&frame);
                }
                if round % 5 > 0 {
                    continue;
                }
                seen.extend(drain(&mut outgoing, step));
                while lengths.len() > 3 {
                    outgoing.answered(lengths.pop_front().unwrap());
                }
            }
            seen.extend(drain(&mut outgoing, step));
            for length in lengths {
                outgoing.answered(length);
            }
            assert_eq!(seen, expected);
            assert_eq!((outgoing.kept(), outgoing.unwritten()), (0, 0));
        }
    }

    #[test]
    fn what_is_not_answered_can_be_taken_out_again() {
        let mut outgoing = Outgoing::default();
        let frames: Vec<Vec<u8>> = (1..100_u8).map(|n| vec![n; usize::from(n) * 200]).collect();
        for (n, frame) in frames.iter().enumerate() {
            if n % 4 == 0 { outgoing.append_whole(frame.clone()) } else { outgoing.append(frame) }
        }
        drain(&mut outgoing, 4096);
        outgoing.answered(frames[0].len());
        let mut kept = outgoing.frames();
        for frame in &frames[1..] {
            assert_eq!(kept.next(frame.len()), frame);
        }
        for frame in &frames[1..] {
            assert_eq!(&outgoing.take_front(frame.len()), frame);
        }
        assert_eq!(outgoing.kept(), 0);
    }
}

//! Empty buffers kept for reuse by one worker, so that a busy client need not allocate and an idle one holds
//! nothing.

use std::cell::RefCell;

/// A reply buffer of up to this size is kept for reuse; a larger one is freed when it is empty.
const KEEP: usize = 64 * 1024;

/// Empty buffers kept by a worker. More clients than this with replies under way at once allocate.
const KEPT: usize = 256;

/// Empty reply buffers of one worker: an idle client holds none, a busy one need not allocate.
#[derive(Default)]
pub struct Spare(RefCell<Vec<Vec<u8>>>);

impl Spare {
    /// An empty buffer, kept or new.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps a buffer that is no longer needed, unless it is too large or too many are kept.
    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        if (1..=KEEP).contains(&buffer.capacity()) && kept.len() < KEPT {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

//! The shared lanes of one worker: a few for each protocol, and which of them a client takes.
//!
//! A client stays on its lane while it has commands on the way, so that they never overtake each other.
//! With nothing on the way it takes the least busy one, and never one on which a huge reply is under way.

use crate::upstream::Upstream;
use crate::upstream::lane::Lane;
use crate::wire::Protocol;
use std::cell::RefCell;
use std::sync::Arc;

/// Lanes opened beyond the configured number while all those are held up by huge replies.
const EXTRA: usize = 4;

/// See the module.
pub struct Lanes {
    upstream: Arc<Upstream>,
    count: usize,
    resp2: RefCell<Vec<Lane>>,
    resp3: RefCell<Vec<Lane>>,
}

impl Lanes {
    /// Opens the RESP2 lanes at once, so that it is soon known whether the upstream is there; those of
    /// RESP3 with the first client that says HELLO 3.
    #[must_use]
    pub fn new(upstream: Arc<Upstream>, count: usize) -> Self {
        let first = (0..count).map(|_| Lane::shared(Arc::clone(&upstream), Protocol::Resp2));
        let resp2 = RefCell::new(first.collect());
        Self { upstream, count, resp2, resp3: RefCell::default() }
    }

    /// The lane for a client that has nothing on the way.
    #[must_use]
    pub fn pick(&self, protocol: Protocol) -> Lane {
        let lanes = &mut *match protocol {
            Protocol::Resp2 => self.resp2.borrow_mut(),
            Protocol::Resp3 => self.resp3.borrow_mut(),
        };
        let open = || Lane::shared(Arc::clone(&self.upstream), protocol);
        if let [only] = lanes.as_slice()
            && !only.is_busy()
        {
            return only.clone();
        }
        if lanes.len() < self.count {
            lanes.resize_with(self.count, open);
        }
        self.retire(lanes);
        let free = lanes.iter().filter(|lane| !lane.is_busy()).min_by_key(|lane| lane.owed());
        if let Some(lane) = free.cloned() {
            return lane;
        }
        if lanes.len() < self.count + EXTRA {
            let lane = open();
            lanes.push(lane.clone());
            return lane;
        }
        lanes.iter().min_by_key(|lane| lane.owed()).cloned().unwrap_or_else(open)
    }

    /// Closes extra lanes that nobody needs any more.
    fn retire(&self, lanes: &mut Vec<Lane>) {
        while lanes.len() > self.count
            && let Some(last) = lanes.last()
            && last.owed() == 0
            && lanes[..self.count].iter().any(|lane| !lane.is_busy())
        {
            last.close();
            lanes.pop();
        }
    }
}

//! The shared lanes of one worker: a few for each protocol and database, and which of them a client takes.
//!
//! A connection stays on one database for life: a SELECT slipped in between the commands of two clients could be
//! refused, and the next command would run in the wrong database. A client stays on its lane while it has commands
//! on the way, so that they never overtake each other. With nothing on the way it takes the least busy one, and
//! never one on which a huge reply is under way.

use crate::telemetry::metrics::shard::Shard;
use crate::upstream::Upstream;
use crate::upstream::lane::Lane;
use crate::wire::Protocol;
use std::cell::RefCell;
use std::sync::Arc;

/// Lanes opened beyond the configured number while all those are held up by huge replies.
const EXTRA: usize = 4;

/// Databases and protocols with lanes at a time; beyond that, those that nobody uses are closed.
const MANY: usize = 16;

/// See the module.
pub struct Lanes {
    upstream: Arc<Upstream>,
    count: usize,
    shard: Arc<Shard>,
    groups: RefCell<Vec<Group>>,
}

/// The lanes of one protocol and database.
struct Group {
    protocol: Protocol,
    db: u32,
    lanes: Vec<Lane>,
}

impl Lanes {
    /// Opens the RESP2 lanes of the first database at once, so that it is soon known whether the upstream is
    /// there; others with the first client that needs them.
    #[must_use]
    pub fn new(upstream: Arc<Upstream>, count: usize, shard: Arc<Shard>) -> Self {
        let db = upstream.db();
        let lanes = Self { upstream, count, shard, groups: RefCell::default() };
        drop(lanes.pick(Protocol::Resp2, db));
        lanes
    }

    /// The lane for a client that has nothing on the way.
    #[must_use]
    pub fn pick(&self, protocol: Protocol, db: u32) -> Lane {
        let groups = &mut *self.groups.borrow_mut();
        let is_wanted = |group: &Group| group.db == db && group.protocol == protocol;
        let place = groups.iter().position(is_wanted).unwrap_or_else(|| {
            self.make_place(groups);
            groups.push(Group { protocol, db, lanes: Vec::new() });
            groups.len() - 1
        });
        groups[place].pick(&self.upstream, self.count, &self.shard)
    }

    /// Closes the lanes of databases that nobody uses, where there are many.
    fn make_place(&self, groups: &mut Vec<Group>) {
        if groups.len() < MANY {
            return;
        }
        let first = self.upstream.db();
        let is_idle =
            |group: &Group| group.db != first && group.lanes.iter().all(|lane| lane.owed() == 0);
        while let Some(place) = groups.iter().position(is_idle) {
            for lane in groups.remove(place).lanes {
                lane.close();
            }
        }
    }
}

impl Group {
    fn pick(&mut self, upstream: &Arc<Upstream>, count: usize, shard: &Arc<Shard>) -> Lane {
        if let [only] = self.lanes.as_slice()
            && count == 1
            && !only.is_busy()
        {
            return only.clone();
        }
        let open = || Lane::shared(Arc::clone(upstream), self.protocol, self.db, shard);
        if self.lanes.len() < count {
            self.lanes.resize_with(count, open);
        }
        self.retire(count);
        let free = self.lanes.iter().filter(|lane| !lane.is_busy()).min_by_key(|lane| lane.owed());
        if let Some(lane) = free.cloned() {
            return lane;
        }
        let open = || Lane::shared(Arc::clone(upstream), self.protocol, self.db, shard);
        if self.lanes.len() < count + EXTRA {
            let lane = open();
            self.lanes.push(lane.clone());
            return lane;
        }
        self.lanes.iter().min_by_key(|lane| lane.owed()).cloned().unwrap_or_else(open)
    }

    /// Closes extra lanes that nobody needs any more.
    fn retire(&mut self, count: usize) {
        while self.lanes.len() > count
            && let Some(last) = self.lanes.last()
            && last.owed() == 0
            && self.lanes[..count].iter().any(|lane| !lane.is_busy())
        {
            last.close();
            self.lanes.pop();
        }
    }
}

//! A connection that one session holds: why, and what must happen before it may go back to the pool.

use super::target::Hold;
use crate::telemetry::metrics::shard::Shard;
use crate::upstream::Upstream;
use crate::upstream::error::Failure;
use crate::upstream::lane::Lane;
use crate::upstream::pool::Pool;
use crate::upstream::replies::Replies;
use std::rc::Rc;
use std::sync::Arc;

/// The connection that a session holds. Dropping it closes the connection at once, whatever is under way.
pub struct Dedicated {
    lane: Lane,
    /// Why it is held.
    pub hold: Hold,
    is_returned: bool,
}

impl Dedicated {
    /// Takes a connection from the pool, as it was left; its pushes go to `holder`.
    ///
    /// # Errors
    /// [`Failure::NoCheckout`] when none is free in time.
    pub async fn take(
        upstream: &Arc<Upstream>,
        pool: &Pool,
        hold: Hold,
        holder: &Rc<Replies>,
        shard: &Arc<Shard>,
    ) -> Result<Self, Failure> {
        let checkout = pool.checkout().await?;
        let lane = Lane::lent(Arc::clone(upstream), checkout, holder, shard);
        Ok(Self { lane, hold, is_returned: false })
    }

    /// The connection, as a lane.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Gives it back, once the last reply is here. For connections that were left as they were found.
    pub fn give_back(mut self) {
        self.is_returned = true;
        self.lane.close();
    }
}

impl Drop for Dedicated {
    fn drop(&mut self) {
        if !self.is_returned {
            self.lane.abandon();
        }
    }
}

//! The session and a connection of its own: while it blocks, and for as long as the connection has state that
//! no other client may meet.
//!
//! A connection goes back to the pool only when the session knows that it is as it was found; in any
//! doubt it is closed.

use super::context::Backend;
use super::{End, Session};
use crate::command::Kind;
use crate::routing::dedicated::Dedicated;
use crate::routing::target::Hold;
use crate::upstream::error::Failure;
use crate::upstream::lane::Order;
use crate::upstream::replies::Replies;
use crate::wire::encode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// A command that needs a connection of its own, and what follows from it.
    pub(super) async fn dedicate(
        &mut self,
        hold: Hold,
        kind: Kind,
        frame: Vec<u8>,
    ) -> Result<(), End> {
        let is_new = self.held.is_none();
        if let Err(failure) = self.take(hold).await? {
            self.answer(|out| encode::error(out, failure.to_string()));
            return Ok(());
        }
        let Some(held) = &mut self.held else { return Ok(()) };
        let lane = held.lane().clone();
        let mut order = self.state.order();
        match hold {
            Hold::Command { is_patient } => {
                order.is_patient = is_patient;
                if kind == Kind::Wait {
                    // WAIT speaks of the connection's last write. After any command, that is Redis's
                    // newest: so of all that this client has had confirmed.
                    lane.push_own(&[b"PING"]);
                }
                lane.push_whole(frame, order, &self.replies);
                self.wait_for_reply(is_patient).await?;
                if is_new && let Some(held) = self.held.take() {
                    held.give_back();
                }
            }
            Hold::Raw => {
                held.hold = Hold::Raw;
                lane.set_raw();
                lane.push_raw(&frame);
            }
            Hold::Watch | Hold::Multi | Hold::State => {
                if held.hold != Hold::State {
                    held.hold = hold;
                }
                if hold == Hold::Multi {
                    self.state.begin_multi();
                }
                lane.push_whole(frame, order, &self.replies);
                if hold == Hold::Multi && !self.is_input_fresh {
                    // The client waits for the answer, so there is time to look at it.
                    self.settle().await?;
                    self.check_multi();
                }
            }
        }
        Ok(())
    }

    /// MULTI that was answered with an error has begun nothing.
    fn check_multi(&mut self) {
        if self.replies.last()[0] == b'-' {
            let was_watching = self.state.is_watch_lost;
            self.state.end_multi();
            self.state.is_watch_lost = was_watching;
            if !self.state.keeps_connection() {
                self.held = None;
            }
        }
    }

    async fn wait_for_reply(&mut self, is_patient: bool) -> Result<(), End> {
        if !is_patient {
            return self.settle().await;
        }
        let id = self.held.as_ref().map_or(0, |held| held.lane().upstream_id());
        self.entry.blocked_as.store(id, Ordering::Relaxed);
        let end = self.settle_blocked().await;
        self.entry.blocked_as.store(0, Ordering::Relaxed);
        end
    }

    /// Makes sure that the session holds a connection. What is on the way elsewhere comes first.
    pub(super) async fn take(&mut self, hold: Hold) -> Result<Result<(), Failure>, End> {
        if self.held.is_some() {
            return Ok(Ok(()));
        }
        self.settle().await?;
        let context = Rc::clone(&self.context);
        let Backend::Cloud(cloud) = &context.backend else { return Ok(Ok(())) };
        let replies = Rc::clone(&self.replies);
        let protocol = self.state.protocol;
        let taken = Dedicated::take(&cloud.upstream, &cloud.pool, protocol, hold, &replies);
        match self.meanwhile(taken, false).await? {
            Ok(held) => self.held = Some(held),
            Err(failure) => return Ok(Err(failure)),
        }
        Ok(Ok(()))
    }

    /// The connection is lost whose state the client relies on: it must begin anew.
    pub(super) fn has_lost_state(&self) -> bool {
        let is_state_lost = self.held.as_ref().is_some_and(|held| {
            held.lane().is_ended()
                && (matches!(held.hold, Hold::State | Hold::Raw) || self.state.keeps_connection())
        });
        is_state_lost || self.has_lost_redirection()
    }

    /// A connection that was lost: what it means for what the client was doing on it.
    pub(super) fn notice_loss(&mut self) -> Result<(), End> {
        if self.has_lost_state() {
            return Err(End::Closed);
        }
        if !self.held.as_ref().is_some_and(|held| held.lane().is_ended()) {
            return Ok(());
        }
        if self.state.in_multi {
            self.state.is_multi_lost = true;
        } else {
            self.state.is_watch_lost = true;
            self.held = None;
        }
        Ok(())
    }

    /// Sends a command that gives the connection state of its own, and keeps the connection if it succeeds.
    /// Whether it did.
    pub(super) async fn change_connection(&mut self, words: &[&[u8]]) -> Result<bool, End> {
        if let Err(failure) = self.take(Hold::State).await? {
            self.answer(|out| encode::error(out, failure.to_string()));
            return Ok(false);
        }
        let Some(lane) = self.held.as_ref().map(|held| held.lane().clone()) else {
            return Ok(false);
        };
        let mut frame = Vec::new();
        encode::command(&mut frame, words);
        let order = self.state.order();
        lane.push(&frame, order, &self.replies);
        self.settle().await?;
        Ok(self.replies.last()[0] == b'+')
    }

    /// After a change of the connection's state: keeps it, or gives it back when there is none left.
    pub(super) fn keep_or_give_back(&mut self) {
        let keeps = self.state.keeps_connection();
        let Some(held) = &mut self.held else { return };
        if keeps {
            held.hold = Hold::State;
        } else if held.hold == Hold::State
            && !self.state.in_multi
            && let Some(held) = self.held.take()
        {
            held.give_back();
        }
    }

    /// Asks the upstream on a connection of its own, for a command whose reply the client gets as it is.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<(), End> {
        let mut frame = Vec::new();
        encode::command(&mut frame, words);
        let hold = Hold::Command { is_patient: false };
        self.dedicate(hold, Kind::Ordinary, frame).await
    }

    /// Sends a SELECT upstream, and says whether that database is there.
    pub(super) async fn try_select(&mut self, db: u32) -> Result<bool, End> {
        self.settle().await?;
        let Some(lane) = self.current_lane() else { return Ok(false) };
        let order = Order { db, ..self.state.order() };
        lane.select(&select_frame(db), order, &self.replies);
        self.settle().await?;
        Ok(self.replies.last()[0] == b'+')
    }

    /// Sends a command whose reply is for us and not for the client.
    pub(super) async fn call(&mut self, send: impl FnOnce(&Rc<Replies>)) -> Result<Vec<u8>, End> {
        let replies = Replies::new(Rc::clone(&self.context.spare));
        send(&replies);
        let answered = std::future::poll_fn(|cx| {
            if replies.owed() == 0 {
                return Poll::Ready(());
            }
            replies.wake(cx.waker());
            Poll::Pending
        });
        self.meanwhile(answered, false).await?;
        Ok(replies.take())
    }

    /// The cloud's parts, where there is a cloud.
    pub(super) fn upstream(&self) -> Option<Arc<crate::upstream::Upstream>> {
        match &self.context.backend {
            Backend::Cloud(cloud) => Some(Arc::clone(&cloud.upstream)),
            Backend::Memory(_) => None,
        }
    }
}

/// SELECT as a request.
pub(super) fn select_frame(db: u32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(32);
    encode::command(&mut frame, &[b"SELECT", db.to_string().as_bytes()]);
    frame
}

/// A number in an argument.
pub(super) fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

//! The session and a connection of its own: while it blocks, and for as long as the connection has state that
//! no other client may meet.
//!
//! A connection goes back to the pool only when the session knows that it is as it was found; in any
//! doubt it is closed.

use super::context::Backend;
use super::{End, Session, Socket, error_reply};
use crate::command::Kind;
use crate::routing::dedicated::Dedicated;
use crate::routing::target::{Hold, patience};
use crate::upstream::lane::{Lane, Order};
use crate::upstream::replies::Replies;
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// A command that blocks until something comes.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl<S: Socket> Session<S> {
    /// A command that needs a connection of its own, and what follows from it.
    pub(super) async fn dedicate(
        &mut self,
        hold: Hold,
        kind: Kind,
        frame: Vec<u8>,
    ) -> Result<(), End> {
        let is_new = self.held.is_none();
        if let Err(text) = self.take(hold).await? {
            self.answer(|out| encode::error(out, text));
            self.note_refused(hold);
            return Ok(());
        }
        let Some(held) = &mut self.held else { return Ok(()) };
        let lane = held.lane().clone();
        let mut order = self.state.order();
        match hold {
            Hold::Command { .. } | Hold::WhileBusy => {
                let is_patient = hold == Hold::Command { is_patient: true };
                order.is_patient = is_patient;
                if kind == Kind::Wait {
                    // WAIT speaks of the connection's last write. After any command, that is Redis's
                    // newest: so of all that this client has had confirmed.
                    lane.push_own(&[b"PING"]);
                }
                let patience = patience_of(&frame);
                lane.push_whole(frame, order, &self.replies);
                self.send_kept_behind(is_patient);
                self.wait_for_reply(is_patient, patience).await?;
                if is_new && let Some(held) = self.held.take() {
                    held.give_back();
                }
            }
            Hold::Raw => {
                self.state.command = order.command;
                held.hold = Hold::Raw;
                lane.set_raw();
                lane.push_raw(&frame);
            }
            Hold::State => {
                lane.push_whole(frame, order, &self.replies);
                self.settle().await?;
                self.state.is_pinned |= self.replies.last()[0] == b'+';
                self.keep_or_give_back();
            }
            Hold::Watch | Hold::Multi => {
                if held.hold != Hold::State {
                    held.hold = hold;
                }
                if hold == Hold::Multi {
                    self.state.begin_multi();
                } else {
                    self.state.is_watching = true;
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

    /// MULTI or WATCH could not even be sent. Where the client has sent on without waiting for the answer, what
    /// follows must not run without it.
    pub(super) fn note_refused(&mut self, hold: Hold) {
        match hold {
            Hold::Multi if self.is_input_fresh => {
                self.state.begin_multi();
                self.state.is_multi_lost = true;
                self.state.is_multi_refused = true;
            }
            Hold::Watch => self.state.is_watch_lost = self.is_input_fresh,
            _ => {}
        }
    }

    /// Waits for the reply of a command on a connection of its own: for as long as it says that it blocks, and
    /// then as long as any other command.
    async fn wait_for_reply(
        &mut self,
        is_patient: bool,
        patience: Option<Duration>,
    ) -> Result<(), End> {
        let Some(lane) = self.held.as_ref().map(|held| held.lane().clone()).filter(|_| is_patient)
        else {
            return self.settle().await;
        };
        let bound = self.upstream().map(|upstream| upstream.command_timeout());
        let bound = patience.zip(bound).map(|(patience, bound)| patience.saturating_add(bound));
        let entry = Arc::clone(&self.entry);
        let settled = {
            let bound = bound.unwrap_or(FOREVER);
            let mut settled = pin!(tokio::time::timeout(bound, self.settle_blocked()));
            std::future::poll_fn(|cx| {
                // Another one, if the connection was lost and made again before the command was sent.
                entry.blocked_as.store(lane.upstream_id(), Ordering::Relaxed);
                settled.as_mut().poll(cx)
            })
            .await
        };
        self.entry.blocked_as.store(0, Ordering::Relaxed);
        match settled {
            Ok(end) => end,
            Err(_) => {
                lane.abandon();
                self.settle().await
            }
        }
    }

    /// Makes sure that the session holds a connection, in its protocol and on its database. If there is none,
    /// says what the client is to be told.
    pub(super) async fn take(&mut self, hold: Hold) -> Result<Result<(), String>, End> {
        if self.held.is_some() {
            return Ok(Ok(()));
        }
        let mut is_again = false;
        loop {
            let held = match self.check_out(hold).await? {
                Ok(held) => held,
                Err(text) => return Ok(Err(text)),
            };
            let refusal = self.prepare(held.lane(), hold).await?;
            // Lost meanwhile, and with it nothing of the client's.
            if held.lane().is_ended() && !std::mem::replace(&mut is_again, true) {
                continue;
            }
            if let Some(refusal) = refusal {
                return Ok(Err(refusal));
            }
            self.held = Some(held);
            return Ok(Ok(()));
        }
    }

    /// A connection from the pool, as it is there. What is on the way elsewhere comes first.
    async fn check_out(&mut self, hold: Hold) -> Result<Result<Dedicated, String>, End> {
        self.settle().await?;
        let context = Rc::clone(&self.context);
        let Backend::Cloud(cloud) = &context.backend else {
            return Ok(Err(error_reply::NEEDS_UPSTREAM.to_owned()));
        };
        let replies = Rc::clone(&self.replies);
        let shard = &context.shard;
        let taken = Dedicated::take(&cloud.upstream, &cloud.pool, hold, &replies, shard);
        Ok(self.meanwhile(taken, false).await?.map_err(|failure| failure.to_string()))
    }

    /// Puts a lent connection into the client's protocol and database, and sees that it is there before a
    /// command is sent. What the upstream said, if it refused.
    async fn prepare(&mut self, lane: &Lane, hold: Hold) -> Result<Option<String>, End> {
        let (protocol, db) = (self.state.protocol, self.state.db);
        if lane.protocol() != protocol {
            let frame = hello_frame(protocol);
            let reply = self.call(|own| lane.push(&frame, Order::default(), own)).await?;
            if reply.starts_with(b"-") {
                return Ok(Some(error_text(&reply)));
            }
            lane.set_protocol(protocol);
        }
        if lane.db() != db && hold != Hold::WhileBusy {
            let frame = select_frame(db);
            let reply = self.call(|own| lane.select(&frame, db, Order::default(), own)).await?;
            if !reply.starts_with(b"+") {
                return Ok(Some(error_text(&reply)));
            }
        }
        Ok(None)
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
        if let Err(text) = self.take(Hold::State).await? {
            self.answer(|out| encode::error(out, text));
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

    /// After a change of the connection's state: keeps it, or gives it back when nothing holds it any more.
    pub(super) fn keep_or_give_back(&mut self) {
        let keeps = self.state.keeps_connection();
        let is_watching = self.state.is_watching;
        let Some(held) = &mut self.held else { return };
        if keeps {
            held.hold = Hold::State;
        } else if self.state.in_multi {
            held.hold = Hold::Multi;
        } else if is_watching {
            held.hold = Hold::Watch;
        } else if let Some(held) = self.held.take() {
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

    /// Sends the client's SELECT upstream, on a connection of its own. Whether that database is there.
    pub(super) async fn try_select(&mut self, db: u32) -> Result<bool, End> {
        let lent = match &self.held {
            Some(_) => None,
            // Not prepared: the database that the client is leaving may be gone.
            None => match self.check_out(Hold::Command { is_patient: false }).await? {
                Ok(held) => Some(held),
                Err(text) => {
                    self.answer(|out| encode::error(out, text));
                    return Ok(false);
                }
            },
        };
        let Some(lane) = lent.as_ref().or(self.held.as_ref()).map(|held| held.lane().clone())
        else {
            return Ok(false);
        };
        let order = self.state.order();
        lane.select(&select_frame(db), db, order, &self.replies);
        self.settle().await?;
        if let Some(held) = lent {
            held.give_back();
        }
        Ok(self.replies.last()[0] == b'+')
    }

    /// Sends a command whose reply is for us and not for the client.
    pub(super) async fn call(&mut self, send: impl FnOnce(&Rc<Replies>)) -> Result<Vec<u8>, End> {
        self.call_within(self.context.bounds.output, send).await
    }

    /// The same where a reply of up to `most` bytes is expected.
    pub(super) async fn call_within(
        &mut self,
        most: usize,
        send: impl FnOnce(&Rc<Replies>),
    ) -> Result<Vec<u8>, End> {
        let replies = Replies::whole(Rc::clone(&self.context.spare));
        replies.set_limit(most);
        send(&replies);
        let answered = std::future::poll_fn(|cx| {
            if replies.owed() == 0 || replies.is_broken() {
                return Poll::Ready(());
            }
            replies.wake(cx.waker());
            Poll::Pending
        });
        self.meanwhile(answered, false).await?;
        // More than we can hold, and so more than can be put right for the client.
        if replies.is_broken() { Err(End::Closed) } else { Ok(replies.take()) }
    }

    /// The upstream, where there is one.
    pub(super) fn upstream(&self) -> Option<Arc<crate::upstream::Upstream>> {
        match &self.context.backend {
            Backend::Cloud(cloud) => Some(Arc::clone(&cloud.upstream)),
            Backend::Memory(_) => None,
        }
    }
}

fn patience_of(frame: &[u8]) -> Option<Duration> {
    let request = Request::parse(frame)?;
    patience(crate::command::lookup(request.name()), &request)
}

/// SELECT as a request.
pub(super) fn select_frame(db: u32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(32);
    encode::command(&mut frame, &[b"SELECT", db.to_string().as_bytes()]);
    frame
}

/// HELLO as a request.
pub(super) fn hello_frame(protocol: Protocol) -> Vec<u8> {
    let version: &[u8] = if protocol == Protocol::Resp3 { b"3" } else { b"2" };
    let mut frame = Vec::with_capacity(32);
    encode::command(&mut frame, &[b"HELLO", version]);
    frame
}

/// The text of an error reply, to be told again.
fn error_text(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply.strip_prefix(b"-").unwrap_or(reply)).trim_end().to_owned()
}

/// A number in an argument.
pub(super) fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

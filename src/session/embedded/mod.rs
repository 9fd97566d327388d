//! A session on the embedded engine: what needs more than one command of it.
//!
//! `transaction`, `channels` and blocking commands; the rest goes to the engine as it is. The client's own connection (AUTH,
//! HELLO, CLIENT, SELECT) and its subscriptions are the same code as before a cloud.

mod channels;
mod transaction;

use super::context::{Backend, Embedded, wall_clock};
use super::{End, Session, Socket, noting};
use crate::command::{Group, Kind, Number, Spec};
use crate::memory::Engine;
use crate::policy::Shape;
use crate::routing::target::patience;
use crate::telemetry::metrics::shard::Outcome;
use crate::wire::decode::Request;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A command that blocks until something comes.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl<S: Socket> Session<S> {
    /// A command that the session does not answer by itself.
    pub(super) async fn embedded(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let context = Rc::clone(&self.context);
        let Backend::Memory(embedded) = &context.backend else { return Ok(()) };
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        let is_of_transactions = spec.is_some_and(|spec| spec.group == Group::Transactions);
        if self.state.in_multi || is_of_transactions {
            return self.transact(embedded, spec, request).await;
        }
        if spec.is_some_and(|spec| spec.group == Group::PubSub) {
            return self.channels(embedded, spec, request).await;
        }
        match spec {
            Some(spec) if kind == Kind::Blocking => {
                self.block(embedded, spec, request).await?;
                self.send_kept_behind(false);
                Ok(())
            }
            _ => {
                let (db, protocol) = (self.state.db as usize, self.state.protocol);
                self.answer_shaped(|out| {
                    embedded.engine.execute(request, spec, db, protocol, wall_clock(), out);
                });
                self.send_kept_behind(false);
                Ok(())
            }
        }
    }

    /// Runs a command on data, at once.
    pub(super) fn execute(
        &self,
        engine: &Engine,
        (spec, number): (Option<&'static Spec>, Number),
        request: &Request<'_>,
        (is_silent, shape): (bool, Shape),
    ) {
        let (db, protocol) = (self.state.db as usize, self.state.protocol);
        let (now, start, mut size) = (self.context.read_at.get(), noting::start(spec), 0);
        if is_silent {
            engine.execute(request, spec, db, protocol, now, &mut Vec::new());
        } else {
            self.replies.answer_shaped(shape, |out| {
                let before = out.len();
                engine.execute(request, spec, db, protocol, now, out);
                size = out.len() - before;
            });
        }
        self.note_executed(request, start, size);
        let outcome = Outcome::of_answer(self.replies.take_own());
        self.context.executed.borrow_mut().push((number, outcome));
    }

    /// Whether a command that the session answers is refused for its arguments; the client is told so.
    fn is_refused(
        &mut self,
        embedded: &Embedded,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> bool {
        let mut refusal = Vec::new();
        let is_refused = embedded.engine.turn(wall_clock()).refuses(request, spec, &mut refusal);
        if is_refused {
            self.answer(|out| out.extend_from_slice(&refusal));
        }
        is_refused
    }

    /// BLPOP and its kin: for as long as there is nothing, until the client's time is over or it goes.
    async fn block(
        &mut self,
        embedded: &Embedded,
        spec: &'static Spec,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let (id, protocol) = (self.entry.id, self.state.protocol);
        let place = (self.state.db as usize, protocol);
        let engine = &embedded.engine;
        let mut reply = Vec::new();
        let waiting = engine.execute_or_wait(id, request, spec, place, wall_clock(), &mut reply);
        if let Some(waiting) = waiting {
            self.entry.blocked_as.store(i64::try_from(id).unwrap_or(i64::MAX), Ordering::Relaxed);
            let time = patience(Some(spec), request).unwrap_or(FOREVER).min(FOREVER);
            let answered = tokio::time::timeout(time, waiting.reply());
            let answered = self.meanwhile(answered, true).await;
            self.entry.blocked_as.store(0, Ordering::Relaxed);
            reply = answered?.unwrap_or_else(|_| waiting.give_up(protocol));
        }
        self.answer_shaped(|out| out.extend_from_slice(&reply));
        Ok(())
    }
}

//! The commands that need more than to be handed on: who must wait, who is refused, and which file below
//! takes care of the rest.

use super::context::Backend;
use super::{End, Session, Socket, error_reply, publish};
use crate::command::{self, Kind, Number, Spec};
use crate::routing::target::{Hold, Target, target};
use crate::telemetry::metrics::latency::Sample;
use crate::telemetry::metrics::shard::{Outcome, Route};
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};
use std::borrow::Cow;
use std::task::Poll;
use std::time::Instant;

impl<S: Socket> Session<S> {
    pub(super) async fn uncommon(&mut self, frame: Vec<u8>) -> Result<(), End> {
        let request = Request::parse(&frame);
        self.state.command =
            request.map_or(Number::NONE, |request| command::find(request.name()).1);
        let _ = self.replies.take_own();
        let start = self.context.shard.notes.spans.is_on().then(Instant::now);
        let end = self.carry_out(frame).await;
        drop(self.state.take_behind());
        self.count_own(&end, start);
        end
    }

    /// Counts a command that no lane counts.
    fn count_own(&mut self, end: &Result<(), End>, start: Option<Instant>) {
        let own = self.replies.take_own();
        let outcome = match end {
            Ok(()) | Err(End::Finished) => Outcome::of_answer(own),
            Err(_) => Outcome::Abandoned,
        };
        let command = std::mem::take(&mut self.state.command);
        self.context.shard.count(command, outcome);
        if let Some(start) = start {
            self.tell_span(command, outcome, None, None, start);
        }
    }

    /// The same where the way has a histogram.
    fn record_own(&mut self, route: Route, start: Instant) {
        let command = std::mem::take(&mut self.state.command);
        let outcome = Outcome::of_answer(self.replies.take_own());
        let whole = Sample::of(start.elapsed());
        self.context.shard.answered(command, outcome, route, whole, 1);
        self.tell_span(command, outcome, Some(route), None, start);
    }

    async fn carry_out(&mut self, frame: Vec<u8>) -> Result<(), End> {
        let Some(request) = Request::parse(&frame) else { return Ok(()) };
        let spec = command::lookup(request.name());
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        if self.refuse_by_rate(spec) || !self.admits(spec, &request) {
            return Ok(());
        }
        self.wait_out_pause(spec).await?;
        if let Some((whole, namespace)) = self.asks_whole(spec) {
            return self.whole(whole, &namespace, &request).await;
        }
        if self.asks_rounds(spec, &request) {
            return self.find_keys(&request).await;
        }
        self.entry.saw(self.context.seconds.get(), command::resolve(&request));
        self.notice_loss()?;
        let hold = self.held.as_ref().map(|held| held.hold);
        let situation = self.state.situation(hold, self.subscriber.is_some());
        let mut way = target(spec, &request, situation);
        if let Some(spec) = spec.filter(|spec| !spec.fits(request.argc())) {
            if way == Target::Here {
                self.refuse("arity", |out| error_reply::wrong_arity(out, spec));
                return Ok(());
            }
            // The upstream has the words for it, and nothing else to do.
            way = Target::Lane;
        }
        if hold == Some(Hold::Raw) && way != Target::Here {
            if let Some(held) = &self.held {
                held.lane().push_raw(request.bytes());
            }
            return Ok(());
        }
        match way {
            Target::Here => self.here(kind, &request).await,
            _ if matches!(self.context.backend, Backend::Memory(_)) => {
                let start = Instant::now();
                self.embedded(spec, &request).await?;
                // A wait that its client asked for is no latency.
                if kind != Kind::Blocking {
                    self.record_own(Route::Memory, start);
                }
                Ok(())
            }
            Target::Refused => {
                self.refuse("transaction", |out| encode::error(out, error_reply::NOT_IN_MULTI));
                Ok(())
            }
            Target::Hub => {
                let start = Instant::now();
                self.subscription(kind, &request).await?;
                self.record_own(Route::Hub, start);
                Ok(())
            }
            Target::Checkout(hold) => self.dedicate(hold, kind, frame).await,
            Target::Lane => self.toward_lane(spec, &request).await,
        }
    }

    /// What a lane carries, but for what must be waited for before, or put right behind.
    async fn toward_lane(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        if spec.is_some_and(publish::counts_subscribers) {
            return self.count_subscribers(request).await;
        }
        if self.state.in_multi {
            return self.on_lane(spec, request).await;
        }
        if spec.is_some_and(publish::publishes) {
            self.wait_for_leaving().await?;
            self.publish(spec, request);
            return Ok(());
        }
        if spec.is_some_and(|spec| spec.kind == Kind::Info) {
            return self.info(request).await;
        }
        self.on_lane(spec, request).await
    }

    /// An answer of our own, unless the client wants none.
    pub(super) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.state.is_silenced() {
            self.replies.answer(write);
        }
    }

    /// The same for one with keys in it, by the shape of the command at hand.
    pub(super) fn answer_shaped(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let shape = std::mem::take(&mut self.state.shape);
        if !self.state.is_silenced() {
            self.replies.answer_shaped(shape, write);
        }
    }

    /// The same for a command that a rule forbids.
    pub(super) fn refuse(
        &mut self,
        rule: impl Into<Cow<'static, str>>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.context.shard.events.refusals.count(rule);
        self.answer(write);
    }

    /// Whether the client may send this now; if not, it is told why.
    fn admits(&mut self, spec: Option<&'static Spec>, request: &Request<'_>) -> bool {
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        let needs_no_auth = matches!(kind, Kind::Auth | Kind::Hello | Kind::Quit | Kind::Reset);
        let is_restricted = !self.state.is_authenticated || self.is_resp2_subscriber();
        let exact = command::resolve(request);
        if let Some(exact) = exact.filter(|exact| is_restricted && !exact.fits(request.argc())) {
            self.refuse("arity", |out| error_reply::wrong_arity(out, exact));
            return false;
        }
        if let (Some(exact), Some(word)) = (exact, request.arg(1))
            && is_restricted
            && exact.is_container()
        {
            let container = exact.name.to_uppercase();
            self.refuse("arity", |out| error_reply::unknown_subcommand(out, &container, word));
            return false;
        }
        if !self.state.is_authenticated && !needs_no_auth {
            self.refuse("authentication", |out| encode::error(out, error_reply::NOAUTH));
            return false;
        }
        if self.refuses_login(kind, request) {
            return false;
        }
        let is_subscriber = self.is_resp2_subscriber();
        let suits_subscriber =
            kind.is_subscription() || matches!(kind, Kind::Ping | Kind::Quit | Kind::Reset);
        // A command that is not in the table is Redis's to refuse, as it is for every other client.
        if let Some(spec) = spec.filter(|_| is_subscriber && !suits_subscriber) {
            let name = exact.unwrap_or(spec).name;
            self.refuse("subscriber", |out| error_reply::only_subscriptions(out, name));
            return false;
        }
        true
    }

    fn is_resp2_subscriber(&self) -> bool {
        self.subscriber.is_some() && self.state.protocol == Protocol::Resp2
    }

    /// Whether CLIENT PAUSE holds this command.
    pub(super) fn is_held_back(&self, spec: Option<&Spec>) -> bool {
        let may_write = |spec: &Spec| {
            spec.is_write()
                || matches!(spec.kind, Kind::Exec | Kind::Script)
                || matches!(spec.name, "publish" | "spublish" | "pfcount")
        };
        self.context.clients.paused().is_some_and(|pause| {
            let is_client = spec.is_some_and(|spec| spec.kind == Kind::Client);
            !is_client && (!pause.writes_only || spec.is_some_and(may_write))
        })
    }

    /// CLIENT PAUSE: waits until it is over.
    async fn wait_out_pause(&mut self, spec: Option<&'static Spec>) -> Result<(), End> {
        while self.is_held_back(spec) {
            let Some(pause) = self.context.clients.paused() else { break };
            let context = std::rc::Rc::clone(&self.context);
            let mut timer = Box::pin(tokio::time::sleep_until(pause.until.into()));
            let over = std::future::poll_fn(move |cx| {
                // UNPAUSE wakes every session.
                if context.clients.paused().is_none() {
                    return Poll::Ready(());
                }
                timer.as_mut().poll(cx)
            });
            self.meanwhile(over, true).await?;
        }
        Ok(())
    }

    /// Commands about the client's own connection.
    pub(super) async fn here(&mut self, kind: Kind, request: &Request<'_>) -> Result<(), End> {
        match kind {
            Kind::Quit => {
                self.settle().await?;
                self.answer(|out| encode::simple(out, "OK"));
                Err(End::Finished)
            }
            Kind::Reset => self.reset().await,
            Kind::Auth => self.auth(request).await,
            Kind::Acl => {
                self.whoami();
                Ok(())
            }
            Kind::Hello => self.hello(request).await,
            Kind::Select => self.select(request).await,
            Kind::Sidecar => self.sidecar(request).await,
            Kind::Ping => {
                self.ping_subscriber(request);
                Ok(())
            }
            _ => self.client(request).await,
        }
    }
}

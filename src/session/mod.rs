//! A session: one client's connection, from its first byte to its last.
//!
//! The common way is here and never waits: read, decode, hand to a lane, write what came back. What must
//! wait (a connection of its own, a subscription) is in `uncommon` and the files below. Invariants: replies
//! go out in the order of the commands; a client has commands on the way on one lane only.

mod client;
pub mod clients;
pub mod context;
mod dedicated;
mod embedded;
mod end;
pub mod error_reply;
mod govern;
mod greeting;
mod identity;
mod info;
mod limits;
mod noting;
mod outage;
mod publish;
mod rate;
mod rounds;
mod sidecar;
pub mod socket;
mod state;
mod subscriber;
mod tracking;
mod transaction;
mod uncommon;
pub mod vitals;
mod whole;

use crate::command::{Group, Kind, Spec};
use crate::memory::Watches;
use crate::policy::App;
use crate::policy::rules::Meters;
use crate::routing::dedicated::Dedicated;
use crate::routing::target::{Hold, Target, target};
use crate::telemetry::big_values::LEAST;
use crate::upstream::lane::Lane;
use crate::upstream::replies::Replies;
use crate::upstream::retry::Class;
use crate::wire::decode::{Decoded, Decoder, ProtocolError, Request};
use crate::wire::encode;
use bytes::BytesMut;
use clients::Entry;
use context::{Backend, Context, Embedded, wall_clock};
use end::End;
use govern::Found;
use rate::Rate;
use socket::Socket;
use state::State;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context as Task;
use std::time::Instant;
use subscriber::Subscriber;

/// With so many bytes of replies before a client, its socket is not read.
const MAX_UNREAD: usize = 256 * 1024;

/// One client's connection.
struct Session<S> {
    stream: S,
    context: Rc<Context>,
    entry: Arc<Entry>,
    state: State,
    /// What the client may do; `None` is all.
    app: Option<Arc<App>>,
    /// What is counted of it for the rules.
    meters: Meters,
    replies: Rc<Replies>,
    /// Bytes read and not dispatched; empty for most clients at most times.
    input: BytesMut,
    /// `input` may hold a whole command.
    is_input_fresh: bool,
    decoder: Decoder,
    /// The shared lane on which commands are on the way.
    lane: Option<Lane>,
    /// A connection of its own.
    held: Option<Dedicated>,
    subscriber: Option<Box<Subscriber>>,
    /// WATCH, where no upstream keeps it; boxed, since few clients ever do.
    watches: Option<Box<Watches>>,
    /// Until when its rate is used up, and the command at hand is one too many.
    rate: Rate,
    /// The client has said its last.
    is_at_end: bool,
}

/// What came of a client's bytes.
enum Dispatched {
    /// All whole commands are on their way, or no more may be.
    All,
    /// This one is to be taken care of before the next is looked at.
    Uncommon(Vec<u8>),
    /// The rest makes no sense.
    Garbage(ProtocolError),
}

/// Serves one client until it goes, is told to go, or breaks the protocol; `seat` is dropped then.
///
/// No `async fn`: that would keep what it is given beside what it makes of it, in each idle client.
pub fn serve<S, G>(
    stream: S,
    context: Rc<Context>,
    entry: Arc<Entry>,
    seat: G,
) -> impl Future<Output = ()>
where
    S: Socket,
{
    let replies = Replies::new(Rc::clone(&context.spare));
    replies.set_client(entry.id);
    replies.set_limit(context.bounds.output);
    let mut session = Session {
        stream,
        state: State::new(context.first_db()),
        app: None,
        meters: Meters::default(),
        replies,
        input: BytesMut::new(),
        is_input_fresh: false,
        decoder: Decoder::new(),
        lane: None,
        held: None,
        subscriber: None,
        watches: None,
        rate: Rate::default(),
        is_at_end: false,
        context,
        entry,
    };
    async move {
        session.begin();
        let end = session.run().await;
        // Boxed: the timers of the end must not make every idle client larger.
        Box::pin(session.finish(end)).await;
        drop(seat);
    }
}

impl<S: Socket> Session<S> {
    async fn run(&mut self) -> End {
        std::future::poll_fn(|cx| {
            self.entry.wake_with(cx.waker().clone());
            std::task::Poll::Ready(())
        })
        .await;
        loop {
            match std::future::poll_fn(|cx| self.poll_next(cx)).await {
                Ok(frame) => {
                    // Boxed: what seldom happens must not make every session larger.
                    if let Err(end) = Box::pin(self.uncommon(frame)).await {
                        return end;
                    }
                    self.note();
                }
                Err(end) => return end,
            }
        }
    }

    /// The last words, and the end of all that the client alone held.
    async fn finish(&mut self, end: End) {
        end.tell(&self.context, &self.entry);
        if let End::Protocol(error) = &end
            && *error != ProtocolError::HttpRequest
            && self.settle().await.is_ok()
        {
            self.replies.answer(|out| encode::error(out, format!("ERR {error}")));
        }
        let is_attack = matches!(end, End::Protocol(ProtocolError::HttpRequest));
        if matches!(end, End::Protocol(_) | End::Finished) && !is_attack {
            self.say_farewell().await;
        }
        self.release_all();
        self.replies.close();
        self.context.clients.leave(&self.entry);
        self.context.shard.events.departures.count(end.name());
    }

    /// Sends all whole commands of `bytes` on their way. Says how many bytes that were.
    fn dispatch(&mut self, bytes: &[u8], cx: &Task<'_>) -> (usize, Dispatched) {
        if matches!(self.context.backend, Backend::Cloud(_)) {
            return self.hand_on(bytes, cx);
        }
        let start = Instant::now();
        self.context.read_at.set(wall_clock());
        let dispatched = self.hand_on(bytes, cx);
        self.context.record_executed(start, self.state.db);
        dispatched
    }

    fn hand_on(&mut self, bytes: &[u8], cx: &Task<'_>) -> (usize, Dispatched) {
        let limits = self.context.bounds.of_request(self.state.is_authenticated);
        self.context.bounds.look_at_clock();
        let mut at = 0;
        self.is_input_fresh = false;
        loop {
            if self.has_enough(cx) {
                self.is_input_fresh = true;
                return (at, Dispatched::All);
            }
            let rest = &bytes[at..];
            let (length, uncommon) = match self.decoder.decode(rest, &limits) {
                Ok(Decoded::Request(request)) => {
                    (request.bytes().len(), self.take_command(&request))
                }
                Ok(Decoded::Inline { consumed, encoded }) => {
                    let request = Request::parse(&encoded);
                    (consumed, request.and_then(|request| self.take_command(&request)))
                }
                Ok(Decoded::Empty { consumed }) => (consumed, None),
                Ok(Decoded::Incomplete) => {
                    if !rest.is_empty() {
                        self.stream.acknowledge();
                    }
                    return (at, Dispatched::All);
                }
                Err(error) => return (at, Dispatched::Garbage(error)),
            };
            at += length;
            if let Some(frame) = uncommon {
                self.is_input_fresh = true;
                return (at, Dispatched::Uncommon(frame));
            }
        }
    }

    /// Whether enough of this client is on its way, so that no more is to be read.
    fn has_enough(&self, cx: &Task<'_>) -> bool {
        self.replies.has_window_full(self.context.max_in_flight)
            || self.replies.unread() > MAX_UNREAD
            || self.lane_in_use().is_some_and(|lane| !lane.has_room(cx.waker()))
    }

    fn lane_in_use(&self) -> Option<&Lane> {
        self.held.as_ref().map(Dedicated::lane).or(self.lane.as_ref())
    }

    /// Hands a command to a lane, or to memory. `false` if it needs more than that.
    fn pass(&mut self, request: &Request<'_>, (spec, number): Found) -> bool {
        self.entry.saw(self.context.seconds.get(), spec);
        if self.context.sampler.is_due() || request.bytes().len() >= LEAST {
            self.look_at(spec, request);
        }
        if !self.is_common(spec, request) {
            return false;
        }
        if self.state.in_multi {
            self.state.note_queued();
            self.entry.set_multi(Some(self.state.multi_length));
        }
        if self.is_upstream_away() && self.answer_from_memory(spec, request) {
            return true;
        }
        let shape = self.state.shape;
        match &self.context.backend {
            Backend::Memory(Embedded { engine, .. }) => {
                // What is not data is the session's.
                if spec.is_some_and(|s| matches!(s.group, Group::PubSub | Group::Transactions)) {
                    return false;
                }
                let is_silent = self.state.is_silenced();
                self.execute(engine, (spec, number), request, (is_silent, shape));
            }
            Backend::Cloud(cloud) => {
                let hub = Some(&cloud.hub).filter(|hub| hub.is_in_use());
                let excess = hub.map_or(0, |hub| publish::excess(hub, spec, request));
                let mut order = self.state.order();
                order.excess = excess;
                order.command = number;
                if self.held.is_none() {
                    order.class = class(spec);
                }
                if let Some(lane) = self.current_lane() {
                    lane.pass(spec, request, order, &self.replies);
                }
            }
        }
        true
    }

    /// Whether a command only has to be handed on.
    fn is_common(&self, spec: Option<&Spec>, request: &Request<'_>) -> bool {
        if !self.state.is_authenticated || self.is_held_back(spec) {
            return false;
        }
        let hold = self.held.as_ref().map(|held| held.hold);
        let situation = self.state.situation(hold, self.subscriber.is_some());
        if situation.is_subscriber || target(spec, request, situation) != Target::Lane {
            return false;
        }
        if self.state.in_multi && self.held.is_none() {
            return false;
        }
        if hold == Some(Hold::Raw) || self.held.as_ref().is_some_and(|held| held.lane().is_ended())
        {
            return false;
        }
        if spec.is_some_and(publish::counts_subscribers) && self.hub_in_use().is_some()
            || self.is_behind_leaving(spec)
        {
            return false;
        }
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        if kind == Kind::Info && !self.state.in_multi {
            return false;
        }
        // On a connection of its own these change what is held, and CACHING is over with the next command.
        hold.is_none()
            || !kind.is_subscription()
                && !matches!(
                    kind,
                    Kind::Exec
                        | Kind::Discard
                        | Kind::Unwatch
                        | Kind::Multi
                        | Kind::Watch
                        | Kind::Select
                        | Kind::Auth
                        | Kind::Hello
                        | Kind::Client
                        | Kind::Acl
                )
                && self.state.tracking.is_none()
    }

    /// The lane for the next command: the connection that is held, the shared lane with commands on the
    /// way, or the least busy one.
    fn current_lane(&mut self) -> Option<Lane> {
        if let Some(held) = &self.held {
            return Some(held.lane().clone());
        }
        if self.replies.owed() == 0 || self.lane.is_none() {
            let Backend::Cloud(cloud) = &self.context.backend else { return None };
            self.lane = Some(cloud.lanes.pick(self.state.protocol, self.state.db));
        }
        self.lane.clone()
    }

    /// Lets go of what the client alone held; its connection upstream is closed at once.
    fn release_all(&mut self) {
        self.held = None;
        self.watches = None;
        self.leave_topics();
    }

    /// Writes down for others what this client has become.
    fn note(&self) {
        self.entry.set_authenticated(self.state.is_authenticated);
        let mut details = self.entry.details();
        details.db = self.state.db;
        details.is_resp3 = self.state.protocol == crate::wire::Protocol::Resp3;
        self.entry.set_multi(self.state.in_multi.then_some(self.state.multi_length));
        details.subscriptions =
            self.subscriber.as_ref().map_or([0; 3], |subscriber| subscriber.counts());
        details.redirect = self.state.tracking.as_ref().map_or(-1, |tracking| {
            tracking.redirect.map_or(0, |id| i64::try_from(id).unwrap_or(-1))
        });
        details.flags.clear();
        let marks = [
            (self.held.as_ref().is_some_and(|held| held.hold == Hold::Raw), 'O'),
            (self.subscriber.is_some(), 'P'),
            (self.state.in_multi, 'x'),
            (self.state.tracking.is_some(), 't'),
        ];
        details.flags.extend(marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark));
    }
}

/// Whether a command may be sent again.
fn class(spec: Option<&Spec>) -> Class {
    match spec {
        Some(spec) if spec.is_readonly() || spec.kind == Kind::Ping => Class::Read,
        Some(spec) if spec.kind != Kind::Script => Class::Write,
        _ => Class::Opaque,
    }
}

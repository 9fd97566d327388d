//! A session that listens: subscriptions through the hub, and messages handed on between replies.
//!
//! A confirmation goes out where its command stands among the others, with the client's own count; the
//! session waits for it, so that a message published after it can't be missed.

use super::{End, Session, Socket};
use crate::command::Kind;
use crate::config::SubscriberOutput;
use crate::policy::App;
use crate::routing::hub::INVALIDATE;
use crate::routing::hub::mailbox::{Event, Mailbox};
use crate::routing::hub::registry::{Family, Topic};
use crate::routing::target::Hold;
use crate::upstream::Upstream;
use crate::upstream::error::Failure;
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// With so many bytes before the client, its messages stay in the mailbox, which has a bound.
const ENOUGH: usize = 64 * 1024;

/// What a session listens to.
pub(super) struct Subscriber {
    mailbox: Arc<Mailbox>,
    channels: HashSet<Bytes>,
    patterns: HashSet<Bytes>,
    shards: HashSet<Bytes>,
    /// A confirmation that is awaited, and what came of it.
    awaited: Option<Topic>,
    refusal: Option<Bytes>,
}

impl Subscriber {
    fn new(bounds: SubscriberOutput) -> Self {
        Self {
            mailbox: Arc::new(Mailbox::new(bounds)),
            channels: HashSet::new(),
            patterns: HashSet::new(),
            shards: HashSet::new(),
            awaited: None,
            refusal: None,
        }
    }

    /// Channels, patterns and shard channels.
    pub(super) fn counts(&self) -> [usize; 3] {
        [self.channels.len(), self.patterns.len(), self.shards.len()]
    }

    fn names(&mut self, family: Family) -> &mut HashSet<Bytes> {
        match family {
            Family::Channel => &mut self.channels,
            Family::Pattern => &mut self.patterns,
            Family::Shard => &mut self.shards,
        }
    }

    /// The count that a confirmation carries: shard channels are counted apart.
    fn count(&self, family: Family) -> usize {
        match family {
            Family::Channel | Family::Pattern => self.channels.len() + self.patterns.len(),
            Family::Shard => self.shards.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.counts() == [0; 3]
    }
}

impl<S: Socket> Session<S> {
    /// SUBSCRIBE, UNSUBSCRIBE and their kin.
    pub(super) async fn subscription(
        &mut self,
        kind: Kind,
        request: &Request<'_>,
    ) -> Result<(), End> {
        // RESP2 has no pushes: what is owed comes before the first confirmation.
        self.settle().await?;
        // Confirmations are pushes: CLIENT REPLY OFF and SKIP do not silence them.
        self.state.is_silenced();
        let (family, adds) = match kind {
            Kind::Subscribe => (Family::Channel, true),
            Kind::PSubscribe => (Family::Pattern, true),
            Kind::SSubscribe => (Family::Shard, true),
            Kind::PUnsubscribe => (Family::Pattern, false),
            Kind::SUnsubscribe => (Family::Shard, false),
            _ => (Family::Channel, false),
        };
        let names = request.args().skip(1).map(Bytes::copy_from_slice);
        if adds {
            for name in names {
                self.subscribe(Topic { family, name }).await?;
            }
        } else {
            self.unsubscribe(family, names.collect()).await?;
        }
        if self.subscriber.as_ref().is_some_and(|subscriber| subscriber.is_empty()) {
            self.subscriber = None;
        }
        Ok(())
    }

    async fn subscribe(&mut self, topic: Topic) -> Result<(), End> {
        let (hub, upstream) = (Arc::clone(self.context.backend.hub()), self.upstream());
        let messages = self.context.bounds.messages;
        let subscriber = self.subscriber.get_or_insert_with(|| Box::new(Subscriber::new(messages)));
        if !subscriber.names(topic.family).contains(&topic.name) {
            subscriber.awaited = Some(topic.clone());
            subscriber.refusal = None;
            std::future::poll_fn(|cx| {
                subscriber.mailbox.attach(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            hub.subscribe(topic.clone(), self.entry.id, &subscriber.mailbox);
            let is_confirmed = self.wait_for_confirmation(given_up(upstream.as_deref())).await?;
            let refusal = self.subscriber.as_mut().and_then(|found| found.refusal.take());
            if let Some(text) = refusal {
                self.replies.answer(|out| encode::error(out, &text));
                return Ok(());
            }
            if !is_confirmed && let Some(upstream) = upstream {
                hub.unsubscribe(&topic, self.entry.id);
                let failure = why_not_confirmed(&upstream);
                self.replies.answer(|out| encode::error(out, failure.to_string()));
                return Ok(());
            }
        }
        let protocol = self.state.protocol;
        let Some(subscriber) = &mut self.subscriber else { return Ok(()) };
        subscriber.names(topic.family).insert(topic.name.clone());
        let count = subscriber.count(topic.family);
        let word = topic.family.subscribe();
        let name = own_name(self.app.as_deref(), &topic);
        self.replies.answer(|out| confirm(out, protocol, word, Some(&name), count));
        Ok(())
    }

    /// Waits for what the hub says of the topic that is awaited. `false` if it says nothing until `given_up`.
    async fn wait_for_confirmation(
        &mut self,
        given_up: impl Future<Output = ()>,
    ) -> Result<bool, End> {
        let mut timer = Box::pin(given_up);
        std::future::poll_fn(|cx| {
            if let Err(end) = self.hear(cx) {
                return Poll::Ready(Err(end));
            }
            if self.subscriber.as_ref().is_none_or(|subscriber| subscriber.awaited.is_none()) {
                return Poll::Ready(Ok(true));
            }
            self.replies.wake(cx.waker());
            timer.as_mut().poll(cx).map(|()| Ok(false))
        })
        .await
    }

    /// What comes while the session waits for the hub. What is part of EXEC's reply must not go out by itself.
    fn hear(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        match self.state.apart {
            Some(_) => self.deliver_messages(),
            None => self.poll_write(cx),
        }
    }

    /// Waits until the upstream counts us for none of these any more: who is told that the client has left may count
    /// its subscribers.
    async fn leave(&mut self, family: Family, names: &[Bytes]) -> Result<(), End> {
        let hub = Arc::clone(self.context.backend.hub());
        let Some(subscriber) = &mut self.subscriber else { return Ok(()) };
        let known = names.iter().filter(|name| subscriber.names(family).contains(*name));
        let topics = known.map(|name| Topic { family, name: name.clone() }).collect::<Vec<_>>();
        let given_up = topics.iter().filter_map(|topic| hub.unsubscribe(topic, self.entry.id));
        let Some(given_up) = given_up.max() else { return Ok(()) };
        let mut confirmed = pin!(hub.confirmed(given_up));
        std::future::poll_fn(|cx| {
            if let Err(end) = self.hear(cx) {
                return Poll::Ready(Err(end));
            }
            self.replies.wake(cx.waker());
            confirmed.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    async fn unsubscribe(&mut self, family: Family, mut names: Vec<Bytes>) -> Result<(), End> {
        if names.is_empty() {
            let subscriber = self.subscriber.as_deref_mut();
            names = subscriber.map_or_else(Vec::new, |s| s.names(family).iter().cloned().collect());
        }
        self.leave(family, &names).await?;
        let protocol = self.state.protocol;
        let word = family.unsubscribe();
        let app = self.app.clone();
        let app = app.as_deref();
        let mut none = Subscriber::new(self.context.bounds.messages);
        let subscriber = self.subscriber.as_deref_mut().unwrap_or(&mut none);
        if names.is_empty() {
            let count = subscriber.count(family);
            self.replies.answer(|out| confirm(out, protocol, word, None, count));
        }
        for name in names {
            let topic = Topic { family, name };
            if subscriber.names(family).remove(&topic.name) {
                // What came before goes out before.
                while let Some(event) = subscriber.mailbox.take() {
                    match &mut self.state.apart {
                        Some(apart) => write_event(apart, protocol, app, &event),
                        None => self.replies.answer(|out| write_event(out, protocol, app, &event)),
                    }
                }
            }
            let (count, name) = (subscriber.count(family), own_name(app, &topic));
            self.replies.answer(|out| confirm(out, protocol, word, Some(&name), count));
        }
        Ok(())
    }

    /// PING of a RESP2 subscriber: an array, so that it can't be taken for a message.
    pub(super) fn ping_subscriber(&mut self, request: &Request<'_>) {
        if request.argc() > 2 {
            let text = "ERR wrong number of arguments for 'ping' command";
            return self.answer(|out| encode::error(out, text));
        }
        let text = request.arg(1).unwrap_or_default();
        self.answer(|out| {
            encode::array_header(out, 2);
            encode::bulk(out, b"pong");
            encode::bulk(out, text);
        });
    }

    /// Hands on what the hub has for this client, behind the replies to what it has asked: a message that it caused
    /// itself comes behind its reply, as from Redis 7.2 on, and an invalidation behind a value that was read before it.
    /// A client with a connection of its own may block there, and gets them meanwhile.
    pub(super) fn deliver_messages(&mut self) -> Result<(), End> {
        let Some(subscriber) = &mut self.subscriber else { return Ok(()) };
        let may_block = self.held.as_ref().is_some_and(|held| held.hold != Hold::Multi);
        let hard = self.context.bounds.messages.hard;
        while self.replies.unread() < ENOUGH {
            match subscriber.mailbox.take() {
                Some(event @ (Event::Message(_) | Event::Invalidated(_))) => {
                    let mut message = Vec::new();
                    let app = self.app.as_deref();
                    write_event(&mut message, self.state.protocol, app, &event);
                    match &mut self.state.apart {
                        Some(apart) if apart.len() > hard => return Err(End::TooSlow),
                        Some(apart) => apart.extend_from_slice(&message),
                        None if may_block => self.replies.push(&message),
                        None => self.replies.push_behind(&message),
                    }
                }
                Some(Event::Subscribed(topic)) => {
                    subscriber.awaited.take_if(|awaited| *awaited == topic);
                    if subscriber.awaited.is_none() {
                        break;
                    }
                }
                Some(Event::Refused(topic, text)) => {
                    if subscriber.awaited.take_if(|awaited| *awaited == topic).is_none() {
                        // What it was told it has, it has no more.
                        let text = String::from_utf8_lossy(&text);
                        tracing::warn!(
                            "closed a subscriber: subscribing again was refused: {text}"
                        );
                        return Err(End::Closed);
                    }
                    subscriber.refusal = Some(text);
                }
                None => break,
            }
        }
        if subscriber.mailbox.has_overflowed() { Err(End::TooSlow) } else { Ok(()) }
    }

    /// The session listens to nothing any more.
    pub(super) fn leave_topics(&mut self) {
        let Some(mut subscriber) = self.subscriber.take() else { return };
        let hub = self.context.backend.hub();
        let awaited = subscriber.awaited.take();
        for family in Family::ALL {
            for name in subscriber.names(family).drain() {
                hub.unsubscribe(&Topic { family, name }, self.entry.id);
            }
        }
        if let Some(topic) = awaited {
            hub.unsubscribe(&topic, self.entry.id);
        }
    }
}

/// When a confirmation that has not come is waited for no longer. The hub of `memory://` gives it at once.
async fn given_up(upstream: Option<&Upstream>) {
    let Some(upstream) = upstream else { return };
    tokio::select! {
        () = tokio::time::sleep(upstream.command_timeout()) => {}
        () = upstream.health.rejected() => {}
    }
}

fn why_not_confirmed(upstream: &Upstream) -> Failure {
    let bound = upstream.command_timeout();
    match upstream.health.last_error() {
        _ if upstream.health.is_rejecting() => upstream.health.rejection(false),
        Some(error) => Failure::Away { after: bound, cause: error.to_string() },
        None => Failure::TimedOut { after: bound, sent: true },
    }
}

/// What the client calls a topic.
fn own_name<'t>(app: Option<&App>, topic: &'t Topic) -> Cow<'t, [u8]> {
    match app.and_then(App::namespace) {
        Some(namespace) if topic.family == Family::Pattern => namespace.own_pattern(&topic.name),
        Some(namespace) => namespace.own_channel(&topic.name),
        None => Cow::Borrowed(&topic.name),
    }
}

/// Of what is none of the client's business nothing is written.
fn write_event(out: &mut Vec<u8>, protocol: Protocol, app: Option<&App>, event: &Event) {
    match (event, app.and_then(App::namespace)) {
        (Event::Message(frame), None) => write_message(out, protocol, frame),
        (Event::Message(frame), Some(namespace)) => {
            out.extend(namespace.own_message_frame(frame, protocol).unwrap_or_default());
        }
        (Event::Invalidated(keys), Some(namespace)) if !keys.starts_with(b"*-") => {
            if let Some(own) = namespace.own_keys(keys) {
                write_invalidation(out, protocol, &own);
            }
        }
        (Event::Invalidated(keys), _) => write_invalidation(out, protocol, keys),
        (Event::Subscribed(_) | Event::Refused(..), _) => {}
    }
}

fn write_message(out: &mut Vec<u8>, protocol: Protocol, frame: &[u8]) {
    out.push(if protocol == Protocol::Resp3 { b'>' } else { b'*' });
    out.extend_from_slice(frame.get(1..).unwrap_or_default());
}

/// RESP2 clients expect a message on the channel that they subscribed to.
fn write_invalidation(out: &mut Vec<u8>, protocol: Protocol, keys: &[u8]) {
    if protocol == Protocol::Resp3 {
        encode::push_header(out, protocol, 2);
        encode::bulk(out, b"invalidate");
    } else {
        encode::array_header(out, 3);
        encode::bulk(out, b"message");
        encode::bulk(out, INVALIDATE);
    }
    if keys.starts_with(b"*-") {
        encode::null(out, protocol);
    } else {
        out.extend_from_slice(keys);
    }
}

fn confirm(out: &mut Vec<u8>, protocol: Protocol, word: &str, name: Option<&[u8]>, count: usize) {
    encode::push_header(out, protocol, 3);
    encode::bulk(out, word.as_bytes());
    match name {
        Some(name) => encode::bulk(out, name),
        None => encode::null(out, protocol),
    }
    encode::integer(out, i64::try_from(count).unwrap_or(i64::MAX));
}

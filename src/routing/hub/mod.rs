//! The hub: one upstream connection for the subscriptions of all local clients.
//!
//! It connects with the first subscription, connects again when it loses its connection, and then
//! subscribes to all that is wanted, so that subscribers see no disconnect. Messages that were published
//! in between are lost, as they are for any Redis subscriber. Without an upstream it hands on what its
//! clients publish themselves (`local`).

mod line;
mod local;
pub mod mailbox;
pub mod registry;

use crate::telemetry::metrics::events::Events;
use crate::upstream::error::ConnectError;
use crate::upstream::retry::Backoff;
use crate::upstream::{Connection, LONGEST_WAIT, Upstream};
use crate::wire::{Protocol, encode};
use bytes::Bytes;
use line::{Line, Parts};
use mailbox::{Event, Mailbox};
use registry::{Family, Order, Reach, Registry, Topic};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// The channel on which RESP2 clients hear of invalidations (CLIENT TRACKING ... REDIRECT).
pub const INVALIDATE: &[u8] = b"__redis__:invalidate";

/// Null, in place of an array.
const NULL: &[u8] = b"*-1\r\n";

/// Without subscribers the connection is closed after this time.
const LINGER: Duration = Duration::from_secs(60);

/// A connection that was lost sooner is made again no faster than one that can't be made.
const STEADY: Duration = Duration::from_secs(1);

/// For so long the upstream's word is waited for that it counts us no more. Without it counts may be one too many.
const LEAVING: Duration = Duration::from_secs(1);

/// Without keepalive the connection is never asked.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Until when nothing may be heard, and whether a PING was sent then.
struct Quiet {
    at: Instant,
    is_asked: bool,
}

impl Quiet {
    /// When the connection is to be asked whether it is still there, if nothing is heard.
    fn after(upstream: &Upstream) -> Self {
        let wait = upstream.keepalive().unwrap_or(FOREVER);
        Self { at: Instant::now() + wait, is_asked: false }
    }
}

/// See the module.
pub struct Hub {
    events: Arc<Events>,
    registry: Mutex<Registry>,
    orders: Notify,
    /// Our client id upstream, and how many connections there were: for CLIENT TRACKING REDIRECT.
    id: AtomicI64,
    connections: AtomicU64,
    /// How many topics we gave up of those that the upstream knows, and how many of these it has confirmed.
    given_up: AtomicU64,
    confirmed: watch::Sender<u64>,
    /// Topics with listeners.
    topics: AtomicUsize,
}

impl Hub {
    /// A hub without subscribers, for an upstream; [`Hub::run`] must be spawned once.
    #[must_use]
    pub fn new(events: Arc<Events>) -> Self {
        Self::with(Registry::default(), events)
    }

    fn with(registry: Registry, events: Arc<Events>) -> Self {
        Self {
            events,
            registry: Mutex::new(registry),
            orders: Notify::new(),
            id: AtomicI64::new(0),
            connections: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            confirmed: watch::Sender::new(0),
            topics: AtomicUsize::new(0),
        }
    }

    /// `subscriber` wants `topic`; its mailbox gets the confirmation or the refusal.
    pub fn subscribe(&self, topic: Topic, subscriber: u64, mailbox: &Arc<Mailbox>) {
        let mut registry = self.registry();
        registry.subscribe(topic, subscriber, mailbox);
        self.topics.store(registry.len(), Ordering::Relaxed);
        drop(registry);
        self.orders.notify_one();
    }

    /// `subscriber` no longer wants `topic`: nothing more is put into its mailbox. If the upstream is to confirm that,
    /// what [`Hub::confirmed`] is to be asked for.
    pub fn unsubscribe(&self, topic: &Topic, subscriber: u64) -> Option<u64> {
        let mut registry = self.registry();
        let given_up = registry.unsubscribe(topic, subscriber);
        self.topics.store(registry.len(), Ordering::Relaxed);
        self.given_up.store(registry.given_up(), Ordering::Relaxed);
        drop(registry);
        self.orders.notify_one();
        given_up
    }

    /// What [`Hub::confirmed`] is to be asked for, while the upstream may still count us where nobody listens any more.
    #[must_use]
    pub fn unconfirmed(&self) -> Option<u64> {
        let given_up = self.given_up.load(Ordering::Relaxed);
        (given_up > *self.confirmed.borrow()).then_some(given_up)
    }

    /// The upstream counts us no more where so many topics were given up, or has lost its connection to us; or it has
    /// not said so for a second.
    pub async fn confirmed(&self, given_up: u64) {
        let mut confirmed = self.confirmed.subscribe();
        // The sender lives as long as we do.
        let _ = timeout(LEAVING, confirmed.wait_for(|confirmed| *confirmed >= given_up)).await;
    }

    /// Whether any client listens to anything.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.topics.load(Ordering::Relaxed) > 0
    }

    /// How many of our clients a message on `topic` reaches beyond those that the upstream counts.
    #[must_use]
    pub fn unseen(&self, topic: &Topic) -> usize {
        self.registry().unseen(topic)
    }

    /// How many of our clients are subscribed to `topic` beyond the one that the upstream counts.
    #[must_use]
    pub fn unseen_subscribers(&self, topic: &Topic) -> usize {
        self.registry().unseen_subscribers(topic)
    }

    /// The hub's client id upstream; 0 while there is no connection.
    #[must_use]
    pub fn upstream_id(&self) -> i64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Changes with each new connection.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Keeps a connection to `upstream` for as long as there are subscribers. Ends when dropped.
    pub async fn run(self: Arc<Self>, upstream: Arc<Upstream>) {
        let mut backoff = Backoff::new(upstream.retry().clone());
        loop {
            while self.registry().is_empty() {
                self.orders.notified().await;
            }
            match connect(&upstream).await {
                Ok(connection) => {
                    let since = Instant::now();
                    self.serve(&upstream, connection).await;
                    if since.elapsed() >= STEADY {
                        backoff.reset();
                    } else {
                        tokio::time::sleep(backoff.next_wait().min(LONGEST_WAIT)).await;
                    }
                }
                Err(error) => {
                    upstream.health.attempt_failed(&error);
                    tokio::time::sleep(backoff.next_wait().min(LONGEST_WAIT)).await;
                }
            }
        }
    }

    async fn serve(&self, upstream: &Upstream, connection: Connection) {
        self.id.store(connection.id, Ordering::Relaxed);
        self.events.hub_connections.inc();
        if self.connections.fetch_add(1, Ordering::Relaxed) > 0 {
            // Invalidations of the time without a connection are unknown: forget all.
            self.registry()
                .publish_always(&invalidations(), &Event::Invalidated(Bytes::from_static(NULL)));
        }
        self.registry().order_all();
        self.orders.notify_one();
        let mut line = Line::over(connection);
        let mut asked = VecDeque::new();
        let mut quiet = Quiet::after(upstream);
        let end = loop {
            let is_idle = self.registry().is_empty();
            tokio::select! {
                frame = line.frame() => match frame {
                    Ok(frame) => {
                        self.receive(frame, &mut asked);
                        quiet = Quiet::after(upstream);
                    }
                    Err(error) => break Some(error),
                },
                () = tokio::time::sleep_until(quiet.at) => {
                    if quiet.is_asked {
                        let cause = "no answer to PING: taken for dead";
                        break Some(io::Error::new(io::ErrorKind::TimedOut, cause));
                    }
                    self.registry().orders.push_back(Order::Ping);
                    self.orders.notify_one();
                    quiet = Quiet { at: Instant::now() + upstream.probe_timeout(), is_asked: true };
                }
                () = self.orders.notified() => {
                    if let Err(error) = self.send(&mut line, &mut asked).await {
                        break Some(error);
                    }
                }
                () = tokio::time::sleep(LINGER), if is_idle => break None,
            }
        };
        self.id.store(0, Ordering::Relaxed);
        let given_up = self.registry().lose_all();
        self.confirmed.send_replace(given_up);
        if let Some(error) = end {
            self.events.losses.count(class_of(&error));
            tracing::warn!(
                "the subscriptions' upstream connection was lost ({error}); subscribing again"
            );
        }
    }

    fn note(&self, reach: Reach) {
        self.events.messages.inc();
        self.events.deliveries.inc_by(reach.clients as u64);
        self.events.drops.inc_by(reach.lost as u64);
    }

    /// Topics with subscribers, channels, patterns and shard channels, and the subscriptions to all of these.
    #[must_use]
    pub fn census(&self) -> ([usize; 3], usize) {
        self.registry().census()
    }

    async fn send(&self, line: &mut Line, asked: &mut VecDeque<Order>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for order in self.registry().orders.drain(..) {
            match &order {
                Order::Subscribe(topic, _) => {
                    encode::command(
                        &mut bytes,
                        &[topic.family.subscribe().as_bytes(), &topic.name],
                    );
                }
                Order::Unsubscribe(topic) => {
                    encode::command(
                        &mut bytes,
                        &[topic.family.unsubscribe().as_bytes(), &topic.name],
                    );
                }
                Order::Ping => encode::command(&mut bytes, &[b"PING"]),
            }
            asked.push_back(order);
        }
        line.connection.transport.write_all(&bytes).await?;
        line.connection.transport.flush().await
    }

    /// A message goes to its subscribers; anything else answers the oldest order.
    fn receive(&self, frame: Bytes, asked: &mut VecDeque<Order>) {
        let mut parts = Parts::of(&frame);
        let is_list = matches!(parts.header(), Some(b'>' | b'*'));
        let word = if is_list { parts.bulk() } else { None };
        let family = match word {
            Some(b"message") => Family::Channel,
            Some(b"pmessage") => Family::Pattern,
            Some(b"smessage") => Family::Shard,
            Some(b"invalidate") => {
                return self.invalidate(frame.slice(parts.at..));
            }
            _ => {
                let refusal =
                    frame.strip_prefix(b"-").map(|text| frame.slice_ref(text.trim_ascii_end()));
                match asked.pop_front() {
                    Some(Order::Subscribe(topic, wish)) => match refusal {
                        Some(text) => self.registry().refuse(&topic, wish, &text),
                        None => self.registry().confirm(&topic, wish),
                    },
                    Some(Order::Unsubscribe(_)) => self.confirmed.send_modify(|count| *count += 1),
                    Some(Order::Ping) | None => {}
                }
                return;
            }
        };
        if let Some(name) = parts.bulk() {
            let topic = Topic { family, name: frame.slice_ref(name) };
            let reach = self.registry().publish(&topic, &Event::Message(frame));
            self.note(reach);
        }
    }

    /// Keys have changed that clients track; null stands for all.
    fn invalidate(&self, keys: Bytes) {
        let topic = invalidations();
        let keys = if keys.starts_with(b"*") { keys } else { Bytes::from_static(NULL) };
        self.registry().publish(&topic, &Event::Invalidated(keys));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(upstream: &Upstream) -> Result<Connection, ConnectError> {
    match upstream.open(Protocol::Resp3, upstream.db()).await {
        Err(ConnectError::Protocol { .. }) => upstream.open(Protocol::Resp2, upstream.db()).await,
        result => result,
    }
}

fn invalidations() -> Topic {
    Topic { family: Family::Channel, name: Bytes::from_static(INVALIDATE) }
}

/// Why the connection was lost, as the metric says it.
fn class_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "closed",
        io::ErrorKind::TimedOut => "silent",
        io::ErrorKind::InvalidData => "protocol",
        _ => "broken",
    }
}

//! Who listens to what: each topic with its subscribers, and the orders for the upstream that follow.
//!
//! Knows no socket. Invariant: the upstream is subscribed, or an order to do so is queued, for just those
//! topics that have a subscriber. A local registry has no upstream: every wish is fulfilled at once.

use super::mailbox::{Event, Mailbox};
use crate::command::glob;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// The three families of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    /// The word of the confirmation, which is the command's in lower case.
    #[must_use]
    pub fn subscribe(self) -> &'static str {
        match self {
            Self::Channel => "subscribe",
            Self::Pattern => "psubscribe",
            Self::Shard => "ssubscribe",
        }
    }

    /// The same of the way back.
    #[must_use]
    pub fn unsubscribe(self) -> &'static str {
        match self {
            Self::Channel => "unsubscribe",
            Self::Pattern => "punsubscribe",
            Self::Shard => "sunsubscribe",
        }
    }
}

/// A channel, pattern or shard channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Which of the three.
    pub family: Family,
    /// Its name.
    pub name: Bytes,
}

/// Something to tell the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Subscribe; the number tells this wish from an earlier one for the same topic.
    Subscribe(Topic, u64),
    /// The last subscriber has gone.
    Unsubscribe(Topic),
    /// Are you still there?
    Ping,
}

/// Whom an event was put before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) clients: usize,
    /// Events, this one included, that a client will never get because it did not read.
    pub(super) lost: usize,
}

#[derive(Default)]
struct Listeners {
    /// The wish that the upstream's confirmation must answer.
    wish: u64,
    is_confirmed: bool,
    members: Vec<Member>,
}

struct Member {
    id: u64,
    mailbox: Arc<Mailbox>,
    /// It knows that it is subscribed.
    is_told: bool,
}

/// See the module.
#[derive(Default)]
pub(super) struct Registry {
    /// By family, in the order of [`Family::ALL`].
    topics: [HashMap<Bytes, Listeners>; 3],
    wishes: u64,
    pub(super) orders: VecDeque<Order>,
    is_local: bool,
    is_connected: bool,
    /// How many topics were given up of those that the upstream knows.
    given_up: u64,
}

impl Registry {
    /// One without an upstream.
    pub(super) fn local() -> Self {
        Self { is_local: true, ..Self::default() }
    }

    fn family(&self, family: Family) -> &HashMap<Bytes, Listeners> {
        &self.topics[family as usize]
    }

    fn listeners(&self, topic: &Topic) -> Option<&Listeners> {
        self.family(topic.family).get(&topic.name)
    }

    fn listeners_mut(&mut self, topic: &Topic) -> Option<&mut Listeners> {
        self.topics[topic.family as usize].get_mut(&topic.name)
    }

    /// `subscriber` wants `topic`. It is told at once if the upstream is subscribed already, else when
    /// it has confirmed.
    pub(super) fn subscribe(&mut self, topic: Topic, subscriber: u64, mailbox: &Arc<Mailbox>) {
        let family = &mut self.topics[topic.family as usize];
        let listeners = family.entry(topic.name.clone()).or_default();
        listeners.is_confirmed |= self.is_local;
        if !listeners.members.iter().any(|member| member.id == subscriber) {
            let is_told = listeners.is_confirmed;
            let mailbox = Arc::clone(mailbox);
            listeners.members.push(Member { id: subscriber, mailbox, is_told });
        }
        if listeners.is_confirmed {
            mailbox.put(Event::Subscribed(topic), Instant::now);
        } else if listeners.members.len() == 1 {
            self.wishes += 1;
            listeners.wish = self.wishes;
            self.orders.push_back(Order::Subscribe(topic, self.wishes));
        }
    }

    /// `subscriber` no longer wants `topic`. If nobody does, and the upstream is to confirm that, how many topics it will
    /// have confirmed then ([`Registry::given_up`]).
    pub(super) fn unsubscribe(&mut self, topic: &Topic, subscriber: u64) -> Option<u64> {
        let listeners = self.listeners_mut(topic)?;
        listeners.members.retain(|member| member.id != subscriber);
        if !listeners.members.is_empty() {
            return None;
        }
        self.topics[topic.family as usize].remove(&topic.name);
        if !self.is_connected {
            return None;
        }
        self.orders.push_back(Order::Unsubscribe(topic.clone()));
        self.given_up += 1;
        Some(self.given_up)
    }

    /// The upstream has confirmed a wish.
    pub(super) fn confirm(&mut self, topic: &Topic, wish: u64) {
        if let Some(listeners) = self.listeners_mut(topic)
            && listeners.wish == wish
            && !std::mem::replace(&mut listeners.is_confirmed, true)
        {
            for member in listeners.members.iter_mut().filter(|member| !member.is_told) {
                member.is_told = true;
                member.mailbox.put(Event::Subscribed(topic.clone()), Instant::now);
            }
        }
    }

    /// The upstream has refused a wish.
    pub(super) fn refuse(&mut self, topic: &Topic, wish: u64, text: &Bytes) {
        if self.listeners(topic).is_some_and(|listeners| listeners.wish == wish)
            && let Some(listeners) = self.topics[topic.family as usize].remove(&topic.name)
        {
            for member in listeners.members {
                member.mailbox.put(Event::Refused(topic.clone(), text.clone()), Instant::now);
            }
        }
    }

    /// An event for all that listen to `topic`, once the upstream has confirmed that they do.
    pub(super) fn publish(&self, topic: &Topic, event: &Event) -> Reach {
        if self.listeners(topic).is_some_and(|found| found.is_confirmed) {
            self.publish_always(topic, event)
        } else {
            Reach::default()
        }
    }

    /// The same whether or not the upstream has confirmed.
    pub(super) fn publish_always(&self, topic: &Topic, event: &Event) -> Reach {
        let mut reach = Reach::default();
        for member in self.listeners(topic).iter().flat_map(|listeners| &listeners.members) {
            let lost = member.mailbox.put(event.clone(), Instant::now);
            reach.clients += usize::from(lost == 0);
            reach.lost += lost;
        }
        reach
    }

    /// Topics with listeners by family, and how many listeners they have in all.
    pub(super) fn census(&self) -> ([usize; 3], usize) {
        let listeners = self.topics.iter().flat_map(HashMap::values);
        let members = listeners.map(|listeners| listeners.members.len()).sum();
        (Family::ALL.map(|family| self.family(family).len()), members)
    }

    /// How many topics were given up of those that the upstream knows.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The connection is lost, and with it all subscriptions. How many topics were given up until then.
    pub(super) fn lose_all(&mut self) -> u64 {
        self.is_connected = false;
        for listeners in self.topics.iter_mut().flat_map(HashMap::values_mut) {
            listeners.is_confirmed = false;
        }
        self.given_up
    }

    /// A new connection knows nothing: queues all that is wanted.
    pub(super) fn order_all(&mut self) {
        self.is_connected = true;
        self.orders.clear();
        for family in Family::ALL {
            for (name, listeners) in &self.topics[family as usize] {
                let topic = Topic { family, name: name.clone() };
                self.orders.push_back(Order::Subscribe(topic, listeners.wish));
            }
        }
    }

    /// How many listeners of a message on `topic` the upstream does not see: it counts the hub as one for its
    /// channel, and as one for each pattern.
    pub(super) fn unseen(&self, topic: &Topic) -> usize {
        let beyond_one = |listeners: &Listeners| listeners.members.len().saturating_sub(1);
        let direct = self.listeners(topic).map_or(0, beyond_one);
        if topic.family != Family::Channel {
            return direct;
        }
        let matching = self.matching(&topic.name);
        direct
            + matching
                .map(|pattern| beyond_one(&self.family(Family::Pattern)[pattern]))
                .sum::<usize>()
    }

    /// The patterns with listeners that mean this channel.
    pub(super) fn matching(&self, channel: &[u8]) -> impl Iterator<Item = &Bytes> {
        let patterns = self.family(Family::Pattern).keys();
        patterns.filter(move |pattern| glob::matches(pattern, channel))
    }

    /// The names with listeners.
    pub(super) fn names(&self, family: Family) -> impl Iterator<Item = &Bytes> {
        self.family(family).keys()
    }

    /// How many listen to the topic itself, patterns left out.
    pub(super) fn count(&self, topic: &Topic) -> usize {
        self.listeners(topic).map_or(0, |listeners| listeners.members.len())
    }

    /// The same for subscriptions to the topic itself, patterns left out.
    pub(super) fn unseen_subscribers(&self, topic: &Topic) -> usize {
        self.count(topic).saturating_sub(1)
    }

    /// How many topics have listeners.
    pub(super) fn len(&self) -> usize {
        self.topics.iter().map(HashMap::len).sum()
    }

    /// Whether nobody listens to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Order, Registry, Topic};
    use crate::config::SubscriberOutput;
    use crate::routing::hub::mailbox::{Event, Mailbox};
    use bytes::Bytes;
    use std::sync::Arc;
    use std::time::Duration;

    fn topic(name: &'static str) -> Topic {
        Topic { family: Family::Channel, name: Bytes::from_static(name.as_bytes()) }
    }

    fn connected() -> Registry {
        let mut registry = Registry::default();
        registry.order_all();
        registry
    }

    fn mailbox() -> Mailbox {
        let soft_time = Duration::from_secs(60);
        Mailbox::new(SubscriberOutput { hard: 4096, soft: 1024, soft_time })
    }

    #[test]
    fn many_subscribers_cost_one_subscription_upstream() {
        let mut registry = connected();
        let mailboxes: Vec<_> = (0..5).map(|_| Arc::new(mailbox())).collect();
        for (id, mailbox) in (0..).zip(&mailboxes) {
            registry.subscribe(topic("news"), id, mailbox);
        }
        assert_eq!(registry.orders, [Order::Subscribe(topic("news"), 1)]);
        registry.confirm(&topic("news"), 1);
        for mailbox in &mailboxes {
            assert!(matches!(mailbox.take(), Some(Event::Subscribed(_))));
        }
        for id in 0..5 {
            registry.unsubscribe(&topic("news"), id);
        }
        assert_eq!(registry.orders.back(), Some(&Order::Unsubscribe(topic("news"))));
        assert!(registry.is_empty());
    }

    #[test]
    fn a_late_confirmation_of_an_earlier_wish_confirms_nothing() {
        let mut registry = connected();
        let mailbox = Arc::new(mailbox());
        registry.subscribe(topic("a"), 1, &mailbox);
        registry.unsubscribe(&topic("a"), 1);
        registry.subscribe(topic("a"), 1, &mailbox);
        registry.confirm(&topic("a"), 1);
        assert!(mailbox.take().is_none());
        registry.confirm(&topic("a"), 2);
        assert!(mailbox.take().is_some());
    }
}

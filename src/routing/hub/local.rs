//! The hub without an upstream: what a client publishes goes straight to those that listen, and PUBSUB's
//! questions are answered from the registry.
//!
//! Invariant: a publisher's count is of the mailboxes that its message was put into.

use super::Hub;
use super::mailbox::Event;
use super::registry::{Family, Registry, Topic};
use crate::command::glob;
use crate::telemetry::metrics::events::Events;
use crate::wire::encode;
use bytes::Bytes;
use std::sync::Arc;

impl Hub {
    /// A hub with no upstream: each wish is confirmed at once, and messages come from [`Hub::publish`].
    #[must_use]
    pub fn local(events: Arc<Events>) -> Self {
        Self::with(Registry::local(), events)
    }

    /// Hands `message` to all that listen to a channel or shard channel. How many that were: a client counts for
    /// each of its patterns.
    pub fn publish(&self, topic: &Topic, message: &[u8]) -> usize {
        if !self.is_in_use() {
            return 0;
        }
        let registry = self.registry();
        let mut reached = registry.count(topic);
        if reached > 0 {
            let word = if topic.family == Family::Shard { "smessage" } else { "message" };
            let frame = frame(&[word.as_bytes(), &topic.name, message]);
            self.note(registry.publish(topic, &Event::Message(frame)));
        }
        if topic.family == Family::Channel {
            for pattern in registry.matching(&topic.name) {
                let frame = frame(&[b"pmessage", pattern, &topic.name, message]);
                let topic = Topic { family: Family::Pattern, name: pattern.clone() };
                reached += registry.count(&topic);
                self.note(registry.publish(&topic, &Event::Message(frame)));
            }
        }
        reached
    }

    /// The channels, patterns or shard channels with listeners, of those that `pattern` means.
    #[must_use]
    pub fn names(&self, family: Family, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let is_meant = |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name));
        self.registry().names(family).filter(is_meant).cloned().collect()
    }

    /// How many clients listen to the topic itself.
    #[must_use]
    pub fn subscribers(&self, topic: &Topic) -> usize {
        self.registry().count(topic)
    }
}

fn frame(parts: &[&[u8]]) -> Bytes {
    let mut frame = Vec::new();
    encode::command(&mut frame, parts);
    Bytes::from(frame)
}

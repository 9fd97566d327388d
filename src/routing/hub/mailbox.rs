//! What waits for one subscriber: messages and confirmations, in order, within bounds.
//!
//! The hub puts in from its thread, the session takes out on its own. A subscriber that does not read is
//! marked as overflowed, and its session closes it: the others and our memory don't wait for it.

use super::registry::Topic;
use crate::config::SubscriberOutput;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// What a message costs besides its bytes.
const OVERHEAD: usize = 64;

/// Something for a subscriber.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message, as the upstream's frame: its first byte is for the subscriber's protocol to set.
    Message(Bytes),
    /// Keys that changed, as an encoded array, or null for all (CLIENT TRACKING ... REDIRECT).
    Invalidated(Bytes),
    /// The subscription to this topic stands.
    Subscribed(Topic),
    /// The upstream refused the subscription: the text of its error.
    Refused(Topic, Bytes),
}

impl Event {
    fn cost(&self) -> usize {
        match self {
            Self::Message(frame) | Self::Invalidated(frame) => frame.len() + OVERHEAD,
            Self::Subscribed(_) | Self::Refused(..) => OVERHEAD,
        }
    }
}

/// See the module.
pub struct Mailbox {
    inbox: Mutex<Inbox>,
    bounds: SubscriberOutput,
}

#[derive(Default)]
struct Inbox {
    events: VecDeque<Event>,
    bytes: usize,
    above_soft_since: Option<Instant>,
    has_overflowed: bool,
    /// The session, and whether it has found nothing and waits.
    session: Option<Waker>,
    is_awaited: bool,
}

impl Mailbox {
    /// Empty, and within `bounds` or given up.
    #[must_use]
    pub fn new(bounds: SubscriberOutput) -> Self {
        Self { inbox: Mutex::default(), bounds }
    }

    /// Puts `event` in, or marks the subscriber as too slow. How many events it will never get for that.
    pub(super) fn put(&self, event: Event, now: impl FnOnce() -> Instant) -> usize {
        let inbox = &mut *self.inbox();
        if inbox.has_overflowed {
            return 1;
        }
        let mut lost = 0;
        inbox.bytes += event.cost();
        inbox.events.push_back(event);
        let bounds = &self.bounds;
        if inbox.bytes > bounds.soft {
            let now = now();
            let since = *inbox.above_soft_since.get_or_insert(now);
            if inbox.bytes > bounds.hard || now.duration_since(since) > bounds.soft_time {
                inbox.has_overflowed = true;
                lost = inbox.events.len();
                inbox.events.clear();
            }
        }
        if (std::mem::take(&mut inbox.is_awaited) || inbox.has_overflowed)
            && let Some(session) = &inbox.session
        {
            session.wake_by_ref();
        }
        lost
    }

    /// Whom to wake when something has come, or nothing more can.
    pub fn attach(&self, session: Waker) {
        self.inbox().session = Some(session);
    }

    /// Takes the oldest event. With none there, the session is woken when one comes.
    pub fn take(&self) -> Option<Event> {
        let inbox = &mut *self.inbox();
        let event = inbox.events.pop_front();
        match &event {
            Some(event) => {
                inbox.bytes -= event.cost();
                if inbox.bytes <= self.bounds.soft {
                    inbox.above_soft_since = None;
                }
            }
            None => {
                inbox.events = VecDeque::new();
                inbox.is_awaited = true;
            }
        }
        event
    }

    /// Whether messages were lost because the subscriber did not read.
    #[must_use]
    pub fn has_overflowed(&self) -> bool {
        self.inbox().has_overflowed
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Mailbox};
    use crate::config::SubscriberOutput;
    use bytes::Bytes;
    use std::time::{Duration, Instant};

    const HARD: usize = 4096;
    const SOFT: usize = 1024;
    const SOFT_TIME: Duration = Duration::from_secs(60);

    fn mailbox() -> Mailbox {
        Mailbox::new(SubscriberOutput { hard: HARD, soft: SOFT, soft_time: SOFT_TIME })
    }

    fn message(size: usize) -> Event {
        Event::Message(Bytes::from(vec![b'x'; size]))
    }

    #[test]
    fn a_subscriber_that_reads_gets_all_in_order() {
        let mailbox = mailbox();
        for n in 1..=9_usize {
            mailbox.put(message(n), Instant::now);
        }
        for n in 1..=9_usize {
            let event = mailbox.take();
            assert!(matches!(event, Some(Event::Message(frame)) if frame.len() == n));
        }
        assert!(mailbox.take().is_none() && !mailbox.has_overflowed());
    }

    #[test]
    fn beyond_the_hard_bound_it_has_overflowed_at_once() {
        let mailbox = mailbox();
        assert_eq!(mailbox.put(message(1), Instant::now), 0);
        assert_eq!(mailbox.put(message(HARD), Instant::now), 2, "both are lost");
        assert_eq!(mailbox.put(message(1), Instant::now), 1);
        assert!(mailbox.has_overflowed() && mailbox.take().is_none());
    }

    #[test]
    fn beyond_the_soft_bound_only_after_its_time() {
        let start = Instant::now();
        let mailbox = mailbox();
        mailbox.put(message(SOFT), || start);
        mailbox.put(message(1), || start + SOFT_TIME);
        assert!(!mailbox.has_overflowed());
        mailbox.put(message(1), || start + SOFT_TIME + Duration::from_millis(1));
        assert!(mailbox.has_overflowed());
    }
}

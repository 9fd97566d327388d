//! Spans: what became of single commands, of a sample of all. Off by default.
//!
//! Whoever carries a command tells its span when it ends; a task on the main thread passes spans on, to the log or
//! to a collector. Between them is a queue with a bound: who tells never waits, and what doesn't fit is dropped and
//! counted. A span holds names, numbers and times, never a key, a value, a client or an address.

pub mod log;

use super::metrics::shard::{Outcome, Route};
use crate::command::{self, Number};
use crate::config::Share;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Spans that wait to be passed on; OpenTelemetry's own default.
pub const WAITING: usize = 2048;

/// One command, from when it was read until it came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which command.
    pub command: Number,
    /// What became of it.
    pub outcome: Outcome,
    /// The way it went; `None` where the session answered.
    pub route: Option<Route>,
    /// The database that its client was in.
    pub db: u32,
    /// The code of the error that answered it.
    pub error: Option<&'static str>,
    /// When it was read.
    pub came: Instant,
    /// When it was handed to its connection, if it was and has a reply.
    pub sent: Option<Instant>,
    /// When its reply was here, or its error was told.
    pub ended: Instant,
    /// How often it was sent again.
    pub attempts: u32,
}

impl Span {
    /// Its name, in capitals.
    #[must_use]
    pub fn name(&self) -> String {
        command::numbered(self.command.index()).map_or("unknown", |spec| spec.name).to_uppercase()
    }

    /// Its command group, as the metrics name it.
    #[must_use]
    pub fn family(&self) -> &'static str {
        command::numbered(self.command.index()).map_or("unknown", |spec| spec.group.name())
    }

    /// The way that it went.
    #[must_use]
    pub fn route(&self) -> &'static str {
        self.route.map_or("session", Route::name)
    }

    /// From when it was read until its end.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.ended.saturating_duration_since(self.came)
    }

    /// Of that, until it was handed to its connection, and from then on.
    #[must_use]
    pub fn parts(&self) -> Option<(Duration, Duration)> {
        let since = |later: Instant, earlier| later.saturating_duration_since(earlier);
        self.sent.map(|sent| (since(sent, self.came), since(self.ended, sent)))
    }
}

/// Where spans are told. By default, nowhere.
#[derive(Debug, Default)]
pub struct Spans {
    share: Share,
    queue: Option<mpsc::Sender<Span>>,
}

impl Spans {
    /// Of so many commands, and what takes their spans; of none there is nothing to take.
    #[must_use]
    pub fn sampled(share: Share) -> (Self, Option<mpsc::Receiver<Span>>) {
        if share == Share::default() {
            return (Self::default(), None);
        }
        let (queue, spans) = mpsc::channel(WAITING);
        (Self { share, queue: Some(queue) }, Some(spans))
    }

    /// Whether any are told.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether one is to be told of this command: at random, each for itself. Not of what is no command of a client.
    #[must_use]
    pub fn samples(&self, command: Number) -> bool {
        self.is_on() && command != Number::NONE && fastrand::u32(0..Share::ALL.0) < self.share.0
    }

    /// Whether there was room for it.
    #[must_use]
    pub fn tell(&self, span: Span) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.try_send(span).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, Spans, WAITING};
    use crate::command::{Number, find};
    use crate::config::Share;
    use crate::telemetry::metrics::shard::{Outcome, Route};
    use std::time::{Duration, Instant};

    fn span() -> Span {
        let came = Instant::now();
        Span {
            command: find(b"hgetall").1,
            outcome: Outcome::Ok,
            route: Some(Route::Lane),
            db: 0,
            error: None,
            came,
            sent: Some(came + Duration::from_micros(30)),
            ended: came + Duration::from_millis(1),
            attempts: 0,
        }
    }

    #[test]
    fn of_a_share_of_nothing_none_is_told() {
        let (spans, taken) = Spans::sampled(Share(0));
        assert!(!spans.is_on() && taken.is_none());
        assert!(!spans.samples(find(b"get").1) && !spans.tell(span()));
    }

    #[test]
    fn of_all_each_is_told_and_of_a_part_about_that_part() {
        let (spans, _taken) = Spans::sampled(Share::ALL);
        assert!((0..10_000).all(|_| spans.samples(find(b"get").1)));
        assert!(!spans.samples(Number::NONE), "no command of a client");
        let (spans, _taken) = Spans::sampled(Share(10_000));
        let sampled = (0..1_000_000).filter(|_| spans.samples(find(b"get").1)).count();
        // Six standard deviations around 10,000.
        assert!((9_400..10_600).contains(&sampled), "{sampled}");
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_nobody_waits() {
        let (spans, taken) = Spans::sampled(Share::ALL);
        assert!((0..WAITING).all(|_| spans.tell(span())));
        assert!(!spans.tell(span()));
        drop(taken);
        assert!(!spans.tell(span()), "nobody takes them any more");
    }

    #[test]
    fn a_span_names_its_command_and_its_parts_make_the_whole() {
        let span = span();
        assert_eq!(
            (span.name().as_str(), span.family(), span.route()),
            ("HGETALL", "hash", "lane")
        );
        let (queue, upstream) = span.parts().unwrap();
        assert_eq!((queue, queue + upstream), (Duration::from_micros(30), span.whole()));
        let unknown = Span { command: find(b"nosuch").1, route: None, ..span };
        assert_eq!((unknown.name().as_str(), unknown.family()), ("UNKNOWN", "unknown"));
        assert_eq!(unknown.route(), "session");
    }
}

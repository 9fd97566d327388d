//! What one thread counts of the commands it carries: plain stores, no lock, no locked instruction, no label.
//!
//! A worker has one shard and alone writes it; a scrape reads all of them and adds up. Invariant: each [`Count`]
//! has one writer.

use super::codes;
use super::events::Events;
use super::latency::{Latency, Sample};
use crate::command::{self, Group, Number};
use crate::telemetry::notes::Notes;
use crate::telemetry::spans::Span;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A number that one thread writes and any thread may read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts `n` more.
    #[inline]
    pub fn add(&self, n: u64) {
        // One writer: a load and a store are enough, and cost a fifth of a locked add.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reply that is no error.
    Ok,
    /// An error in answer, the upstream's or the sidecar's own.
    Error,
    /// No reply in time.
    Timeout,
    /// No connection, or it was lost.
    Unavailable,
    /// Its client went before the reply came.
    Abandoned,
}

impl Outcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Ok, Self::Error, Self::Timeout, Self::Unavailable, Self::Abandoned];

    /// As the label says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Abandoned => "abandoned",
        }
    }

    /// Of a reply that begins with this byte.
    #[must_use]
    pub fn of_reply(first: u8) -> Self {
        if first == b'-' { Self::Error } else { Self::Ok }
    }

    /// Of an answer of the sidecar's own that begins like this.
    #[must_use]
    pub fn of_answer(head: [u8; 4]) -> Self {
        match &head {
            b"-UNA" => Self::Unavailable,
            b"-TIM" => Self::Timeout,
            [first, ..] => Self::of_reply(*first),
        }
    }
}

/// The way that a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A connection that many clients share.
    Lane,
    /// A connection that the client had to itself.
    Checkout,
    /// The connection for subscriptions.
    Hub,
    /// Answered from this process's memory.
    Memory,
}

impl Route {
    pub(super) const ALL: [Self; 4] = [Self::Lane, Self::Checkout, Self::Hub, Self::Memory];

    /// As the label says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Checkout => "checkout",
            Self::Hub => "hub",
            Self::Memory => "memory",
        }
    }
}

/// Groups of commands, and one for those that are not in the table.
pub(super) const FAMILIES: usize = Group::ALL.len() + 1;

/// The family's name, as the label says it.
pub(super) fn family_name(family: usize) -> &'static str {
    Group::ALL.get(family).map_or("unknown", |group| group.name())
}

#[derive(Debug)]
pub(super) struct Row {
    family: usize,
    pub(super) outcomes: [Count; Outcome::ALL.len()],
}

/// See the module.
#[derive(Debug)]
pub struct Shard {
    /// By [`Number`].
    pub(super) rows: Vec<Row>,
    /// By family and route: from when a command was read until its reply was here.
    pub(super) whole: [[Latency; Route::ALL.len()]; FAMILIES],
    /// By route: until it was handed to the connection, and from then on.
    pub(super) queue: [Latency; Route::ALL.len()],
    pub(super) upstream: [Latency; Route::ALL.len()],
    /// By code.
    pub(super) errors: [Count; codes::ALL.len()],
    /// Bytes read from clients.
    pub client_received: Count,
    /// Bytes written to clients.
    pub client_sent: Count,
    /// Bytes read from the upstream.
    pub upstream_received: Count,
    /// Bytes written to the upstream.
    pub upstream_sent: Count,
    /// How often something was written to the upstream: batches of commands.
    pub batches: Count,
    /// Replies that the upstream owes on the lanes of this thread.
    pub(super) owed: Count,
    /// What is too seldom to need a shard.
    pub events: Arc<Events>,
    /// Where single commands are noted.
    pub notes: Arc<Notes>,
}

impl Shard {
    pub(super) fn new(events: Arc<Events>, notes: Arc<Notes>) -> Self {
        let row = |index| {
            let group = command::numbered(index).map(|spec| spec.group);
            let family = group.and_then(|group| Group::ALL.iter().position(|it| *it == group));
            Row { family: family.unwrap_or(Group::ALL.len()), outcomes: Default::default() }
        };
        Self {
            rows: (0..Number::COUNT).map(row).collect(),
            whole: Default::default(),
            queue: Default::default(),
            upstream: Default::default(),
            errors: std::array::from_fn(|_| Count::default()),
            client_received: Count::default(),
            client_sent: Count::default(),
            upstream_received: Count::default(),
            upstream_sent: Count::default(),
            batches: Count::default(),
            owed: Count::default(),
            events,
            notes,
        }
    }

    /// Counts a command by what became of it. Where it went into a histogram too, use [`Shard::answered`].
    #[inline]
    pub fn count(&self, command: Number, outcome: Outcome) {
        if let Some(row) = self.rows.get(command.index()) {
            row.outcomes[outcome as usize].add(1);
        }
    }

    /// Counts `count` commands that each took `whole`. Whether they are any that are counted.
    pub fn answered(
        &self,
        command: Number,
        outcome: Outcome,
        route: Route,
        whole: Sample,
        count: u64,
    ) -> bool {
        let Some(row) = self.rows.get(command.index()) else { return false };
        row.outcomes[outcome as usize].add(count);
        self.whole[row.family][route as usize].add(whole, count);
        true
    }

    /// A command came to its end: tells a span of it, if it is one of those that are sampled.
    #[cold]
    pub fn ended(&self, command: Number, span: impl FnOnce() -> Span) {
        if self.notes.spans.samples(command) && !self.notes.spans.tell(span()) {
            self.events.spans.count("dropped");
        }
    }

    /// The upstream has answered with this error.
    pub fn refused(&self, reply: &[u8]) {
        self.errors[codes::place(reply)].add(1);
    }
}

/// Records the commands of one lane. Those that were handed over together and answered together share their
/// times, and equal ones among them are counted together, so that a command costs no look at the clock, no search
/// for a bucket, and often no more than adding one.
#[derive(Clone, Debug)]
pub struct Recorder {
    shard: Arc<Shard>,
    route: Route,
    times: Option<Times>,
    /// Commands of the same kind and end that were answered one after the other, and are not in the shard yet.
    run: Run,
    /// Replies that the upstream owes on this lane, as it was told last.
    owed: u64,
    /// How long the last batch took, if that is to be noted.
    slow: Option<Duration>,
    /// Each command is to be looked at: the last batch was slow, or spans are told.
    is_noted: bool,
}

/// The times of a batch, and how many commands had them that are not in `queue` and `upstream` yet.
#[derive(Clone, Copy, Debug)]
struct Times {
    whole: Sample,
    queue: Sample,
    upstream: Sample,
    commands: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    command: Number,
    outcome: Outcome,
    count: u64,
}

impl Recorder {
    /// Of a lane that takes this route.
    #[must_use]
    pub fn new(shard: Arc<Shard>, route: Route) -> Self {
        let run = Run { command: Number::NONE, outcome: Outcome::Ok, count: 0 };
        let is_noted = shard.notes.spans.is_on();
        Self { shard, route, times: None, run, slow: None, is_noted, owed: 0 }
    }

    /// So many replies are owed on this lane now.
    pub fn set_owed(&mut self, owed: usize) {
        let owed = owed as u64;
        self.shard.owed.add(owed.wrapping_sub(self.owed));
        self.owed = owed;
    }

    /// The thread's shard.
    #[must_use]
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Whether the times of the next command are known.
    #[inline]
    #[must_use]
    pub fn has_times(&self) -> bool {
        self.times.is_some()
    }

    /// The next commands came at `came`, were handed over at `sent`, and are answered `now`.
    pub fn begin(&mut self, came: Instant, sent: Instant, now: Instant) {
        self.finish();
        let whole = now.saturating_duration_since(came);
        self.slow = self.shard.notes.is_slow(whole).then_some(whole);
        self.is_noted = self.slow.is_some() || self.shard.notes.spans.is_on();
        self.times = Some(Times {
            whole: Sample::of(whole),
            queue: Sample::of(sent.saturating_duration_since(came)),
            upstream: Sample::of(now.saturating_duration_since(sent)),
            commands: 0,
        });
    }

    /// How long the commands took that were answered last, if they were slow.
    #[inline]
    #[must_use]
    pub fn slow(&self) -> Option<Duration> {
        self.slow
    }

    /// Whether each command is to be looked at, as slow or for its span.
    #[inline]
    #[must_use]
    pub fn is_noted(&self) -> bool {
        self.is_noted
    }

    /// The way that the commands go.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// A command was answered.
    #[inline]
    pub fn answered(&mut self, command: Number, outcome: Outcome) {
        if self.run.command != command || self.run.outcome != outcome {
            self.end_run();
            self.run = Run { command, outcome, count: 0 };
        }
        self.run.count += 1;
    }

    fn end_run(&mut self) {
        let Run { command, outcome, count } = self.run;
        self.run.count = 0;
        if let Some(times) = &mut self.times
            && self.shard.answered(command, outcome, self.route, times.whole, count)
        {
            times.commands += count;
        }
    }

    /// The times are over.
    pub fn finish(&mut self) {
        self.end_run();
        if let Some(times) = self.times.take() {
            self.shard.queue[self.route as usize].add(times.queue, times.commands);
            self.shard.upstream[self.route as usize].add(times.upstream, times.commands);
        }
    }
}

//! What is too seldom to be counted by each thread for itself: counters of the crate, by one label of few values.
//!
//! All values of a label are there from the start, at 0: a rate sees the first event, and an alert has something
//! to look at.

use super::latency;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::time::{Duration, Instant};

type Label = [(&'static str, &'static str); 1];

/// Counters of one name, told apart by one label.
#[derive(Clone, Debug)]
pub struct Tally {
    label: &'static str,
    counters: Family<Label, Counter>,
}

impl Tally {
    fn new(label: &'static str, values: &[&'static str]) -> Self {
        let counters = Family::<Label, Counter>::default();
        for value in values {
            drop(counters.get_or_create(&[(label, *value)]));
        }
        Self { label, counters }
    }

    /// Counts one more with this value of the label.
    pub fn count(&self, value: &'static str) {
        self.add(value, 1);
    }

    /// Counts `many` more.
    pub fn add(&self, value: &'static str, many: u64) {
        self.counters.get_or_create(&[(self.label, value)]).inc_by(many);
    }
}

/// Clients and commands that were turned away, by rule: those that are built in, and those of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    refused: Family<Rule, Counter>,
    tried: Family<Rule, Counter>,
}

type Rule = [(&'static str, Cow<'static, str>); 1];

impl Refusals {
    fn new(rules: &[&'static str]) -> Self {
        let refusals = Self::default();
        for rule in rules {
            drop(refusals.refused.get_or_create(&[("rule", Cow::Borrowed(*rule))]));
        }
        // A family without a label would not be shown at all.
        drop(refusals.tried.get_or_create(&[("rule", Cow::Borrowed("commands.deny"))]));
        refusals
    }

    /// These rules are there, and have refused nothing yet.
    pub fn declare(&self, rules: impl IntoIterator<Item = String>) {
        for rule in rules {
            let rule = [("rule", Cow::Owned(rule))];
            drop(self.refused.get_or_create(&rule));
            drop(self.tried.get_or_create(&rule));
        }
    }

    /// Counts one more, by this rule.
    pub fn count(&self, rule: impl Into<Cow<'static, str>>) {
        self.refused.get_or_create(&[("rule", rule.into())]).inc();
    }

    /// The same by a rule that is only tried, so that the command went all the same.
    pub fn count_tried(&self, rule: impl Into<Cow<'static, str>>) {
        self.tried.get_or_create(&[("rule", rule.into())]).inc();
    }
}

/// Durations of what is seldom.
#[derive(Clone, Debug)]
pub struct Durations(Histogram);

impl Durations {
    fn new(bounds: impl Iterator<Item = f64>) -> Self {
        Self(Histogram::new(bounds))
    }

    /// Something took so long, or is so old.
    pub fn add(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }

    /// Something that began at `start` is over.
    pub fn ended(&self, start: Instant) {
        self.add(start.elapsed());
    }
}

/// See the module.
#[derive(Debug)]
pub struct Events {
    /// Waits that came to their end, by what was waited for.
    pub timeouts: Tally,
    /// Commands sent once more, by why.
    pub retries: Tally,
    /// Commands not sent once more because the budget was used up.
    pub retries_denied: Counter,
    /// Clients and commands that the sidecar itself turned away, by rule.
    pub refusals: Refusals,
    /// Clients that came.
    pub clients: Counter,
    /// Clients that went, by how.
    pub departures: Tally,
    /// Attempts to connect to the upstream, by what came of them.
    pub connects: Tally,
    /// How long those took that succeeded.
    pub connect_durations: Durations,
    /// TLS handshakes with the upstream, by whether a session was resumed.
    pub handshakes: Tally,
    /// Connections to the upstream that ended and were still wanted, by why.
    pub losses: Tally,
    /// How long clients waited for a connection of the pool.
    pub acquisitions: Durations,
    /// How often the breaker has opened.
    pub openings: Counter,
    /// Connections that the hub has made.
    pub hub_connections: Counter,
    /// Messages that came to the hub.
    pub messages: Counter,
    /// Messages that it put before a client.
    pub deliveries: Counter,
    /// Messages that a client never got because it did not read.
    pub drops: Counter,
    /// Times that the reply cache was asked while the upstream was away, by whether it had the reply.
    pub lookups: Tally,
    /// Replies from memory, older than the upstream might say, given while it was away.
    pub stale_replies: Counter,
    /// How old those were.
    pub stale_ages: Durations,
    /// Commands that the embedded engine answered in the upstream's place while it was away.
    pub local_commands: Counter,
    /// Spans of sampled commands, by what became of them.
    pub spans: Tally,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            timeouts: Tally::new("kind", &TIMEOUTS),
            retries: Tally::new("cause", &["lost", "refused"]),
            retries_denied: Counter::default(),
            refusals: Refusals::new(&REFUSALS),
            clients: Counter::default(),
            departures: Tally::new("how", &["finished", "gone", "closed", "protocol", "too_slow"]),
            connects: Tally::new("result", &CONNECTS),
            connect_durations: Durations::new(latency::seconds()),
            handshakes: Tally::new("kind", &["full", "resumed"]),
            losses: Tally::new("cause", &["closed", "broken", "silent", "protocol", "demoted"]),
            acquisitions: Durations::new(latency::seconds()),
            openings: Counter::default(),
            hub_connections: Counter::default(),
            messages: Counter::default(),
            deliveries: Counter::default(),
            drops: Counter::default(),
            lookups: Tally::new("result", &["hit", "miss"]),
            stale_replies: Counter::default(),
            stale_ages: Durations::new(AGES.into_iter()),
            local_commands: Counter::default(),
            spans: Tally::new("result", &["told", "dropped", "failed"]),
        }
    }
}

/// Upper bounds of the ages of stale replies, in seconds: up to a day.
const AGES: [f64; 10] = [1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0];

const TIMEOUTS: [&str; 6] = ["reply", "connection", "pool", "connect", "client_tls", "auth"];

const REFUSALS: [&str; 12] = [
    "max_clients",
    "rate",
    "authentication",
    "protocol",
    "http",
    "tls",
    "arity",
    "subscriber",
    "transaction",
    "namespace",
    "syntax",
    "unknown",
];

const CONNECTS: [&str; 7] = ["ok", "refused", "timeout", "dns", "tls", "auth", "protocol"];

impl Events {
    /// Shows all of them in `registry`.
    pub(super) fn register(&self, registry: &mut Registry) {
        self.register_tallies(registry);
        let mut count = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        count("clients_accepted", "Clients that came", &self.clients);
        let help = "Commands not sent once more because the retry budget was used up";
        count("retries_denied", help, &self.retries_denied);
        count("breaker_openings", "How often the breaker has opened", &self.openings);
        let help = "Connections that were made for subscriptions";
        count("hub_connections", help, &self.hub_connections);
        count("hub_messages", "Messages that came from the upstream", &self.messages);
        count("hub_deliveries", "Messages put before a client, once for each", &self.deliveries);
        let help = "Messages that clients never got because they did not read";
        count("hub_dropped_messages", help, &self.drops);
        let help = "Replies from memory given while the upstream was away";
        count("stale_replies", help, &self.stale_replies);
        let help = "Commands that the embedded engine answered while the upstream was away";
        count("local_commands", help, &self.local_commands);
        let help = "How old the replies from memory were that were given in an outage";
        registry.register("stale_reply_age_seconds", help, self.stale_ages.0.clone());
        let help = "From the begin of an attempt to connect to the upstream until it was greeted";
        let durations = self.connect_durations.0.clone();
        registry.register("upstream_connect_duration_seconds", help, durations);
        let help = "How long a client waited for a connection of the pool";
        registry.register("pool_acquire_seconds", help, self.acquisitions.0.clone());
    }

    fn register_tallies(&self, registry: &mut Registry) {
        let help = "Clients and commands turned away by the sidecar itself, by rule";
        registry.register("refusals", help, self.refusals.refused.clone());
        let help = "Commands that a rule would have refused, were it not only tried";
        registry.register("dry_run_refusals", help, self.refusals.tried.clone());
        let mut tally = |name: &str, help: &str, tally: &Tally| {
            registry.register(name, help, tally.counters.clone());
        };
        tally("timeouts", "Waits that came to their end, by what was waited for", &self.timeouts);
        tally("retries", "Commands that were sent to the upstream once more", &self.retries);
        tally("client_departures", "Clients that went, by how", &self.departures);
        let help = "Attempts to connect to the upstream, by what came of them";
        tally("upstream_connects", help, &self.connects);
        tally("upstream_tls_handshakes", "TLS handshakes with the upstream", &self.handshakes);
        tally("spans", "Spans of sampled commands, by what became of them", &self.spans);
        let help = "Connections to the upstream that ended while they were wanted, by why";
        tally("upstream_connections_lost", help, &self.losses);
        let help = "Times that the reply cache was asked while the upstream was away";
        tally("cache_lookups", help, &self.lookups);
    }
}

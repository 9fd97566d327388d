//! What is too seldom to be counted by each thread for itself: counters of the crate, by one label of few values.
//!
//! All values of a label are there from the start, at 0: a rate sees the first event, and an alert has something
//! to look at.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

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
        self.counters.get_or_create(&[(self.label, value)]).inc();
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
    pub refusals: Tally,
    /// Clients that came.
    pub clients: Counter,
    /// Clients that went, by how.
    pub departures: Tally,
}

impl Events {
    /// All of them, at 0, in `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let events = Self {
            timeouts: Tally::new("kind", &["reply", "connection"]),
            retries: Tally::new("cause", &["lost", "refused"]),
            retries_denied: Counter::default(),
            refusals: Tally::new(
                "rule",
                &[
                    "max_clients",
                    "authentication",
                    "protocol",
                    "http",
                    "arity",
                    "subscriber",
                    "transaction",
                ],
            ),
            clients: Counter::default(),
            departures: Tally::new("how", &["finished", "gone", "closed", "protocol", "too_slow"]),
        };
        let mut tally = |name: &str, help: &str, tally: &Tally| {
            registry.register(name, help, tally.counters.clone());
        };
        tally("timeouts", "Waits that came to their end, by what was waited for", &events.timeouts);
        tally("retries", "Commands that were sent to the upstream once more", &events.retries);
        let help = "Clients and commands turned away by the sidecar itself, by rule";
        tally("refusals", help, &events.refusals);
        tally("client_departures", "Clients that went, by how", &events.departures);
        let mut count = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        count("clients_accepted", "Clients that came", &events.clients);
        let help = "Commands not sent once more because the retry budget was used up";
        count("retries_denied", help, &events.retries_denied);
        events
    }
}

//! What one client believes to have happened, and the count of it at the server afterwards.

use std::collections::HashSet;

use crate::harness::{Client, Value};

/// What a reply tells of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Applied,
    Refused,
    Uncertain,
}

/// Errors that an outage may show to an app, besides `UNAVAILABLE` and `TIMEOUT`.
const PASSED_ON: [&str; 5] = ["LOADING", "READONLY", "MASTERDOWN", "EXECABORT", "UNBLOCKED"];

/// Reads a reply's fate from it; `None` is a connection that closed before it came.
pub(crate) fn fate(reply: Option<&Value>) -> Fate {
    let Some(reply) = reply else { return Fate::Uncertain };
    let Value::Error(text) = reply else { return Fate::Applied };
    let code = text.split(' ').next().unwrap_or_default();
    if PASSED_ON.contains(&code) {
        return Fate::Refused;
    }
    assert!(["UNAVAILABLE", "TIMEOUT"].contains(&code), "an error that no fault explains: {text}");
    if text.contains("may or may not") {
        return Fate::Uncertain;
    }
    assert!(
        text.contains("not applied") || text.contains("not sent") || text.contains("not run"),
        "does not say what became of the command: {text}"
    );
    Fate::Refused
}

/// Numbers that were acknowledged, and those of which nothing is known.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) applied: Vec<u64>,
    pub(crate) uncertain: HashSet<u64>,
}

impl Tally {
    pub(crate) fn note(&mut self, number: u64, fate: Fate) {
        match fate {
            Fate::Applied => self.applied.push(number),
            Fate::Uncertain => drop(self.uncertain.insert(number)),
            Fate::Refused => {}
        }
    }

    /// Whether a count of what was applied can be true.
    #[track_caller]
    pub(crate) fn allows(&self, what: &str, count: u64) {
        let least = self.applied.len() as u64;
        let most = least + self.uncertain.len() as u64;
        assert!((least..=most).contains(&count), "{what}: {count}, not {least} to {most}");
    }

    /// Each acknowledged number is in `found`, none twice, and none that was refused.
    #[track_caller]
    fn allows_all(&self, what: &str, found: &[u64], missing: usize) {
        let there: HashSet<u64> = found.iter().copied().collect();
        assert_eq!(there.len(), found.len(), "{what}: applied twice: {:?}", doubles(found));
        let applied: HashSet<u64> = self.applied.iter().copied().collect();
        let lost: Vec<_> = applied.difference(&there).collect();
        assert!(lost.len() <= missing, "{what}: acknowledged and not there: {lost:?}");
        let odd: Vec<_> = there
            .iter()
            .filter(|number| !applied.contains(number) && !self.uncertain.contains(number))
            .collect();
        assert!(odd.is_empty(), "{what}: refused, yet applied: {odd:?}");
    }
}

fn doubles(found: &[u64]) -> Vec<u64> {
    let mut seen = HashSet::new();
    found.iter().copied().filter(|number| !seen.insert(*number)).collect()
}

/// What a client did, by kind.
pub(crate) enum Books {
    /// INCR of `<name>:n`, RPUSH to `<name>:log`.
    Plain {
        name: String,
        counts: Tally,
        log: Tally,
    },
    /// INCR of `<name>:a` and `<name>:b` in one transaction.
    Transactions {
        name: String,
        both: Tally,
    },
    /// RPUSH to a queue, and BLPOP from it by another client.
    Producer {
        queue: String,
        pushed: Tally,
    },
    Consumer {
        queue: String,
        popped: Vec<u64>,
        uncertain: usize,
    },
    /// Nothing that the server keeps.
    Heard,
}

impl Books {
    /// Writes of which nothing is known.
    pub(crate) fn uncertain(&self) -> usize {
        match self {
            Self::Plain { counts, log, .. } => counts.uncertain.len() + log.uncertain.len(),
            Self::Transactions { both, .. } => both.uncertain.len(),
            Self::Producer { pushed, .. } => pushed.uncertain.len(),
            Self::Consumer { uncertain, .. } => *uncertain,
            Self::Heard => 0,
        }
    }

    /// Compares with what the server has. The consumer's list of what it popped is left there by itself.
    pub(crate) fn check(&self, server: &mut Client) {
        match self {
            Self::Plain { name, counts, log } => {
                counts.allows(&format!("INCR {name}:n"), number(server, &format!("{name}:n")));
                let key = format!("{name}:log");
                log.allows_all(&key, &numbers(server, &key), 0);
            }
            Self::Transactions { name, both } => {
                let (a, b) =
                    (number(server, &format!("{name}:a")), number(server, &format!("{name}:b")));
                assert_eq!(a, b, "{name}: half a transaction");
                both.allows(&format!("EXEC of {name}"), a);
            }
            Self::Producer { queue, pushed } => {
                let mut found = numbers(server, queue);
                found.extend(numbers(server, &format!("{queue}:popped")));
                let lost = number(server, &format!("{queue}:lost"));
                pushed.allows_all(queue, &found, usize::try_from(lost).unwrap());
            }
            // checked with the producer's, which comes after it
            Self::Consumer { queue, popped, uncertain } => {
                for number in popped {
                    server.call(&["RPUSH", &format!("{queue}:popped"), &number.to_string()]);
                }
                server.call(&["SET", &format!("{queue}:lost"), &uncertain.to_string()]);
            }
            Self::Heard => {}
        }
    }
}

fn number(server: &mut Client, key: &str) -> u64 {
    match server.call(&["GET", key]) {
        Value::Nil => 0,
        reply => reply.text().parse().unwrap(),
    }
}

fn numbers(server: &mut Client, key: &str) -> Vec<u64> {
    let list = server.call(&["LRANGE", key, "0", "-1"]);
    list.items().iter().map(|item| sequence(&item.text())).collect()
}

/// The number behind the last colon of a tag.
pub(crate) fn sequence(tag: &str) -> u64 {
    tag.rsplit(':').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{tag}"))
}

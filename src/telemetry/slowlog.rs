//! The slow log: the last commands that took longer than the threshold. Names and shortened keys, never values.
//!
//! Pure: what to keep is decided here, when a command was slow by who carries it.

use super::keys::{name, shorten};
use crate::command::keys::positions;
use crate::command::lookup;
use crate::wire::decode::Request;
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// So many are kept.
pub const LENGTH: usize = 128;

/// So many of a command's keys are named.
const KEYS: usize = 3;

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Counted from 1 since the start.
    pub id: u64,
    /// When its reply was here.
    pub at: SystemTime,
    /// From when it was handed over until its reply was here.
    pub took: Duration,
    /// Its name, with that of its subcommand.
    pub command: String,
    /// Some of its keys, shortened, and how many more there were.
    pub keys: Vec<String>,
    /// See `keys`.
    pub more_keys: usize,
    /// How many arguments it had, the name included.
    pub arguments: usize,
    /// The id of its client, as CLIENT ID says it.
    pub client: u64,
    /// The way it went: `lane`, `checkout`, `memory`.
    pub route: &'static str,
}

/// See the module.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<Slow>,
    last_id: u64,
}

impl SlowLog {
    /// Keeps one more, and forgets the oldest where there are too many.
    pub fn add(&mut self, mut slow: Slow) {
        self.last_id += 1;
        slow.id = self.last_id;
        if self.entries.len() == LENGTH {
            self.entries.pop_front();
        }
        self.entries.push_back(slow);
    }

    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Slow> {
        self.entries.iter().rev()
    }

    /// Forgets all; ids go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Slow {
    /// A command that was slow just now.
    #[must_use]
    pub fn now(request: &Request<'_>, took: Duration, client: u64, route: &'static str) -> Self {
        let found = lookup(request.name()).and_then(|spec| positions(spec, request).ok());
        let found = found.unwrap_or_default();
        let named = found.iter().take(KEYS).filter_map(|position| request.arg(position.index));
        Self {
            id: 0,
            at: SystemTime::now(),
            took,
            command: name(request),
            keys: named.map(shorten).collect(),
            more_keys: found.len().saturating_sub(KEYS),
            arguments: request.argc(),
            client,
            route,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, Slow, SlowLog};
    use crate::wire::decode::Request;
    use crate::wire::encode;
    use std::time::Duration;

    fn slow(words: &[&str]) -> Slow {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut frame = Vec::new();
        encode::command(&mut frame, &words);
        Slow::now(&Request::parse(&frame).unwrap(), Duration::from_secs(1), 7, "lane")
    }

    #[test]
    fn a_command_is_told_by_name_and_keys_alone() {
        for (words, command, keys, more) in [
            (&["get", "k"][..], "GET", &["k"][..], 0),
            (&["SET", "k", "secret"], "SET", &["k"], 0),
            (&["mget", "a", "b", "c", "d", "e"], "MGET", &["a", "b", "c"], 2),
            (&["eval", "return secret", "1", "k", "secret"], "EVAL", &["k"], 0),
            (&["config", "set", "requirepass", "secret"], "CONFIG SET", &[], 0),
            (&["AUTH", "secret"], "AUTH", &[], 0),
            (&["nosuch", "secret"], "an unknown command", &[], 0),
            (&["ping", "secret"], "PING", &[], 0),
            (&["keys", "secret*"], "KEYS", &[], 0),
        ] {
            let slow = slow(words);
            assert_eq!((slow.command.as_str(), slow.more_keys), (command, more));
            assert_eq!(slow.keys, keys);
            assert!(!format!("{slow:?}").contains("secret"), "{slow:?}");
        }
        assert!(slow(&["GET", &"k".repeat(1000)]).keys[0].len() < 100);
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut log = SlowLog::default();
        let slow = slow(&["GET", "k"]);
        for _ in 0..LENGTH + 10 {
            log.add(slow.clone());
        }
        let ids: Vec<u64> = log.newest().map(|slow| slow.id).collect();
        assert_eq!((ids.len(), ids[0], ids[LENGTH - 1]), (LENGTH, LENGTH as u64 + 10, 11));
        log.clear();
        assert_eq!(log.newest().count(), 0);
        log.add(slow);
        assert_eq!(log.newest().next().unwrap().id, LENGTH as u64 + 11);
    }
}

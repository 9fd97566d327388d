//! What may be sent again, how often, and after what wait. Pure, but for the dice.
//!
//! A command that Redis marks readonly may be sent again whatever became of it. A write only when not one byte of
//! it was handed to the socket, or when Redis refused it without running it. A budget keeps retries from making
//! an outage worse.

use crate::config::{self, Jitter, RetryWrites};
use std::time::Duration;

/// What a command allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// It must not be sent again by us, whatever happens: it belongs to a transaction, or holds a connection.
    #[default]
    Never,
    /// It may change data, and its reply may be anything, a refusal's text included: a script, or a command
    /// that is not in the table.
    Opaque,
    /// It may change data.
    Write,
    /// Redis marks it readonly.
    Read,
}

/// How a command fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not one byte of it was handed to the socket.
    Unsent,
    /// Redis has answered that it did not run it.
    Refused,
    /// Some of it was sent, and no answer came.
    Unknown,
}

/// Refusals that mean "not now" and "not run". As an element of EXEC's or a script's reply they are data.
const REFUSALS: [&[u8]; 5] =
    [b"LOADING ", b"READONLY ", b"MASTERDOWN ", b"CLUSTERDOWN ", b"TRYAGAIN "];

/// Whether a whole reply is a refusal of that kind.
#[must_use]
pub fn is_refusal(reply: &[u8]) -> bool {
    reply
        .strip_prefix(b"-")
        .is_some_and(|text| REFUSALS.iter().any(|refusal| text.starts_with(refusal)))
}

/// Whether a refusal says that the upstream is no longer the master.
#[must_use]
pub fn is_demotion(reply: &[u8]) -> bool {
    reply.starts_with(b"-READONLY ")
}

/// Whether a command of this class may be sent again.
#[must_use]
pub fn may_retry(class: Class, fate: Fate, writes: RetryWrites) -> bool {
    match (class, fate, writes) {
        (Class::Never, ..) => false,
        (_, Fate::Unsent, _) | (Class::Read, ..) | (_, _, RetryWrites::Always) => true,
        (Class::Write, Fate::Refused, RetryWrites::Refused) => true,
        (Class::Write, Fate::Refused, RetryWrites::Unsent) => false,
        (Class::Opaque, Fate::Refused, _) | (Class::Write | Class::Opaque, Fate::Unknown, _) => {
            false
        }
    }
}

/// How long to wait before the next attempt: exponential, with full jitter, so that a thousand sidecars that
/// lost the same Redis don't come back at the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    rules: config::Retry,
    failures: u32,
}

impl Backoff {
    /// Nothing has failed yet.
    #[must_use]
    pub fn new(rules: config::Retry) -> Self {
        Self { rules, failures: 0 }
    }

    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        let wait = Self::wait(&self.rules, self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// The wait after so many failures before.
    #[must_use]
    pub fn wait(rules: &config::Retry, failures: u32) -> Duration {
        let longest =
            rules.initial_delay.saturating_mul(1 << failures.min(20)).min(rules.max_delay);
        match rules.jitter {
            Jitter::Full => longest.mul_f64(fastrand::f64()),
            Jitter::None => longest,
        }
    }

    /// After a success the next failure starts anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// At most a fifth of recent commands are retries; a few more where there are few commands. Recent: the last
/// 10 to 20 seconds, in two halves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    half: u64,
    commands: [u64; 2],
    retries: [u64; 2],
}

impl Budget {
    const HALF: Duration = Duration::from_secs(10);
    /// So many retries are allowed whatever the number of commands: one loss with a full lane.
    const FLOOR: u64 = 100;

    /// Notes commands that were sent, `at` after some fixed moment.
    pub fn sent(&mut self, count: u64, at: Duration) {
        self.turn(at);
        self.commands[0] += count;
    }

    /// Takes one retry out of the budget; `false` if there is none left.
    pub fn take(&mut self, at: Duration) -> bool {
        self.turn(at);
        let commands: u64 = self.commands.iter().sum();
        let retries: u64 = self.retries.iter().sum();
        let is_allowed = retries < (commands / 5).max(Self::FLOOR);
        self.retries[0] += u64::from(is_allowed);
        is_allowed
    }

    fn turn(&mut self, at: Duration) {
        let half = at.as_secs() / Self::HALF.as_secs();
        if half != self.half {
            let is_next = half == self.half + 1;
            self.commands = [0, if is_next { self.commands[0] } else { 0 }];
            self.retries = [0, if is_next { self.retries[0] } else { 0 }];
            self.half = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Budget, Class, Fate, is_refusal, may_retry};
    use crate::config::{self, Jitter, RetryWrites};
    use std::time::Duration;

    #[test]
    fn waits_grow_to_a_bound_and_spread_over_their_whole_range() {
        let rules = config::Retry {
            attempts: 3,
            initial_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(5),
            jitter: Jitter::Full,
            writes: RetryWrites::Refused,
        };
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let mut backoff = Backoff::new(rules.clone());
            assert!(backoff.next_wait() <= rules.initial_delay);
            for _ in 0..100 {
                longest = longest.max(backoff.next_wait());
            }
        }
        assert!(
            longest <= rules.max_delay && longest > rules.max_delay.mul_f64(0.9),
            "{longest:?}"
        );
    }

    #[test]
    fn a_write_is_sent_again_only_when_it_cannot_have_run() {
        use RetryWrites::{Always, Refused, Unsent};
        for (class, fate, writes, expected) in [
            (Class::Write, Fate::Unsent, Unsent, true),
            (Class::Write, Fate::Refused, Unsent, false),
            (Class::Write, Fate::Refused, Refused, true),
            (Class::Write, Fate::Unknown, Refused, false),
            (Class::Write, Fate::Unknown, Always, true),
            (Class::Opaque, Fate::Refused, Refused, false),
            (Class::Opaque, Fate::Unsent, Refused, true),
            (Class::Read, Fate::Unknown, Unsent, true),
            (Class::Never, Fate::Unsent, Always, false),
        ] {
            assert_eq!(may_retry(class, fate, writes), expected, "{class:?} {fate:?} {writes:?}");
        }
    }

    #[test]
    fn refusals_are_known_by_their_code() {
        assert!(is_refusal(b"-LOADING Redis is loading the dataset in memory\r\n"));
        assert!(is_refusal(b"-READONLY You can't write against a read only replica.\r\n"));
        assert!(!is_refusal(b"-ERR LOADING \r\n") && !is_refusal(b"$8\r\nLOADING \r\n"));
    }

    #[test]
    fn the_budget_allows_a_fifth_and_forgets() {
        let mut budget = Budget::default();
        budget.sent(10_000, Duration::ZERO);
        let taken = (0..5000).filter(|_| budget.take(Duration::from_secs(1))).count();
        assert_eq!(taken, 2000);
        let later = Duration::from_secs(30);
        assert_eq!((0..5000).filter(|_| budget.take(later)).count(), 100);
    }
}

//! The breaker: whether commands may wait for the upstream, or are answered at once. One for the upstream. Pure:
//! `now` is passed in.
//!
//! Rules:
//! - An upstream that is lost is first waited for, `grace` long. Then the breaker rejects.
//! - `failures` timeouts within `window` make it reject, too: an upstream that does not answer is no better.
//!   Errors that an upstream answers with are answers.
//! - After `cooldown` it probes with a PING, never with a client's command. The answer ends the outage; silence
//!   doubles the cooldown, up to `max_cooldown`.
//! - A connection that was made anew has answered a greeting: that ends the outage as well.

use crate::config;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Admits, rejects, or tries whether it may admit again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Admitting,
    Rejecting { until: Instant },
    Probing { until: Instant },
}

/// What the breaker does, in the words of the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Commands go to the upstream.
    Closed,
    /// They are answered at once.
    Open,
    /// So they are, and a PING of ours is on its way.
    HalfOpen,
}

impl BreakerState {
    /// As it is written for people and machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    rules: config::Breaker,
    state: State,
    /// No lane has been connected since.
    lost: Option<Instant>,
    /// Rejecting since.
    since: Instant,
    timeouts: VecDeque<Instant>,
    cooldown: Duration,
}

impl Breaker {
    /// An upstream that was never reached is lost from the start.
    #[must_use]
    pub fn new(rules: config::Breaker, now: Instant) -> Self {
        let cooldown = rules.cooldown;
        Self {
            rules,
            state: State::Admitting,
            lost: Some(now),
            since: now,
            timeouts: VecDeque::new(),
            cooldown,
        }
    }

    /// The last connected lane is gone.
    pub fn lost(&mut self, now: Instant) {
        self.lost.get_or_insert(now);
    }

    /// A lane has connected.
    pub fn connected(&mut self) {
        self.lost = None;
        self.admit();
    }

    /// The upstream has answered a probe.
    pub fn answered(&mut self) {
        if self.lost.is_none() {
            self.admit();
        }
    }

    fn admit(&mut self) {
        self.state = State::Admitting;
        self.cooldown = self.rules.cooldown;
        self.timeouts.clear();
    }

    /// So many commands had no answer in time.
    pub fn timed_out(&mut self, count: usize, now: Instant) {
        if self.state != State::Admitting {
            return;
        }
        let most = self.rules.failures as usize;
        self.timeouts.extend(std::iter::repeat_n(now, count.min(most)));
        while self.timeouts.len() > most
            || self.timeouts.front().is_some_and(|at| now.duration_since(*at) > self.rules.window)
        {
            self.timeouts.pop_front();
        }
        if self.timeouts.len() >= most {
            self.reject(now, now);
        }
    }

    fn reject(&mut self, since: Instant, now: Instant) {
        self.since = since;
        self.state = State::Rejecting { until: now + self.cooldown };
        self.timeouts.clear();
    }

    /// Whether commands are rejected; since when the upstream is away.
    pub fn rejects(&mut self, now: Instant) -> Option<Instant> {
        if let (State::Admitting, Some(lost)) = (self.state, self.lost)
            && now >= lost + self.rules.grace
        {
            self.reject(lost, now);
        }
        (self.state != State::Admitting).then_some(self.since)
    }

    /// What it does now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Admitting => BreakerState::Closed,
            State::Rejecting { .. } => BreakerState::Open,
            State::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether the caller is to send a PING now. Only one is asked at a time.
    pub fn wants_probe(&mut self, now: Instant) -> bool {
        match self.state {
            State::Rejecting { until } | State::Probing { until } if now >= until => {
                self.cooldown = (self.cooldown * 2).min(self.rules.max_cooldown);
                self.state = State::Probing { until: now + self.cooldown };
                true
            }
            _ => false,
        }
    }

    /// When to ask again, if nothing else happens.
    #[must_use]
    pub fn next_change(&self) -> Option<Instant> {
        match (self.state, self.lost) {
            (State::Admitting, Some(lost)) => Some(lost + self.rules.grace),
            (State::Admitting, None) => None,
            (State::Rejecting { until } | State::Probing { until }, _) => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use crate::config;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    fn breaker(now: Instant) -> Breaker {
        let rules = config::Breaker {
            grace: 3000 * MS,
            failures: 5,
            window: 10_000 * MS,
            cooldown: 500 * MS,
            max_cooldown: 5000 * MS,
        };
        let mut breaker = Breaker::new(rules, now);
        breaker.connected();
        breaker
    }

    #[test]
    fn a_lost_upstream_is_waited_for_and_then_rejected_until_it_is_back() {
        let start = Instant::now();
        let mut breaker = breaker(start);
        breaker.lost(start);
        breaker.lost(start + 2000 * MS);
        assert_eq!(breaker.rejects(start + 2999 * MS), None);
        assert_eq!(breaker.next_change(), Some(start + 3000 * MS));
        assert_eq!(breaker.rejects(start + 3000 * MS), Some(start));
        breaker.connected();
        assert_eq!(breaker.rejects(start + 3001 * MS), None);
        assert_eq!(breaker.next_change(), None);
    }

    #[test]
    fn timeouts_open_it_only_within_the_window() {
        let start = Instant::now();
        let mut breaker = breaker(start);
        for n in 0..20_u32 {
            breaker.timed_out(1, start + n * 2501 * MS);
            assert_eq!(breaker.rejects(start + n * 2501 * MS), None, "{n}");
        }
        let now = start + 100_000 * MS;
        breaker.timed_out(4, now);
        assert_eq!(breaker.rejects(now), None);
        breaker.timed_out(1, now + MS);
        assert_eq!(breaker.rejects(now + MS), Some(now + MS));
    }

    #[test]
    fn it_probes_one_at_a_time_and_less_and_less_often() {
        let start = Instant::now();
        let mut breaker = breaker(start);
        breaker.timed_out(5, start);
        assert!(!breaker.wants_probe(start + 499 * MS));
        assert!(breaker.wants_probe(start + 500 * MS));
        assert!(!breaker.wants_probe(start + 501 * MS));
        let mut now = start + 500 * MS;
        for wait in [1000, 2000, 4000, 5000, 5000] {
            assert!(!breaker.wants_probe(now + (wait - 1) * MS), "{wait}");
            now += wait * MS;
            assert!(breaker.wants_probe(now), "{wait}");
        }
        breaker.answered();
        assert_eq!(breaker.rejects(now), None);
    }

    #[test]
    fn an_answer_does_not_end_an_outage_without_a_connection() {
        let start = Instant::now();
        let mut breaker = breaker(start);
        breaker.lost(start);
        assert!(breaker.rejects(start + 3000 * MS).is_some());
        breaker.answered();
        assert!(breaker.rejects(start + 3000 * MS).is_some());
    }
}

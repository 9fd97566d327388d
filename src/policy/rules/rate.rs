//! `rate`: how often keys may be asked for. A token bucket as GCRA has it: one number for each, the time at which the
//! bucket is full again, so that nothing ticks and nothing is kept of who has gone.
//!
//! Counted are commands, once for each rule that one of their keys has. What is counted for all is one atomic for
//! all threads; what is counted for a client goes with its session.

use super::{Call, Refusal, refuse};
use crate::config::{self, Per};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

/// One rule's rate.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    per: Per,
    /// Nanoseconds from one command to the next.
    interval: u64,
    /// Nanoseconds by which commands may come early.
    leeway: u64,
    /// When the bucket of all is full again, in nanoseconds.
    full_at: AtomicU64,
}

/// What is counted for one client: for each rule, when its bucket is full again.
#[derive(Debug, Default)]
pub struct Meters(Vec<u64>);

impl Meters {
    fn of(&mut self, rule: usize) -> &mut u64 {
        if self.0.len() <= rule {
            self.0.resize(rule + 1, 0);
        }
        &mut self.0[rule]
    }
}

impl Rate {
    pub(super) fn new(config: config::Rate) -> Self {
        let interval = SECOND / config.per_second.max(1);
        Self {
            per_second: config.per_second,
            per: config.per,
            interval,
            leeway: interval.saturating_mul(config.burst.saturating_sub(1)),
            full_at: AtomicU64::new(0),
        }
    }

    /// Counts one more, or says after how long one may come.
    fn take(&self, now: u64, meters: &mut Meters, rule: usize) -> Result<(), Duration> {
        if self.per == Per::Client {
            let full_at = meters.of(rule);
            *full_at = self.step(*full_at, now)?;
            return Ok(());
        }
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = self.step(full_at, now)?;
            match self.full_at.compare_exchange_weak(
                full_at,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }

    /// When the bucket is full again, if one more is taken out now.
    fn step(&self, full_at: u64, now: u64) -> Result<u64, Duration> {
        let early = full_at.saturating_sub(now);
        if early > self.leeway {
            return Err(Duration::from_nanos(early - self.leeway));
        }
        Ok(full_at.max(now) + self.interval)
    }
}

impl Call<'_, '_> {
    pub(super) fn check_rate(
        &self,
        meters: &mut Meters,
        tried: &mut Vec<Refusal>,
    ) -> Result<(), Refusal> {
        let rules = self.rules;
        if rules.rules.iter().all(|rule| rule.rate.is_none()) {
            return Ok(());
        }
        let since = self.at.instant.saturating_duration_since(rules.epoch);
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2);
        let mut counted = Vec::new();
        for (place, rule) in self.ruled() {
            let (Some(rate), Some(index)) = (&rule.rate, place.rule) else { continue };
            if counted.contains(&index) {
                continue;
            }
            counted.push(index);
            let Err(wait) = rate.take(now, meters, index) else { continue };
            let who = match rate.per {
                Per::Client => &format!("this client of user {}", rules.who),
                Per::All => "the clients of this sidecar",
            };
            let text = format!(
                "DENIED {who} may ask {} times a second for these keys; try again in {} ms",
                rate.per_second,
                wait.as_millis() + 1,
            );
            refuse(rule.refusal("rate", text, place.key), tried)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Meters, Rate, SECOND};
    use crate::config::{self, Per};

    fn rate(per_second: u64, burst: u64, per: Per) -> Rate {
        Rate::new(config::Rate { per_second, burst, per })
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        for per in [Per::Client, Per::All] {
            let (rate, mut meters) = (rate(10, 5, per), Meters::default());
            let mut passed = 0;
            for tick in 0..10_000_u64 {
                passed += u64::from(rate.take(tick * SECOND / 1000, &mut meters, 3).is_ok());
            }
            assert_eq!(passed, 5 + 10 * 10 - 1, "{per:?}: 10 seconds");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_enough_and_not_too_much() {
        let (rate, mut meters) = (rate(3, 2, Per::All), Meters::default());
        let now = 7 * SECOND;
        assert!(rate.take(now, &mut meters, 0).is_ok() && rate.take(now, &mut meters, 0).is_ok());
        let wait = rate.take(now, &mut meters, 0).unwrap_err();
        let wait = u64::try_from(wait.as_nanos()).unwrap();
        assert!(rate.take(now + wait - 1, &mut meters, 0).is_err());
        assert!(rate.take(now + wait, &mut meters, 0).is_ok());
    }

    #[test]
    fn each_client_and_each_rule_has_its_own_bucket() {
        let (rate, mut one, mut two) =
            (rate(1, 1, Per::Client), Meters::default(), Meters::default());
        assert!(rate.take(0, &mut one, 0).is_ok() && rate.take(0, &mut one, 0).is_err());
        assert!(rate.take(0, &mut two, 0).is_ok() && rate.take(0, &mut one, 1).is_ok());
    }

    #[test]
    fn threads_together_take_no_more_than_there_is() {
        let rate = rate(1, 1_000, Per::All);
        let passed: usize = std::thread::scope(|scope| {
            let take =
                || (0..1_000).filter(|_| rate.take(0, &mut Meters::default(), 0).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }
}

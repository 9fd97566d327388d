//! The last times in which the upstream was away: since when, for how long and why. Pure: time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// So many are kept.
const KEPT: usize = 20;

/// A time in which the upstream was away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it began, by the wall clock and by ours.
    pub from: SystemTime,
    /// See `from`.
    pub begin: Instant,
    /// How long it lasted; `None` while it does.
    pub lasted: Option<Duration>,
    /// What was known of its cause when it began. Holds no secret.
    pub cause: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outages {
    last: VecDeque<Outage>,
}

impl Outages {
    /// The upstream is away. If it was already, nothing new.
    pub fn begin(&mut self, cause: &str, from: SystemTime, now: Instant) {
        if self.last.back().is_some_and(|outage| outage.lasted.is_none()) {
            return;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        let cause = cause.to_owned();
        self.last.push_back(Outage { from, begin: now, lasted: None, cause });
    }

    /// It is there.
    pub fn end(&mut self, now: Instant) {
        if let Some(outage) = self.last.back_mut().filter(|outage| outage.lasted.is_none()) {
            outage.lasted = Some(now.saturating_duration_since(outage.begin));
        }
    }

    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Outage> {
        self.last.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Outages};
    use std::time::{Duration, Instant, SystemTime};

    #[test]
    fn an_outage_lasts_from_its_first_sign_to_its_end() {
        let (at, now) = (SystemTime::UNIX_EPOCH, Instant::now());
        let second = Duration::from_secs(1);
        let mut outages = Outages::default();
        outages.end(now);
        outages.begin("first", at, now);
        outages.begin("second", at, now + second);
        assert_eq!(outages.newest().next().unwrap().lasted, None);
        outages.end(now + 3 * second);
        outages.end(now + 9 * second);
        let seen: Vec<_> = outages.newest().collect();
        assert_eq!((seen.len(), seen[0].lasted), (1, Some(3 * second)));
        assert_eq!(seen[0].cause, "first");
        for _ in 0..2 * KEPT {
            outages.begin("again", at, now);
            outages.end(now);
        }
        assert_eq!(outages.newest().count(), KEPT);
    }
}

//! What all rounds together say: rates, times, failures in a row, the last errors, and whether the alert stands.
//!
//! Pure: it is told what was seen. All that it keeps is bounded.

use super::families::FAMILIES;
use super::round::{Probe, Readiness, Round};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// Times kept of each family: p99 is of the last so many commands.
const TIMES: usize = 1000;

/// Errors that are shown.
const ERRORS: usize = 3;

/// One family's figures.
pub(super) struct Family {
    pub(super) name: &'static str,
    times: VecDeque<Duration>,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Whether the server has it not.
    pub(super) is_absent: bool,
}

/// The times of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) least: Duration,
    pub(super) average: Duration,
    pub(super) p99: Duration,
    pub(super) most: Duration,
}

/// All figures.
pub(super) struct Tally {
    pub(super) title: String,
    pub(super) families: Vec<Family>,
    pub(super) rounds: u64,
    /// Rounds in which something failed, without a good one between.
    pub(super) failed_in_a_row: u32,
    alert_after: u32,
    /// The newest last.
    pub(super) errors: VecDeque<(SystemTime, String)>,
    pub(super) readiness: Readiness,
    pub(super) uptime: Option<Duration>,
    pub(super) last: Option<SystemTime>,
}

impl Tally {
    pub(super) fn new(title: String, alert_after: u32) -> Self {
        let family = |name| Family {
            name,
            times: VecDeque::new(),
            answered: 0,
            failed: 0,
            is_absent: false,
        };
        Self {
            title,
            families: FAMILIES.iter().map(|script| family(script.name)).collect(),
            rounds: 0,
            failed_in_a_row: 0,
            alert_after,
            errors: VecDeque::new(),
            readiness: Readiness::Unknown,
            uptime: None,
            last: None,
        }
    }

    /// A round is over.
    pub(super) fn add(&mut self, round: Round) {
        self.rounds += 1;
        self.failed_in_a_row = if round.is_good() { 0 } else { self.failed_in_a_row + 1 };
        self.readiness = round.readiness;
        self.uptime = round.uptime;
        self.last = Some(round.at);
        for (family, probe) in self.families.iter_mut().zip(round.probes) {
            family.is_absent = matches!(probe, Probe::Absent);
            match probe {
                Probe::Answered(times) => family.answer(times),
                Probe::Failed(error) => {
                    family.failed += 1;
                    self.errors.push_back((round.at, error));
                }
                Probe::Absent | Probe::NotTried => {}
            }
        }
        while self.errors.len() > ERRORS {
            self.errors.pop_front();
        }
    }

    /// Whether so many rounds in a row failed that somebody should look.
    pub(super) fn is_alert(&self) -> bool {
        self.failed_in_a_row >= self.alert_after
    }

    /// In one word, and why.
    pub(super) fn state(&self) -> (&'static str, Option<&str>) {
        let last = self.errors.back().map(|(_, error)| error.as_str());
        match (&self.readiness, self.failed_in_a_row) {
            _ if self.rounds == 0 => ("asking", None),
            (Readiness::NotReady(reason), _) => ("not ready", Some(reason)),
            (_, 1..) => ("failing", last),
            (Readiness::Ready, _) => ("ready", None),
            (Readiness::Silent(reason), _) => ("answering", Some(reason)),
            (Readiness::Unknown, _) => ("answering", None),
        }
    }

    /// Of all plays, the part that was answered, in per cent; 100 where nothing was asked yet.
    pub(super) fn success(&self) -> f64 {
        let answered: u64 = self.families.iter().map(|family| family.answered).sum();
        let failed: u64 = self.families.iter().map(|family| family.failed).sum();
        match answered + failed {
            0 => 100.0,
            #[expect(clippy::cast_precision_loss, reason = "counts of rounds stay far below 2^52")]
            all => answered as f64 * 100.0 / all as f64,
        }
    }
}

impl Family {
    fn answer(&mut self, times: Vec<Duration>) {
        self.answered += 1;
        self.times.extend(times);
        while self.times.len() > TIMES {
            self.times.pop_front();
        }
    }

    /// `None` where nothing was answered yet.
    pub(super) fn latency(&self) -> Option<Latency> {
        let mut times: Vec<Duration> = self.times.iter().copied().collect();
        times.sort_unstable();
        let sum: Duration = times.iter().sum();
        let p99 = (times.len() * 99).div_ceil(100).saturating_sub(1);
        Some(Latency {
            least: *times.first()?,
            average: sum / u32::try_from(times.len()).ok()?,
            p99: *times.get(p99)?,
            most: *times.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, Tally};
    use crate::cli::monitor::families::FAMILIES;
    use crate::cli::monitor::round::{Probe, Readiness, Round};
    use std::time::{Duration, UNIX_EPOCH};

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn round(first: Probe) -> Round {
        let mut probes = vec![first];
        probes.resize_with(FAMILIES.len(), || Probe::Answered(vec![millis(1)]));
        Round { at: UNIX_EPOCH, probes, readiness: Readiness::Ready, uptime: None }
    }

    #[test]
    fn times_are_summed_up_by_family() {
        let mut tally = Tally::new("t".to_owned(), 5);
        assert_eq!(tally.families[0].latency(), None);
        tally.add(round(Probe::Answered((1..=99).map(millis).collect())));
        tally.add(round(Probe::Answered(vec![millis(1000)])));
        let expected = Latency {
            least: millis(1),
            average: Duration::from_micros(59_500),
            p99: millis(99),
            most: millis(1000),
        };
        assert_eq!(tally.families[0].latency(), Some(expected));
        for _ in 0..2000 {
            tally.add(round(Probe::Answered(vec![millis(2)])));
        }
        assert_eq!(tally.families[0].latency().map(|times| times.most), Some(millis(2)));
    }

    #[test]
    fn the_alert_stands_until_a_round_is_good() {
        let mut tally = Tally::new("t".to_owned(), 2);
        let failed = || round(Probe::Failed("ping: away".to_owned()));
        tally.add(failed());
        assert!(!tally.is_alert());
        assert_eq!(tally.state(), ("failing", Some("ping: away")));
        for _ in 0..9 {
            tally.add(failed());
        }
        assert!(tally.is_alert());
        assert_eq!((tally.failed_in_a_row, tally.errors.len()), (10, 3));
        assert_eq!(tally.success(), 90.0);
        tally.add(round(Probe::Absent));
        assert!(!tally.is_alert());
        assert_eq!(tally.state(), ("ready", None));
        assert!(tally.families[0].is_absent);
    }

    #[test]
    fn the_admin_ports_word_is_part_of_the_state() {
        let mut tally = Tally::new("t".to_owned(), 5);
        assert_eq!(tally.state(), ("asking", None));
        for (readiness, state) in [
            (Readiness::NotReady("draining".to_owned()), ("not ready", Some("draining"))),
            (Readiness::Silent("refused".to_owned()), ("answering", Some("refused"))),
            (Readiness::Unknown, ("answering", None)),
        ] {
            tally.add(Round { readiness, ..round(Probe::Answered(vec![millis(1)])) });
            assert_eq!(tally.state(), state);
        }
    }
}

//! `limits.requests_per_second`: how many commands one client, and all together, may send. What is more is refused
//! at once rather than delayed: the app hears why, and nobody waits behind it.
//!
//! What a transaction holds is counted and never refused, nor is what ends one: it runs whole or not at all. A MULTI
//! or WATCH that is refused takes what was sent behind it unasked down with it.

use super::{Session, Socket};
use crate::command::{self, Kind, Spec};
use crate::config::Rates;
use crate::routing::target::Hold;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::sync::atomic::{AtomicU64, Ordering};

/// A second's worth may come at once.
const SECOND: u64 = 1_000_000_000;

/// How far one client has used up its rate.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// Nanoseconds of the worker's clock until which its commands so far would take at the rate.
    spent: u64,
    /// The command at hand is refused by this bound.
    refused_by: Option<Bound>,
}

/// Which of the two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Client,
    All,
}

/// What is spent when one more command comes at `now`, at so many a second; an error where that is more than there is.
fn spend(spent: u64, now: u64, per_second: u64) -> Result<u64, u64> {
    let spent = spent.max(now).saturating_add(SECOND / per_second);
    if spent - now > SECOND { Err(spent) } else { Ok(spent) }
}

/// The same where all workers share `spent`; without `must_pass`, a command that is refused costs nothing.
fn spend_shared(spent: &AtomicU64, now: u64, per_second: u64, must_pass: bool) -> bool {
    let next = |spent| match spend(spent, now, per_second) {
        Ok(spent) => Some(spent),
        Err(spent) => must_pass.then_some(spent),
    };
    spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

impl Rate {
    /// Takes one command off what is left; says which bound refuses it.
    fn take(&mut self, rates: Rates, all: &AtomicU64, now: u64, must_pass: bool) -> Option<Bound> {
        let mut spent = self.spent;
        if let Some(per_second) = rates.client {
            spent = match spend(spent, now, per_second) {
                Ok(spent) => spent,
                Err(spent) if must_pass => spent,
                Err(_) => return Some(Bound::Client),
            };
        }
        if let Some(per_second) = rates.all
            && !spend_shared(all, now, per_second, must_pass)
        {
            return Some(Bound::All);
        }
        self.spent = spent;
        None
    }
}

impl<S: Socket> Session<S> {
    /// Counts a command. Whether it is one too many, and so to be refused.
    pub(super) fn is_over_rate(&mut self, request: &Request<'_>) -> bool {
        let Some(rates) = self.context.bounds.rates else { return false };
        let kind = command::lookup(request.name()).map_or(Kind::Ordinary, |spec| spec.kind);
        let ends = matches!(kind, Kind::Exec | Kind::Discard | Kind::Quit | Kind::Reset);
        let is_raw = self.held.as_ref().is_some_and(|held| held.hold == Hold::Raw);
        let must_pass = self.state.in_multi || ends || is_raw;
        let (all, now) = (self.context.clients.spent(), self.context.bounds.now());
        self.rate.refused_by = self.rate.take(rates, all, now, must_pass);
        self.rate.refused_by.is_some()
    }

    /// Refuses the command at hand, if it is one too many.
    pub(super) fn refuse_by_rate(&mut self, spec: Option<&Spec>) -> bool {
        let Some(bound) = self.rate.refused_by.take() else { return false };
        let rates = self.context.bounds.rates;
        let (most, who, key) = match bound {
            Bound::Client => (rates.and_then(|rates| rates.client), "one client", "client"),
            Bound::All => (rates.and_then(|rates| rates.all), "all clients", "all"),
        };
        let most = most.unwrap_or_default();
        self.refuse("rate", |out| {
            encode::error(
                out,
                format!(
                    "DENIED rate limit: {who} may send {most} commands a second \
                     (limits.requests_per_second.{key}); the command was not run"
                ),
            );
        });
        match spec.map(|spec| spec.kind) {
            Some(Kind::Multi) => self.note_refused(Hold::Multi),
            Some(Kind::Watch) => self.note_refused(Hold::Watch),
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Rate, SECOND};
    use crate::config::Rates;
    use std::sync::atomic::AtomicU64;

    const RATES: Rates = Rates { client: Some(10), all: None };

    /// How many of `tries` commands pass at `now`.
    fn passed(rate: &mut Rate, rates: Rates, all: &AtomicU64, now: u64, tries: usize) -> usize {
        (0..tries).filter(|_| rate.take(rates, all, now, false).is_none()).count()
    }

    #[test]
    fn a_second_s_worth_passes_at_once_and_then_as_much_as_time_brings() {
        let (mut rate, all) = (Rate::default(), AtomicU64::new(0));
        let start = 77 * SECOND;
        assert_eq!(passed(&mut rate, RATES, &all, start, 25), 10);
        assert_eq!(passed(&mut rate, RATES, &all, start + SECOND / 10, 25), 1);
        assert_eq!(passed(&mut rate, RATES, &all, start + SECOND, 25), 9);
        assert_eq!(passed(&mut rate, RATES, &all, start + 60 * SECOND, 25), 10);
    }

    #[test]
    fn what_must_pass_is_owed_for() {
        let (mut rate, all) = (Rate::default(), AtomicU64::new(0));
        for _ in 0..30 {
            assert_eq!(rate.take(RATES, &all, SECOND, true), None);
        }
        assert_eq!(rate.take(RATES, &all, 2 * SECOND, false), Some(Bound::Client));
        assert_eq!(rate.take(RATES, &all, 3 * SECOND + SECOND / 10, false), None);
    }

    #[test]
    fn all_clients_share_one_bound_and_a_refusal_costs_nothing() {
        let rates = Rates { client: Some(10), all: Some(15) };
        let (mut one, mut other, all) = (Rate::default(), Rate::default(), AtomicU64::new(0));
        assert_eq!(passed(&mut one, rates, &all, SECOND, 100), 10);
        assert_eq!(other.take(rates, &all, SECOND, false), None);
        assert_eq!(passed(&mut other, rates, &all, SECOND, 100), 4);
        assert_eq!(other.take(rates, &all, SECOND, false), Some(Bound::All));
        assert_eq!(passed(&mut other, rates, &all, SECOND + SECOND / 15 + 1, 100), 1);
    }
}

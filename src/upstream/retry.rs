//! How long to wait before the next attempt: exponential backoff with full jitter, so that a thousand
//! sidecars that lost the same Redis don't come back at the same moment. Pure.

use std::time::Duration;

/// First and longest wait between two attempts to connect.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// Counts failed attempts and says how long to wait.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: anything up to 50 ms doubled with each failure, at most 5 s.
    pub fn next_wait(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(fastrand::f64())
    }

    /// After a success the next failure starts anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, LONGEST};

    #[test]
    fn waits_grow_to_a_bound_and_spread_over_their_whole_range() {
        let mut longest = std::time::Duration::ZERO;
        for _ in 0..200 {
            let mut backoff = Backoff::default();
            assert!(backoff.next_wait() <= FIRST);
            for _ in 0..100 {
                longest = longest.max(backoff.next_wait());
            }
        }
        assert!(longest <= LONGEST && longest > LONGEST.mul_f64(0.9), "{longest:?}");
    }
}

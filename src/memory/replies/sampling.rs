//! Which reads of one connection are looked at, to keep their replies: all of them up to [`RATE`] a second, and of more as
//! many, picked by chance, so that what keeping costs does not grow with the load.
//!
//! By chance, and not every n-th: clients that send the same pipelines again and again would have the same commands
//! left out for ever. Reads no clock; writes are never left out.

use std::time::{Duration, Instant};

/// Reads a second that are looked at. More than can be kept, and more than most apps send.
const RATE: u64 = 20_000;

/// How often the load is measured.
const TICK: Duration = Duration::from_millis(10);

/// See the module.
#[derive(Debug, Default)]
pub struct Sampling {
    /// Reads since the last measurement.
    seen: u32,
    /// To be left out until the next one that is looked at.
    left: u32,
    /// Of so many reads one is looked at, on average; of all of them below 2.
    stride: u32,
    since: Option<Instant>,
}

impl Sampling {
    /// Whether the next read is looked at.
    #[inline]
    pub fn takes(&mut self) -> bool {
        self.seen += 1;
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        if self.stride > 1 {
            self.left = fastrand::u32(..=2 * (self.stride - 1));
        }
        true
    }

    /// The time, once a batch.
    #[inline]
    pub fn tick(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(*self.since.get_or_insert(now));
        if elapsed < TICK {
            return;
        }
        let second = u128::from(self.seen) * Duration::from_secs(1).as_nanos();
        let stride = second / elapsed.as_nanos() / u128::from(RATE);
        self.stride = u32::try_from(stride).unwrap_or(1 << 16).min(1 << 16);
        self.left = self.left.min(2 * self.stride);
        self.seen = 0;
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::{RATE, Sampling};
    use std::time::{Duration, Instant};

    /// Of each place in a pipeline of 16 that is sent again and again, how many were looked at in ten seconds of
    /// `rate` reads.
    fn looked_at(rate: u64) -> [u64; 16] {
        let (mut sampling, mut now, mut looked) = (Sampling::default(), Instant::now(), [0; 16]);
        for read in 0..10 * rate {
            let place = usize::try_from(read % 16).unwrap();
            if place == 0 {
                now += Duration::from_secs(16) / u32::try_from(rate).unwrap();
                sampling.tick(now);
            }
            looked[place] += u64::from(sampling.takes());
        }
        looked
    }

    #[test]
    fn a_usual_load_is_looked_at_whole() {
        for rate in [100, 2_000, RATE - 1] {
            assert_eq!(looked_at(rate).iter().sum::<u64>(), 10 * rate, "{rate}");
        }
    }

    #[test]
    fn of_more_reads_as_many_are_looked_at_and_each_has_its_chance() {
        for rate in [60_000, 250_000, 1_000_000] {
            let looked = looked_at(rate);
            let sum: u64 = looked.iter().sum();
            assert!((8 * RATE..15 * RATE).contains(&sum), "{rate}: {sum}");
            let (least, most) = (looked.iter().min().unwrap(), looked.iter().max().unwrap());
            assert!(least * 2 > *most, "{rate}: {looked:?}");
        }
    }

    #[test]
    fn after_a_rush_all_are_looked_at_again() {
        let (mut sampling, start) = (Sampling::default(), Instant::now());
        sampling.tick(start);
        assert!((0..100_000).all(|_| sampling.takes()), "not measured yet");
        sampling.tick(start + Duration::from_millis(10));
        assert!(!(0..1_000).all(|_| sampling.takes()));
        sampling.tick(start + Duration::from_secs(1));
        assert!((0..1_000).all(|_| sampling.takes()));
    }
}

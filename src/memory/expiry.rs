//! Deadlines, from the numbers that clients give.
//!
//! Decides which numbers are a time to live and which are out of range, for SET and its kin (which
//! want a moment in the future's direction) and for EXPIRE (which takes any that fits). Removing
//! what is past its deadline is the keyspace's.

use super::Now;
use super::failure::Failure;
use super::integer;

/// In what a client gives a time: EX, PX, EXAT, PXAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    /// Since the epoch.
    AtSeconds,
    /// Since the epoch.
    AtMillis,
}

impl Unit {
    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Self::AtSeconds | Self::AtMillis)
    }

    fn in_millis(self, number: i64) -> Option<i64> {
        match self {
            Self::Seconds | Self::AtSeconds => number.checked_mul(1000),
            Self::Millis | Self::AtMillis => Some(number),
        }
    }

    /// The moment, in milliseconds since the epoch, where it fits.
    fn moment(self, number: i64, now: Now) -> Option<i64> {
        let millis = self.in_millis(number)?;
        if self.is_absolute() { Some(millis) } else { millis.checked_add(now.millis()) }
    }
}

/// The deadline that SET, SETEX, GETEX and their kin mean: only a positive number is one.
/// `command` is named in the error.
pub(super) fn positive_deadline(
    digits: &[u8],
    unit: Unit,
    now: Now,
    command: &'static str,
) -> Result<i64, Failure> {
    let number = integer::parse(digits).ok_or(Failure::NotAnInteger)?;
    let positive = Some(number).filter(|number| *number > 0);
    positive.and_then(|number| unit.moment(number, now)).ok_or(Failure::ExpireTime(command))
}

/// The deadline that EXPIRE and its kin mean: one in the past removes the key.
pub(super) fn any_deadline(
    digits: &[u8],
    unit: Unit,
    now: Now,
    command: &'static str,
) -> Result<i64, Failure> {
    let number = integer::parse(digits).ok_or(Failure::NotAnInteger)?;
    unit.moment(number, now).ok_or(Failure::ExpireTime(command))
}

/// Whether a key that gets this deadline is gone at once.
pub(super) fn is_due(deadline: i64, now: Now) -> bool {
    deadline <= now.millis()
}

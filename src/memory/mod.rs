//! The embedded engine behind `memory://`: Redis's commands on data that lives in this process.
//!
//! [`Engine`] takes whole requests and gives the replies of Redis 7.0, in RESP2 and RESP3. It
//! decides nothing about connections: AUTH, HELLO, SELECT, MULTI and their kin are the session's.
//! It reads no clock and knows no socket; `now` comes with every call. Nothing outlives the process.
//!
//! The way of a request: `engine` checks and locks, `commands` finds the function that runs it,
//! which works on a `keyspace`, one for each database.

mod commands;
mod engine;
mod expiry;
mod extended;
mod failure;
mod float;
mod integer;
mod interest;
mod keyspace;
pub mod replies;
pub mod rules;
mod scan;
mod statistics;
mod value;
mod waiters;
mod watches;

pub use engine::{Engine, Turn};
pub use statistics::Facts;
pub use waiters::Waiting;
pub use watches::Watches;

#[cfg(test)]
mod tests;

/// The wall clock, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(pub u64);

impl Now {
    /// As Redis counts: signed, so that a deadline can be compared whatever a client asked for.
    fn millis(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

//! The command table: what each command of Redis is called, takes, touches and does.
//!
//! The table is fixed at compile time and compared with a live server's COMMAND reply by a test.
//! It knows Redis 7.0 and, marked as such, what newer servers added. An unknown command is
//! `None`, not an error: modules have commands of their own, and policy decides about them.

pub mod flags;
pub mod glob;
pub mod keys;
mod nature;
pub mod spec;
mod table;

pub use flags::{Categories, Flags};
pub use spec::{Group, Kind, Spec};
pub use table::{Number, all, find, lookup, numbered};

use keys::Args;

/// The spec of a whole command: that of its subcommand where it names one that is known, else
/// its own.
pub fn resolve<A: Args + ?Sized>(args: &A) -> Option<&'static Spec> {
    let spec = lookup(args.arg(0)?)?;
    let sub = args.arg(1).filter(|_| spec.is_container());
    Some(sub.and_then(|name| spec.subcommand(name)).unwrap_or(spec))
}

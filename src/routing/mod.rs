//! Which way a command goes: a shared lane, a connection of its own, or the hub of subscriptions.
//!
//! [`target`] decides and knows nothing of sockets; [`shared`], [`dedicated`] and [`hub`] are the ways.

pub mod dedicated;
pub mod hub;
pub mod shared;
pub mod target;

//! Policy: whose keys, which commands, and that nobody gets around it.

mod namespace;
mod namespace_calls;

//! What the fuzz targets do with bytes: each module's `run` takes any, and panics where something that must hold
//! does not. Built with instrumentation by `cargo fuzz`, and as plain tests into tests/main.rs, so that a smoke of
//! each runs everywhere. docs/limits.md says how to run them.

pub mod config;
pub mod decoder;
pub mod keys;
pub mod pieces;
pub mod rewrite;
pub mod scanner;
pub mod session;
pub mod upstream;

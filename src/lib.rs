//! redis-sidecar: plain RESP on localhost, pooled TLS connections to a cloud Redis.
//!
//! The way of a command:
//!
//! ```text
//! client socket -> session -> wire (decode) -> command (look up) -> policy (verdict) -> routing (target)
//!               -> lane | checkout | hub | memory -> replies -> session -> client socket
//! ```
//!
//! The floors, from the top; a module names only floors below its own (tests/floors.rs):
//!
//! ```text
//! 11 cli        arguments, run, check
//! 10 server     builds and owns every part: listeners, workers, drain
//!  9 admin      HTTP for operators
//!  8 session    one client's connection
//!  7 routing    which way a command goes: lanes, connections of its own, the hub
//!  6 upstream   connections to the cloud Redis: dial, greet, share, lend
//!  5 memory     the embedded engine
//!  4 policy     whose keys, which commands
//!  3 telemetry  logs
//!  2 config     what the user wants
//!  1 command    the table of Redis's commands
//!  0 wire       RESP
//! ```

pub mod admin;
pub mod cli;
pub mod command;
pub mod config;
pub mod memory;
pub mod policy;
pub mod routing;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod upstream;
pub mod wire;

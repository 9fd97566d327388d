//! The one integration binary. Each file below is one behaviour of the running sidecar, shown
//! against a real redis-server; `harness` is what they stand on.
#![cfg(test)]

mod harness;

mod app_clients;
mod bad_input;
mod blocking;
mod blocking_turns;
mod busy_poll;
mod chaos;
mod cli_check;
mod cli_monitor;
mod cli_validate;
mod cli_wait;
mod client_command;
mod clients;
mod command_table;
mod config;
mod connection;
mod documents;
mod drain;
mod floors;
mod fuzz;
mod health;
mod helm;
mod hostile_clients;
mod hostile_upstream;
mod hub;
mod isolation;
mod limits;
mod listen_tls;
mod memory_engine;
mod memory_sessions;
mod memory_upstream;
mod metrics;
mod monitor;
mod notes;
mod otlp;
mod outages;
mod packaging;
mod page;
mod policy;
mod protocol;
mod pubsub;
mod resilience;
mod scripting;
mod slow_clients;
mod spans;
mod streams;
mod systemd;
mod tracking;
mod transactions;
mod transactions_lost;
mod upstream;
mod upstream_faults;
mod watch;

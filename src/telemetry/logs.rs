//! The log: one line for each event that matters, on stderr, for people or for machines. Never a secret, a key
//! or a value.

use crate::config::{Format, Level, Log};
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Starts logging. Later calls change nothing.
pub fn start(log: &Log) {
    let level = match log.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false);
    // Only fails where a log was started before; that one goes on.
    let _ = match log.format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
}

//! The log: one line for each event that matters, on stderr, for people or for machines. Never a secret, a key
//! or a value.

use crate::config::{Format, Level, Log};
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

/// Sets the level of a log that runs.
pub struct Levels(Box<dyn Fn(LevelFilter) + Send>);

impl Levels {
    /// From now on, only what is at least so severe is logged.
    pub fn set(&self, level: Level) {
        (self.0)(filter(level));
    }
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// Starts logging. Where a log was started before, that one goes on.
#[must_use]
pub fn start(log: &Log) -> Levels {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // Starting fails only where a log runs already, setting only when it has ended: there is then nobody to
    // tell it to.
    let _ = match log.format {
        Format::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    Levels(Box::new(move |level| drop(handle.reload(level))))
}

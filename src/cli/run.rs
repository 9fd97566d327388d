//! `redis-sidecar run`: configuration, logs, and the server until it is told to stop.

use super::check::{EXIT_CONFIGURATION, EXIT_FAILURE, load};
use crate::config::{Config, Sources};
use crate::{server, telemetry};
use std::process::ExitCode;

pub(super) fn run(sources: &Sources) -> ExitCode {
    let Some(config) = load(sources, &mut std::io::stderr().lock()) else {
        return ExitCode::from(EXIT_CONFIGURATION);
    };
    let levels = telemetry::logs::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let again = sources.clone();
    let read = Box::new(move || Config::load(&again));
    match server::run(config, server::Reload { read, levels }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(if error.is_configuration() { EXIT_CONFIGURATION } else { EXIT_FAILURE })
        }
    }
}

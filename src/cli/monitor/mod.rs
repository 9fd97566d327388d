//! `redis-sidecar monitor`: how a running sidecar does, as an app feels it: every so often a few commands of each
//! family through its own port, with times, failures and an alert; and what its admin port says of it.
//!
//! A live page in a terminal, lines elsewhere. It works on keys of its own, which it deletes after each round.

mod families;
mod plain;
mod round;
#[cfg(feature = "monitor")]
mod screen;
mod tally;
#[cfg(feature = "monitor")]
mod view;

use super::args::MonitorOptions;
use super::check::{EXIT_CONFIGURATION, EXIT_FAILURE, load};
use super::keys::Keys;
use super::local;
use super::script::Player;
use crate::config::Sources;
use crate::upstream::Upstream;
use round::Prober;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tally::Tally;
use tokio::signal::unix::{SignalKind, signal};

/// Between the rounds of `--once`, while they fail.
const AGAIN: Duration = Duration::from_secs(1);

/// Watches until it is stopped, or once: 0, or 1 where the alert stands or nothing can be written.
pub(super) fn run(sources: &Sources, options: &MonitorOptions) -> ExitCode {
    let err = &mut io::stderr();
    let Some(config) = load(sources, err) else { return ExitCode::from(EXIT_CONFIGURATION) };
    let built = local::behind(&config, &options.through, options.timeout).and_then(|local| {
        let upstream = Upstream::new(&local, Vec::new()).map_err(|error| error.to_string())?;
        let admin = local::admin(&config, &options.through);
        let player = Player::new(upstream, Keys::new(&options.prefix), options.timeout);
        Ok(Prober { title: local.upstream.shown_url(), player, admin, bound: options.timeout })
    });
    let prober = match built {
        Ok(prober) => prober,
        Err(reason) => {
            // Nothing is left to tell it to where stderr is gone.
            let _ = writeln!(err, "redis-sidecar: {reason}");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(err, "redis-sidecar: runtime: {error}");
            return ExitCode::from(EXIT_FAILURE);
        }
    };
    match runtime.block_on(watch(prober, options)) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "redis-sidecar: {error}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

async fn watch(prober: Prober, options: &MonitorOptions) -> io::Result<ExitCode> {
    let tally = Tally::new(prober.title.clone(), options.alert_after);
    if options.once {
        return once(prober, tally).await;
    }
    #[cfg(feature = "monitor")]
    if io::IsTerminal::is_terminal(&io::stdout()) && io::IsTerminal::is_terminal(&io::stdin()) {
        return screen::show(prober, tally, options.every).await;
    }
    lines(prober, tally, options.every).await
}

/// One good round is enough; as many bad ones in a row as the alert takes are not.
async fn once(mut prober: Prober, mut tally: Tally) -> io::Result<ExitCode> {
    loop {
        let round = prober.round().await;
        let is_good = round.is_good();
        tally.add(round);
        plain::write(&mut io::stdout(), &tally)?;
        if is_good {
            return Ok(ExitCode::SUCCESS);
        }
        if tally.is_alert() {
            return Ok(ExitCode::from(EXIT_FAILURE));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A line for each round, until a signal comes.
async fn lines(mut prober: Prober, mut tally: Tally, every: Duration) -> io::Result<ExitCode> {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopped = std::pin::pin!(stopped()?);
    plain::begin(&mut io::stdout(), &tally, every)?;
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        let round = tokio::select! {
            () = &mut stopped => break,
            round = prober.round() => round,
        };
        tally.add(round);
        plain::write(&mut io::stdout(), &tally)?;
    }
    prober.leave().await;
    Ok(ExitCode::SUCCESS)
}

/// Returns when somebody wants us to stop.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

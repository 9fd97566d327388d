//! `redis-sidecar wait`: returns when the sidecar beside us is ready, for hooks, exec probes and scripts.
//!
//! It asks `/ready` (or `/startup`, `/live`) of the admin port that the same configuration names; it starts nothing and
//! dials no Redis.

use super::args::{State, WaitOptions};
use super::check::{EXIT_CONFIGURATION, EXIT_FAILURE, load};
use super::http::{self, reachable};
use crate::config::{Sources, show_duration};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Between two questions: soon at first, since a sidecar is ready within a few milliseconds.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits: 0 ready, 1 not ready in time, 2 where there is nobody to ask.
pub(super) fn run(
    sources: &Sources,
    options: &WaitOptions,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let Some(config) = load(sources, err) else { return ExitCode::from(EXIT_CONFIGURATION) };
    let Some(address) = config.admin.address.filter(|address| address.port() != 0) else {
        say(
            err,
            "redis-sidecar: there is no admin port to ask whether the sidecar is ready; set \
             admin.address (SIDECAR_ADMIN) to the sidecar's, such as 127.0.0.1:9121, or give --admin ADDR",
        );
        return ExitCode::from(EXIT_CONFIGURATION);
    };
    let address = reachable(address);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(err, &format!("redis-sidecar: runtime: {error}"));
            return ExitCode::from(EXIT_FAILURE);
        }
    };
    let began = Instant::now();
    let state = options.state.name();
    match runtime.block_on(wait(address, options.state, began + options.timeout)) {
        Ok(()) => {
            say(out, &format!("{state} after {:.1} s", began.elapsed().as_secs_f64()));
            ExitCode::SUCCESS
        }
        Err(last) => {
            let time = show_duration(options.timeout);
            say(err, &format!("redis-sidecar: not {state} within {time}: {last}"));
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Asks until the answer is yes.
///
/// # Errors
/// At `deadline`: what was seen last.
async fn wait(address: SocketAddr, state: State, deadline: Instant) -> Result<(), String> {
    let path = format!("/{}", state.name());
    let mut last = format!("{address} was not asked in time");
    let mut pause = FIRST_PAUSE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match http::fetch(address, &path, PATIENCE.min(left)).await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => {
                last = format!("{address}{path} said {}: {}", answer.status, answer.body.trim())
            }
            // Cut short by the deadline, a question tells less than the one before it.
            Err(_) if left < PATIENCE && pause > FIRST_PAUSE => {}
            Err(error) => last = error.to_string(),
        }
        if timeout_at(deadline, sleep(pause)).await.is_err() {
            return Err(last);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Nothing is left to tell it to where it can't be written.
fn say(to: &mut dyn Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

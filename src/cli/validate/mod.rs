//! `redis-sidecar validate`: a checklist of the way to the Redis, of what it can do and of what our user may do,
//! each check with its time and, where it fails, what to do about it.
//!
//! It dials by the product's own floor, works on keys of its own and leaves none; every check is bounded in time.

mod advice;
mod commands;
mod connection;
mod identify;
mod report;
mod rights;
mod server;
mod workloads;

use super::args::ValidateOptions;
use super::check::EXIT_FAILURE;
use super::keys::Keys;
use super::local;
use super::script::{Player, Script, Trouble};
use crate::config::{Config, Faults, Origin, Sources, Target};
use crate::telemetry;
use crate::upstream::Upstream;
use crate::upstream::handshake::Greeting;
use advice::Circumstances;
use report::{Report, Style, Verdict};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

const CONFIGURATION: &str = "Configuration";
const SERVER: &str = "Server";
const AFTERWARDS: &str = "Afterwards";

/// One entry of the list, once there is a connection.
struct Check {
    group: &'static str,
    name: &'static str,
    work: Work,
}

/// What a check does.
enum Work {
    Rights,
    Hello,
    Version,
    Memory,
    Role,
    Clock,
    Latency,
    Scan,
    Play(&'static Script),
}

/// Runs the list: 0 where nothing failed, else 1.
fn run(
    sources: &Sources,
    options: &ValidateOptions,
    out: &mut dyn Write,
    style: Style,
) -> ExitCode {
    let began = Instant::now();
    let config = Config::load(sources);
    let took = began.elapsed();
    let title = match (&config, &options.through) {
        (Ok(config), None) => config.upstream.shown_url(),
        (Ok(config), Some(through)) => match local::behind(config, through, options.timeout) {
            Ok(local) => format!("through {}", local.upstream.shown_url()),
            Err(_) => "through a sidecar".to_owned(),
        },
        (Err(_), _) => "the configuration has faults".to_owned(),
    };
    let mut report = Report::new(out, style, &title);
    match config {
        Err(faults) => note_faults(&mut report, &faults, took),
        Ok(config) => {
            note_configuration(&mut report, &config, took);
            dial(&mut report, config, options);
        }
    }
    report.end(&title, began.elapsed(), options.allow_denied);
    let is_passed = report.is_passed(options.allow_denied);
    match report.fault() {
        None if is_passed => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_FAILURE),
    }
}

/// As `run` is asked for on the command line.
pub(super) fn main(sources: &Sources, options: &ValidateOptions) -> ExitCode {
    use std::io::IsTerminal;
    let is_coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = match (options.json, is_coloured) {
        (true, _) => Style::Json,
        (false, true) => Style::Coloured,
        (false, false) => Style::Plain,
    };
    run(sources, options, &mut std::io::stdout().lock(), style)
}

/// The URL's own faults stand beside those of all other keys.
fn note_faults(report: &mut Report<'_>, faults: &Faults, took: Duration) {
    let mut is_url_fine = true;
    for fault in faults.iter() {
        let name = if fault.path.starts_with("upstream.url") { "URL" } else { "configuration" };
        is_url_fine &= name != "URL";
        let from = match fault.origin {
            Origin::Default => String::new(),
            origin => format!(" (from {origin})"),
        };
        let what = format!("{}: {}{from}", fault.path, fault.what);
        report.note(CONFIGURATION, name, took, &Verdict::failed(what, fault.mend.clone()));
    }
    if is_url_fine {
        report.note(CONFIGURATION, "URL", took, &Verdict::passed("its form is right"));
    }
    let why = Verdict::Skipped("needs a configuration without faults".to_owned());
    report.note(connection::GROUP, "all checks", Duration::ZERO, &why);
}

fn note_configuration(report: &mut Report<'_>, config: &Config, took: Duration) {
    let mend = "see docs/configuration.md";
    for warning in &config.warnings {
        report.note(CONFIGURATION, "configuration", took, &Verdict::warned(warning, mend));
    }
    if config.warnings.is_empty() {
        report.note(CONFIGURATION, "configuration", took, &Verdict::passed("no fault, no warning"));
    }
    let auth = &config.upstream.auth;
    let password = match (&auth.password, &auth.password_file) {
        (None, None) => "no password",
        (Some(_), _) => "with a password",
        (None, Some(_)) => "with a password file",
    };
    let user = auth.username.as_deref().unwrap_or("default");
    let url = config.upstream.shown_url();
    let seen = Verdict::Passed(format!("{url}, user {user}, {password}"));
    report.note(CONFIGURATION, "URL", Duration::ZERO, &seen);
}

/// Everything that needs the network.
fn dial(report: &mut Report<'_>, config: Config, options: &ValidateOptions) {
    if config.origins.origin("log.level") != Origin::Default {
        let _levels = telemetry::logs::start(&config.log);
    }
    let admin = options.through.as_ref().and_then(|through| local::admin(&config, through));
    let config = match &options.through {
        Some(through) => local::behind(&config, through, options.timeout),
        None => Ok(local::bounded(config, options.timeout)),
    };
    let config = match config {
        Ok(config) if config.upstream.target == Target::Memory => {
            let why = "memory:// is in the sidecar itself: --through checks a running one";
            let why = Verdict::Skipped(why.to_owned());
            return report.note(connection::GROUP, "all checks", Duration::ZERO, &why);
        }
        Ok(config) => config,
        Err(what) => {
            let verdict = Verdict::failed(what, "give --through the address of a running sidecar");
            return report.note(connection::GROUP, connection::LOCAL, Duration::ZERO, &verdict);
        }
    };
    let upstream = match Upstream::new(&config, Vec::new()) {
        Ok(upstream) => upstream,
        Err(error) => {
            let mend = "check the files and names under upstream.tls";
            let verdict = Verdict::failed(error.to_string(), mend);
            return report.note(connection::GROUP, "TLS", Duration::ZERO, &verdict);
        }
    };
    let auth = &config.upstream.auth;
    let at = Circumstances {
        is_through: options.through.is_some(),
        user: auth.username.clone().unwrap_or_else(|| "default".to_owned()),
        prefix: options.prefix.clone(),
        has_password: auth.password.is_some() || auth.password_file.is_some(),
    };
    let player = Player::new(upstream, Keys::new(&options.prefix), options.timeout);
    let bound = options.timeout;
    let mut trial =
        Trial { report, config, at, admin, player, greeting: None, version: None, bound };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(trial.all(options.workloads)),
        Err(error) => {
            let verdict = Verdict::failed(format!("runtime: {error}"), "see this machine's limits");
            trial.report.note(connection::GROUP, "all checks", Duration::ZERO, &verdict);
        }
    }
}

/// The checks under way.
struct Trial<'a, 'b> {
    report: &'a mut Report<'b>,
    config: Config,
    at: Circumstances,
    /// The sidecar's admin port, where it is known.
    admin: Option<SocketAddr>,
    player: Player,
    greeting: Option<Greeting>,
    version: Option<(u16, u16)>,
    bound: Duration,
}

impl Trial<'_, '_> {
    /// All of them, and no key left behind, though somebody may stop us.
    async fn all(&mut self, with_workloads: bool) {
        let stop = async {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return std::future::pending().await;
            };
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        let is_stopped = tokio::select! {
            () = Box::pin(self.checks(with_workloads)) => false,
            () = stop => true,
        };
        if is_stopped {
            self.player.hang_up();
            let verdict = Verdict::failed("stopped by a signal", "run it again");
            self.report.note(AFTERWARDS, "all checks", Duration::ZERO, &verdict);
        }
        self.clean_up().await;
    }

    async fn checks(&mut self, with_workloads: bool) {
        let list = list(with_workloads);
        let mut gone = if self.connect().await { None } else { Some("needs a connection") };
        for check in list {
            if let Some(why) = gone {
                let verdict = Verdict::Skipped(why.to_owned());
                self.report.note(check.group, check.name, Duration::ZERO, &verdict);
                continue;
            }
            let began = Instant::now();
            let verdict = self.perform(&check.work).await;
            self.report.note(check.group, check.name, began.elapsed(), &verdict);
            if matches!(verdict, Verdict::Failed { .. }) {
                let again = timeout(self.bound, self.player.link(0)).await;
                gone = (!matches!(again, Ok(Ok(_))))
                    .then_some("the connection is lost, and no other can be made");
            }
        }
    }

    async fn perform(&mut self, work: &Work) -> Verdict {
        if let Work::Play(script) = work {
            return match self.player.play(script).await {
                Ok(_) => Verdict::Passed(String::new()),
                Err(trouble) => self.at.of_trouble(&trouble, self.version, script.since),
            };
        }
        let bound = self.bound;
        let looked = timeout(bound, Box::pin(self.look(work))).await;
        match looked.unwrap_or(Err(Trouble::TimedOut(bound))) {
            Ok(verdict) => verdict,
            Err(trouble) => {
                self.player.hang_up();
                self.at.of_trouble(&trouble, self.version, (6, 0))
            }
        }
    }

    async fn look(&mut self, work: &Work) -> Result<Verdict, Trouble> {
        match work {
            Work::Rights => self.rights().await,
            Work::Hello => self.hello().await,
            Work::Version => self.server_version().await,
            Work::Memory => self.memory_policy().await,
            Work::Role => self.role().await,
            Work::Clock => self.clock().await,
            Work::Latency => self.latency().await,
            Work::Scan => self.scan().await,
            Work::Play(_) => Ok(Verdict::Passed(String::new())),
        }
    }

    async fn clean_up(&mut self) {
        let began = Instant::now();
        let expiry = "they expire within a minute; else delete what begins with";
        let mend = format!("{expiry} {}", self.player.keys.prefix());
        let verdict = if self.player.keys.is_empty() {
            Verdict::Skipped("no key was used".to_owned())
        } else {
            match self.player.forget().await {
                Ok(end) => match end.left {
                    Ok(0) => Verdict::Passed(format!("{} names used, no key left", end.used)),
                    Ok(left) => Verdict::failed(format!("{left} keys are still there"), mend),
                    Err(text) => match self.at.of_refusal("DEL", &text) {
                        Verdict::Denied { what, mend: grant } => {
                            Verdict::Denied { what, mend: format!("{grant}; {mend}") }
                        }
                        _ => Verdict::failed(format!("DEL: {text}"), mend),
                    },
                },
                Err(_) => Verdict::failed("there is no connection to delete our keys", mend),
            }
        };
        self.report.note(AFTERWARDS, "no key left", began.elapsed(), &verdict);
    }
}

/// The whole list, in the order in which it is shown.
fn list(with_workloads: bool) -> Vec<Check> {
    let mut list: Vec<Check> = [
        ("rights (ACL)", Work::Rights),
        ("HELLO 3", Work::Hello),
        ("server version", Work::Version),
        ("memory policy", Work::Memory),
        ("replication role", Work::Role),
        ("clock", Work::Clock),
        ("latency", Work::Latency),
    ]
    .into_iter()
    .map(|(name, work)| Check { group: SERVER, name, work })
    .collect();
    let plays = |group, scripts: &'static [Script]| {
        scripts.iter().map(move |script| Check {
            group,
            name: script.name,
            work: Work::Play(script),
        })
    };
    list.extend(plays(commands::GROUP, commands::SCRIPTS));
    list.push(Check { group: commands::GROUP, name: "SCAN", work: Work::Scan });
    if with_workloads {
        for (group, scripts) in workloads::ALL {
            list.extend(plays(group, scripts));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::{Work, list, workloads};
    use std::collections::BTreeSet;

    #[test]
    fn the_workloads_are_45_checks_or_more_and_no_name_comes_twice() {
        let count: usize = workloads::ALL.iter().map(|(_, scripts)| scripts.len()).sum();
        assert!(count >= 45, "{count}");
        let list = list(true);
        let names: BTreeSet<_> = list.iter().map(|check| (check.group, check.name)).collect();
        assert_eq!(names.len(), list.len());
    }

    #[test]
    fn every_key_of_a_script_is_written_so_that_it_is_found_again() {
        for check in list(true) {
            let Work::Play(script) = check.work else { continue };
            let lines: Vec<&str> = script.steps.iter().map(|(line, _)| *line).collect();
            let named = lines.iter().any(|line| line.contains('@'))
                || lines.iter().all(|line| !line.contains("SET"));
            assert!(named, "{}", script.name);
            assert!(check.name.chars().count() <= 40, "{}", check.name);
        }
    }
}

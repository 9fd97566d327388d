//! The command line as clap reads it. Values are taken as typed: what they mean, and whether they
//! may be so, is said by `config`, together with every other fault.
//! `redis-sidecar` alone is `redis-sidecar run`. Usage faults exit with 2, as clap has it.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Flags, Sources, UpstreamUrl, UrlError, parse_duration};

/// A Redis-protocol sidecar proxy: plain RESP on localhost, pooled TLS connections to a cloud Redis.
#[derive(Debug, Clone, Parser)]
#[command(name = "redis-sidecar", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct CommandLine {
    /// What to do; nothing is `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What each command takes.
    #[command(flatten)]
    pub options: Options,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Subcommand)]
pub enum Command {
    /// Serve apps until SIGTERM (the default)
    #[default]
    Run,
    /// Print the configuration as it takes effect, or every fault in it; dials nothing
    Check,
    /// Check the way to the Redis, what it can do and what our user may do: 0, or 1 when a check fails
    Validate(ValidateOptions),
    /// Watch a running sidecar: latency, failures, an alert; a live page in a terminal, lines elsewhere
    Monitor(MonitorOptions),
    /// Return when the running sidecar is ready, or has started: 0, or 1 when it is not so in time
    Wait(WaitOptions),
}

/// What `wait` takes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct WaitOptions {
    /// What to wait for, by the admin port's routes of these names
    #[arg(long = "for", value_name = "STATE", value_enum, default_value_t = State::Ready)]
    pub state: State,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
}

/// How far a sidecar is, as a probe sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// The process answers
    Live,
    /// Commands get an answer: the upstream was reached, or is known to be away
    Startup,
    /// Clients should be sent here
    Ready,
}

impl State {
    /// Its name, which is also its route's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Startup => "startup",
            Self::Ready => "ready",
        }
    }
}

/// What `validate` takes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ValidateOptions {
    /// Also do what real apps do: profiles, payments, bet slips, counters, leaderboards, sessions, queues, limiter
    #[arg(long)]
    pub workloads: bool,
    /// Check a running sidecar instead: HOST:PORT or unix:///path; nothing is the configured listen.address
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "", value_parser = through)]
    pub through: Option<Through>,
    /// What one check may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub timeout: Duration,
    /// Where the keys of the checks lie; all are deleted at the end
    #[arg(long, value_name = "TEXT", default_value = "redis-sidecar:validate:")]
    pub prefix: String,
    /// Exit with 0 though our user is forbidden some commands
    #[arg(long)]
    pub allow_denied: bool,
    /// One JSON document instead of lines
    #[arg(long)]
    pub json: bool,
}

/// What `monitor` takes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct MonitorOptions {
    /// Between two rounds
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub every: Duration,
    /// After how many failed rounds in a row the alert stands
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    pub alert_after: u32,
    /// Ask until a round is good (exit code 0) or the alert stands (1), a second apart, and end
    #[arg(long)]
    pub once: bool,
    /// The sidecar: HOST:PORT or unix:///path; nothing is the configured listen.address
    #[arg(long, value_name = "ADDR", default_value = "", hide_default_value = true, value_parser = through)]
    pub through: Through,
    /// What one question may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub timeout: Duration,
    /// Where the keys of the probes lie; all are deleted
    #[arg(long, value_name = "TEXT", default_value = "redis-sidecar:monitor:")]
    pub prefix: String,
}

/// Which running sidecar is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Through {
    /// The one that listens where the configuration says.
    Configured,
    /// The one at this address.
    At(UpstreamUrl),
}

/// `127.0.0.1:6379`, `:6379`, `/path`, or a URL.
fn through(text: &str) -> Result<Through, String> {
    let url = match text {
        "" => return Ok(Through::Configured),
        text if text.contains("://") => text.to_owned(),
        text if text.starts_with('/') => format!("unix://{text}"),
        text if text.starts_with(':') => format!("redis://127.0.0.1{text}"),
        text => format!("redis://{text}"),
    };
    let parsed = url.parse().map(Through::At);
    parsed.map_err(|error: UrlError| format!("it {error}; give HOST:PORT, unix:///path or nothing"))
}

/// A duration of at least a millisecond.
fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "give a time such as 500ms, 30s or 5m".to_owned())
}

/// What each command takes; before or after the command.
#[derive(Clone, Default, Args)]
pub struct Options {
    /// The YAML file [default: ./config.yaml where there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Where apps connect, or off [default: 127.0.0.1:6379]
    #[arg(long, value_name = "ADDR", global = true)]
    pub listen: Option<String>,
    /// Where operators connect by HTTP, or off [default: 127.0.0.1:9121]
    #[arg(long, value_name = "ADDR", global = true)]
    pub admin: Option<String>,
    /// The Redis behind [default: memory://]; pass passwords in REDIS_URL instead
    #[arg(long, value_name = "URL", global = true)]
    pub upstream: Option<String>,
    /// Single-threaded runtimes, 1 to 1024 [default: auto, one for two cores]
    #[arg(long, value_name = "N", global = true)]
    pub workers: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log_level: Option<String>,
    /// text for people, json for machines [default: text]
    #[arg(long, value_name = "text|json", global = true)]
    pub log_format: Option<String>,
}

const AFTER_HELP: &str = "\
Environment: REDIS_URL, or REDIS_HOST, REDIS_PORT, REDIS_USERNAME, REDIS_PASSWORD, REDIS_DB,
REDIS_TLS; all names and keys are in docs/configuration.md. Flags win over the environment,
which wins over the file.

Exit codes: 0 fine, 1 failed at run, 2 usage or configuration.";

impl Options {
    /// What the flags say, in the words of the configuration.
    fn flags(&self) -> Flags {
        Flags {
            listen: self.listen.clone(),
            admin: self.admin.clone(),
            upstream: self.upstream.clone(),
            workers: self.workers.clone(),
            log_level: self.log_level.clone(),
            log_format: self.log_format.clone(),
        }
    }

    /// Where the configuration is taken from: these, this process's environment, and the file.
    pub fn sources(&self) -> Sources {
        Sources::of_this_process(self.config.clone(), self.flags())
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The upstream may hold a password: the flags know how to hide it.
        f.debug_tuple("Options").field(&self.config).field(&self.flags()).finish()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::{Command, CommandLine};

    fn parse(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn no_command_is_run() {
        assert_eq!(parse("redis-sidecar").unwrap().command.unwrap_or_default(), Command::Run);
        assert_eq!(parse("redis-sidecar run").unwrap().command, Some(Command::Run));
        assert_eq!(parse("redis-sidecar check").unwrap().command, Some(Command::Check));
    }

    #[test]
    fn times_have_units() {
        let timeout = |line| match parse(line).unwrap().command {
            Some(Command::Wait(options)) => options.timeout.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!(timeout("redis-sidecar wait"), 30_000);
        assert_eq!(timeout("redis-sidecar wait --timeout 250ms --admin :9000"), 250);
        for text in ["5", "0", "0s", "soon"] {
            let error = parse(&format!("redis-sidecar wait --timeout {text}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{text}");
            assert!(error.to_string().contains("500ms"), "{error}");
        }
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for line in [
            "redis-sidecar --workers 3 --log-format=json check --listen :7000",
            "redis-sidecar check --workers=3 --log-format json --listen :7000",
        ] {
            let options = parse(line).unwrap().options;
            assert_eq!(options.workers.as_deref(), Some("3"), "{line}");
            assert_eq!(options.log_format.as_deref(), Some("json"), "{line}");
            assert_eq!(options.listen.as_deref(), Some(":7000"), "{line}");
        }
    }

    #[test]
    fn usage_faults_exit_with_2_and_help_with_0() {
        for (line, kind, code) in [
            ("redis-sidecar --nonsense", ErrorKind::UnknownArgument, 2),
            ("redis-sidecar sing", ErrorKind::InvalidSubcommand, 2),
            ("redis-sidecar --config", ErrorKind::InvalidValue, 2),
            ("redis-sidecar --help", ErrorKind::DisplayHelp, 0),
            ("redis-sidecar --version", ErrorKind::DisplayVersion, 0),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!((error.kind(), error.exit_code()), (kind, code), "{line}");
        }
    }

    #[test]
    fn a_password_in_a_flag_is_not_in_debug() {
        let line = parse("redis-sidecar --upstream redis://:hunter2@h check").unwrap();
        assert!(!format!("{line:?}").contains("hunter2"));
    }
}

//! One round: each family's commands a few times, and the admin port's word.
//!
//! When the connection fails, the rest of the round is not tried: a sidecar that is away costs one time-out.

use super::families::FAMILIES;
use crate::cli::http;
use crate::cli::script::{Player, Script, Trouble, is_lacking};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// How often each family is played in a round.
const TIMES: usize = 5;

/// What came of one family.
#[derive(Debug)]
pub(super) enum Probe {
    /// How long each of its replies took.
    Answered(Vec<Duration>),
    /// Why not.
    Failed(String),
    /// This server has it not, or not for us.
    Absent,
    /// The connection had failed before.
    NotTried,
}

/// What the admin port says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// There is none that we know of.
    Unknown,
    Ready,
    /// And why.
    NotReady(String),
    /// Nobody answers there.
    Silent(String),
}

/// What one round saw.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) at: SystemTime,
    /// One for each family.
    pub(super) probes: Vec<Probe>,
    pub(super) readiness: Readiness,
    pub(super) uptime: Option<Duration>,
}

impl Round {
    /// Whether nothing failed.
    pub(super) fn is_good(&self) -> bool {
        !self.probes.iter().any(|probe| matches!(probe, Probe::Failed(_)))
    }
}

/// Asks a sidecar.
pub(super) struct Prober {
    pub(super) title: String,
    pub(super) player: Player,
    pub(super) admin: Option<SocketAddr>,
    pub(super) bound: Duration,
}

impl Prober {
    /// Asks everything once.
    pub(super) async fn round(&mut self) -> Round {
        let at = SystemTime::now();
        let mut probes = Vec::with_capacity(FAMILIES.len());
        let mut is_lost = false;
        for script in &FAMILIES {
            if is_lost {
                probes.push(Probe::NotTried);
                continue;
            }
            let probe = match self.play(script).await {
                Ok(times) => Probe::Answered(times),
                Err(trouble) if is_absent(&trouble) => Probe::Absent,
                Err(trouble) => {
                    is_lost =
                        !matches!(trouble, Trouble::Refused { .. } | Trouble::Unexpected { .. });
                    Probe::Failed(format!("{}: {trouble}", script.name))
                }
            };
            probes.push(probe);
        }
        if !is_lost {
            self.leave().await;
        }
        let (readiness, uptime) = self.ask_admin().await;
        Round { at, probes, readiness, uptime }
    }

    /// Deletes what may be left of our keys; what can't be deleted expires.
    pub(super) async fn leave(&mut self) {
        if !self.player.keys.is_empty() && self.player.forget().await.is_err() {
            self.player.hang_up();
        }
    }

    async fn play(&mut self, script: &Script) -> Result<Vec<Duration>, Trouble> {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            times.extend(self.player.play(script).await?);
        }
        Ok(times)
    }

    async fn ask_admin(&self) -> (Readiness, Option<Duration>) {
        let Some(address) = self.admin else { return (Readiness::Unknown, None) };
        let readiness = match http::fetch(address, "/ready", self.bound).await {
            Ok(answer) if answer.status == 200 => Readiness::Ready,
            Ok(answer) => Readiness::NotReady(reason(&answer.body)),
            Err(error) => return (Readiness::Silent(error.to_string()), None),
        };
        let health = http::fetch(address, "/health", self.bound).await;
        let uptime = health.ok().and_then(|answer| uptime(&answer.body));
        (readiness, uptime)
    }
}

/// What this server has not, or not for our user, is not measured.
fn is_absent(trouble: &Trouble) -> bool {
    let Trouble::Refused { text, .. } = trouble else { return false };
    text.starts_with("NOPERM") || text.starts_with("DENIED") || is_lacking(text)
}

/// The reason in the body of `/ready`, or the whole of it.
fn reason(body: &str) -> String {
    let document: Option<Value> = serde_json::from_str(body).ok();
    let reason = document.as_ref().and_then(|value| value.get("reason")).and_then(Value::as_str);
    reason.unwrap_or(body.trim()).chars().take(200).collect()
}

/// For how long the process has been running, wherever the document says so.
fn uptime(body: &str) -> Option<Duration> {
    fn find(value: &Value) -> Option<f64> {
        match value {
            Value::Object(fields) => match fields.get("uptime_seconds") {
                Some(seconds) => seconds.as_f64(),
                None => fields.values().find_map(find),
            },
            _ => None,
        }
    }
    let document: Value = serde_json::from_str(body).ok()?;
    find(&document).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::{is_absent, reason, uptime};
    use crate::cli::script::Trouble;
    use std::time::Duration;

    #[test]
    fn the_admin_ports_words_are_understood() {
        assert_eq!(reason("{\"status\":\"not ready\",\"reason\":\"connecting\"}\n"), "connecting");
        assert_eq!(reason("busy\n"), "busy");
        let health = "{\"status\":\"ok\",\"parts\":{\"process\":{\"uptime_seconds\":90.5}}}";
        assert_eq!(uptime(health), Some(Duration::from_millis(90_500)));
        for other in ["{}", "not found", "{\"uptime_seconds\":-1}", "[1]"] {
            assert_eq!(uptime(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_server_has_not_is_no_failure() {
        let refused = |text: &str| {
            is_absent(&Trouble::Refused { command: "EVAL".to_owned(), text: text.to_owned() })
        };
        assert!(refused("NOPERM this user has no permissions to run the 'eval' command"));
        assert!(refused("ERR unknown command 'EVAL'"));
        assert!(!refused("UNAVAILABLE no connection to the upstream"));
        assert!(!is_absent(&Trouble::TimedOut(Duration::from_secs(1))));
    }
}

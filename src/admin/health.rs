//! Health for probes and people: live, ready, started, and what each part says.

use super::Visit;
use super::answer::{Answer, json, probe};
use crate::session::vitals::Standing;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Whether the process answers at all: if not, restart it.
pub(super) fn live(_: &Visit) -> Answer {
    json(StatusCode::OK, &json!({ "status": "live" }))
}

/// Whether clients should be sent here now.
pub(super) fn ready(visit: &Visit) -> Answer {
    let is_ready = visit.vitals.is_ready();
    probe(is_ready, &verdict(visit, if is_ready { "ready" } else { "not ready" }))
}

/// Whether every command gets an answer by now: the upstream was reached, or is known to be away.
pub(super) fn startup(visit: &Visit) -> Answer {
    let has_started = !matches!(visit.vitals.standing(), Standing::Starting(_));
    probe(has_started, &verdict(visit, if has_started { "started" } else { "starting" }))
}

pub(super) fn summary(visit: &Visit) -> Answer {
    probe(visit.vitals.is_ready(), &visit.vitals.summary())
}

pub(super) async fn redis(visit: &Visit) -> Answer {
    let outcome = visit.vitals.checkup().await;
    probe(outcome.failure.is_none(), &visit.vitals.redis(&outcome))
}

pub(super) async fn detailed(visit: &Visit) -> Answer {
    let outcome = visit.vitals.checkup().await;
    let is_well = visit.vitals.is_ready() && outcome.failure.is_none();
    probe(is_well, &visit.vitals.details(&outcome))
}

/// Drains and ends the process, where the configuration lets it be asked for.
pub(super) fn quit(visit: &Visit) -> Answer {
    if !visit.vitals.config().admin.quit {
        let error = "off; admin.quit turns it on";
        return json(StatusCode::FORBIDDEN, &json!({ "error": error }));
    }
    visit.vitals.quit();
    json(StatusCode::OK, &json!({ "status": "draining" }))
}

fn verdict(visit: &Visit, status: &str) -> Value {
    let mut verdict = json!({ "status": status });
    match visit.vitals.standing() {
        Standing::Draining => verdict["reason"] = "draining".into(),
        standing => {
            if let Some(reason) = standing.reason() {
                verdict["reason"] = reason.into();
            }
        }
    }
    verdict
}

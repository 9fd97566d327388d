//! What each part says of itself, as JSON values: for probes, people and the page.
//!
//! Nothing here is secret: no password, no user name of the upstream, no key, no value, no client's address.

use super::{Parts, Standing, Vitals};
use crate::policy::users::User;
use crate::upstream::Upstream;
use crate::upstream::checkup::Outcome;
use crate::upstream::pool::Pool;
use serde_json::{Value, json};
use std::time::Duration;

impl Vitals {
    /// The sidecar in a few words.
    #[must_use]
    pub fn summary(&self) -> Value {
        let standing = self.standing();
        let mut summary = json!({
            "status": self.status(&standing),
            "standing": standing.name(),
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.start.elapsed().as_secs(),
            "clients": self.clients.count(),
            "upstream": self.config().upstream.masked_url(),
        });
        if let Some(reason) = standing.reason() {
            summary["reason"] = reason.into();
        }
        summary
    }

    /// Every part, and the outcome of a checkup.
    #[must_use]
    pub fn details(&self, outcome: &Outcome) -> Value {
        let mut details = self.summary();
        if let (Some(failure), Standing::Ready) = (&outcome.failure, self.standing()) {
            details["status"] = "unhealthy".into();
            details["reason"] = failure.as_str().into();
        }
        details["listener"] = self.listener();
        details["upstream"] = self.upstream();
        details["redis"] = self.redis(outcome);
        details["pool"] = self.pool();
        details["breaker"] = self.breaker();
        details["memory"] = self.memory();
        details["policy"] = self.policy();
        details
    }

    /// What a checkup found.
    #[must_use]
    pub fn redis(&self, outcome: &Outcome) -> Value {
        let steps: Vec<Value> = outcome
            .steps
            .iter()
            .map(|(name, took)| json!({ "command": name, "ms": milliseconds(*took) }))
            .collect();
        let ping = outcome.steps.first().map(|(_, took)| milliseconds(*took));
        let mut redis = json!({
            "status": if outcome.failure.is_none() { "healthy" } else { "unhealthy" },
            "upstream": self.config().upstream.masked_url(),
            "latency_ms": ping,
            "took_ms": milliseconds(outcome.took),
            "age_ms": milliseconds(outcome.at.elapsed()),
            "steps": steps,
        });
        if let Some(failure) = &outcome.failure {
            redis["error"] = failure.as_str().into();
        }
        if let (Some(_), Parts::Cloud { upstream, .. }) = (&outcome.failure, &self.parts)
            && let Some(error) = upstream.health.last_error()
        {
            redis["class"] = error.class().name().into();
            redis["mend"] = error.mend().into();
        }
        redis
    }

    fn status(&self, standing: &Standing) -> &'static str {
        match standing {
            Standing::Ready => "healthy",
            Standing::Outage(_) if self.bears_outage() => "degraded",
            Standing::Outage(_) => "unhealthy",
            Standing::Starting(_) => "starting",
            Standing::Draining => "draining",
        }
    }

    pub(super) fn listener(&self) -> Value {
        json!({
            "status": if self.standing() == Standing::Draining { "draining" } else { "healthy" },
            "addresses": self.addresses.get().cloned().unwrap_or_default(),
            "clients": self.clients.count(),
            "max_clients": self.config().listen.max_clients,
        })
    }

    pub(super) fn upstream(&self) -> Value {
        let url = self.config().upstream.masked_url();
        match &self.parts {
            Parts::Memory(_) => json!({ "status": "healthy", "address": url }),
            Parts::Cloud { upstream, .. } => of_upstream(upstream, &url),
        }
    }

    pub(super) fn pool(&self) -> Value {
        match &self.parts {
            Parts::Memory(_) => json!({ "status": "none" }),
            Parts::Cloud { pool, .. } => of_pool(pool),
        }
    }

    pub(super) fn breaker(&self) -> Value {
        let Parts::Cloud { upstream, .. } = &self.parts else { return json!({ "status": "none" }) };
        let health = &upstream.health;
        let status = if health.is_rejecting() { "unhealthy" } else { "healthy" };
        json!({ "status": status, "state": health.breaker_state().name() })
    }

    /// Which apps there are, where their keys lie, and how many clients each has.
    fn policy(&self) -> Value {
        let users = self.clients.users();
        if !users.are_several() && users.all().all(|user| user.app().is_none()) {
            return json!({ "status": "none" });
        }
        let counts = self.clients.count_by_user();
        let prefix = |user: &User| {
            let namespace = user.app().and_then(|app| app.namespace());
            namespace.map(|own| String::from_utf8_lossy(own.prefix()).into_owned())
        };
        let apps = users.all().map(|user| {
            json!({
                "name": &**user.name(),
                "namespace": prefix(user),
                "clients": counts.get(user.name()).copied().unwrap_or(0),
            })
        });
        json!({ "status": "healthy", "apps": apps.collect::<Value>() })
    }

    /// The engine where it serves, else the replies that are kept for an outage.
    pub(super) fn memory(&self) -> Value {
        let state = self.state();
        match (state.memory, state.cache) {
            (Some((keys, bytes)), _) => {
                json!({ "status": "healthy", "keys": keys, "bytes": bytes })
            }
            (None, Some(cache)) => {
                json!({ "status": "healthy", "replies": cache.entries, "bytes": cache.bytes })
            }
            (None, None) => json!({ "status": "none" }),
        }
    }
}

fn of_upstream(upstream: &Upstream, url: &str) -> Value {
    let health = &upstream.health;
    let mut value = json!({
        "status": if health.is_up() { "healthy" } else { "unhealthy" },
        "address": url,
        "lanes": health.connected(),
    });
    if let Some(greeting) = health.greeting() {
        value["server"] = greeting.server.into();
        value["version"] = greeting.version.into();
        value["mode"] = greeting.mode.into();
        value["role"] = greeting.role.into();
    }
    if let Some(error) = health.last_error() {
        value["error"] = error.to_string().into();
        value["class"] = error.class().name().into();
        value["mend"] = error.mend().into();
    }
    value
}

fn of_pool(pool: &Pool) -> Value {
    let usage = pool.usage();
    json!({
        "status": if usage.is_exhausted() { "exhausted" } else { "healthy" },
        "max": usage.max,
        "size": usage.size,
        "idle": usage.idle,
        "lent": usage.size.saturating_sub(usage.idle),
        "waiting": usage.waiting,
    })
}

/// To the microsecond.
pub(super) fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

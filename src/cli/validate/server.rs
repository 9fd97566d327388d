//! What the server says of itself: version, protocol, role, memory, clock; and how far away it is.
//!
//! What our user may not ask is skipped: apps don't need it.

use super::Trial;
use super::connection::number;
use super::report::Verdict;
use crate::cli::script::{Trouble, flat};
use crate::wire::reply::Reply;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// PINGs whose times are looked at.
const PINGS: usize = 100;

/// Seconds by which two clocks may differ.
const DRIFT: f64 = 2.0;

impl Trial<'_, '_> {
    pub(super) async fn hello(&mut self) -> Result<Verdict, Trouble> {
        let link = self.player.link(2).await?;
        match link.call(&["PING"]).await? {
            Reply::Error(text) => Ok(self.at.of_refusal("PING", &text)),
            _ => Ok(Verdict::passed("RESP3")),
        }
    }

    pub(super) async fn server_version(&mut self) -> Result<Verdict, Trouble> {
        let (name, version, mode) = match &self.greeting {
            Some(greeting) => {
                (greeting.server.clone(), greeting.version.clone(), greeting.mode.clone())
            }
            None => match self.info("server").await? {
                Ok(info) => (
                    "redis".to_owned(),
                    field(&info, "redis_version").unwrap_or_default().to_owned(),
                    field(&info, "redis_mode").unwrap_or("standalone").to_owned(),
                ),
                Err(verdict) => return Ok(verdict),
            },
        };
        self.version = self.version.or_else(|| number(&version));
        let seen = format!("{name} {version}, {mode}");
        if mode == "cluster" {
            let mend =
                "use an endpoint that hides its nodes: keys of other nodes are answered by MOVED";
            return Ok(Verdict::warned(seen, mend));
        }
        match self.version {
            Some(version) if version < (6, 2) => Ok(Verdict::warned(
                seen,
                "update the server: versions before 6.2 are no longer mended",
            )),
            _ => Ok(Verdict::Passed(seen)),
        }
    }

    pub(super) async fn memory_policy(&mut self) -> Result<Verdict, Trouble> {
        let info = match self.info("memory").await? {
            Ok(info) => info,
            Err(verdict) => return Ok(verdict),
        };
        let Some(policy) = field(&info, "maxmemory_policy") else {
            return Ok(Verdict::Skipped("the server does not tell it".to_owned()));
        };
        let used = field(&info, "used_memory_human").unwrap_or("?");
        let most = match field(&info, "maxmemory") {
            Some("0") | None => "no limit".to_owned(),
            Some(_) => format!("at most {}", field(&info, "maxmemory_human").unwrap_or("?")),
        };
        let seen = format!("{policy}, {used} used, {most}");
        if policy.starts_with("allkeys") {
            let mend =
                "any key may vanish: keep queues, locks and sessions in a Redis with noeviction";
            return Ok(Verdict::warned(seen, mend));
        }
        if policy.starts_with("volatile") {
            let mend = "keys with an expiry may vanish early: for locks, sessions and delayed queues use noeviction";
            return Ok(Verdict::warned(seen, mend));
        }
        Ok(Verdict::Passed(seen))
    }

    pub(super) async fn role(&mut self) -> Result<Verdict, Trouble> {
        let reply = self.player.link(0).await?.call(&["ROLE"]).await?;
        let role = match (&reply, &self.greeting) {
            (Reply::Array(parts), _) => {
                parts.first().and_then(Reply::as_str).unwrap_or_default().to_owned()
            }
            (_, Some(greeting)) => greeting.role.clone(),
            (Reply::Error(text), None) => return Ok(Verdict::Skipped(format!("ROLE: {text}"))),
            _ => String::new(),
        };
        match role.as_str() {
            "master" => {
                let replicas = match &reply {
                    Reply::Array(parts) => match parts.get(2) {
                        Some(Reply::Array(replicas)) => format!(", {} replicas", replicas.len()),
                        _ => String::new(),
                    },
                    _ => String::new(),
                };
                Ok(Verdict::Passed(format!("master{replicas}")))
            }
            "slave" | "replica" => Ok(Verdict::failed(
                format!("replica: {}", flat(&reply).join(" ")),
                "it refuses writes: point upstream.url (REDIS_URL) at the master",
            )),
            other => {
                Ok(Verdict::warned(format!("{other:?}"), "a sentinel or an unknown kind of server"))
            }
        }
    }

    pub(super) async fn clock(&mut self) -> Result<Verdict, Trouble> {
        let asked = SystemTime::now();
        let reply = self.player.link(0).await?.call(&["TIME"]).await?;
        let way = asked.elapsed().unwrap_or_default() / 2;
        if let Reply::Error(text) = &reply {
            return Ok(Verdict::Skipped(format!("TIME: {text}")));
        }
        let parts: Vec<f64> = flat(&reply).iter().filter_map(|part| part.parse().ok()).collect();
        let (Some(seconds), Some(micros)) = (parts.first(), parts.get(1)) else {
            return Ok(Verdict::Skipped("the server does not tell its time".to_owned()));
        };
        let theirs = seconds + micros / 1e6;
        let ours = (asked + way).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let apart = ours - theirs;
        if apart.abs() <= DRIFT {
            return Ok(Verdict::Passed(format!(
                "{:.1} ms from the server's",
                apart.abs() * 1000.0
            )));
        }
        let side = if apart > 0.0 { "ahead of" } else { "behind" };
        Ok(Verdict::warned(
            format!("this machine's clock is {:.0} s {side} the server's", apart.abs()),
            "synchronise it (NTP): certificates and times of expiry depend on it",
        ))
    }

    pub(super) async fn latency(&mut self) -> Result<Verdict, Trouble> {
        // On a long way fewer PINGs must do, to stay within the bound.
        let deadline = Instant::now() + self.bound.mul_f32(0.8);
        let link = self.player.link(0).await?;
        let mut times = Vec::with_capacity(PINGS);
        while times.len() < PINGS && (times.is_empty() || Instant::now() < deadline) {
            let began = Instant::now();
            if let Reply::Error(text) = link.call(&["PING"]).await? {
                return Ok(self.at.of_refusal("PING", &text));
            }
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        let rank =
            |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied();
        let (half, most) = (rank(50).unwrap_or(0.0), rank(99).unwrap_or(0.0));
        Ok(Verdict::Passed(format!("PING p50 {half:.2} ms, p99 {most:.2} ms, of {}", times.len())))
    }

    /// A section of INFO, or why it can't be had.
    async fn info(&mut self, section: &str) -> Result<Result<String, Verdict>, Trouble> {
        match self.player.link(0).await?.call(&["INFO", section]).await? {
            Reply::Error(text) => Ok(Err(Verdict::Skipped(format!("INFO: {text}")))),
            reply => Ok(Ok(reply.as_str().unwrap_or_default().to_owned())),
        }
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

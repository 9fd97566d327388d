//! The check that really asks the upstream: PING, then SET with expiry, GET and DEL of a key of our own.
//!
//! It runs over a connection of the pool, as a client's transaction would; where all are lent, over one that is
//! made for it, so that a busy pool is not taken for a sick Redis. It is bounded in time, and the key expires
//! by itself if it can't be deleted.

use super::exchange::{ExchangeError, read_reply, send};
use super::pool::{Checkout, Pool};
use super::{Connection, Upstream};
use crate::wire::reply::Reply;
use crate::wire::{Protocol, encode};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The whole checkup is given up after this time.
const BOUND: Duration = Duration::from_secs(2);

/// The key lives no longer, whatever happens.
const EXPIRY: &[u8] = b"10000";

/// No reply of the checkup is near this size.
const MAX_REPLY: usize = 4096;

/// Whether a reply is the right one, when this value was written.
type Test = fn(&Reply, &[u8]) -> bool;

/// The commands, in order.
const STEPS: [(&str, Test); 4] = [
    ("PING", |reply, _| reply.as_str() == Some("PONG")),
    ("SET", |reply, _| reply.as_str() == Some("OK")),
    ("GET", |reply, value| reply.as_str().map(str::as_bytes) == Some(value)),
    ("DEL", |reply, _| *reply == Reply::Integer(1)),
];

/// What came of a checkup.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it ended.
    pub at: Instant,
    /// How long all of it took, getting a connection included.
    pub took: Duration,
    /// The commands that were answered rightly, and how long each took.
    pub steps: Vec<(&'static str, Duration)>,
    /// What went wrong, if anything. Holds no secret.
    pub failure: Option<String>,
}

/// Runs the checkup with `key`.
pub async fn check(upstream: &Upstream, pool: &Pool, key: &str) -> Outcome {
    let begin = Instant::now();
    let mut steps = Vec::new();
    let bound = BOUND.min(upstream.command_timeout());
    let failure = match timeout(bound, run(upstream, pool, key, &mut steps)).await {
        Ok(result) => result.err(),
        Err(_) => Some(match upstream.health.last_error() {
            Some(error) if !upstream.health.is_up() => error.to_string(),
            _ => format!("no answer within {bound:?}"),
        }),
    };
    Outcome { at: Instant::now(), took: begin.elapsed(), steps, failure }
}

/// The same, of whatever `answer` makes of a whole command: the engine in memory.
pub fn check_here(key: &str, mut answer: impl FnMut(&[u8]) -> Vec<u8>) -> Outcome {
    let begin = Instant::now();
    let mut steps = Vec::new();
    let value = value();
    let mut failure = None;
    for (name, is_right) in STEPS {
        let start = Instant::now();
        let reply = Reply::parse(&answer(&frame(name, key, &value)).into(), Protocol::Resp2);
        match reply {
            Ok(reply) if is_right(&reply, &value) => steps.push((name, start.elapsed())),
            Ok(reply) => failure = Some(wrong(name, &reply)),
            Err(error) => failure = Some(format!("{name}: {error}")),
        }
        if failure.is_some() {
            break;
        }
    }
    Outcome { at: Instant::now(), took: begin.elapsed(), steps, failure }
}

async fn run(
    upstream: &Upstream,
    pool: &Pool,
    key: &str,
    steps: &mut Vec<(&'static str, Duration)>,
) -> Result<(), String> {
    let mut subject = Subject::take(upstream, pool).await?;
    let connection = subject.connection();
    connection.is_clean = false;
    if connection.db != upstream.db() {
        let db = upstream.db().to_string();
        let mut frame = Vec::new();
        encode::command(&mut frame, &[b"SELECT", db.as_bytes()]);
        let reply = call(connection, &frame).await?;
        if reply.as_str() != Some("OK") {
            return Err(wrong("SELECT", &reply));
        }
        connection.db = upstream.db();
    }
    let value = value();
    for (name, is_right) in STEPS {
        let start = Instant::now();
        let reply = call(connection, &frame(name, key, &value)).await?;
        if !is_right(&reply, &value) {
            // Every reply is here: the connection is as good as before.
            connection.is_clean = true;
            return Err(wrong(name, &reply));
        }
        steps.push((name, start.elapsed()));
    }
    connection.is_clean = true;
    Ok(())
}

/// A connection of the pool, or one of our own.
enum Subject {
    Lent(Checkout),
    Own(Box<Connection>),
}

impl Subject {
    async fn take(upstream: &Upstream, pool: &Pool) -> Result<Self, String> {
        if pool.usage().is_exhausted() && !upstream.health.is_rejecting() {
            let made = upstream.open(Protocol::Resp2, upstream.db()).await;
            return made.map(|own| Self::Own(Box::new(own))).map_err(|error| error.to_string());
        }
        if upstream.health.is_rejecting() {
            return Err(upstream.health.cause());
        }
        pool.checkout().await.map(Self::Lent).map_err(|_| upstream.health.cause())
    }

    fn connection(&mut self) -> &mut Connection {
        match self {
            Self::Lent(checkout) => checkout,
            Self::Own(connection) => connection,
        }
    }
}

async fn call(connection: &mut Connection, frame: &[u8]) -> Result<Reply, String> {
    let lost = |error: std::io::Error| format!("the connection was lost: {error}");
    send(&mut connection.transport, frame).await.map_err(lost)?;
    let reply = read_reply(&mut connection.transport, connection.protocol, MAX_REPLY).await;
    reply.map_err(|error| match error {
        ExchangeError::Lost(error) => lost(error),
        ExchangeError::Odd { reason, .. } => {
            format!("the upstream sent what is no reply: {reason}")
        }
    })
}

/// Another one each time, so that GET can't be answered by what was there before.
fn value() -> Vec<u8> {
    format!("{:016x}", fastrand::u64(..)).into_bytes()
}

fn frame(name: &str, key: &str, value: &[u8]) -> Vec<u8> {
    let (name, key) = (name.as_bytes(), key.as_bytes());
    let mut frame = Vec::new();
    match name {
        b"PING" => encode::command(&mut frame, &[name]),
        b"SET" => encode::command(&mut frame, &[name, key, value, b"PX", EXPIRY]),
        _ => encode::command(&mut frame, &[name, key]),
    }
    frame
}

/// What the upstream said instead. Of an error only its code: the rest may name our user.
fn wrong(name: &str, reply: &Reply) -> String {
    let Reply::Error(text) = reply else { return format!("{name} was answered wrongly") };
    let code = text.split(' ').next().unwrap_or_default();
    let mend = match code {
        "NOPERM" => "; the ACL must allow it on admin.health_key",
        "READONLY" => "; it is a replica, and takes no writes",
        "OOM" => "; its memory is full",
        _ => "",
    };
    format!("{name} was answered with the error {code}{mend}")
}

//! What apps may do: which commands, with which keys, how often and for how long. Each behaviour is shown in front
//! of a real Redis with TLS and on memory.

mod access;
mod commands;
mod everything;
mod keys;
mod told;
mod ttl;

use crate::harness::{Client, Redis, Sidecar, SidecarOptions, Value};

/// A sidecar under rules.
struct Bench {
    redis: Option<Redis>,
    sidecar: Sidecar,
}

impl Bench {
    fn cloud(config: &str) -> Self {
        let redis = Redis::start();
        let sidecar = SidecarOptions::upstream(&redis).config(config).start();
        Self { redis: Some(redis), sidecar }
    }

    fn memory(config: &str) -> Self {
        Self { redis: None, sidecar: SidecarOptions::default().config(config).start() }
    }

    /// A client that no rule binds.
    fn free(&self) -> Client {
        self.redis.as_ref().map_or_else(|| self.sidecar.client(), Redis::direct)
    }
}

/// The same in front of a Redis and on memory.
fn both(config: &str, check: impl Fn(&Bench)) {
    check(&Bench::cloud(config));
    check(&Bench::memory(config));
}

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// Lines, each with what it is answered: a text, an integer, the begin of an error, or `~` for anything that is none.
#[track_caller]
fn expect(client: &mut Client, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        let reply = call(client, line);
        let shown = show(&reply);
        let is_right = match *expected {
            "~" => !matches!(reply, Value::Error(_)),
            text if text.starts_with('-') => shown.starts_with(text),
            text => shown == text,
        };
        assert!(is_right, "{line}: {shown}, not {expected}");
    }
}

fn show(reply: &Value) -> String {
    match reply {
        Value::Error(text) => format!("-{text}"),
        Value::Int(number) => number.to_string(),
        Value::Nil => "nil".to_owned(),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(" "),
        other => other.text(),
    }
}

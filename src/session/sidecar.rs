//! SIDECAR: what the sidecar knows of itself, told to a client by the session. Nothing of it goes upstream, but for
//! the checkup of SIDECAR HEALTH.

use super::{End, Session, Socket, error_reply};
use crate::command;
use crate::telemetry::slowlog;
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};
use serde_json::{Value, json};
use std::sync::Arc;

/// Entries of the slow log that are told unless more are asked for: as many as Redis's own command tells.
const ENTRIES: usize = 10;

const HELP: [&str; 13] = [
    "SIDECAR <subcommand> [<arg> ...]. Subcommands are:",
    "BIGKEYS",
    "    The keys with the largest values that were written or read.",
    "HEALTH",
    "    Every part of the sidecar; asks the upstream, once a second at most.",
    "HOTKEYS",
    "    The keys that were used most in the last minutes.",
    "SLOWLOG [<count> | RESET]",
    "    The newest commands over slowlog.threshold (default: 10 of them), or forgets them.",
    "STATS",
    "    Counts since the start.",
    "HELP",
    "    Print this help.",
];

impl<S: Socket> Session<S> {
    pub(super) async fn sidecar(&mut self, request: &Request<'_>) -> Result<(), End> {
        let word = request.arg(1).unwrap_or_default();
        let spec = command::lookup(b"sidecar").and_then(|sidecar| sidecar.subcommand(word));
        let Some(spec) = spec else {
            self.answer(|out| error_reply::unknown_subcommand(out, "SIDECAR", word));
            return Ok(());
        };
        if !spec.fits(request.argc()) || request.argc() > 3 {
            self.answer(|out| error_reply::wrong_arity(out, spec));
            return Ok(());
        }
        let vitals = Arc::clone(&self.context.vitals);
        let value = match spec.name {
            "sidecar|bigkeys" => vitals.big_values(true),
            "sidecar|hotkeys" => vitals.hot_keys(true),
            "sidecar|stats" => vitals.stats(),
            "sidecar|slowlog" => return self.slowlog(request.arg(2)),
            "sidecar|help" => json!(HELP),
            _ => {
                let outcome = self.meanwhile(vitals.checkup(), false).await?;
                vitals.details(&outcome)
            }
        };
        let protocol = self.state.protocol;
        self.answer(|out| write(out, protocol, &value));
        Ok(())
    }

    fn slowlog(&mut self, word: Option<&[u8]>) -> Result<(), End> {
        let vitals = Arc::clone(&self.context.vitals);
        if word.is_some_and(|word| word.eq_ignore_ascii_case(b"reset")) {
            vitals.notes.forget_slow();
            self.answer(|out| encode::simple(out, "OK"));
            return Ok(());
        }
        let count = word.map_or(Some(ENTRIES), |word| std::str::from_utf8(word).ok()?.parse().ok());
        match count {
            Some(count) => {
                let value = vitals.slowlog(count.min(slowlog::LENGTH), true);
                let protocol = self.state.protocol;
                self.answer(|out| write(out, protocol, &value));
            }
            None => self.answer(|out| encode::error(out, error_reply::NOT_AN_INTEGER)),
        }
        Ok(())
    }
}

/// A JSON value as RESP.
fn write(out: &mut Vec<u8>, protocol: Protocol, value: &Value) {
    match value {
        Value::Null => encode::null(out, protocol),
        Value::Bool(value) => encode::boolean(out, protocol, *value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => encode::integer(out, number),
            None => encode::double(out, protocol, number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => encode::bulk(out, text.as_bytes()),
        Value::Array(values) => {
            encode::array_header(out, values.len());
            values.iter().for_each(|value| write(out, protocol, value));
        }
        Value::Object(fields) => {
            encode::map_header(out, protocol, fields.len());
            for (name, value) in fields {
                encode::bulk(out, name.as_bytes());
                write(out, protocol, value);
            }
        }
    }
}

//! CONFIG: what tools ask a Redis for before they begin, answered as a Redis without persistence.
//!
//! Nothing can be set from here: the sidecar's own configuration decides.

use crate::command::glob;
use crate::wire::encode;

use super::super::engine::{Engine, State};
use super::super::failure::Failure;
use super::super::keyspace::Keyspace;
use super::{Call, Command};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        // The container runs only to be told that its subcommand is missing.
        "config" => |_| Err(Failure::Arity("config")),
        "config|get" => show,
        "config|resetstat" => reset_statistics,
        "config|rewrite" => |_| Err(Failure::NoConfigFile),
        _ => return None,
    })
}

fn show(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked: Vec<&[u8]> = call.args_from(2).collect();
    let parameters = parameters(call.state);
    let found: Vec<(&[u8], &str)> = parameters
        .iter()
        .filter_map(|(name, value)| shown_as(name, &asked).map(|name| (name, value.as_str())))
        .collect();
    encode::map_header(call.out, call.protocol, found.len());
    for (name, value) in found {
        encode::bulk(call.out, name);
        encode::bulk(call.out, value.as_bytes());
    }
    Ok(())
}

/// The first of the patterns that means this parameter decides how its name is written: as the
/// client wrote it, or in our own spelling where the client gave a pattern.
fn shown_as<'n>(name: &'n str, asked: &[&'n [u8]]) -> Option<&'n [u8]> {
    let name = name.as_bytes();
    asked.iter().find_map(|pattern| {
        if pattern.iter().any(|byte| b"[*?".contains(byte)) {
            glob::matches(&pattern.to_ascii_lowercase(), name).then_some(name)
        } else {
            pattern.eq_ignore_ascii_case(name).then_some(*pattern)
        }
    })
}

fn parameters(state: &State) -> [(&'static str, String); 13] {
    [
        ("appendonly", "no".to_owned()),
        ("cluster-enabled", "no".to_owned()),
        ("databases", Engine::DATABASES.to_string()),
        ("hz", "10".to_owned()),
        ("maxclients", state.facts.max_clients.to_string()),
        ("maxmemory", state.maxmemory.to_string()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("maxmemory-samples", "5".to_owned()),
        ("notify-keyspace-events", String::new()),
        ("port", state.facts.tcp_port.to_string()),
        ("proto-max-bulk-len", (512 * 1024 * 1024).to_string()),
        ("save", String::new()),
        ("timeout", "0".to_owned()),
    ]
}

fn reset_statistics(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.state.statistics.reset();
    call.state.databases.iter_mut().for_each(Keyspace::forget_expired);
    call.reply_ok()
}

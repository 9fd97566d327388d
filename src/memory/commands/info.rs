//! INFO: the engine's own account of itself, in the sections and fields of Redis.
//!
//! Shows only what is true of the engine; a field of Redis that would be made up is left out.
//! <https://redis.io/docs/latest/commands/info/>

use std::fmt::Write;

use super::super::engine::{Engine, State};
use super::super::keyspace::Keyspace;
use super::super::{Facts, Now};

/// Writes the lines of one section.
type Section = fn(&State, Now) -> String;

/// In Redis's order.
const SECTIONS: [(&str, Section); 8] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

/// The sections that are asked for, or all of them.
pub(super) fn report<'r>(state: &State, asked: impl Iterator<Item = &'r [u8]>, now: Now) -> String {
    let asked: Vec<&[u8]> = asked.collect();
    let is_all = asked.is_empty()
        || asked.iter().any(|section| {
            [&b"all"[..], b"default", b"everything"]
                .iter()
                .any(|all| section.eq_ignore_ascii_case(all))
        });
    let is_asked = |title: &str| {
        is_all || asked.iter().any(|section| section.eq_ignore_ascii_case(title.as_bytes()))
    };
    let sections: Vec<String> = SECTIONS
        .iter()
        .filter(|(title, _)| is_asked(title))
        .map(|(title, lines)| format!("# {title}\r\n{}", lines(state, now)))
        .collect();
    sections.join("\r\n")
}

fn server(state: &State, now: Now) -> String {
    let uptime = state.statistics.uptime(now);
    lines(&[
        ("redis_version", Engine::REDIS_VERSION.to_owned()),
        ("redis_mode", "standalone".to_owned()),
        ("os", std::env::consts::OS.to_owned()),
        ("arch_bits", usize::BITS.to_string()),
        ("process_id", std::process::id().to_string()),
        ("tcp_port", state.facts.tcp_port.to_string()),
        ("server_time_usec", now.0.saturating_mul(1000).to_string()),
        ("uptime_in_seconds", uptime.to_string()),
        ("uptime_in_days", (uptime / 86_400).to_string()),
        ("sidecar_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("sidecar_upstream", "memory://".to_owned()),
    ])
}

fn clients(state: &State, _: Now) -> String {
    let Facts { connected_clients, max_clients, .. } = state.facts;
    lines(&[
        ("connected_clients", connected_clients.to_string()),
        ("maxclients", max_clients.to_string()),
        ("blocked_clients", state.waiters.len().to_string()),
    ])
}

fn memory(state: &State, _: Now) -> String {
    let used = state.used();
    lines(&[
        ("used_memory", used.to_string()),
        ("used_memory_human", human(used)),
        ("used_memory_dataset", used.to_string()),
        ("maxmemory", state.maxmemory.to_string()),
        ("maxmemory_human", human(state.maxmemory)),
        ("maxmemory_policy", "noeviction".to_owned()),
    ])
}

/// Clients that wait for a server to be ready look for `loading`.
fn persistence(state: &State, _: Now) -> String {
    let changes: u64 = state.databases.iter().map(Keyspace::changes).sum();
    lines(&[
        ("loading", "0".to_owned()),
        ("rdb_changes_since_last_save", changes.to_string()),
        ("aof_enabled", "0".to_owned()),
    ])
}

fn stats(state: &State, _: Now) -> String {
    let expired: u64 = state.databases.iter().map(Keyspace::expired).sum();
    let [channels, patterns, shards] = state.facts.topics;
    lines(&[
        ("total_commands_processed", state.statistics.commands.to_string()),
        ("expired_keys", expired.to_string()),
        ("evicted_keys", "0".to_owned()),
        ("keyspace_hits", state.statistics.hits.to_string()),
        ("keyspace_misses", state.statistics.misses.to_string()),
        ("pubsub_channels", channels.to_string()),
        ("pubsub_patterns", patterns.to_string()),
        ("pubsubshard_channels", shards.to_string()),
        ("total_error_replies", state.statistics.failures.to_string()),
    ])
}

fn replication(_: &State, _: Now) -> String {
    lines(&[("role", "master".to_owned()), ("connected_slaves", "0".to_owned())])
}

fn cluster(_: &State, _: Now) -> String {
    lines(&[("cluster_enabled", "0".to_owned())])
}

fn keyspace(state: &State, now: Now) -> String {
    let filled = state.databases.iter().enumerate().filter(|(_, database)| database.len() > 0);
    filled.fold(String::new(), |mut text, (db, database)| {
        let (keys, expires, mean) = (database.len(), database.volatile(), database.mean_ttl(now));
        // Writing to a String does not fail.
        let _ = write!(text, "db{db}:keys={keys},expires={expires},avg_ttl={mean}\r\n");
        text
    })
}

fn lines(fields: &[(&str, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect()
}

/// As Redis writes sizes for people: two decimals, a letter for each power of 1024.
fn human(bytes: usize) -> String {
    let mut size = bytes as f64;
    let mut letters = "KMGTP".chars();
    let mut letter = 'B';
    while size >= 1024.0
        && let Some(next) = letters.next()
    {
        size /= 1024.0;
        letter = next;
    }
    if letter == 'B' { format!("{bytes}B") } else { format!("{size:.2}{letter}") }
}

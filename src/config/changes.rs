//! What differs between two configurations, by key: for a running sidecar that is told to read its
//! own again. What a key means counts, not how it was written or where it came from.
//! No value is told, only paths.

use super::{Config, keys::WORKERS, values::values};

/// The paths of the keys that differ, in the catalogue's order.
pub(super) fn between(older: &Config, newer: &Config) -> Vec<&'static str> {
    let pairs = values(older).into_iter().zip(values(newer));
    pairs
        .filter(|((key, old), (_, new))| {
            // `auto` is as many as it comes to.
            if key.path == WORKERS.path { older.workers != newer.workers } else { old != new }
        })
        .map(|((key, _), _)| key.path)
        .collect()
}

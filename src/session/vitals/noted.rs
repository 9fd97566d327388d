//! What is noted of single commands, as JSON values: slow ones, keys that are used much, large values.
//!
//! Names of keys may tell something of the app's users: who may not see them gets their kind alone.

use super::Vitals;
use super::parts::milliseconds;
use crate::telemetry::keys::mask;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many keys that are used much are told.
const HOT: usize = 20;

impl Vitals {
    /// The newest slow commands.
    #[must_use]
    pub fn slowlog(&self, most: usize, sees_keys: bool) -> Value {
        let slow = self.notes.slowlog(most);
        let entries = slow.into_iter().map(|slow| {
            let keys: Vec<String> =
                slow.keys.into_iter().map(|key| shown(key, sees_keys)).collect();
            json!({
                "id": slow.id,
                "at_ms": epoch(slow.at),
                "ms": milliseconds(slow.took),
                "command": slow.command,
                "keys": keys,
                "more_keys": slow.more_keys,
                "arguments": slow.arguments,
                "client": slow.client,
                "route": slow.route,
            })
        });
        entries.collect()
    }

    /// The keys that were used most lately.
    #[must_use]
    pub fn hot_keys(&self, sees_keys: bool) -> Value {
        let (hot, total) = self.notes.hottest(HOT);
        let keys: Vec<Value> = hot
            .into_iter()
            .map(|hot| {
                json!({
                    "key": shown(hot.key, sees_keys),
                    "uses": hot.uses,
                    "error": hot.error,
                    "share": share(hot.uses, total),
                })
            })
            .collect();
        json!({ "uses": total, "keys": keys })
    }

    /// The keys with the largest values.
    #[must_use]
    pub fn big_values(&self, sees_keys: bool) -> Value {
        let big = self.notes.biggest();
        let values = big.into_iter().map(|big| {
            json!({
                "key": shown(big.key, sees_keys),
                "size": big.size,
                "command": big.command,
                "at_ms": epoch(big.at),
            })
        });
        values.collect()
    }
}

fn shown(key: String, sees_keys: bool) -> String {
    if sees_keys { key } else { mask(&key) }
}

/// Milliseconds since 1970.
pub(super) fn epoch(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A part of a whole, to a ten-thousandth.
#[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1e4).round() / 1e4 }
}

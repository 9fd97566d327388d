//! `access`: whether a key may be read, or written too.
//!
//! What a command does to each key is in its key specs. Values are kept, names are not: KEYS, SCAN, RANDOMKEY and
//! DBSIZE pass, as they do under an ACL of Redis. What touches keys that it does not name is refused where any is
//! restricted.

use super::{Call, DEFAULT, Refusal, Rules, UNREADABLE, refuse};
use crate::command::Spec;
use crate::command::keys::patterns;
use crate::config::Access;
use crate::policy::refusal::show_key;
use crate::wire::decode::Request;

/// These change keys that they do not name.
const CHANGE_ALL: [&str; 7] =
    ["debug", "flushall", "flushdb", "replicaof", "slaveof", "swapdb", "failover"];

/// These show what is in keys that they do not name.
const SHOW_ALL: [&str; 3] = ["monitor", "psync", "sync"];

impl Rules {
    /// Whether the command is refused whatever its keys are.
    pub(super) fn judge_whole(&self, spec: &Spec, request: &Request<'_>) -> Option<Refusal> {
        if !self.is_restricted {
            return None;
        }
        let is_refused = CHANGE_ALL.contains(&spec.name)
            || self.hides && SHOW_ALL.contains(&spec.name)
            || self.hides && patterns(spec, request).next().is_some();
        is_refused.then(|| {
            let (who, name) = (&self.who, spec.name);
            let text = format!(
                "NOPERM User {who} has no permissions to run the '{name}' command: it touches keys that it does \
                 not name, and some are restricted (rules)"
            );
            Refusal::new(UNREADABLE, text)
        })
    }

    fn denial(&self, access: Access, name: &str, key: &[u8]) -> String {
        let (who, key) = (&self.who, show_key(key));
        let what = if access == Access::None { "access" } else { "write" };
        format!("NOPERM User {who} has no permissions to {what} the key '{key}' by '{name}'")
    }
}

impl Call<'_, '_> {
    pub(super) fn check_access(&self, tried: &mut Vec<Refusal>) -> Result<(), Refusal> {
        for place in self.places() {
            let rule = place.rule.and_then(|rule| self.rules.rules.get(rule));
            let access = rule.map_or(self.rules.default_access, |rule| rule.access);
            let is_allowed = match access {
                Access::ReadWrite => true,
                Access::ReadOnly => !self.writes(&place),
                Access::None => false,
            };
            if is_allowed {
                continue;
            }
            let text = self.rules.denial(access, self.spec.name, place.key);
            let refusal = match rule {
                Some(rule) => rule.refusal("access", text, place.key),
                None => Refusal::new(DEFAULT, format!("{text} ({DEFAULT})")).of_key(place.key),
            };
            refuse(refusal, tried)?;
        }
        Ok(())
    }
}

//! Keys of our own in somebody's Redis: a random prefix, an expiry in case we are killed, and deleted at the end.
//!
//! Invariant: a key that was ever named here is deleted by `forget`, or has expired `LIFE` after its last use.

use super::link::Link;
use crate::upstream::exchange::ExchangeError;
use crate::wire::reply::Reply;
use std::collections::BTreeSet;

/// Milliseconds after which a key that we could not delete is gone, as an argument of PEXPIRE.
pub(super) const LIFE: &str = "60000";

/// Keys deleted by one command.
const BATCH: usize = 100;

/// The keys that were used.
pub(super) struct Keys {
    prefix: String,
    used: BTreeSet<String>,
    expiring: BTreeSet<String>,
}

/// How many keys there were at the end.
pub(super) struct Leftovers {
    pub(super) used: usize,
    /// The server's refusal to delete, or how many are still there.
    pub(super) left: Result<usize, String>,
}

impl Keys {
    /// Below `prefix`, in a place of its own. The braces keep all of them in one slot of a cluster.
    pub(super) fn new(prefix: &str) -> Self {
        let place = fastrand::u32(..);
        Self {
            prefix: format!("{prefix}{{{place:08x}}}:"),
            used: BTreeSet::new(),
            expiring: BTreeSet::new(),
        }
    }

    /// Whether none was used.
    pub(super) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole name of a key, which from now on is ours.
    pub(super) fn name(&mut self, short: &str) -> String {
        let name = format!("{}{short}", self.prefix);
        self.used.insert(name.clone());
        name
    }

    /// Which of `words` are keys that may live for ever.
    pub(super) fn lasting(&self, words: &[String]) -> Vec<String> {
        let is_lasting =
            |word: &&String| self.used.contains(*word) && !self.expiring.contains(*word);
        words.iter().filter(is_lasting).cloned().collect()
    }

    /// The key has an expiry now.
    pub(super) fn expires(&mut self, name: String) {
        self.expiring.insert(name);
    }

    /// What of `words` is a key is gone, and has no expiry when it is made again.
    pub(super) fn made_anew(&mut self, words: &[String]) {
        self.expiring.retain(|key| !words.contains(key));
    }

    /// Deletes all that were used, and looks whether they are gone.
    pub(super) async fn forget(&mut self, link: &mut Link) -> Result<Leftovers, ExchangeError> {
        let names: Vec<&str> = self.used.iter().map(String::as_str).collect();
        let mut left = Ok(0);
        for batch in names.chunks(BATCH) {
            let with = |command| [&[command], batch].concat();
            if let Reply::Error(text) = link.call(&with("DEL")).await? {
                left = Err(text);
                break;
            }
            // Where EXISTS is not allowed, DEL's word is enough.
            if let (Reply::Integer(count), Ok(sum)) = (link.call(&with("EXISTS")).await?, &mut left)
            {
                *sum += usize::try_from(count).unwrap_or(0);
            }
        }
        self.expiring.clear();
        Ok(Leftovers { used: names.len(), left })
    }
}

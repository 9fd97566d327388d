//! Channels of an app, and of Redis itself: `__keyspace@0__:KEY` and `__keyevent@0__:EVENT` tell of keys, and are
//! put right whether the app's own channels lie in the namespace or not.

use super::treatment::Treatment;
use super::{Edit, Edited, Namespace, request, treatment::treatment};
use crate::command::{Kind, Spec};
use crate::wire::decode::Request;
use crate::wire::encode;
use std::borrow::Cow;

const KEYSPACE: &[u8] = b"__keyspace@";
const KEYEVENT: &[u8] = b"__keyevent@";
/// What the names of both begin with: a pattern that does may mean either.
const EITHER: &[u8] = b"__key";
/// Where invalidations come for RESP2 clients.
const INVALIDATE: &[u8] = b"__redis__:invalidate";

impl Namespace {
    /// A command with channels.
    pub(super) fn edit_channels(
        &self,
        spec: &Spec,
        request: &Request<'_>,
        out: &mut Vec<u8>,
    ) -> Edited {
        let edit = match (treatment(spec), spec.name) {
            (Treatment::Publish, _) if !self.has_channels => Edit::None,
            (Treatment::Publish, _) => request::prefix(request, &self.prefix, |n| n == 1, out),
            (Treatment::Topics, "pubsub|channels" | "pubsub|shardchannels") => {
                self.list_channels(request, out)
            }
            (Treatment::Topics, _) => {
                request::replace(request, |n, name| (n > 1).then(|| self.channel(name)), out)
            }
            _ => {
                let is_pattern = matches!(spec.kind, Kind::PSubscribe | Kind::PUnsubscribe);
                let inner = |name: &[u8]| {
                    if is_pattern { self.pattern(name) } else { self.channel(name) }
                };
                request::replace(request, |n, name| (n > 0).then(|| inner(name)), out)
            }
        };
        Ok(edit)
    }

    fn list_channels(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Edit {
        match request.arg(2) {
            _ if !self.has_channels => Edit::None,
            Some(_) => request::replace(request, |n, it| (n == 2).then(|| self.within(it)), out),
            None => {
                encode::array_header(out, 3);
                request.args().for_each(|word| encode::bulk(out, word));
                encode::bulk(out, &self.glob());
                Edit::Written
            }
        }
    }

    /// A channel that the app listens to, as it is upstream.
    fn channel(&self, name: &[u8]) -> Vec<u8> {
        match split(name) {
            Some((head, key)) => [head, &self.prefix, key].concat(),
            None if !self.has_channels || is_servers_own(name) => name.to_vec(),
            None => [&self.prefix, name].concat(),
        }
    }

    /// The same of a pattern.
    fn pattern(&self, pattern: &[u8]) -> Vec<u8> {
        match split(pattern) {
            Some((head, key)) => [head, &self.escaped, key].concat(),
            None if !self.has_channels || pattern.starts_with(EITHER) => pattern.to_vec(),
            None => [&self.escaped, pattern].concat(),
        }
    }

    /// What the app calls a channel that it listens to.
    #[must_use]
    pub fn own_channel<'n>(&self, name: &'n [u8]) -> Cow<'n, [u8]> {
        self.without(name, &self.prefix, is_servers_own(name))
    }

    /// What the app calls a pattern that it listens to.
    #[must_use]
    pub fn own_pattern<'n>(&self, pattern: &'n [u8]) -> Cow<'n, [u8]> {
        self.without(pattern, &self.escaped, pattern.starts_with(EITHER))
    }

    fn without<'n>(&self, name: &'n [u8], prefix: &[u8], is_as_it_is: bool) -> Cow<'n, [u8]> {
        match split(name) {
            Some((head, key)) => {
                Cow::Owned([head, key.strip_prefix(prefix).unwrap_or(key)].concat())
            }
            None if !self.has_channels || is_as_it_is => Cow::Borrowed(name),
            None => Cow::Borrowed(name.strip_prefix(prefix).unwrap_or(name)),
        }
    }

    /// A message as the app may see it: its channel and what it says. `None` where it tells of what is not the app's.
    #[must_use]
    pub fn own_message<'m>(
        &self,
        channel: &'m [u8],
        payload: &'m [u8],
    ) -> Option<(Cow<'m, [u8]>, &'m [u8])> {
        if let Some((head, key)) = split(channel) {
            return Some((Cow::Owned([head, self.own(key)?].concat()), payload));
        }
        if channel.starts_with(KEYEVENT) {
            return Some((Cow::Borrowed(channel), self.own(payload)?));
        }
        let is_plain = !self.has_channels || channel == INVALIDATE;
        let name = if is_plain { Some(channel) } else { self.own(channel) };
        name.map(|name| (Cow::Borrowed(name), payload))
    }
}

/// A channel, or a pattern, of changes of one key: up to the key, and the key.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let behind = name.strip_prefix(KEYSPACE)?;
    let end = behind.windows(3).position(|at| at == b"__:")?;
    Some(name.split_at(KEYSPACE.len() + end + 3))
}

fn is_servers_own(name: &[u8]) -> bool {
    name.starts_with(KEYEVENT) || name == INVALIDATE
}

//! What comes without being asked for: messages of channels, and keys that became invalid. Of others' keys the app
//! hears nothing.

use super::Namespace;
use crate::wire::Protocol;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::borrow::Cow;

/// How an invalidation begins in RESP3.
const INVALIDATE: &[u8] = b">2\r\n$10\r\ninvalidate\r\n";

impl Namespace {
    /// A push of a connection that tracks keys, as the app may see it; empty where it is none of its business.
    #[must_use]
    pub fn own_push<'p>(&self, push: &'p [u8]) -> Cow<'p, [u8]> {
        let Some(keys) = push.strip_prefix(INVALIDATE).filter(|keys| keys.starts_with(b"*")) else {
            return Cow::Borrowed(push);
        };
        match self.own_keys(keys) {
            Some(own) => Cow::Owned([INVALIDATE, &own].concat()),
            None => Cow::Borrowed(b""),
        }
    }

    /// The prefixes that CLIENT TRACKING, of which `options` follow ON, has to name: each with the place of the one
    /// that it replaces. One that broadcasts all keys names the namespace.
    #[must_use]
    pub fn tracked(&self, options: &[&[u8]]) -> Vec<(Option<usize>, Vec<u8>)> {
        let (mut prefixes, mut broadcasts, mut at) = (Vec::new(), false, 0);
        while let Some(word) = options.get(at) {
            broadcasts |= word.eq_ignore_ascii_case(b"bcast");
            at += 1;
            if word.eq_ignore_ascii_case(b"prefix")
                && let Some(prefix) = options.get(at)
            {
                prefixes.push((Some(at), self.key(prefix)));
                at += 1;
            } else if word.eq_ignore_ascii_case(b"redirect") {
                at += 1;
            }
        }
        if broadcasts && prefixes.is_empty() {
            prefixes.push((None, self.prefix.to_vec()));
        }
        prefixes
    }

    /// Those of an array of keys that are the app's, as it knows them; `None` where none is.
    #[must_use]
    pub fn own_keys(&self, keys: &[u8]) -> Option<Vec<u8>> {
        let keys = Request::parse(keys)?;
        let own: Vec<&[u8]> = keys.args().filter_map(|key| self.own(key)).collect();
        let mut out = Vec::new();
        encode::command(&mut out, &own);
        Some(out).filter(|_| !own.is_empty())
    }

    /// A message, with its pattern where it came by one, as the app may see it.
    #[must_use]
    pub fn own_message_frame(&self, frame: &[u8], protocol: Protocol) -> Option<Vec<u8>> {
        let frame = [b"*", frame.get(1..)?].concat();
        let message = Request::parse(&frame)?;
        let words: Vec<&[u8]> = message.args().collect();
        let mut out = Vec::with_capacity(frame.len());
        encode::push_header(&mut out, protocol, words.len());
        match words[..] {
            [kind, channel, payload] => {
                let (channel, payload) = self.own_message(channel, payload)?;
                [kind, &channel, payload].iter().for_each(|word| encode::bulk(&mut out, word));
            }
            [kind, pattern, channel, payload] => {
                let pattern = self.own_pattern(pattern);
                let (channel, payload) = self.own_message(channel, payload)?;
                let words = [kind, &pattern, &channel, payload];
                words.iter().for_each(|word| encode::bulk(&mut out, word));
            }
            _ => return None,
        }
        Some(out)
    }
}

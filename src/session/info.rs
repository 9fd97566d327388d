//! INFO: the upstream's own account, and behind it a section of ours. While the upstream is away, that section
//! alone: who asks then wants to know just that.

use super::context::{Backend, Cloud};
use super::{End, Session, Socket};
use crate::upstream::lane::Order;
use crate::wire::decode::Request;
use crate::wire::encode;

/// Sections that are all of them.
const ALL: [&[u8]; 3] = [b"all", b"default", b"everything"];

impl<S: Socket> Session<S> {
    pub(super) async fn info(&mut self, request: &Request<'_>) -> Result<(), End> {
        let Backend::Cloud(cloud) = &self.context.backend else { return Ok(()) };
        let own = report(cloud);
        let is_away = cloud.upstream.health.is_away();
        let protocol = self.state.protocol;
        let is = |word: &[u8], section: &[u8]| word.eq_ignore_ascii_case(section);
        let sections = || request.args().skip(1);
        let asks_own = sections().any(|word| is(word, b"sidecar"));
        let asks_all =
            request.argc() == 1 || sections().any(|word| ALL.iter().any(|all| is(word, all)));
        if is_away || asks_own && request.argc() == 2 {
            let text = if asks_own || asks_all { own.as_bytes() } else { b"" };
            self.answer(|out| encode::verbatim(out, protocol, text));
            return Ok(());
        }
        let Some(lane) = self.current_lane() else { return Ok(()) };
        if !asks_own && !asks_all {
            let order = self.state.order();
            lane.push(request.bytes(), order, &self.replies);
            return Ok(());
        }
        self.settle().await?;
        let reply = self.call(|own| lane.push(request.bytes(), Order::default(), own)).await?;
        self.answer(|out| match text_of(&reply) {
            Some(text) => {
                encode::verbatim(out, protocol, &[text, b"\r\n", own.as_bytes()].concat());
            }
            None => out.extend_from_slice(&reply),
        });
        Ok(())
    }
}

/// The text of a bulk or a verbatim string.
fn text_of(reply: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'\n', reply)? + 1;
    let text = reply.get(start..)?.strip_suffix(b"\r\n")?;
    match reply.first()? {
        b'$' => Some(text),
        b'=' => text.get(4..),
        _ => None,
    }
}

fn report(cloud: &Cloud) -> String {
    let health = &cloud.upstream.health;
    let state = match (health.is_away(), health.is_rejecting()) {
        (false, _) if health.is_up() => "up",
        (false, _) => "connecting",
        (true, false) => "away",
        (true, true) => "rejecting",
    };
    let since = health.turned().unwrap_or(health.began());
    let tally = &health.stand_in.tally;
    let (total, last) = (tally.total(), tally.last());
    let cache = health.stand_in.cache().map(|cache| cache.usage()).unwrap_or_default();
    let fields = [
        ("sidecar_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("sidecar_state", state.to_owned()),
        ("sidecar_state_seconds", since.elapsed().as_secs().to_string()),
        ("sidecar_outages", tally.outages().to_string()),
        ("sidecar_stale_replies", total.stale.to_string()),
        ("sidecar_local_commands", total.local.to_string()),
        ("sidecar_last_outage_stale_replies", last.stale.to_string()),
        ("sidecar_last_outage_oldest_ms", last.oldest_ms.to_string()),
        ("sidecar_cache_bytes", cache.bytes.to_string()),
        ("sidecar_cache_keys", cache.keys.to_string()),
    ];
    let lines: String = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
    format!("# Sidecar\r\n{lines}")
}

//! Channels without an upstream: subscriptions, PUBLISH and PUBSUB on the local hub.

use super::super::context::Embedded;
use super::super::{End, Session, Socket};
use crate::command::{Kind, Spec, resolve};
use crate::routing::hub::Hub;
use crate::routing::hub::registry::{Family, Topic};
use crate::wire::decode::Request;
use crate::wire::encode;
use bytes::Bytes;

const HELP: [&str; 14] = [
    "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
    "HELP",
    "    Prints this help.",
];

impl<S: Socket> Session<S> {
    /// A command of the group of channels.
    pub(super) async fn channels(
        &mut self,
        embedded: &Embedded,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        if self.is_refused(embedded, spec, request) {
            return Ok(());
        }
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        if kind != Kind::Ordinary {
            return self.subscription(kind, request).await;
        }
        let mut reply = Vec::new();
        answer(&embedded.hub, request, &mut reply);
        // A publisher that listens gets its message before the count, as from Redis 7.0.
        self.deliver_messages()?;
        self.answer_shaped(|out| out.extend_from_slice(&reply));
        Ok(())
    }
}

/// PUBLISH, SPUBLISH and PUBSUB, whose number of arguments is right.
pub(super) fn answer(hub: &Hub, request: &Request<'_>, out: &mut Vec<u8>) {
    let arg = |index| request.arg(index).unwrap_or_default();
    let topic = |family, name| Topic { family, name: Bytes::copy_from_slice(name) };
    match resolve(request).map_or("", |exact| exact.name) {
        "publish" => count(out, hub.publish(&topic(Family::Channel, arg(1)), arg(2))),
        "spublish" => count(out, hub.publish(&topic(Family::Shard, arg(1)), arg(2))),
        "pubsub|numpat" => count(out, hub.census().0[1]),
        "pubsub|channels" if request.argc() <= 3 => list(hub, Family::Channel, request, out),
        "pubsub|shardchannels" if request.argc() <= 3 => list(hub, Family::Shard, request, out),
        "pubsub|numsub" => subscribers(hub, Family::Channel, request, out),
        "pubsub|shardnumsub" => subscribers(hub, Family::Shard, request, out),
        "pubsub|help" => {
            encode::array_header(out, HELP.len());
            HELP.iter().for_each(|line| encode::simple(out, line));
        }
        _ => {
            let word = String::from_utf8_lossy(arg(1));
            encode::error(
                out,
                format!(
                    "ERR unknown subcommand or wrong number of arguments for '{word:.128}'. \
                     Try PUBSUB HELP."
                ),
            );
        }
    }
}

fn list(hub: &Hub, family: Family, request: &Request<'_>, out: &mut Vec<u8>) {
    let names = hub.names(family, request.arg(2));
    encode::array_header(out, names.len());
    names.iter().for_each(|name| encode::bulk(out, name));
}

fn subscribers(hub: &Hub, family: Family, request: &Request<'_>, out: &mut Vec<u8>) {
    encode::array_header(out, 2 * (request.argc() - 2));
    for name in request.args().skip(2) {
        encode::bulk(out, name);
        count(out, hub.subscribers(&Topic { family, name: Bytes::copy_from_slice(name) }));
    }
}

fn count(out: &mut Vec<u8>, count: usize) {
    encode::integer(out, i64::try_from(count).unwrap_or(i64::MAX));
}

//! Counts of subscribers. The upstream sees the hub, once, where our clients are many; what it says of
//! PUBLISH and PUBSUB NUMSUB is put right by the number that it does not see.

use super::context::Backend;
use super::{End, Session, Socket};
use crate::command::{Group, Spec};
use crate::routing::hub::Hub;
use crate::routing::hub::registry::{Family, Topic};
use crate::upstream::lane::Order;
use crate::wire::decode::Request;
use crate::wire::encode;
use crate::wire::reply::Reply;
use bytes::Bytes;
use std::rc::Rc;

/// By how much PUBLISH's reply is too large; never positive, as the upstream sees too few.
pub(super) fn excess(hub: &Hub, spec: Option<&Spec>, request: &Request<'_>) -> i64 {
    let family = match spec {
        Some(spec) if spec.group != Group::PubSub => return 0,
        Some(spec) if spec.name == "publish" => Family::Channel,
        Some(spec) if spec.name == "spublish" => Family::Shard,
        _ => return 0,
    };
    let name = request.arg(1).map(Bytes::copy_from_slice);
    let unseen = name.map_or(0, |name| hub.unseen(&Topic { family, name }));
    -i64::try_from(unseen).unwrap_or(0)
}

/// Whether the command is PUBLISH or SPUBLISH.
pub(super) fn publishes(spec: &Spec) -> bool {
    spec.group == Group::PubSub && matches!(spec.name, "publish" | "spublish")
}

/// Whether the command may be PUBSUB NUMSUB or SHARDNUMSUB.
pub(super) fn counts_subscribers(spec: &Spec) -> bool {
    spec.group == Group::PubSub && spec.name == "pubsub"
}

impl<S: Socket> Session<S> {
    /// The hub, if any client listens to anything.
    pub(super) fn hub_in_use(&self) -> Option<&Hub> {
        match &self.context.backend {
            Backend::Cloud(cloud) => Some(&*cloud.hub).filter(|hub| hub.is_in_use()),
            Backend::Memory(_) => None,
        }
    }

    /// Whether the command must wait for the upstream to count us no more where a client of ours has left.
    pub(super) fn is_behind_leaving(&self, spec: Option<&Spec>) -> bool {
        let Backend::Cloud(cloud) = &self.context.backend else { return false };
        let tells_of_listeners = |spec: &Spec| publishes(spec) || counts_subscribers(spec);
        spec.is_some_and(tells_of_listeners) && cloud.hub.unconfirmed().is_some()
    }

    /// Waits for that: who said UNSUBSCRIBE before it, on whichever connection, is not counted.
    pub(super) async fn wait_for_leaving(&mut self) -> Result<(), End> {
        let context = Rc::clone(&self.context);
        let Backend::Cloud(cloud) = &context.backend else { return Ok(()) };
        let Some(given_up) = cloud.hub.unconfirmed() else { return Ok(()) };
        self.meanwhile(cloud.hub.confirmed(given_up), false).await
    }

    /// PUBLISH and SPUBLISH, where they are not common.
    pub(super) fn publish(&mut self, spec: Option<&Spec>, request: &Request<'_>) {
        let excess = self.hub_in_use().map_or(0, |hub| excess(hub, spec, request));
        let order = Order { excess, ..self.state.order() };
        if let Some(lane) = self.current_lane() {
            lane.push(request.bytes(), order, &self.replies);
        }
    }

    /// PUBSUB, whose NUMSUB and SHARDNUMSUB answer pairs of a channel and a number.
    pub(super) async fn count_subscribers(&mut self, request: &Request<'_>) -> Result<(), End> {
        let word = request.arg(1).unwrap_or_default();
        let family = match word.to_ascii_lowercase().as_slice() {
            b"numsub" => Some(Family::Channel),
            b"shardnumsub" => Some(Family::Shard),
            _ => None,
        };
        if !self.state.in_multi {
            self.wait_for_leaving().await?;
        }
        let Some(lane) = self.current_lane() else { return Ok(()) };
        let Some(family) = family.filter(|_| !self.state.in_multi) else {
            let order = self.state.order();
            lane.push(request.bytes(), order, &self.replies);
            return Ok(());
        };
        self.settle().await?;
        let reply = self.call(|own| lane.push(request.bytes(), Order::default(), own)).await?;
        let protocol = self.state.protocol;
        let counted = match Reply::parse(&Bytes::copy_from_slice(&reply), protocol) {
            Ok(Reply::Array(pairs)) => self.counted(family, &pairs),
            _ => reply,
        };
        self.answer_shaped(|out| out.extend_from_slice(&counted));
        Ok(())
    }

    fn counted(&self, family: Family, pairs: &[Reply]) -> Vec<u8> {
        let mut out = Vec::new();
        encode::array_header(&mut out, pairs.len());
        let mut unseen = 0;
        for part in pairs {
            match part {
                Reply::Integer(count) => encode::integer(&mut out, count.saturating_add(unseen)),
                name => {
                    let name = Bytes::copy_from_slice(name.as_bytes().unwrap_or_default());
                    encode::bulk(&mut out, &name);
                    let topic = Topic { family, name };
                    let found = self.hub_in_use().map_or(0, |hub| hub.unseen_subscribers(&topic));
                    unseen = i64::try_from(found).unwrap_or(0);
                }
            }
        }
        out
    }
}

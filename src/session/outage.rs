//! A client whose upstream is away: what memory can answer is answered at once.

use super::context::Backend;
use super::{Session, Socket};
use crate::command::{self, Spec};
use crate::memory::replies::Setting;
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::{Outcome, Route};
use crate::wire::decode::Request;
use std::time::Instant;

impl<S: Socket> Session<S> {
    /// Whether there is an upstream, and it is known to be lost.
    #[inline]
    pub(super) fn is_upstream_away(&self) -> bool {
        match &self.context.backend {
            Backend::Cloud(cloud) => cloud.upstream.health.is_away(),
            Backend::Memory(_) => false,
        }
    }

    /// Whether the command was answered. Not while another of this client waits: it might be a write of the same
    /// key, and the lane answers what comes behind it in its order.
    pub(super) fn answer_from_memory(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> bool {
        let Backend::Cloud(cloud) = &self.context.backend else { return false };
        let Some(spec) = spec.filter(|_| self.held.is_none() && self.replies.owed() == 0) else {
            return false;
        };
        let (db, protocol) = (self.state.db, self.state.protocol);
        let setting = Setting { db, protocol, at: Instant::now() };
        let mut reply = Vec::new();
        let outage = &cloud.upstream.health.stand_in;
        if !outage.answer(spec, request, &setting, false, &mut reply) {
            return false;
        }
        let number = command::find(request.name()).1;
        let first = reply.first().copied().unwrap_or(b'-');
        let error = (first == b'-').then(|| code(&reply));
        self.close(number, Outcome::of_reply(first), Some(Route::Memory), error, setting.at);
        self.answer_shaped(|out| out.extend_from_slice(&reply));
        true
    }
}

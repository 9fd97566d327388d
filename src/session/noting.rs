//! What a session notes of single commands: samples of their keys, large ones, and what memory took long for.
//!
//! Lanes note their own slow and large replies (`upstream/lane/queue/stamps.rs`).

use super::{Session, Socket};
use crate::command::{Flags, Number, Spec};
use crate::telemetry::big_values::LEAST;
use crate::telemetry::metrics::shard::{Outcome, Route};
use crate::telemetry::spans::Span;
use crate::wire::decode::Request;
use std::time::Instant;

/// The start of a command that memory may take long for: what Redis calls fast never is, and costs no look at
/// the clock.
pub(super) fn start(spec: Option<&Spec>) -> Option<Instant> {
    spec.filter(|spec| !spec.flags.contains(Flags::FAST)).map(|_| Instant::now())
}

impl<S: Socket> Session<S> {
    /// Notes the keys of a command: a sample, or one that is large.
    #[cold]
    pub(super) fn look_at(&self, spec: Option<&'static Spec>, request: &Request<'_>) {
        let (weight, notes) = (self.context.sampler.take(), &self.context.shard.notes);
        let Some(spec) = spec.filter(|_| self.state.is_authenticated) else { return };
        if let Some(weight) = weight {
            notes.used(spec, request, weight);
        }
        let size = request.bytes().len();
        if size >= LEAST && spec.is_write() {
            notes.big(request.bytes(), size);
        }
    }

    /// A command that no lane carries has come to its end now: tells a span of it, where spans are told.
    pub(super) fn tell_span(
        &self,
        command: Number,
        outcome: Outcome,
        route: Option<Route>,
        error: Option<&'static str>,
        came: Instant,
    ) {
        if self.context.shard.notes.spans.is_on() {
            let (ended, db) = (Instant::now(), self.state.db);
            self.context.shard.ended(command, || Span {
                command,
                outcome,
                route,
                db,
                error,
                came,
                sent: None,
                ended,
                attempts: 0,
            });
        }
    }

    /// The same, where it is counted by this alone.
    pub(super) fn close(
        &self,
        command: Number,
        outcome: Outcome,
        route: Option<Route>,
        error: Option<&'static str>,
        came: Instant,
    ) {
        self.context.shard.count(command, outcome);
        self.tell_span(command, outcome, route, error, came);
    }

    /// Memory has answered with `size` bytes.
    pub(super) fn note_executed(&self, request: &Request<'_>, start: Option<Instant>, size: usize) {
        let notes = &self.context.shard.notes;
        if size >= LEAST {
            notes.big(request.bytes(), size);
        }
        if let Some(took) = start.map(|start| start.elapsed()).filter(|took| notes.is_slow(*took)) {
            notes.slow(request.bytes(), took, self.entry.id, Route::Memory.name());
        }
    }
}

//! Why a session ends, and what of that is told to operators.

use super::clients::Entry;
use super::context::Context;
use crate::wire::decode::ProtocolError;
use std::io;

/// Why a session ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client closed, and all is answered; or it was told to go, and has its last reply.
    Finished,
    /// The client vanished.
    Gone(io::Error),
    /// CLIENT KILL, idle_timeout, or drain.
    Closed,
    /// The client sent what is no request.
    Protocol(ProtocolError),
    /// It did not read what it asked for.
    TooSlow,
}

impl End {
    /// As the metric says it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Gone(_) => "gone",
            Self::Closed => "closed",
            Self::Protocol(_) => "protocol",
            Self::TooSlow => "too_slow",
        }
    }

    /// Counts and logs what is of note; what clients can do as often as they like, once a second.
    pub(super) fn tell(&self, context: &Context, entry: &Entry) {
        let (noticed, second, client) = (&context.noticed, context.seconds.get(), entry.address());
        match self {
            Self::Protocol(ProtocolError::HttpRequest) => {
                context.shard.events.refusals.count("http");
                if let Some(more) = noticed.http.admits(second) {
                    let text = "closed a client that speaks HTTP: possibly a cross-protocol attack";
                    tracing::warn!(client, more, "{text}");
                }
            }
            Self::Protocol(error) => {
                context.shard.events.refusals.count("protocol");
                if let Some(more) = noticed.garbage.admits(second) {
                    tracing::info!(client, more, "closed a client: {error}");
                }
            }
            Self::TooSlow => {
                tracing::warn!(client, "closed a client that did not read what it asked for")
            }
            Self::Gone(error) => tracing::debug!(client, "client gone: {error}"),
            Self::Finished | Self::Closed => {}
        }
    }
}

//! Who has a place (`listen.max_clients`), and what they are told who have none.

use super::stream::Stream;
use crate::session::clients::Entry;
use crate::session::context::Context;
use crate::session::error_reply;
use crate::wire::encode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// So long a client that is turned away may take to be told so.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Whether the client that has just joined has a place: asked before others join, so that of many who come at once
/// as many are served as there are places. If not, how many there are.
pub(super) fn has_place(context: &Context, max_clients: usize) -> Result<(), usize> {
    if context.clients.count() <= max_clients { Ok(()) } else { Err(max_clients) }
}

/// Tells a client that there is no place for it.
pub(super) async fn turn_away(
    mut stream: Stream,
    context: Rc<Context>,
    entry: Arc<Entry>,
    max: usize,
) {
    tell_refused(&context, max);
    let mut last = Vec::new();
    encode::error(&mut last, error_reply::MAX_CLIENTS);
    // It is closed either way.
    let _ = tokio::time::timeout(LAST_WORD, stream.write_all(&last)).await;
    context.clients.leave(&entry);
}

/// Counts and logs a client for which there is no place.
pub(super) fn tell_refused(context: &Context, max_clients: usize) {
    context.shard.events.refusals.count("max_clients");
    if let Some(more) = context.noticed.full.admits(context.seconds.get()) {
        tracing::warn!(max_clients, more, "a client was refused: listen.max_clients are connected");
    }
}

/// One of a worker's clients, counted for as long as it is there.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seat {
    pub(super) fn take(clients: &Arc<AtomicUsize>) -> Self {
        clients.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(clients))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

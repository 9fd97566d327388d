//! The session's socket: what is read goes to `dispatch`, what is owed is written, and every wait ends when
//! the client goes or is told to go.

use super::{Dispatched, End, Session};
use bytes::Buf;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

/// Bytes asked for at a time while a command is under way.
const STEP: std::ops::Range<usize> = 16 * 1024..512 * 1024;

/// Bytes read ahead while the client waits for something; a client that blocks is read further, so that it
/// is noticed when it goes.
const AHEAD: usize = 64 * 1024;
const FAR_AHEAD: usize = 4 << 20;

/// Of its last bytes the client must take some within this time.
const FAREWELL: Duration = Duration::from_secs(5);

/// A client that ended within MULTI holds a connection that others may wait for.
const FAREWELL_IN_MULTI: Duration = Duration::from_millis(500);

/// A client's connection, as a session needs it.
pub trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// The client has sent the first part of a command: it is told that this is here. Where it may not send the rest
    /// before (Nagle's algorithm, RFC 896) it would wait until a delayed acknowledgement goes out, 40 ms on Linux.
    fn acknowledge(&self);
}

/// A pipe within the process: what is written is there.
impl Socket for DuplexStream {
    fn acknowledge(&self) {}
}

impl<S: Socket> Session<S> {
    /// The common way: reads, dispatches and writes until there is a command that needs more than that.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, End>> {
        loop {
            if let Err(end) = self.poll_write(cx) {
                return Poll::Ready(Err(end));
            }
            match self.poll_input(cx) {
                Poll::Ready(Ok(Dispatched::All)) => continue,
                Poll::Ready(Ok(Dispatched::Uncommon(frame))) => return Poll::Ready(Ok(frame)),
                Poll::Ready(Ok(Dispatched::Garbage(error))) => {
                    return Poll::Ready(Err(End::Protocol(error)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(End::Gone(error))),
                Poll::Pending => {}
            }
            // What was answered here is written at once.
            if self.replies.pending() > 0 && !self.is_blocked(cx)? {
                continue;
            }
            return self.rest(cx).map(Err);
        }
    }

    /// Nothing to read and nothing to write: end, or wait.
    fn rest(&self, cx: &Context<'_>) -> Poll<End> {
        let is_idle = self.replies.owed() == 0 && self.replies.pending() == 0;
        if self.is_at_end && is_idle && !self.is_input_fresh {
            return Poll::Ready(End::Finished);
        }
        if self.is_at_end && self.state.in_multi && !self.is_input_fresh {
            // No EXEC can come any more.
            return Poll::Ready(End::Finished);
        }
        let must_end = self.context.clients.is_draining() || self.has_lost_state();
        if must_end && is_idle {
            return Poll::Ready(End::Closed);
        }
        self.replies.wake(cx.waker());
        Poll::Pending
    }

    /// Tries to write what is owed. Whether the client's socket is full.
    fn is_blocked(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        self.poll_write(cx)?;
        Ok(self.replies.pending() > 0)
    }

    /// Writes as much as the client takes, and looks whether it is to go.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.entry.is_killed() {
            return Err(End::Closed);
        }
        loop {
            self.deliver_messages()?;
            if self.replies.is_broken() {
                return Err(End::TooSlow);
            }
            if self.replies.pending() == 0 {
                return Ok(());
            }
            let stream = &mut self.stream;
            let written =
                self.replies.drain(|bytes| match Pin::new(stream).poll_write(cx, bytes) {
                    Poll::Ready(Ok(0)) => Err(Some(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => Ok(count),
                    Poll::Ready(Err(error)) => Err(Some(error)),
                    Poll::Pending => Err(None),
                });
            match written {
                Ok(count) => self.context.shard.client_sent.add(count as u64),
                Err(None) => return Ok(()),
                Err(Some(error)) => return Err(End::Gone(error)),
            }
        }
    }

    /// Dispatches what was read, or reads more.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dispatched>> {
        if self.is_input_fresh {
            if self.has_enough(cx) {
                return Poll::Pending;
            }
            return Poll::Ready(Ok(self.dispatch_input(cx)));
        }
        if self.is_at_end || self.context.clients.is_draining() || self.has_enough(cx) {
            return Poll::Pending;
        }
        if !self.input.is_empty() {
            let count = ready!(self.poll_read_more(cx))?;
            return Poll::Ready(Ok(if count == 0 {
                Dispatched::All
            } else {
                self.dispatch_input(cx)
            }));
        }
        let context = std::rc::Rc::clone(&self.context);
        let scratch = &mut *context.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            self.is_at_end = true;
            return Poll::Ready(Ok(Dispatched::All));
        }
        context.shard.client_received.add(buffer.filled().len() as u64);
        let (consumed, dispatched) = self.dispatch(buffer.filled(), cx);
        self.input.extend_from_slice(&buffer.filled()[consumed..]);
        self.is_input_fresh &= !self.input.is_empty();
        Poll::Ready(Ok(dispatched))
    }

    fn dispatch_input(&mut self, cx: &Context<'_>) -> Dispatched {
        let mut input = std::mem::take(&mut self.input);
        let (consumed, dispatched) = self.dispatch(&input, cx);
        if consumed < input.len() {
            // Nothing is moved: one command at a time of many must not cost a copy of the rest.
            input.advance(consumed);
            self.input = input;
        } else {
            self.is_input_fresh = false;
        }
        dispatched
    }

    /// Reads behind what is in `input` already; 0 at the end.
    fn poll_read_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // As much again as has come, within bounds: never as much as was only announced.
        self.input.reserve(self.input.len().clamp(STEP.start, STEP.end));
        let count = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
        self.is_at_end |= count == 0;
        self.context.shard.client_received.add(count as u64);
        Poll::Ready(Ok(count))
    }

    /// Waits until all that is on the way is answered.
    pub(super) async fn settle(&mut self) -> Result<(), End> {
        std::future::poll_fn(|cx| {
            if let Err(end) = self.poll_write(cx) {
                return Poll::Ready(Err(end));
            }
            if self.replies.owed() == 0 {
                return Poll::Ready(Ok(()));
            }
            self.replies.wake(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Waits for `step`, while the client's replies are written. Ends when the client goes; a client that
    /// has only closed its sending side may still wait, unless `needs_client`.
    pub(super) async fn meanwhile<T>(
        &mut self,
        step: impl Future<Output = T>,
        needs_client: bool,
    ) -> Result<T, End> {
        let mut step = pin!(step);
        std::future::poll_fn(|cx| {
            if let Err(end) = self.poll_write(cx) {
                return Poll::Ready(Err(end));
            }
            if let Poll::Ready(value) = step.as_mut().poll(cx) {
                return Poll::Ready(Ok(value));
            }
            if let Err(end) = self.watch(cx, needs_client) {
                return Poll::Ready(Err(end));
            }
            self.replies.wake(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Waits for the replies on the way like [`Self::settle`], for a client that blocks: when it goes, its
    /// connection upstream must not take an element for nobody.
    pub(super) async fn settle_blocked(&mut self) -> Result<(), End> {
        std::future::poll_fn(|cx| {
            if let Err(end) = self.poll_write(cx) {
                return Poll::Ready(Err(end));
            }
            if self.replies.owed() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Err(end) = self.watch(cx, true) {
                return Poll::Ready(Err(end));
            }
            self.replies.wake(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Reads ahead, to notice that the client goes.
    fn watch(&mut self, cx: &mut Context<'_>, needs_client: bool) -> Result<(), End> {
        let most = if needs_client { FAR_AHEAD } else { AHEAD };
        while !self.is_at_end && self.input.len() < most {
            match self.poll_read_more(cx) {
                Poll::Ready(Ok(_)) => self.is_input_fresh = true,
                Poll::Ready(Err(error)) => return Err(End::Gone(error)),
                Poll::Pending => break,
            }
        }
        if needs_client && self.is_at_end {
            return Err(End::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Waits until all is answered and written, for as long as the client takes some of it, and closes.
    pub(super) async fn say_farewell(&mut self) {
        let patience = if self.state.in_multi { FAREWELL_IN_MULTI } else { FAREWELL };
        loop {
            let before = self.replies.taken();
            let written = std::future::poll_fn(|cx| {
                if self.poll_write(cx).is_err() {
                    return Poll::Ready(false);
                }
                if self.replies.owed() == 0 && self.replies.pending() == 0 {
                    return Poll::Ready(true);
                }
                self.replies.wake(cx.waker());
                Poll::Pending
            });
            match tokio::time::timeout(patience, written).await {
                Ok(true) => break,
                Ok(false) => return,
                Err(_) if self.replies.taken() == before => return,
                Err(_) => {}
            }
        }
        // The client has all; whether it hears the end no longer matters.
        let _ = tokio::time::timeout(FAREWELL, self.stream.shutdown()).await;
    }
}

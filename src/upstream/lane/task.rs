//! The task of a lane: the one place that touches its connection. Connects, reads, writes, keeps time.
//!
//! It reads before it writes and never waits for only one of them. A command costs it no timer: one stands on
//! the oldest command.

use super::queue::Queue;
use super::{Shared, Stage};
use crate::upstream::Connection;
use crate::upstream::error::Failure;
use crate::upstream::pool::Checkout;
use crate::upstream::retry::Backoff;
use crate::wire::Protocol;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::time::Sleep;

/// A client for which its lane waits must take [`PROGRESS`] bytes in this time, or is waited for no longer.
const STALL: Duration = Duration::from_millis(200);
const PROGRESS: u64 = 256 * 1024;

/// What the task does next.
enum Turn {
    /// Commands have come: let others join, then write.
    Gather,
    /// The connection is lost, and why.
    Lost(String),
    /// Closing, and nothing is owed.
    Done,
}

impl Shared {
    /// The life of a shared lane.
    pub(super) async fn keep(self: Rc<Self>, protocol: Protocol) {
        let upstream = Arc::clone(&self.upstream);
        let mut backoff = Backoff::default();
        while let Some(mut connection) = self.connect(protocol, &mut backoff).await {
            upstream.health.lane_connected(&upstream.address());
            backoff.reset();
            self.id.set(connection.id);
            self.stage.set(Stage::Up);
            // What waited was sent to no database yet: `lose` left the queue on the default one.
            let end = self.serve(&mut connection).await;
            upstream.health.lane_lost(end.as_deref());
            let Some(cause) = end else { break };
            if self.stage.get() != Stage::Up {
                break;
            }
            self.stage.set(Stage::Away);
            self.queue.borrow_mut().lose(&cause, upstream.db(), true);
        }
        self.end("the sidecar is stopping");
    }

    /// The life of a lent connection: clean when the last reply is here, closed otherwise.
    pub(super) async fn lend(self: Rc<Self>, mut checkout: Checkout) {
        checkout.is_clean = false;
        let end = self.serve(&mut checkout).await;
        match end {
            None if self.stage.get() == Stage::Closing => {
                checkout.db = self.queue.borrow().db();
                checkout.is_clean = true;
                checkout.give_back();
            }
            _ => checkout.discard(),
        }
        self.end(end.as_deref().unwrap_or("it was closed"));
    }

    fn end(&self, cause: &str) {
        self.stage.set(Stage::Ended);
        let db = self.upstream.db();
        let queue = &mut *self.queue.borrow_mut();
        queue.lose(cause, db, false);
        if let Some(holder) = &queue.holder {
            holder.nudge();
        }
    }

    /// Connects, however often it takes. `None` when the lane is to end.
    async fn connect(&self, protocol: Protocol, backoff: &mut Backoff) -> Option<Connection> {
        let upstream = &self.upstream;
        loop {
            match self.meanwhile(upstream.open(protocol)).await? {
                Ok(connection) => return Some(connection),
                Err(error) => upstream.health.attempt_failed(&error),
            }
            self.meanwhile(tokio::time::sleep(backoff.next_wait())).await?;
        }
    }

    /// Runs `step` while the commands that wait grow old. `None` when the lane is to end.
    async fn meanwhile<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let mut step = pin!(step);
        let mut timer = pin!(self.timer());
        std::future::poll_fn(|cx| {
            self.attend(cx);
            if self.stage.get() != Stage::Away {
                return Poll::Ready(None);
            }
            self.poll_timer(cx, timer.as_mut());
            step.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Carries commands and replies until the connection or the lane ends; says why if it was lost.
    async fn serve(&self, connection: &mut Connection) -> Option<String> {
        let mut timer = pin!(self.timer());
        // What waited for this connection goes out at once.
        let mut is_writing = true;
        loop {
            let turn = std::future::poll_fn(|cx| {
                self.poll_turn(connection, &mut is_writing, timer.as_mut(), cx)
            });
            match turn.await {
                Turn::Gather => {
                    tokio::task::yield_now().await;
                    self.is_called.set(false);
                    is_writing = true;
                }
                Turn::Lost(cause) => return Some(cause),
                Turn::Done => return None,
            }
        }
    }

    fn poll_turn(
        &self,
        connection: &mut Connection,
        is_writing: &mut bool,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Turn> {
        self.attend(cx);
        if let Poll::Ready(cause) = self.poll_receive(connection, cx) {
            return Poll::Ready(Turn::Lost(cause));
        }
        if *is_writing {
            self.queue.borrow_mut().stamp(Instant::now());
            match self.poll_send(connection, cx) {
                Poll::Ready(Ok(())) => *is_writing = false,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Turn::Lost(error.to_string()));
                }
                Poll::Pending => {}
            }
        }
        self.poll_timer(cx, timer.as_mut());
        let is_idle = self.queue.borrow().owed() == 0;
        match self.stage.get() {
            Stage::Ended => return Poll::Ready(Turn::Done),
            Stage::Closing if is_idle && !*is_writing => return Poll::Ready(Turn::Done),
            _ => {}
        }
        if self.is_called.get() && !*is_writing { Poll::Ready(Turn::Gather) } else { Poll::Pending }
    }

    /// Reads and hands out replies until there are none, or the one under way has a slow reader.
    fn poll_receive(&self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            if self.is_held_up(cx) {
                return Poll::Pending;
            }
            let mut stream = Pin::new(&mut connection.transport);
            let piece = match ready!(stream.as_mut().poll_fill_buf(cx)) {
                Ok([]) => return Poll::Ready("the upstream closed it".to_owned()),
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready("the upstream closed it".to_owned());
                }
                Err(error) => return Poll::Ready(error.to_string()),
            };
            let length = piece.len();
            if let Err(error) = self.queue.borrow_mut().receive(piece) {
                return Poll::Ready(error.to_string());
            }
            stream.consume(length);
        }
    }

    /// Whether the client whose reply comes next must read first.
    fn is_held_up(&self, cx: &Context<'_>) -> bool {
        let queue = self.queue.borrow();
        let Some(caller) = queue.front().filter(|caller| caller.is_full(cx.waker())) else {
            self.held_up.set(None);
            return false;
        };
        if self.held_up.get().is_none() {
            self.held_up.set(Some((Instant::now(), caller.taken())));
        }
        true
    }

    fn poll_send(&self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let queue = &mut *self.queue.borrow_mut();
        let mut stream = Pin::new(&mut connection.transport);
        while !queue.outgoing.next().is_empty() {
            let count = ready!(stream.as_mut().poll_write(cx, queue.outgoing.next()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            queue.outgoing.wrote(count);
        }
        if !queue.crowd.is_empty() {
            queue.wake_crowd();
        }
        stream.poll_flush(cx)
    }

    /// Answers callers whose time is over, and no longer waits for a client that does not read. The timer
    /// stands on what comes first, and is set anew only when it fires.
    fn poll_timer(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) {
        if let Some((since, _)) = self.held_up.get()
            && timer.deadline().into_std() > since + STALL
        {
            timer.as_mut().reset((since + STALL).into());
        }
        let bound = self.upstream.command_timeout();
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let is_away = self.stage.get() == Stage::Away;
            let queue = &mut *self.queue.borrow_mut();
            if let Some(limit) = now.checked_sub(bound) {
                queue.expire(limit, |sent| self.too_late(sent, is_away, bound));
            }
            self.check_stall(queue, now, cx);
            let oldest = queue.oldest().unwrap_or(now) + bound;
            let stall = self.held_up.get().map_or(oldest, |(since, _)| since + STALL);
            timer.as_mut().reset(oldest.min(stall).into());
        }
    }

    /// Stands on the oldest command.
    fn timer(&self) -> Sleep {
        let oldest = self.queue.borrow().oldest().unwrap_or_else(Instant::now);
        tokio::time::sleep_until((oldest + self.upstream.command_timeout()).into())
    }

    fn check_stall(&self, queue: &Queue, now: Instant, cx: &Context<'_>) {
        let (Some((since, before)), Some(caller)) = (self.held_up.get(), queue.front()) else {
            return;
        };
        if now < since + STALL {
            return;
        }
        let taken = caller.taken();
        if taken - before >= PROGRESS {
            self.held_up.set(Some((now, taken)));
        } else {
            self.held_up.set(None);
            caller.stall();
            cx.waker().wake_by_ref();
        }
    }

    fn too_late(&self, sent: bool, is_away: bool, after: Duration) -> Failure {
        match self.upstream.health.last_error() {
            Some(error) if is_away => Failure::Away { after, cause: error.to_string() },
            _ => Failure::TimedOut { sent, after },
        }
    }

    /// Keeps the task's waker for those who bring commands; commands that came while away get their time.
    fn attend(&self, cx: &Context<'_>) {
        if self.stage.get() == Stage::Away && self.is_called.replace(false) {
            self.queue.borrow_mut().stamp(Instant::now());
        }
        let task = &mut *self.task.borrow_mut();
        if !task.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }
}

//! How a lane comes to its connection: attempts, the waits between them, and the database.

use super::{Loss, Shared};
use crate::upstream::error::{ConnectError, Failure};
use crate::upstream::handshake::is_busy;
use crate::upstream::retry::Backoff;
use crate::upstream::{Connection, LONGEST_WAIT};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// While there is no connection, how often it is looked whether somebody waits for one; and how often a server that
/// a script keeps is asked for the database.
const LOOK: Duration = Duration::from_millis(50);

/// An attempt that takes so long gets another beside it, up to so many.
const HEDGE: Duration = Duration::from_millis(500);
const HEDGES: usize = 3;

impl Shared {
    /// Connects, however often it takes. `None` when the lane is to end.
    pub(super) async fn connect(&self, backoff: &mut Backoff) -> Option<Connection> {
        loop {
            match self.meanwhile(self.attempt()).await? {
                Ok(connection) => return Some(connection),
                Err(error) => self.upstream.health.attempt_failed(&error),
            }
            self.meanwhile(self.pause(backoff.next_wait())).await?;
        }
    }

    /// Brings a new connection to the lane's database. While a script keeps the server, it refuses that, as it does
    /// every command: those who wait are told so in its words.
    ///
    /// # Errors
    /// Why the connection is lost; `None` when the lane is to end.
    pub(super) async fn enter(&self, connection: &mut Connection) -> Result<(), Option<Loss>> {
        let db = self.queue.borrow().db();
        while connection.db != db {
            let bound = self.upstream.command_timeout();
            let selected = tokio::time::timeout(bound, connection.select(db));
            let refusal = match self.meanwhile(selected).await.ok_or(None)? {
                Ok(Ok(None)) => break,
                Ok(Ok(Some(refusal))) => refusal,
                Ok(Err(error)) => return Err(Some(Loss::new("broken", error))),
                Err(_) => return Err(Some(Loss::new("silent", "no answer to SELECT"))),
            };
            if !is_busy(&refusal) {
                return Err(Some(Loss::new("protocol", refusal)));
            }
            let failure = |_| Failure::Busy(refusal.clone());
            self.queue.borrow_mut().reject_all(failure, &|_, _| None);
            self.queue.borrow_mut().lose("", true);
            self.meanwhile(tokio::time::sleep(LOOK)).await.ok_or(None)?;
        }
        Ok(())
    }

    /// One attempt; and, while somebody waits for it and it hangs, a second and a third beside it: a lost
    /// packet must not keep us from an upstream that is back.
    async fn attempt(&self) -> Result<Connection, ConnectError> {
        let (protocol, db) = (self.protocol.get(), self.queue.borrow().db());
        let open = || Box::pin(self.upstream.open(protocol, db));
        let mut attempts = vec![open()];
        let mut timer = pin!(tokio::time::sleep(HEDGE));
        std::future::poll_fn(|cx| {
            let mut place = 0;
            while let Some(attempt) = attempts.get_mut(place) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(connection)) => return Poll::Ready(Ok(connection)),
                    Poll::Ready(Err(error)) if attempts.len() == 1 => {
                        return Poll::Ready(Err(error));
                    }
                    Poll::Ready(Err(error)) => {
                        self.upstream.health.attempt_failed(&error);
                        drop(attempts.swap_remove(place));
                    }
                    Poll::Pending => place += 1,
                }
            }
            while timer.as_mut().poll(cx).is_ready() {
                timer.as_mut().reset(tokio::time::Instant::now() + HEDGE);
                if self.is_awaited() && attempts.len() < HEDGES {
                    attempts.push(open());
                    cx.waker().wake_by_ref();
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Whether somebody waits for a connection, be it with a command that a server refused (those are in no slot), or was
    /// turned away for want of one.
    fn is_awaited(&self) -> bool {
        let queue = self.queue.borrow();
        self.is_wanted.get() || queue.owed() > 0 || queue.has_again()
    }

    /// Waits before the next attempt; less as soon as somebody waits for it.
    pub(super) async fn pause(&self, wait: Duration) {
        let start = tokio::time::Instant::now();
        loop {
            let wait = if self.is_awaited() { wait.min(LONGEST_WAIT) } else { wait };
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return self.is_wanted.set(false);
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}

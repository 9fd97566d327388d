//! The pool of connections that are lent: to a client that blocks, holds a transaction, or has changed its
//! connection's state. Deadpool keeps them; they are checked when lent, and never given back dirty.

use super::error::Failure;
use super::retry::Backoff;
use super::transport::Transport;
use super::{ConnectError, Connection, Upstream};
use crate::config;
use crate::wire::Protocol;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// A connection that was used so recently is lent without being asked whether it is still there.
const TRUSTED: Duration = Duration::from_secs(5);

/// Makes and checks connections for the pool.
pub struct Maker {
    upstream: Arc<Upstream>,
}

impl managed::Manager for Maker {
    type Type = Connection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Connection, ConnectError> {
        self.upstream.open(Protocol::Resp2, self.upstream.db()).await
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<ConnectError> {
        if !connection.is_clean {
            return Err(RecycleError::message("it was left dirty"));
        }
        if connection.era != self.upstream.health.era() {
            return Err(RecycleError::message("it may be to a master of before"));
        }
        // Nothing may have come since: bytes would be an answer to nobody, the end is the end.
        let stream = &mut connection.transport;
        let silent = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut *stream).poll_fill_buf(cx).is_pending())
        });
        if !silent.await {
            return Err(RecycleError::message("it was closed meanwhile"));
        }
        // A peer that vanished without a word looks the same as one that is there.
        if metrics.last_used() < TRUSTED {
            return Ok(());
        }
        connection.is_clean = false;
        match timeout(self.upstream.probe_timeout(), ping(stream)).await {
            Ok(Ok(())) => {
                connection.is_clean = true;
                Ok(())
            }
            Ok(Err(error)) => Err(RecycleError::message(error.to_string())),
            Err(_) => Err(RecycleError::message("it does not answer")),
        }
    }
}

/// Asks whether the other side is still there.
async fn ping(stream: &mut Transport) -> io::Result<()> {
    const PONG: &[u8] = b"+PONG\r\n";
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await?;
    stream.flush().await?;
    let mut reply = [0; PONG.len()];
    stream.read_exact(&mut reply).await?;
    if reply == PONG { Ok(()) } else { Err(io::Error::other("it does not answer PING with PONG")) }
}

/// The connections to lend, for all workers together.
pub struct Pool {
    pool: managed::Pool<Maker>,
    bounds: config::Pool,
}

/// What a pool holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The most connections that it makes.
    pub max: usize,
    /// Those that there are.
    pub size: usize,
    /// Those that nobody holds.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

impl Usage {
    /// Whether the next caller would have to wait.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.idle == 0 && self.size >= self.max
    }
}

/// A connection on loan. Dropping it gives it back; one that is not clean is then closed by the pool.
pub struct Checkout(Object<Maker>);

impl Deref for Checkout {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Checkout {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Checkout {
    /// Back into the pool.
    pub fn give_back(self) {
        drop(self.0);
    }

    /// Closed, and its place in the pool freed.
    pub fn discard(self) {
        drop(Object::take(self.0));
    }

    /// Makes a connection in place of one that was lost, in the state in which that was lent. Tries until `deadline`,
    /// or until the breaker rejects. Whether there is one.
    pub(super) async fn renew(&mut self, upstream: &Upstream, deadline: Instant) -> bool {
        let (protocol, db) = (self.protocol, self.db);
        let mut backoff = Backoff::new(upstream.retry().clone());
        loop {
            let opened = tokio::select! {
                opened = tokio::time::timeout_at(deadline, upstream.open(protocol, db)) => opened,
                () = upstream.health.rejected() => return false,
            };
            match opened {
                // Its commands are for that database alone.
                Ok(Ok(connection)) if connection.db != db => {}
                Ok(Ok(connection)) => {
                    *self.0 = connection;
                    self.is_clean = false;
                    return true;
                }
                Ok(Err(error)) => upstream.health.attempt_failed(&error),
                Err(_) => return false,
            }
            if !pause(&mut backoff, deadline).await {
                return false;
            }
        }
    }
}

/// The wait before the next attempt, while a client waits: never long. Whether there is time for one.
async fn pause(backoff: &mut Backoff, deadline: Instant) -> bool {
    let wait = backoff.next_wait().min(super::LONGEST_WAIT);
    tokio::time::timeout_at(deadline, tokio::time::sleep(wait)).await.is_ok()
}

impl Pool {
    /// An empty pool with these bounds.
    ///
    /// # Errors
    /// When deadpool does not accept the bounds.
    pub fn new(upstream: Arc<Upstream>, bounds: config::Pool) -> Result<Self, managed::BuildError> {
        let pool = managed::Pool::builder(Maker { upstream })
            .max_size(bounds.max)
            .wait_timeout(Some(bounds.acquire_timeout))
            .create_timeout(Some(bounds.acquire_timeout))
            .recycle_timeout(Some(bounds.acquire_timeout))
            .runtime(deadpool::Runtime::Tokio1)
            .build()?;
        Ok(Self { pool, bounds })
    }

    /// Lends a connection; waits for one to come back, or to be made, for up to `acquire_timeout`, and while
    /// the upstream is away for no longer than a command may take.
    ///
    /// # Errors
    /// [`Failure::NoCheckout`] when there was none in time, [`Failure::Away`] when the upstream is away.
    pub async fn checkout(&self) -> Result<Checkout, Failure> {
        let start = std::time::Instant::now();
        let lent = self.wait_for_checkout().await;
        let events = &self.pool.manager().upstream.events;
        events.acquisitions.ended(start);
        if matches!(lent, Err(Failure::NoCheckout { .. } | Failure::Away { .. })) {
            events.timeouts.count("pool");
        }
        lent
    }

    async fn wait_for_checkout(&self) -> Result<Checkout, Failure> {
        let upstream = &self.pool.manager().upstream;
        let mut bound = self.bounds.acquire_timeout;
        if !upstream.health.is_up() {
            bound = bound.min(upstream.command_timeout());
        }
        let deadline = Instant::now() + bound;
        let mut backoff = Backoff::new(upstream.retry().clone());
        let mut reason = format!("all {} of upstream.pool.max are lent", self.bounds.max);
        loop {
            let got = tokio::select! {
                got = tokio::time::timeout_at(deadline, self.pool.get()) => got,
                () = upstream.health.rejected() => return Err(upstream.health.rejection(false)),
            };
            match got {
                Ok(Ok(object)) => return Ok(Checkout(object)),
                Ok(Err(PoolError::Backend(error))) => upstream.health.attempt_failed(&error),
                Ok(Err(PoolError::Timeout(_))) | Err(_) => break,
                Ok(Err(error)) => {
                    reason = error.to_string();
                    break;
                }
            }
            if !pause(&mut backoff, deadline).await {
                break;
            }
        }
        match upstream.health.last_error() {
            Some(error) => Err(Failure::Away { after: bound, cause: error.to_string() }),
            None => {
                tracing::warn!(
                    reason,
                    "no connection was free for a client; raise upstream.pool.max"
                );
                Err(Failure::NoCheckout { after: bound, reason })
            }
        }
    }

    /// Closes what was idle too long, and makes what is missing of `min`. To be called from time to time.
    pub async fn tend(&self) {
        if let Some(limit) = self.bounds.idle_timeout {
            let mut left = self.pool.status().size;
            self.pool.retain(|_, metrics| {
                let keep = left <= self.bounds.min || metrics.last_used() < limit;
                left -= usize::from(!keep);
                keep
            });
        }
        let mut warm = Vec::new();
        while self.pool.status().size < self.bounds.min {
            match self.pool.get().await {
                Ok(object) => warm.push(object),
                Err(_) => break,
            }
        }
    }

    /// How many connections there are, and how many callers wait for one.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let status = self.pool.status();
        Usage {
            max: status.max_size,
            size: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    /// How often `tend` is worth its while.
    #[must_use]
    pub fn tend_interval(&self) -> Duration {
        let idle = self.bounds.idle_timeout.unwrap_or(Duration::from_secs(60));
        (idle / 4).clamp(Duration::from_millis(100), Duration::from_secs(15))
    }
}

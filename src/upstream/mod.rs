//! The way to the cloud Redis: connections that are dialed, greeted, shared as lanes or lent as checkouts.
//!
//! A lane or a checkout is asked to carry a command's bytes and to put the reply into a caller's
//! [`replies::Replies`]; it knows neither clients nor what a command means beyond its [`lane::Order`].

pub mod breaker;
pub mod certificate;
pub mod checkup;
pub mod connect;
pub mod credentials;
pub mod error;
pub mod exchange;
pub mod handshake;
pub mod health;
pub mod lane;
pub mod outages;
mod outgoing;
pub mod pool;
pub mod replies;
pub mod retry;
pub mod spare;
pub mod stand_in;
pub mod tls;
pub mod transport;

use crate::config;
use crate::telemetry::metrics::events::Events;
use crate::wire::reply::Reply;
use crate::wire::{Protocol, encode};
use connect::Dialer;
use credentials::Credentials;
use error::{ConnectError, Phase};
use exchange::ExchangeError;
use handshake::{Greeted, Greeting};
use health::Health;
use stand_in::StandIn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use transport::Transport;

/// Handshakes that run at the same time. More would only fight for the CPU of a Redis that comes back.
const HANDSHAKES: usize = 8;

/// While clients wait, two attempts to connect are never further apart.
pub const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A cloud Redis: how to reach it, and what is known of it.
pub struct Upstream {
    dialer: Dialer,
    credentials: Credentials,
    db: u32,
    command_timeout: Duration,
    probe_timeout: Duration,
    keepalive: Option<Duration>,
    max_queued: usize,
    depth: usize,
    retry: config::Retry,
    busy_poll: Option<Duration>,
    handshakes: Semaphore,
    certificate_end: Mutex<Option<SystemTime>>,
    /// What is counted of connections.
    pub events: Arc<Events>,
    /// Up or down, and what the greeting said.
    pub health: Health,
}

/// A connection that is greeted and ready for commands.
pub struct Connection {
    /// The bytes.
    pub transport: Transport,
    /// What its replies look like.
    pub protocol: Protocol,
    /// The database that is selected.
    pub db: u32,
    /// Our client id there; 0 where the server does not tell.
    pub id: i64,
    /// [`Health::era`] when it was made.
    pub era: u64,
    /// No reply is owed and no state was left behind: it may be lent again.
    pub is_clean: bool,
}

impl Connection {
    /// Selects a database, where nothing else is on the way. What the server said, if it refused.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn select(&mut self, db: u32) -> Result<Option<String>, ExchangeError> {
        /// Redis says `+OK`, or an error of a line.
        const MAX_REPLY: usize = 4096;
        let mut bytes = Vec::new();
        encode::command(&mut bytes, &[b"SELECT", db.to_string().as_bytes()]);
        exchange::send(&mut self.transport, &bytes).await?;
        match exchange::read_reply(&mut self.transport, self.protocol, MAX_REPLY).await? {
            Reply::Error(text) => Ok(Some(text.to_string())),
            _ => {
                self.db = db;
                Ok(None)
            }
        }
    }
}

impl Upstream {
    /// `own` are the addresses this process listens on.
    ///
    /// # Errors
    /// [`tls::TlsSetupError`] when the TLS files can't be used.
    pub fn new(config: &config::Config, own: Vec<SocketAddr>) -> Result<Self, tls::TlsSetupError> {
        let upstream = &config.upstream;
        let client = match (&upstream.tls, &upstream.target) {
            (Some(tls), config::Target::Tcp { host, .. }) => Some(tls::client_config(tls, host)?),
            _ => None,
        };
        let events = Arc::<Events>::default();
        Ok(Self {
            dialer: Dialer::new(upstream, client, own),
            credentials: Credentials::new(&upstream.auth),
            db: upstream.db,
            command_timeout: upstream.command_timeout,
            probe_timeout: upstream.probe_timeout,
            keepalive: upstream.keepalive,
            max_queued: upstream.max_queued,
            depth: config.limits.depth,
            retry: config.retry.clone(),
            busy_poll: config.busy_poll,
            handshakes: Semaphore::new(HANDSHAKES),
            certificate_end: Mutex::default(),
            health: Health::new(
                config.breaker.clone(),
                Arc::clone(&events),
                StandIn::new(config, Arc::clone(&events)),
            ),
            events,
        })
    }

    /// Counts in `events` what happens to it.
    #[must_use]
    pub fn counted_by(mut self, events: Arc<Events>) -> Self {
        self.health.events = Arc::clone(&events);
        self.health.stand_in.events = Arc::clone(&events);
        self.events = events;
        self
    }

    /// Host and port, or path. Never credentials.
    #[must_use]
    pub fn address(&self) -> String {
        self.dialer.address()
    }

    /// The database that clients begin with.
    #[must_use]
    pub fn db(&self) -> u32 {
        self.db
    }

    /// How deep replies may nest.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How long a command may take.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    /// A connection that owes replies and is silent for so long is dead.
    #[must_use]
    pub fn probe_timeout(&self) -> Duration {
        self.probe_timeout
    }

    /// A connection on which nothing happened for so long is asked whether it is still there.
    #[must_use]
    pub fn keepalive(&self) -> Option<Duration> {
        self.keepalive
    }

    /// Bytes that may wait on one lane before its clients are no longer read.
    #[must_use]
    pub fn max_queued(&self) -> usize {
        self.max_queued
    }

    /// How long a lane looks for replies again and again before it sleeps.
    #[must_use]
    pub fn busy_poll(&self) -> Option<Duration> {
        self.busy_poll
    }

    /// What is sent again, and how often.
    #[must_use]
    pub fn retry(&self) -> &config::Retry {
        &self.retry
    }

    /// Makes a connection, greeted and on database `db`; or on 0 where a script keeps the server busy, see
    /// [`Connection::select`].
    ///
    /// # Errors
    /// [`ConnectError`]; what was made until then is closed.
    pub async fn open(&self, protocol: Protocol, db: u32) -> Result<Connection, ConnectError> {
        let start = Instant::now();
        let opened = self.open_uncounted(protocol, db).await;
        match &opened {
            Ok(_) => {
                self.events.connects.count("ok");
                self.events.connect_durations.ended(start);
            }
            Err(error) => {
                self.events.connects.count(error.class().name());
                if matches!(error, ConnectError::Timeout { .. }) {
                    self.events.timeouts.count("connect");
                }
            }
        }
        opened
    }

    async fn open_uncounted(
        &self,
        protocol: Protocol,
        db: u32,
    ) -> Result<Connection, ConnectError> {
        // Handshakes that hang must not keep out one that would not: after a while we go on without a turn.
        let era = self.health.era();
        let _turn = timeout(LONGEST_WAIT, self.handshakes.acquire()).await;
        let mut transport = self.dialer.dial().await?;
        self.note_handshake(&transport);
        let Greeted { greeting, refusal } = self.shake(&mut transport, protocol, db).await?;
        let db = if refusal.is_none() { db } else { 0 };
        let id = greeting.as_ref().map_or(0, |greeting| greeting.id);
        if !self.health.greeted(greeting) {
            return Err(ConnectError::Demoted { address: self.address() });
        }
        Ok(Connection { transport, protocol, db, id, era, is_clean: true })
    }

    fn note_handshake(&self, transport: &Transport) {
        let Some(is_resumed) = transport.is_resumed() else { return };
        self.events.handshakes.count(if is_resumed { "resumed" } else { "full" });
        // A resumed session shows no certificate of its own.
        if !is_resumed {
            let end = transport.tls().and_then(|facts| Some(facts.chain.first()?.not_after));
            *self.certificate_end.lock().unwrap_or_else(PoisonError::into_inner) = end;
        }
    }

    /// When the certificate ends that the upstream has shown last; `None` without TLS.
    #[must_use]
    pub fn certificate_end(&self) -> Option<SystemTime> {
        *self.certificate_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is reached, step by step.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Greets the server on a fresh connection: who we are, `protocol` and `db`. `None` where it knows no HELLO.
    ///
    /// # Errors
    /// [`ConnectError`]; the connection can't be used any more.
    pub async fn greet(
        &self,
        transport: &mut Transport,
        protocol: Protocol,
        db: u32,
    ) -> Result<Option<Greeting>, ConnectError> {
        let Greeted { greeting, refusal } = self.shake(transport, protocol, db).await?;
        match refusal {
            Some(reason) => Err(ConnectError::Refused { address: self.address(), reason }),
            None => Ok(greeting),
        }
    }

    async fn shake(
        &self,
        transport: &mut Transport,
        protocol: Protocol,
        db: u32,
    ) -> Result<Greeted, ConnectError> {
        let identity = self.credentials.identity().await?;
        let address = self.address();
        let greeting = handshake::greet(transport, &address, protocol, identity.as_ref(), db);
        timeout(self.dialer.bound, greeting)
            .await
            .map_err(|_| self.dialer.timed_out(Phase::Handshake))?
    }
}

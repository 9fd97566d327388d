//! Builds every part, owns it, and ends it: listeners, workers, hub, pool, admin port.
//!
//! The main thread runs what is shared and seldom (signals, admin, hub, pool); each worker thread runs clients
//! and their lanes. SIGTERM: nobody new, what is on its way ends, everybody is closed, exit 0.

mod listener;
mod places;
mod reload;
mod spread;
mod stream;
mod systemd;
mod tell;
mod tls;
mod worker;

use crate::admin;
use crate::config::{self, Config, Faults};
use crate::memory::{Engine, Facts};
use crate::policy::users::Users;
use crate::routing::hub::Hub;
use crate::session::clients::Clients;
use crate::session::context::wall_clock;
use crate::session::vitals::{Parts, Vitals};
use crate::telemetry::logs::Levels;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::events::Events;
use crate::telemetry::spans::Spans;
use crate::upstream::Upstream;
use crate::upstream::pool::Pool;
use crate::upstream::tls::TlsSetupError;
use listener::Listeners;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use systemd::Handed;
use tell::Tellers;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use worker::Workers;

/// How often idle clients and expired keys are looked for, and how often drain looks whether all have gone.
const TICK: Duration = Duration::from_millis(100);

/// Idle clients are looked for in one of so many ticks: it means looking at all.
const IDLE_TICKS: u64 = 5;
const DRAIN_TICK: Duration = Duration::from_millis(5);

/// Why the server could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A listening address can't be had.
    #[error("cannot listen on {address}: {error}; {}", mend(error))]
    Listen {
        /// Address or path.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// systemd has opened a socket that we are not to listen on.
    #[error(
        "systemd hands over a socket at {address}, which is neither listen.address, \
         listen.unix_socket nor admin.address; make ListenStream= and the configuration the same"
    )]
    Handed {
        /// Address or path that it is bound to.
        address: String,
    },
    /// TLS towards the upstream or towards apps.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// TLS towards the collector.
    #[cfg(feature = "otlp")]
    #[error("otlp.endpoint: {0}")]
    Collector(TlsSetupError),
    /// The pool's bounds.
    #[error("upstream.pool: {0}")]
    Pool(#[from] deadpool::managed::BuildError),
    /// Threads, signals, runtimes.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl ServerError {
    /// Whether the configuration is at fault: exit code 2 instead of 1.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Tls(_) | Self::Pool(_) | Self::Handed { .. } => true,
            #[cfg(feature = "otlp")]
            Self::Collector(_) => true,
            Self::Listen { .. } | Self::System { .. } => false,
        }
    }
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "something else listens there (a Redis, another sidecar): stop it, or set another address"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: set another address",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: set one that it has",
        _ => "set another address",
    }
}

/// What all parts share.
pub(crate) struct Shared {
    /// The configuration at start.
    pub(crate) config: Config,
    pub(crate) clients: Arc<Clients>,
    pub(crate) backend: SharedBackend,
    /// How all of it is, and the configuration with what was changed live.
    pub(crate) vitals: Arc<Vitals>,
}

/// Where commands are carried out, as far as workers share it.
pub(crate) enum SharedBackend {
    Memory { engine: Arc<Engine>, hub: Arc<Hub> },
    Cloud { upstream: Arc<Upstream>, pool: Arc<Pool>, hub: Arc<Hub> },
}

impl SharedBackend {
    fn parts(&self) -> Parts {
        match self {
            Self::Memory { engine, .. } => Parts::Memory(Arc::clone(engine)),
            Self::Cloud { upstream, pool, hub } => Parts::Cloud {
                upstream: Arc::clone(upstream),
                pool: Arc::clone(pool),
                hub: Arc::clone(hub),
            },
        }
    }
}

impl Shared {
    /// The configuration as it is now, for the keys that may change live.
    pub(crate) fn live(&self) -> Arc<Config> {
        self.vitals.config()
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServerError`] when something that is needed can't be had.
pub fn run(config: Config, reload: Reload) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ServerError::System { what: "runtime", error })?;
    runtime.block_on(serve(config, reload))
}

/// What SIGHUP needs: the configuration read again, and the log's level.
pub struct Reload {
    /// Reads all sources again.
    pub read: Box<dyn Fn() -> Result<Config, Faults> + Send>,
    /// Sets the log's level.
    pub levels: Levels,
}

async fn serve(config: Config, reload: Reload) -> Result<(), ServerError> {
    let system = |what| move |error| ServerError::System { what, error };
    let mut terminate = signal(SignalKind::terminate()).map_err(system("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("signals"))?;
    listener::raise_descriptor_limit(config.listen.max_clients);
    let mut handed = Handed::of_this_process()?;
    let mut listeners = Listeners::bind(&config.listen, &mut handed)?;
    let own_path = listeners.own_path.take();
    let admin = bind_admin(&config, &mut handed).await?;
    handed.expect_all_taken()?;
    let port = listeners.tcp_address().map_or(0, |address| address.port());
    let own = listeners.tcp_address().into_iter().collect();
    let acceptor = config.listen.tls.as_ref().map(tls::acceptor).transpose()?;
    let metrics = Metrics::default();
    let users = build_users(&config, &metrics);
    let backend = build_backend(&config, own, Arc::clone(metrics.events()))?;
    let clients = Arc::new(Clients::new(users));
    let (spans, told) = Spans::sampled(config.sample);
    let parts = backend.parts();
    let vitals = Vitals::new(config.clone(), Arc::clone(&clients), parts, metrics, spans);
    let shared = Arc::new(Shared { config, clients, backend, vitals: Arc::new(vitals) });

    let tellers = Tellers::start(&shared, told)?;
    let workers = Workers::start(&shared, listeners, acceptor).map_err(system("worker threads"))?;
    announce(&shared, &workers, admin.as_ref());
    shared.vitals.listens_on(workers.addresses().map(str::to_owned).collect());
    if let Some(admin) = admin {
        tokio::spawn(admin::serve(admin, Arc::clone(&shared.vitals)));
    }
    if let SharedBackend::Cloud { hub, pool, upstream } = &shared.backend {
        tokio::spawn(Arc::clone(hub).run(Arc::clone(upstream)));
        tokio::spawn(tend(Arc::clone(pool)));
    }
    tokio::spawn(house_keeping(Arc::clone(&shared), port));
    let hangup = signal(SignalKind::hangup()).map_err(system("signals"))?;
    tokio::spawn(reload::on_hangup(hangup, Arc::clone(&shared), reload));
    systemd::notify("READY=1\nSTATUS=serving");

    let cause = tokio::select! {
        name = either(&mut terminate, &mut interrupt) => name,
        () = shared.vitals.quit_asked() => "/quitquitquit",
    };
    tracing::info!(cause, "stopping: no new clients, commands in flight may end");
    systemd::notify("STOPPING=1\nSTATUS=waiting for commands in flight");
    tokio::select! {
        () = drain(&shared, &workers) => {}
        name = either(&mut terminate, &mut interrupt) => {
            tracing::warn!(signal = name, "stopping at once");
        }
    }
    workers.stop();
    tokio::select! {
        () = tellers.finish() => {}
        name = either(&mut terminate, &mut interrupt) => {
            tracing::warn!(signal = name, "stopping at once");
        }
    }
    listener::remove_socket(own_path.as_deref());
    tracing::info!("stopped");
    Ok(())
}

async fn bind_admin(
    config: &Config,
    handed: &mut Handed,
) -> Result<Option<TcpListener>, ServerError> {
    let Some(address) = config.admin.address else { return Ok(None) };
    let bound = match handed.tcp(address) {
        Some(listener) => TcpListener::from_std(listener),
        None => TcpListener::bind(address).await,
    };
    bound
        .map(Some)
        .map_err(|error| ServerError::Listen { address: format!("admin {address}"), error })
}

/// What clients may do; each of its rules is counted from the start.
fn build_users(config: &Config, metrics: &Metrics) -> Users {
    let users = Users::new(config, std::time::Instant::now());
    metrics.events().refusals.declare(users.labels());
    users
}

fn build_backend(
    config: &Config,
    own: Vec<SocketAddr>,
    events: Arc<Events>,
) -> Result<SharedBackend, ServerError> {
    if config.upstream.target == config::Target::Memory {
        let engine = Arc::new(Engine::new(config.memory.maxmemory));
        return Ok(SharedBackend::Memory { engine, hub: Arc::new(Hub::local(events)) });
    }
    let upstream = Arc::new(Upstream::new(config, own)?.counted_by(Arc::clone(&events)));
    let pool = Arc::new(Pool::new(Arc::clone(&upstream), config.upstream.pool.clone())?);
    let hub = Arc::new(Hub::new(events));
    Ok(SharedBackend::Cloud { upstream, pool, hub })
}

/// Keys that `memory://` forgets in one tick at most: clients wait meanwhile.
const EXPIRED: usize = 1000;

fn announce(shared: &Shared, workers: &Workers, admin: Option<&TcpListener>) {
    let config = &shared.config;
    for address in workers.addresses() {
        tracing::info!(address, workers = config.workers, "listening");
    }
    if let Some(address) = admin.and_then(|admin| admin.local_addr().ok()) {
        tracing::info!(address = %address, "admin listening");
    }
    match &shared.backend {
        SharedBackend::Memory { .. } => tracing::info!(
            "upstream is memory://: data lives in this process and is gone when it ends; \
             set REDIS_URL for a real Redis"
        ),
        SharedBackend::Cloud { .. } => {
            tracing::info!(upstream = config.upstream.shown_url(), "connecting to the upstream");
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Keeps the pool as its bounds want it.
async fn tend(pool: Arc<Pool>) {
    let mut ticks = interval(pool.tend_interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        pool.tend().await;
    }
}

async fn house_keeping(shared: Arc<Shared>, port: u16) {
    let mut ticks = interval(TICK);
    for tick in 0_u64.. {
        ticks.tick().await;
        let idle_timeout = shared.live().listen.idle_timeout;
        if let Some(limit) = idle_timeout.filter(|_| tick.is_multiple_of(IDLE_TICKS)) {
            shared.clients.close_idle(limit);
        }
        let patience = shared.live().limits.before_auth.timeout;
        if let Some(limit) = patience.filter(|_| tick.is_multiple_of(IDLE_TICKS)) {
            let count = shared.clients.close_unknown(limit);
            if count > 0 {
                let timeouts = &shared.vitals.metrics.events().timeouts;
                (0..count).for_each(|_| timeouts.count("auth"));
                tracing::info!(count, "closed clients that did not AUTH within {limit:?}");
            }
        }
        if let SharedBackend::Cloud { upstream, .. } = &shared.backend {
            upstream.health.stand_in.tend();
        }
        if let SharedBackend::Memory { engine, hub } = &shared.backend {
            engine.expire_some(wall_clock(), EXPIRED);
            engine.note(Facts {
                tcp_port: port,
                connected_clients: shared.clients.count(),
                max_clients: shared.live().listen.max_clients,
                topics: hub.census().0,
            });
        }
    }
}

/// Lets what is on its way end, up to `drain_timeout`.
async fn drain(shared: &Shared, workers: &Workers) {
    shared.vitals.drains();
    workers.stop_accepting();
    let deadline = Instant::now() + shared.live().drain_timeout;
    loop {
        // Again and again: a client may have come just before.
        shared.clients.drain();
        let count = shared.clients.count();
        if count == 0 {
            return;
        }
        if Instant::now() >= deadline {
            tracing::warn!(
                clients = count,
                "drain_timeout is over: closing clients that still wait"
            );
            return;
        }
        sleep(DRAIN_TICK).await;
    }
}

//! The workers: threads with a single-threaded runtime each, its own lanes and its own clients.
//!
//! The first worker accepts, for all of them (`spread`: who comes where). Nothing on the way of a
//! command is shared between workers.

use super::listener::Listeners;
use super::places::{Seat, has_place, tell_refused, turn_away};
use super::spread::{Newcomer, Place, Spread};
use super::stream::Stream;
use super::{Shared, SharedBackend};
use crate::routing::shared::Lanes;
use crate::session;
use crate::session::clients::Entry;
use crate::session::context::{Backend, Cloud, Context, Embedded};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// After an accept that failed (too many descriptors), the pause before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Of those that come beyond `max_clients`, so many at a time are told so within TLS; others are just closed.
const TOLD: usize = 64;

/// TLS with an app must be established within this time.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// The threads, and the way to end them.
pub(super) struct Workers {
    threads: Vec<JoinHandle<()>>,
    stage: watch::Sender<Stage>,
    addresses: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Accepting,
    Draining,
    Stopped,
}

impl Workers {
    pub(super) fn start(
        shared: &Arc<Shared>,
        listeners: Listeners,
        acceptor: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let mut addresses = Vec::new();
        addresses.extend(listeners.tcp_address().map(|address| address.to_string()));
        let path = shared.config.listen.unix_socket.as_ref().map(|path| path.display());
        addresses.extend(path.as_ref().map(ToString::to_string));
        let is_one = |address: &SocketAddr| !address.ip().is_unspecified();
        let tcp = listeners.tcp_address().filter(is_one).map(|one| one.to_string().into());
        let unix: Arc<str> = path.map_or_else(String::new, |path| format!("{path}:0")).into();

        let stage = watch::Sender::new(Stage::Accepting);
        let (places, doors): (Vec<_>, Vec<_>) =
            (0..shared.config.workers).map(|_| Place::new()).unzip();
        let mut entrance = Some((listeners, Spread::over(places)));
        let mut threads = Vec::new();
        for (index, newcomers) in doors.into_iter().enumerate() {
            let worker = Worker {
                shared: Arc::clone(shared),
                acceptor: acceptor.clone(),
                tcp: tcp.clone(),
                unix: Arc::clone(&unix),
                stage: stage.subscribe(),
            };
            let entrance = entrance.take();
            let run = move || worker.run(newcomers, entrance);
            threads.push(std::thread::Builder::new().name(format!("worker-{index}")).spawn(run)?);
        }
        Ok(Self { threads, stage, addresses })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }

    /// New connections are refused from now on.
    pub(super) fn stop_accepting(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// Ends all threads, whatever is under way.
    pub(super) fn stop(self) {
        self.stage.send_replace(Stage::Stopped);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread had panicked");
            }
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    acceptor: Option<TlsAcceptor>,
    /// Where apps connect: by TCP, if that is one address, and by the Unix socket.
    tcp: Option<Arc<str>>,
    unix: Arc<str>,
    stage: watch::Receiver<Stage>,
}

impl Worker {
    fn run(
        self,
        mut newcomers: mpsc::UnboundedReceiver<Newcomer>,
        entrance: Option<(Listeners, Spread)>,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!("a worker has no runtime: {error}"),
        };
        runtime.block_on(async move {
            let mut stage = self.stage.clone();
            let this = Rc::new(self);
            let context = Rc::new(this.context());
            tokio::task::spawn_local(count_seconds(Rc::clone(&context)));
            if let Some((listeners, spread)) = entrance
                && let Err(error) = Rc::clone(&this).accept(listeners, &context, spread)
            {
                tracing::error!("cannot accept clients: {error}");
            }
            loop {
                tokio::select! {
                    Some(newcomer) = newcomers.recv() => this.welcome(newcomer, &context),
                    _ = stage.wait_for(|stage| *stage == Stage::Stopped) => break,
                }
            }
        });
    }

    fn context(&self) -> Context {
        let shared = &self.shared;
        let (shard, lanes) = (shared.vitals.shard(), shared.config.upstream.lanes);
        let backend = match &shared.backend {
            SharedBackend::Memory { engine, hub } => {
                Backend::Memory(Embedded { engine: Arc::clone(engine), hub: Arc::clone(hub) })
            }
            SharedBackend::Cloud { upstream, pool, hub } => Backend::Cloud(Cloud {
                lanes: Lanes::new(Arc::clone(upstream), lanes, Arc::clone(&shard)),
                pool: Arc::clone(pool),
                hub: Arc::clone(hub),
                upstream: Arc::clone(upstream),
            }),
        };
        let clients = Arc::clone(&shared.clients);
        let vitals = Arc::clone(&shared.vitals);
        let in_flight = shared.config.listen.max_in_flight;
        Context::new(backend, clients, in_flight, shard, vitals)
    }

    /// Accepts on this worker's runtime, for all workers.
    fn accept(
        self: Rc<Self>,
        listeners: Listeners,
        context: &Rc<Context>,
        spread: Spread,
    ) -> io::Result<()> {
        let spread = Rc::new(spread);
        if let Some(tcp) = listeners.tcp {
            let tcp = TcpListener::from_std(tcp)?;
            let (this, context, spread) =
                (Rc::clone(&self), Rc::clone(context), Rc::clone(&spread));
            tokio::task::spawn_local(this.accept_tcp(tcp, context, spread));
        }
        if let Some(unix) = listeners.unix {
            let unix = UnixListener::from_std(unix)?;
            tokio::task::spawn_local(self.accept_unix(unix, Rc::clone(context), spread));
        }
        Ok(())
    }

    async fn accept_tcp(
        self: Rc<Self>,
        tcp: TcpListener,
        context: Rc<Context>,
        spread: Rc<Spread>,
    ) {
        let mut stage = self.stage.clone();
        loop {
            let accepted = tokio::select! {
                accepted = tcp.accept() => accepted,
                _ = stage.wait_for(|stage| *stage > Stage::Accepting) => return,
            };
            match accepted {
                Ok((stream, peer)) => match spread.pick() {
                    (0, seat) => self.serve_tcp(stream, peer, seat, &context),
                    (place, seat) => {
                        let stream = stream.into_std();
                        spread.hand_over(place, stream.map(|it| Newcomer::Tcp(it, peer, seat)));
                    }
                },
                Err(error) => pause_accepting(&error).await,
            }
        }
    }

    async fn accept_unix(
        self: Rc<Self>,
        unix: UnixListener,
        context: Rc<Context>,
        spread: Rc<Spread>,
    ) {
        let mut stage = self.stage.clone();
        loop {
            let accepted = tokio::select! {
                accepted = unix.accept() => accepted,
                _ = stage.wait_for(|stage| *stage > Stage::Accepting) => return,
            };
            match accepted {
                Ok((stream, _)) => match spread.pick() {
                    (0, seat) => self.serve_unix(stream, seat, &context),
                    (place, seat) => {
                        let stream = stream.into_std();
                        spread.hand_over(place, stream.map(|it| Newcomer::Unix(it, seat)));
                    }
                },
                Err(error) => pause_accepting(&error).await,
            }
        }
    }

    fn welcome(&self, newcomer: Newcomer, context: &Rc<Context>) {
        let served = match newcomer {
            Newcomer::Tcp(stream, peer, seat) => TcpStream::from_std(stream)
                .map(|stream| self.serve_tcp(stream, peer, seat, context)),
            Newcomer::Unix(stream, seat) => {
                UnixStream::from_std(stream).map(|stream| self.serve_unix(stream, seat, context))
            }
        };
        if let Err(error) = served {
            tracing::warn!("a client was lost on its way to its worker: {error}");
        }
    }

    fn serve_tcp(&self, stream: TcpStream, peer: SocketAddr, seat: Seat, context: &Rc<Context>) {
        let max = self.shared.live().listen.max_clients;
        if self.acceptor.is_some() && context.clients.count() >= max + TOLD {
            // A handshake costs a descriptor for as long as the client likes.
            return tell_refused(context, max);
        }
        let local = match &self.tcp {
            Some(address) => Arc::clone(address),
            None => {
                let local = stream.local_addr();
                local.map_or_else(|_| "?:0".into(), |address| address.to_string().into())
            }
        };
        let entry = context.clients.join(peer.to_string(), local, None);
        let Some(acceptor) = self.acceptor.clone() else {
            return self.serve(Stream::Tcp(stream), entry, seat, context);
        };
        let place = has_place(context, max);
        let context = Rc::clone(context);
        tokio::task::spawn_local(async move {
            match tokio::time::timeout(TLS_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    context.shard.events.clients.inc();
                    let stream = Stream::Tls(Box::new(stream));
                    match place {
                        Ok(()) => session::serve(stream, context, entry, seat).await,
                        Err(max) => turn_away(stream, context, entry, max).await,
                    }
                }
                Ok(Err(error)) => {
                    if let Some(more) = context.noticed.tls.admits(context.seconds.get()) {
                        let client = entry.address();
                        tracing::info!(client, more, "TLS with a client failed: {error}");
                    }
                    context.shard.events.refusals.count("tls");
                    context.clients.leave(&entry);
                }
                Err(_) => {
                    context.shard.events.timeouts.count("client_tls");
                    context.clients.leave(&entry);
                }
            }
        });
    }

    fn serve_unix(&self, stream: UnixStream, seat: Seat, context: &Rc<Context>) {
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        let entry = context.clients.join(self.unix.to_string(), Arc::clone(&self.unix), uid);
        self.serve(Stream::Unix(stream), entry, seat, context);
    }

    fn serve(&self, stream: Stream, entry: Arc<Entry>, seat: Seat, context: &Rc<Context>) {
        let place = has_place(context, self.shared.live().listen.max_clients);
        let context = Rc::clone(context);
        context.shard.events.clients.inc();
        // Each in a task of its own size: that of a session is what an idle client costs.
        match place {
            Ok(()) => tokio::task::spawn_local(session::serve(stream, context, entry, seat)),
            Err(max) => tokio::task::spawn_local(async move {
                let _seat = seat;
                turn_away(stream, context, entry, max).await;
            }),
        };
    }
}

async fn pause_accepting(error: &io::Error) {
    tracing::warn!("accepting a client failed: {error}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// A clock good enough for idle times, so that no command needs to ask the system's.
async fn count_seconds(context: Rc<Context>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        context.seconds.set(context.clients.seconds());
        context.sampler.tick();
    }
}

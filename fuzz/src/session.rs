//! Two clients of `memory://` that send anything: their sessions end when they go, and all that they are told is
//! replies. Time is virtual, so that what waits costs nothing.

use super::pieces::Pieces;
use redis_sidecar::config::{Config, Namespace, Secret, Sources, User};
use redis_sidecar::memory::Engine;
use redis_sidecar::policy::users::Users;
use redis_sidecar::routing::hub::Hub;
use redis_sidecar::session::clients::Clients;
use redis_sidecar::session::context::{Backend, Context, Embedded};
use redis_sidecar::session::vitals::{Parts, Vitals};
use redis_sidecar::telemetry::metrics::Metrics;
use redis_sidecar::telemetry::spans::Spans;
use redis_sidecar::wire::scan::{Progress, Scanner};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What keys and values may take: little, so that no reply is large.
const MAXMEMORY: usize = 1 << 20;

/// No client waits longer, were it not for a bug.
const LONGEST: Duration = Duration::from_secs(3600);

/// Runs the target: settings, how much the first client sends, and in steps of how many bytes; then what both send.
pub fn run(data: &[u8]) {
    let mut pieces = Pieces(data);
    let settings = pieces.byte();
    let step = usize::from(pieces.byte()).max(1);
    let count = pieces.number() % (pieces.0.len() + 1);
    let (first, second) = (pieces.take(count), pieces.0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let context = context(settings);
        tokio::join!(converse(&context, first, step), converse(&context, second, usize::MAX));
        assert_eq!(context.clients.count(), 0, "a client has left a trace");
    });
}

/// With a password, a namespace, and a second user, as the bits of `settings` say.
fn context(settings: u8) -> Rc<Context> {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    let config = CONFIG.get_or_init(|| Config::load(&Sources::default()).expect("the defaults"));
    let mut config = config.clone();
    config.listen.password = (settings & 1 == 1).then(|| Secret::new("secret"));
    config.namespace.prefix = (settings & 2 == 2).then(|| "zq:".to_owned());
    if settings & 4 == 4 {
        config.listen.users.push(User {
            name: "u".to_owned(),
            password: Some(Secret::new("pw")),
            password_file: None,
            uid: None,
            namespace: Namespace { prefix: Some("zr:".to_owned()), ..config.namespace.clone() },
            commands: config.commands.clone(),
        });
    }
    let clients = Arc::new(Clients::new(Users::new(&config, Instant::now())));
    let metrics = Metrics::default();
    let engine = Arc::new(Engine::new(MAXMEMORY));
    let hub = Arc::new(Hub::local(Arc::clone(metrics.events())));
    let parts = Parts::Memory(Arc::clone(&engine));
    let vitals = Arc::new(Vitals::new(
        config.clone(),
        Arc::clone(&clients),
        parts,
        metrics,
        Spans::default(),
    ));
    let backend = Backend::Memory(Embedded { engine, hub });
    let most = config.listen.max_in_flight;
    Rc::new(Context::new(backend, clients, most, vitals.shard(), vitals))
}

/// One client: sends all of `bytes`, says that it has no more, and reads to the end.
pub(super) async fn converse(context: &Rc<Context>, bytes: &[u8], step: usize) {
    let (client, server) = tokio::io::duplex(16 * 1024);
    let entry = context.clients.join("127.0.0.1:1".to_owned(), "127.0.0.1:2".into(), None);
    let session = redis_sidecar::session::serve(server, Rc::clone(context), entry, ());
    let session = tokio::task::spawn_local(session);
    let (mut from, to) = tokio::io::split(client);
    let passes_all = passes_anything(bytes);
    let heard = async {
        tokio::join!(send(to, bytes, step), hear(&mut from, passes_all));
        session.await.expect("a session does not panic");
    };
    tokio::time::timeout(LONGEST, heard).await.expect("the session ends when its client goes");
}

/// Whether the client may get what is no reply: MONITOR's and a replica's stream are passed on as they are.
fn passes_anything(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    ["monitor", "sync", "replconf"].iter().any(|word| text.contains(word))
}

async fn send(mut to: tokio::io::WriteHalf<DuplexStream>, bytes: &[u8], step: usize) {
    for piece in bytes.chunks(step.min(bytes.len().max(1))) {
        if to.write_all(piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    // It may be closed already.
    let _ = to.shutdown().await;
}

/// Reads to the end; all of it must be replies, the last of which may be cut off.
async fn hear(from: &mut (impl AsyncRead + Unpin), passes_all: bool) {
    let mut scanner = Scanner::new();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut rest = &buffer[..count];
        while !rest.is_empty() && !passes_all {
            match scanner.feed(rest).expect("what a client gets is replies") {
                Progress::Complete { used } => rest = &rest[used..],
                Progress::Partial => break,
            }
        }
    }
}

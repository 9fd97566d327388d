//! A client that sends anything before an upstream that greets like a Redis and then says anything: the session
//! ends when its client goes, and what the client is told is replies. Time is real, since sockets are.

use super::pieces::Pieces;
use super::session::converse;
use redis_sidecar::config::{Config, Sources, Target};
use redis_sidecar::policy::users::Users;
use redis_sidecar::routing::hub::Hub;
use redis_sidecar::routing::shared::Lanes;
use redis_sidecar::session::clients::Clients;
use redis_sidecar::session::context::{Backend, Cloud, Context};
use redis_sidecar::session::vitals::{Parts, Vitals};
use redis_sidecar::telemetry::metrics::Metrics;
use redis_sidecar::telemetry::spans::Spans;
use redis_sidecar::upstream::Upstream;
use redis_sidecar::upstream::pool::Pool;
use redis_sidecar::wire::decode::{Decoded, Decoder, Limits};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// What keys begin with, where there is a namespace.
const PREFIX: &str = "zq:";

/// Runs the target: whether there is a namespace, in steps of how many bytes the client sends, and how many; what it
/// sends; then what the upstream says.
pub fn run(data: &[u8]) {
    let mut pieces = Pieces(data);
    let has_namespace = pieces.byte() & 1 == 1;
    let step = usize::from(pieces.byte()).max(1);
    let count = pieces.number() % (pieces.0.len() + 1);
    let (said, answers) = (pieces.take(count), pieces.0.to_vec());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("redis");
        let listener = UnixListener::bind(&path).expect("a socket");
        tokio::task::spawn_local(answer_all(listener, answers));
        let context = context(&path, has_namespace);
        converse(&context, said, step).await;
        assert_eq!(context.clients.count(), 0, "a client has left a trace");
    });
}

/// As the defaults are, but with little patience.
fn config(path: &Path) -> Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    let defaults = || Config::load(&Sources::default()).expect("the defaults");
    let mut config = CONFIG.get_or_init(defaults).clone();
    let ms = Duration::from_millis;
    config.upstream.target = Target::Unix(path.to_owned());
    config.upstream.command_timeout = ms(30);
    config.upstream.probe_timeout = ms(40);
    config.upstream.connect_timeout = ms(30);
    config.upstream.pool.acquire_timeout = ms(30);
    (config.retry.initial_delay, config.retry.max_delay) = (ms(1), ms(2));
    (config.breaker.grace, config.breaker.cooldown) = (ms(15), ms(5));
    config
}

fn context(path: &Path, has_namespace: bool) -> Rc<Context> {
    let mut config = config(path);
    config.namespace.prefix = has_namespace.then(|| PREFIX.to_owned());
    let metrics = Metrics::default();
    let clients = Arc::new(Clients::new(Users::new(&config, Instant::now())));
    let upstream = Arc::new(Upstream::new(&config, Vec::new()).expect("it needs no TLS"));
    let pool = Pool::new(Arc::clone(&upstream), config.upstream.pool.clone()).expect("a pool");
    let (pool, hub) = (Arc::new(pool), Arc::new(Hub::new(Arc::clone(metrics.events()))));
    tokio::task::spawn_local(Arc::clone(&hub).run(Arc::clone(&upstream)));
    let parts = Parts::Cloud {
        upstream: Arc::clone(&upstream),
        pool: Arc::clone(&pool),
        hub: Arc::clone(&hub),
    };
    let most = config.listen.max_in_flight;
    let vitals =
        Arc::new(Vitals::new(config, Arc::clone(&clients), parts, metrics, Spans::default()));
    let lanes = Lanes::new(Arc::clone(&upstream), 1, vitals.shard());
    let backend = Backend::Cloud(Cloud { lanes, pool, hub, upstream });
    Rc::new(Context::new(backend, clients, most, vitals.shard(), vitals))
}

async fn answer_all(listener: UnixListener, answers: Vec<u8>) {
    // The connections share them, in the order in which they come to need one.
    let answers = Rc::new(RefCell::new(answers.into_iter()));
    while let Ok((socket, _)) = listener.accept().await {
        tokio::task::spawn_local(answer(socket, Rc::clone(&answers)));
    }
}

/// A greeting as Redis 7 has it, up to its PING; then what was fuzzed.
async fn answer(mut socket: UnixStream, answers: Rc<RefCell<std::vec::IntoIter<u8>>>) {
    let (mut input, mut decoder, mut is_greeted) = (Vec::new(), Decoder::new(), false);
    loop {
        let mut reply = Vec::new();
        let (consumed, is_ping) = match decoder.decode(&input, &Limits::DEFAULT) {
            Ok(Decoded::Request(request)) => {
                if !is_greeted {
                    greet(request.name(), request.arg(1), &mut reply);
                }
                (request.bytes().len(), request.name() == b"PING")
            }
            Ok(Decoded::Incomplete) => match socket.read_buf(&mut input).await {
                Ok(1..) => continue,
                _ => return,
            },
            _ => return,
        };
        input.drain(..consumed);
        if is_greeted && !chosen(&mut answers.borrow_mut(), &mut reply) {
            return;
        }
        is_greeted |= is_ping;
        if socket.write_all(&reply).await.is_err() {
            return;
        }
    }
}

fn greet(name: &[u8], version: Option<&[u8]>, out: &mut Vec<u8>) {
    let kind = if version == Some(b"3") { "%4" } else { "*8" };
    match name {
        b"HELLO" => out.extend_from_slice(
            format!(
                "{kind}\r\n+server\r\n+redis\r\n+version\r\n+7.0.15\r\n+id\r\n:7\r\n+role\r\n+master\r\n"
            )
            .as_bytes(),
        ),
        b"PING" => out.extend_from_slice(b"+PONG\r\n"),
        _ => out.extend_from_slice(b"+OK\r\n"),
    }
}

/// The next answer: so many bytes, nothing, or a plain one. `false` where the connection is to be closed.
fn chosen(answers: &mut std::vec::IntoIter<u8>, reply: &mut Vec<u8>) -> bool {
    match answers.next() {
        None | Some(255) => return false,
        Some(254) => reply.extend_from_slice(b"+OK\r\n"),
        Some(253) => reply.extend_from_slice(b"$-1\r\n"),
        Some(count) => reply.extend(answers.by_ref().take(usize::from(count))),
    }
    true
}

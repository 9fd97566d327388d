//! What a lane costs: commands added to its queue of slots, written as a batch, and their replies handed out. The
//! upstream is a thread behind a Unix socket that answers at once, without TLS; its system calls are part of it.

#![allow(clippy::expect_used, reason = "a bench that can not be set up has nothing to say")]

use divan::Bencher;
use divan::counter::ItemsCount;
use redis_sidecar::command::find;
use redis_sidecar::config::{Config, Sources};
use redis_sidecar::telemetry::metrics::Metrics;
use redis_sidecar::telemetry::notes::Notes;
use redis_sidecar::upstream::Upstream;
use redis_sidecar::upstream::lane::{Lane, Order};
use redis_sidecar::upstream::replies::Replies;
use redis_sidecar::upstream::spare::Spare;
use redis_sidecar::wire::Protocol;
use redis_sidecar::wire::decode::{Decoded, Decoder, Limits, Request};
use redis_sidecar::wire::encode;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

const REPLY: &[u8] = b"$64\r\nvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\r\n";

fn main() {
    divan::main();
}

/// Answers GET with 64 bytes, and what greets with as little as a server from before HELLO.
fn answer(mut socket: UnixStream) {
    let (mut input, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(count @ 1..) = socket.read(&mut piece) {
        input.extend_from_slice(&piece[..count]);
        let (mut at, mut out, mut decoder) = (0, Vec::new(), Decoder::new());
        while let Ok(Decoded::Request(request)) = decoder.decode(&input[at..], &Limits::DEFAULT) {
            out.extend_from_slice(match request.name() {
                b"GET" => REPLY,
                b"HELLO" => b"-ERR unknown command\r\n",
                _ => b"+OK\r\n",
            });
            at += request.bytes().len();
        }
        input.drain(..at);
        if socket.write_all(&out).is_err() {
            return;
        }
    }
}

struct Bench {
    runtime: LocalRuntime,
    lane: Lane,
    replies: Rc<Replies>,
    frame: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let path = folder.path().join("upstream");
        let listener = UnixListener::bind(&path).expect("a socket for the upstream");
        thread::spawn(move || listener.incoming().flatten().for_each(answer));
        let url = format!("unix://{}", path.display());
        let env = [("REDIS_URL", url.as_str())].into_iter().collect();
        let config = Config::load(&Sources { env, ..Sources::default() }).expect("a configuration");
        let upstream = Arc::new(Upstream::new(&config, Vec::new()).expect("an upstream"));
        let shard = Metrics::default().shard(Arc::new(Notes::new(None)));
        let options = LocalOptions::default();
        let runtime = Builder::new_current_thread().enable_all().build_local(options);
        let runtime = runtime.expect("a runtime");
        let lane = {
            let _entered = runtime.enter();
            runtime.block_on(async { Lane::shared(upstream, Protocol::Resp2, 0, &shard) })
        };
        let mut frame = Vec::new();
        encode::command(&mut frame, &[b"GET", b"key:000000012345"]);
        let bench = Self {
            runtime,
            lane,
            replies: Replies::new(Rc::<Spare>::default()),
            frame,
            _folder: folder,
        };
        bench.round(1);
        bench
    }

    /// So many commands in one go, and their replies awaited.
    fn round(&self, commands: usize) {
        let request = Request::parse(&self.frame).expect("a request");
        let (spec, number) = find(request.name());
        let order = Order { command: number, ..Order::default() };
        self.runtime.block_on(async {
            for _ in 0..commands {
                self.lane.pass(spec, &request, order, &self.replies);
            }
            poll_fn(|cx| {
                if self.replies.owed() == 0 {
                    return Poll::Ready(());
                }
                self.replies.wake(cx.waker());
                Poll::Pending
            })
            .await;
        });
        let _ = self.replies.drain(|bytes| Ok::<_, ()>(bytes.len()));
    }
}

#[divan::bench(args = [1, 16, 64])]
fn commands_and_their_replies(bencher: Bencher<'_, '_>, commands: usize) {
    let bench = Bench::new();
    bencher.counter(ItemsCount::new(commands)).bench_local(|| bench.round(commands));
}

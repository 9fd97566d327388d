//! A TCP proxy that misbehaves on command, between the sidecar and a server. It passes bytes and knows
//! nothing of what they mean: TLS is from end to end. What it cannot deliver it holds, as a network that
//! sends again does; a byte is never lost, doubled or out of place on a link that still stands.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::{Redis, eventually, free_port};

/// How often a thread that waits looks for new orders.
const TICK: Duration = Duration::from_millis(5);

/// What a link holds back of one way before it stops reading.
const HELD: usize = 256 * 1024;

/// The two ways of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the sidecar to the server.
    Up,
    /// From the server to the sidecar.
    Down,
}

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

/// What happens to the bytes of one way.
#[derive(Clone, Default)]
struct Orders {
    delay: Duration,
    is_hole: bool,
    is_trickle: bool,
    /// bytes that still pass, over all links, before the link that carries the last of them ends
    cut: Option<(usize, End)>,
}

/// A running proxy; on drop all its links are reset and its port is closed.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<u16>,
    up: Mutex<Orders>,
    down: Mutex<Orders>,
    links: Mutex<Vec<Weak<Link>>>,
    is_open: AtomicBool,
    is_listening: AtomicBool,
    is_over: AtomicBool,
    accepted: AtomicU64,
    closed_by_client: AtomicU64,
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
}

struct Link {
    client: TcpStream,
    server: TcpStream,
    is_doomed: AtomicBool,
    is_frozen: AtomicBool,
}

impl Proxy {
    /// A proxy before the port that clients of `redis` use.
    pub(crate) fn before(redis: &Redis) -> Self {
        Self::before_port(port_of(&redis.url()))
    }

    /// A proxy before a port of this machine.
    pub(crate) fn before_port(target: u16) -> Self {
        let port = free_port();
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            up: Mutex::default(),
            down: Mutex::default(),
            links: Mutex::default(),
            is_open: AtomicBool::new(true),
            is_listening: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            closed_by_client: AtomicU64::new(0),
            up_bytes: AtomicU64::new(0),
            down_bytes: AtomicU64::new(0),
        });
        let keeper = Arc::clone(&shared);
        thread::spawn(move || keeper.listen(port));
        let proxy = Self { port, shared };
        proxy.accept_again();
        proxy
    }

    /// The URL of `redis` as it is reached through here.
    pub(crate) fn url(&self, redis: &Redis) -> String {
        let url = redis.url();
        url.replace(&format!(":{}/", port_of(&url)), &format!(":{}/", self.port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// New links go to `redis` from now on, as when a name gets another address.
    pub(crate) fn point_at(&self, redis: &Redis) {
        *self.shared.target.lock().unwrap() = port_of(&redis.url());
    }

    /// Every chunk of this way comes so much later.
    pub(crate) fn delay(&self, way: Way, delay: Duration) {
        self.shared.orders(way).lock().unwrap().delay = delay;
    }

    /// One byte at a time.
    pub(crate) fn trickle(&self, way: Way) {
        self.shared.orders(way).lock().unwrap().is_trickle = true;
    }

    /// Links stay, and new ones are taken, but nothing passes this way.
    pub(crate) fn black_hole(&self, way: Way) {
        self.shared.orders(way).lock().unwrap().is_hole = true;
    }

    /// The links there are pass nothing any more, for ever; new ones do.
    pub(crate) fn freeze(&self) {
        for link in self.shared.links.lock().unwrap().iter().filter_map(Weak::upgrade) {
            link.is_frozen.store(true, Ordering::SeqCst);
        }
    }

    /// Ends the link that carries the last of the next `bytes` of this way; once.
    pub(crate) fn cut_after(&self, way: Way, bytes: usize, end: End) {
        self.shared.orders(way).lock().unwrap().cut = Some((bytes, end));
    }

    /// Ends all links there are.
    pub(crate) fn break_all(&self, end: End) {
        for link in self.shared.links.lock().unwrap().drain(..) {
            if let Some(link) = link.upgrade() {
                link.end(end);
            }
        }
    }

    /// Nobody listens any more; the links there are stay.
    pub(crate) fn refuse(&self) {
        self.shared.is_open.store(false, Ordering::SeqCst);
        eventually("the proxy has closed its port", || {
            !self.shared.is_listening.load(Ordering::SeqCst)
        });
    }

    /// Listens again, on the same port.
    pub(crate) fn accept_again(&self) {
        self.shared.is_open.store(true, Ordering::SeqCst);
        eventually("the proxy listens", || self.shared.is_listening.load(Ordering::SeqCst));
    }

    /// All is as at the start; links that were ended stay so.
    pub(crate) fn heal(&self) {
        *self.shared.up.lock().unwrap() = Orders::default();
        *self.shared.down.lock().unwrap() = Orders::default();
        self.accept_again();
    }

    /// Links taken since the start.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Links of which the sidecar has closed its end, as far as a byte after that has been looked for.
    pub(crate) fn closed_by_client(&self) -> u64 {
        self.shared.closed_by_client.load(Ordering::SeqCst)
    }

    /// Bytes that came from one side.
    pub(crate) fn bytes(&self, way: Way) -> u64 {
        self.shared.counter(way).load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.break_all(End::Reset);
    }
}

impl Shared {
    fn orders(&self, way: Way) -> &Mutex<Orders> {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn counter(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::Up => &self.up_bytes,
            Way::Down => &self.down_bytes,
        }
    }

    /// Opens and closes the port as ordered, until the proxy is dropped.
    fn listen(self: Arc<Self>, port: u16) {
        while !self.is_over.load(Ordering::SeqCst) {
            if self.is_open.load(Ordering::SeqCst)
                && let Ok(listener) = TcpListener::bind(("127.0.0.1", port))
            {
                listener.set_nonblocking(true).unwrap();
                self.is_listening.store(true, Ordering::SeqCst);
                self.accept(&listener);
                drop(listener);
                self.is_listening.store(false, Ordering::SeqCst);
            }
            thread::sleep(TICK);
        }
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while self.is_open.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((client, _)) => self.join(client),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Makes a link; a server that is away is a link that is closed at once.
    fn join(self: &Arc<Self>, client: TcpStream) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        client.set_nonblocking(false).unwrap();
        let target = *self.target.lock().unwrap();
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            return;
        };
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
            socket.set_write_timeout(Some(TICK)).unwrap();
            socket.set_read_timeout(Some(TICK * 4)).unwrap();
        }
        let link = Arc::new(Link {
            client,
            server,
            is_doomed: AtomicBool::default(),
            is_frozen: AtomicBool::default(),
        });
        let links = &mut *self.links.lock().unwrap();
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&link));
        for way in [Way::Up, Way::Down] {
            let (shared, link) = (Arc::clone(self), Arc::clone(&link));
            thread::spawn(move || shared.pump(&link, way));
        }
    }

    fn is_hole(&self, link: &Link, way: Way) -> bool {
        link.is_frozen.load(Ordering::SeqCst) || self.orders(way).lock().unwrap().is_hole
    }

    /// Carries one way of a link until it ends.
    fn pump(&self, link: &Link, way: Way) {
        let (from, to) = link.ends(way);
        let mut held = Vec::new();
        let mut is_at_end = false;
        loop {
            if !is_at_end && (held.is_empty() || self.is_hole(link, way)) && held.len() < HELD {
                match read_some(from, &mut held) {
                    Some(0) => {
                        is_at_end = true;
                        let is_ours = link.is_doomed.load(Ordering::SeqCst);
                        let closed = u64::from(way == Way::Up && !is_ours);
                        self.closed_by_client.fetch_add(closed, Ordering::SeqCst);
                    }
                    Some(count) => {
                        self.counter(way).fetch_add(count as u64, Ordering::SeqCst);
                    }
                    None => {}
                }
            }
            if link.is_doomed.load(Ordering::SeqCst) {
                return;
            }
            if self.is_hole(link, way) {
                thread::sleep(TICK);
                continue;
            }
            if !held.is_empty() && !self.pass(link, to, way, &mut held) {
                return;
            }
            if is_at_end && held.is_empty() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }

    /// Writes what is held, as ordered. False when the link has ended.
    fn pass(&self, link: &Link, to: &TcpStream, way: Way, held: &mut Vec<u8>) -> bool {
        let orders = self.orders(way).lock().unwrap().clone();
        if !orders.delay.is_zero() {
            thread::sleep(orders.delay);
        }
        let mut count = held.len();
        if orders.is_trickle {
            thread::sleep(Duration::from_micros(50));
            count = 1;
        }
        let mut end = None;
        if let Some((left, how)) = &mut self.orders(way).lock().unwrap().cut {
            count = count.min(*left);
            *left -= count;
            end = (*left == 0).then_some(*how);
        }
        if !link.write(to, &held[..count]) {
            return false;
        }
        held.drain(..count);
        if let Some(how) = end {
            self.orders(way).lock().unwrap().cut = None;
            link.end(how);
        }
        end.is_none()
    }
}

impl Link {
    /// Where the bytes of a way come from, and where they go.
    fn ends(&self, way: Way) -> (&TcpStream, &TcpStream) {
        match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        }
    }

    /// Ends both sides. A reset is sent when the threads have let go of the sockets.
    fn end(&self, how: End) {
        let shutdown = match how {
            End::Fin => Shutdown::Both,
            // Only wakes the threads: a shutdown for writing would say FIN first.
            End::Reset => Shutdown::Read,
        };
        self.is_doomed.store(true, Ordering::SeqCst);
        for socket in [&self.client, &self.server] {
            if how == End::Reset {
                let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            }
            let _ = socket.shutdown(shutdown);
        }
    }

    /// False when the other side takes no more.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => {
                    self.end(End::Reset);
                    return false;
                }
            }
            if self.is_doomed.load(Ordering::SeqCst) {
                return false;
            }
        }
        true
    }
}

/// Reads once: how many bytes came, `Some(0)` at the end, `None` when there are none now.
fn read_some(mut from: &TcpStream, held: &mut Vec<u8>) -> Option<usize> {
    let mut chunk = [0; 64 * 1024];
    match from.read(&mut chunk) {
        Ok(count) => {
            held.extend_from_slice(&chunk[..count]);
            Some(count)
        }
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(e) if e.kind() == ErrorKind::Interrupted => None,
        Err(_) => Some(0),
    }
}

fn port_of(url: &str) -> u16 {
    let rest = url.rsplit_once(':').unwrap().1;
    rest.split('/').next().unwrap().parse().unwrap()
}

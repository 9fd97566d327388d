//! An upstream in plain TCP that answers what a test tells it to answer, and keeps a list of what came.
//! Greetings are answered as Redis 7 answers them; every other command is asked of the test's script
//! first, and answered like that of a healthy, empty server where the script has no answer.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::value::reply_length;
use super::{Value, listen_on_free_port};

/// What the upstream does with a command.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes.
    Raw(Vec<u8>),
    /// Nothing, and nothing to what comes after it on this connection: a server that hangs.
    Silence,
    /// These bytes, then the connection closes.
    Part(Vec<u8>),
    /// The connection is reset.
    Reset,
}

impl Answer {
    pub(crate) fn error(text: &str) -> Self {
        Self::Raw(format!("-{text}\r\n").into_bytes())
    }

    pub(crate) fn bulk(text: &str) -> Self {
        Self::Raw(bulk(text))
    }
}

/// A command that came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// counted from 1, in the order of their coming
    pub(crate) connection: u64,
    /// the first in capitals
    pub(crate) words: Vec<String>,
    /// how often these same words have come, this time with them
    pub(crate) nth: usize,
    pub(crate) at: Instant,
}

impl Call {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.words[0] == name
    }

    /// The command as one line.
    pub(crate) fn line(&self) -> String {
        self.words.join(" ")
    }
}

type Script = Box<dyn FnMut(&Call) -> Option<Answer> + Send>;

/// A running upstream; on drop its connections and its port are closed.
pub(crate) struct Scripted {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
    counts: Mutex<HashMap<String, usize>>,
    numbers: Mutex<HashMap<String, i64>>,
    role: Mutex<&'static str>,
    sockets: Mutex<Vec<Arc<TcpStream>>>,
    connections: AtomicU64,
    is_over: AtomicBool,
}

impl Scripted {
    /// Begins with a script.
    pub(crate) fn start(script: impl FnMut(&Call) -> Option<Answer> + Send + 'static) -> Self {
        let listener = listen_on_free_port();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            calls: Mutex::default(),
            counts: Mutex::default(),
            numbers: Mutex::default(),
            role: Mutex::new("master"),
            sockets: Mutex::default(),
            connections: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let keeper = Arc::clone(&shared);
        thread::spawn(move || keeper.listen(&listener));
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Another script from now on.
    pub(crate) fn script(&self, script: impl FnMut(&Call) -> Option<Answer> + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// `master` or `slave`, as HELLO, ROLE and INFO tell from now on.
    pub(crate) fn set_role(&self, role: &'static str) {
        *self.shared.role.lock().unwrap() = role;
    }

    /// Resets all connections there are.
    pub(crate) fn reset_all(&self) {
        for socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = SockRef::from(&*socket).set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        }
    }

    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections that are not closed.
    pub(crate) fn open(&self) -> usize {
        self.shared.sockets.lock().unwrap().len()
    }

    /// All that came but for greetings, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// How often a command of this name came.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.shared.calls.lock().unwrap().iter().filter(|call| call.is(name)).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.reset_all();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn listen(self: Arc<Self>, listener: &TcpListener) {
        for socket in listener.incoming().map_while(Result::ok) {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let connection = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
            socket.set_nodelay(true).unwrap();
            let socket = Arc::new(socket);
            self.sockets.lock().unwrap().push(Arc::clone(&socket));
            let shared = Arc::clone(&self);
            thread::spawn(move || {
                shared.serve(&socket, connection);
                shared.sockets.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &socket));
            });
        }
    }

    fn serve(&self, mut socket: &TcpStream, connection: u64) {
        let mut unread = Vec::new();
        let mut chunk = [0; 64 * 1024];
        let mut protocol = 2;
        let mut is_hung = false;
        loop {
            let mut used = 0;
            while let Some(length) = reply_length(&unread[used..]) {
                let words = words(&unread[used..used + length]);
                used += length;
                let answer = self.greeting(&words, connection, &mut protocol);
                let answer = answer.unwrap_or_else(|| self.answer(words, connection));
                is_hung |= matches!(answer, Answer::Silence);
                if !is_hung && !act(socket, answer) {
                    return;
                }
            }
            unread.drain(..used);
            match socket.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(count) => unread.extend_from_slice(&chunk[..count]),
            }
        }
    }

    /// The answer to a command that belongs to a connection's beginning.
    fn greeting(&self, words: &[String], connection: u64, protocol: &mut u8) -> Option<Answer> {
        match words[0].as_str() {
            "HELLO" => {
                *protocol = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(*protocol);
                Some(Answer::Raw(self.hello(*protocol, connection)))
            }
            "SELECT" if words[1] != "0" => None,
            "AUTH" | "SELECT" | "CLIENT" => Some(Answer::Raw(b"+OK\r\n".to_vec())),
            _ => None,
        }
    }

    fn hello(&self, protocol: u8, connection: u64) -> Vec<u8> {
        let kind = if protocol == 3 { "%7" } else { "*14" };
        let mut bytes = format!("{kind}\r\n").into_bytes();
        let role = *self.role.lock().unwrap();
        for (name, value) in [
            ("server", bulk("redis")),
            ("version", bulk("7.0.15")),
            ("proto", format!(":{protocol}\r\n").into_bytes()),
            ("id", format!(":{connection}\r\n").into_bytes()),
            ("mode", bulk("standalone")),
            ("role", bulk(if role == "slave" { "replica" } else { role })),
            ("modules", b"*0\r\n".to_vec()),
        ] {
            bytes.extend(bulk(name));
            bytes.extend(value);
        }
        bytes
    }

    fn answer(&self, words: Vec<String>, connection: u64) -> Answer {
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(words.join(" ")).or_default();
            *count += 1;
            *count
        };
        let call = Call { connection, words, nth, at: Instant::now() };
        self.calls.lock().unwrap().push(call.clone());
        let scripted = (self.script.lock().unwrap())(&call);
        scripted.unwrap_or_else(|| Answer::Raw(self.healthy(&call.words)))
    }

    fn healthy(&self, words: &[String]) -> Vec<u8> {
        let role = *self.role.lock().unwrap();
        match words[0].as_str() {
            "PING" => words.get(1).map_or(b"+PONG\r\n".to_vec(), |word| bulk(word)),
            "ECHO" => bulk(&words[1]),
            "GET" => b"$-1\r\n".to_vec(),
            "INCR" => {
                let mut numbers = self.numbers.lock().unwrap();
                let number = numbers.entry(words[1].clone()).or_default();
                *number += 1;
                format!(":{number}\r\n").into_bytes()
            }
            "INFO" => bulk(&format!("# Replication\r\nrole:{role}\r\n")),
            "ROLE" => [b"*3\r\n".to_vec(), bulk(role), b":0\r\n*0\r\n".to_vec()].concat(),
            _ => b"+OK\r\n".to_vec(),
        }
    }
}

/// False when the connection is over.
fn act(mut socket: &TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Raw(bytes) => socket.write_all(&bytes).is_ok(),
        Answer::Silence => true,
        Answer::Part(bytes) => {
            let _ = socket.write_all(&bytes);
            let _ = socket.shutdown(Shutdown::Write);
            false
        }
        Answer::Reset => {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            // With zero linger the close that follows is a reset; a shutdown would say FIN.
            let _ = socket.shutdown(Shutdown::Read);
            false
        }
    }
}

fn words(frame: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = match Value::parse(frame) {
        Value::Array(words) => words.iter().map(Value::text).collect(),
        other => panic!("not a command: {other:?}"),
    };
    words[0].make_ascii_uppercase();
    words
}

fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

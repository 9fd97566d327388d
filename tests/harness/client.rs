//! A raw, blocking RESP client that shows each byte the server sent.
//! It hides nothing: pushes are replies like all others, and no read waits for ever.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::value::reply_length;
use super::{DEADLINE, Value};

/// What a recording client was told, each step with the command before it.
pub(crate) type Transcript = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection.
pub(crate) struct Client {
    socket: Socket,
    buffer: Vec<u8>,
    /// where the first byte that no read has taken stands in `buffer`
    start: usize,
    patience: Duration,
    last_sent: String,
    transcript: Option<Transcript>,
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(address: &str) -> Self {
        let socket = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        socket.set_nodelay(true).unwrap();
        Self::over(Socket::Tcp(socket))
    }

    pub(crate) fn connect_unix(path: &Path) -> std::io::Result<Self> {
        UnixStream::connect(path).map(|socket| Self::over(Socket::Unix(socket)))
    }

    fn over(socket: Socket) -> Self {
        Self {
            socket,
            buffer: Vec::new(),
            start: 0,
            patience: DEADLINE,
            last_sent: String::new(),
            transcript: None,
        }
    }

    /// Says `HELLO 3`, and keeps the answer out of the transcript.
    #[track_caller]
    pub(crate) fn resp3(mut self) -> Self {
        let reply = self.unrecorded(&["HELLO", "3"]);
        assert!(matches!(reply, Value::Map(_)), "HELLO 3 said {reply:?}");
        self
    }

    pub(crate) fn recording(mut self, transcript: Transcript) -> Self {
        self.transcript = Some(transcript);
        self
    }

    /// Writes beside the reads: what neither side has room for must not stop both.
    pub(crate) fn writer(&self) -> TcpStream {
        match &self.socket {
            Socket::Tcp(socket) => socket.try_clone().unwrap(),
            Socket::Unix(_) => panic!("only over TCP"),
        }
    }

    pub(crate) fn local_address(&self) -> String {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().unwrap().to_string(),
            Socket::Unix(_) => "unix".to_owned(),
        }
    }

    /// How long a read waits before it fails the test.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sends one command as an array of bulk strings.
    #[track_caller]
    pub(crate) fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send_raw(&encode(args));
    }

    #[track_caller]
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.last_sent = escape(&bytes[..bytes.len().min(300)]);
        self.try_send(bytes).unwrap_or_else(|e| panic!("sending {}: {e}", self.last_sent));
    }

    /// Sends what can be sent to a peer that may close meanwhile.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(socket) => {
                socket.set_write_timeout(Some(self.patience))?;
                socket.write_all(bytes)
            }
            Socket::Unix(socket) => socket.write_all(bytes),
        }
    }

    /// Sends a command and reads one reply.
    #[track_caller]
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send(args);
        self.read()
    }

    /// As [`Client::call`], for replies that may differ from server to server.
    #[track_caller]
    pub(crate) fn unrecorded<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        let transcript = self.transcript.take();
        let reply = self.call(args);
        self.transcript = transcript;
        reply
    }

    /// As [`Client::read`], for replies that may differ from server to server.
    #[track_caller]
    pub(crate) fn read_unrecorded(&mut self) -> Value {
        let transcript = self.transcript.take();
        let reply = self.read();
        self.transcript = transcript;
        reply
    }

    /// A pipeline: all commands in one write, then as many replies.
    #[track_caller]
    pub(crate) fn pipeline(&mut self, commands: &[&[&str]]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
        self.send_raw(&bytes);
        commands.iter().map(|_| self.read()).collect()
    }

    #[track_caller]
    pub(crate) fn read(&mut self) -> Value {
        Value::parse(&self.read_raw_reply())
    }

    /// The next reply; `None` when the peer closed before the whole of it came.
    #[track_caller]
    pub(crate) fn read_or_close(&mut self) -> Option<Value> {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(length) = reply_length(&self.buffer[self.start..]) {
                let reply = Value::parse(&self.buffer[self.start..self.start + length]);
                self.start += length;
                return Some(reply);
            }
            match self.fill(end) {
                Some(0) => return None,
                Some(_) => {}
                None => panic!("no reply in time to {}", self.last_sent),
            }
        }
    }

    /// The bytes of the next reply.
    #[track_caller]
    pub(crate) fn read_raw_reply(&mut self) -> Vec<u8> {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(length) = reply_length(&self.buffer[self.start..]) {
                let reply = self.buffer[self.start..self.start + length].to_vec();
                self.start += length;
                self.record(&reply);
                return reply;
            }
            let more = self.fill(end);
            let unread = escape(&self.buffer[self.start..]);
            let sent = &self.last_sent;
            assert_ne!(more, Some(0), "closed after {sent}; unread: {unread:?}");
            assert!(more.is_some(), "no reply in time to {sent}; unread: {unread:?}");
        }
    }

    /// All that comes until the peer closes, which it must.
    #[track_caller]
    pub(crate) fn read_to_close(&mut self) -> Vec<u8> {
        let end = Instant::now() + self.patience;
        loop {
            match self.fill(end) {
                Some(0) => break,
                Some(_) => {}
                None => panic!(
                    "not closed in time after {}; unread: {}",
                    self.last_sent,
                    escape(&self.buffer[self.start..])
                ),
            }
        }
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        self.start = 0;
        self.record(&rest);
        rest
    }

    /// The peer closes, and says nothing more.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let rest = self.read_to_close();
        assert!(rest.is_empty(), "said before it closed: {}", escape(&rest));
    }

    /// Nothing comes within `time`: only for showing that something does not happen.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, time: Duration) {
        let end = Instant::now() + time;
        if self.start == self.buffer.len() {
            self.fill(end);
        }
        let unread = &self.buffer[self.start..];
        assert!(unread.is_empty(), "came after {}: {}", self.last_sent, escape(unread));
    }

    /// Nothing more is sent from here; replies may still be read.
    pub(crate) fn half_close(&mut self) {
        match &self.socket {
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Write).unwrap(),
            Socket::Unix(socket) => socket.shutdown(Shutdown::Write).unwrap(),
        }
    }

    /// Reads once: how many bytes came, `Some(0)` when the peer closed, `None` at the deadline.
    fn fill(&mut self, end: Instant) -> Option<usize> {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        let mut chunk = [0; 64 * 1024];
        let came = match &mut self.socket {
            Socket::Tcp(socket) => {
                socket.set_read_timeout(Some(left)).unwrap();
                socket.read(&mut chunk)
            }
            Socket::Unix(socket) => {
                socket.set_read_timeout(Some(left)).unwrap();
                socket.read(&mut chunk)
            }
        };
        match came {
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Some(count)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(e) if e.kind() == ErrorKind::Interrupted => self.fill(end),
            Err(_) => Some(0),
        }
    }

    fn record(&self, bytes: &[u8]) {
        if let Some(transcript) = &self.transcript {
            transcript.lock().unwrap().push((self.last_sent.clone(), bytes.to_vec()));
        }
    }
}

/// A command as RESP.
pub(crate) fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Bytes as text that a failed test can print, cut where they are many.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(2_000)].escape_ascii().to_string();
    if bytes.len() > 2_000 { format!("{shown}... ({} bytes)", bytes.len()) } else { shown }
}

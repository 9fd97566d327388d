//! TLS records in and out, without a socket: ciphertext that was read becomes the server's bytes, and bytes for it
//! become ciphertext to send.
//!
//! rustls's buffered connection takes 4 KB at a time into a buffer that it grows, zeroes and frees with every large
//! record. Its unbuffered one, used here, works in ours: a record is decrypted where it was read.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use std::io;

/// Bytes of ciphertext that are read at a time, and thereby the longest message of a handshake, such as the
/// server's chain of certificates. Measured: 100-element replies went from 0.81 to 0.91 of straight TLS with a
/// buffer of this order instead of steps of 4 KB.
const INCOMING: usize = 64 * 1024;

/// What working off the ciphertext came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress<R> {
    /// Bytes of the server's were taken.
    Taken(R),
    /// More must be read first; bytes may be sent.
    Open,
    /// More must be read, and the handshake is not through.
    Shaking,
    /// The server has said that nothing more will come.
    Ended,
}

/// See the module.
pub(super) struct Records {
    session: UnbufferedClientConnection,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Why the session is over: rustls must not be asked again.
    end: Option<rustls::Error>,
}

impl Records {
    pub(super) fn new(session: UnbufferedClientConnection) -> Self {
        Self { session, incoming: Incoming::new(), outgoing: Outgoing::default(), end: None }
    }

    pub(super) fn session(&self) -> &UnbufferedClientConnection {
        &self.session
    }

    /// Where ciphertext is to be read to; what was read before must be worked off.
    ///
    /// # Errors
    /// When a message has no end.
    pub(super) fn room(&mut self) -> io::Result<&mut [u8]> {
        self.incoming.room()
    }

    /// So much was read.
    pub(super) fn filled(&mut self, count: usize) {
        self.incoming.filled(count);
    }

    /// Whether `next` has something to look at.
    pub(super) fn has_next(&self) -> bool {
        self.incoming.stand != Stand::WorkedOff
    }

    /// Works off what was read up to the first bytes of the server's, and gives them to `take`. What TLS has to say
    /// itself meanwhile is to be sent.
    ///
    /// # Errors
    /// `InvalidData` with the `rustls::Error` in it. The session is over then, and what is to be sent says so.
    pub(super) fn next<R>(&mut self, mut take: impl FnMut(&[u8]) -> R) -> io::Result<Progress<R>> {
        self.goes_on()?;
        loop {
            let UnbufferedStatus { mut discard, state, .. } =
                self.session.process_tls_records(self.incoming.unread());
            let state = match state {
                Ok(state) => self.outgoing.say(state)?,
                Err(error) => return Err(self.over(error)),
            };
            let progress = match state {
                None => None,
                Some(ConnectionState::ReadTraffic(mut traffic)) => match traffic.next_record() {
                    Some(record) => {
                        let record = record.map_err(invalid)?;
                        discard += record.discard;
                        Some(Progress::Taken(take(record.payload)))
                    }
                    None => None,
                },
                Some(ConnectionState::WriteTraffic(_)) => Some(Progress::Open),
                Some(ConnectionState::BlockedHandshake) => Some(Progress::Shaking),
                Some(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    Some(Progress::Ended)
                }
                Some(state) => return Err(unexpected(&state)),
            };
            self.incoming.discard(discard);
            if let Some(progress) = progress {
                let is_taken = matches!(progress, Progress::Taken(_));
                self.incoming.stand = if is_taken { Stand::Behind } else { Stand::WorkedOff };
                return Ok(progress);
            }
        }
    }

    /// Encrypts bytes for the server.
    ///
    /// # Errors
    /// When the session can carry no more.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(|traffic, room| traffic.encrypt(bytes, room))
    }

    /// Tells the server that nothing more will come.
    ///
    /// # Errors
    /// When the session is over already.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.write(|traffic, room| traffic.queue_close_notify(room))
    }

    fn write(
        &mut self,
        mut write: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        self.goes_on()?;
        loop {
            // Records that nobody has asked for stay where they are. A message that is not whole must be shown again:
            // rustls knows where in it it was.
            let unread = match self.incoming.stand {
                Stand::Behind => &mut [],
                Stand::Fresh | Stand::WorkedOff => self.incoming.unread(),
            };
            let UnbufferedStatus { discard, state, .. } = self.session.process_tls_records(unread);
            let state = match state {
                Ok(state) => self.outgoing.say(state)?,
                Err(error) => return Err(self.over(error)),
            };
            let is_written = match state {
                None | Some(ConnectionState::PeerClosed) => false,
                Some(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.outgoing.fill(|room| write(&mut traffic, room))?;
                    true
                }
                Some(state) => return Err(unexpected(&state)),
            };
            self.incoming.discard(discard);
            if is_written {
                return Ok(());
            }
        }
    }

    /// Ciphertext to send.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.outgoing.bytes[self.outgoing.sent..self.outgoing.end]
    }

    /// So much of it was sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.outgoing.sent(count);
    }

    fn goes_on(&self) -> io::Result<()> {
        self.end.clone().map_or(Ok(()), |error| Err(invalid(error)))
    }

    /// Ends the session; the server is told why.
    fn over(&mut self, error: rustls::Error) -> io::Error {
        if self.session.wants_write() {
            let status = self.session.process_tls_records(&mut []);
            let _ = status.state.map(|state| self.outgoing.say(state).map(drop));
        }
        self.end = Some(error.clone());
        invalid(error)
    }
}

type State<'c, 'i> = ConnectionState<'c, 'i, ClientConnectionData>;
type Traffic<'c> = WriteTraffic<'c, ClientConnectionData>;

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn unexpected(state: &State<'_, '_>) -> io::Error {
    io::Error::other(format!("TLS is in an unexpected state: {state:?}"))
}

/// Ciphertext that was read.
struct Incoming {
    buffer: Box<[u8]>,
    /// What is not worked off.
    start: usize,
    end: usize,
    stand: Stand,
}

/// What is known of the bytes that are not worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// They were read and not looked at.
    Fresh,
    /// They stand behind a record that was taken, and were not looked at.
    Behind,
    /// They are no whole record or message.
    WorkedOff,
}

impl Incoming {
    fn new() -> Self {
        let buffer = vec![0; INCOMING].into_boxed_slice();
        // The handshake begins with a look at nothing: what we have to say first.
        Self { buffer, start: 0, end: 0, stand: Stand::Fresh }
    }

    fn unread(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    fn discard(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    fn room(&mut self) -> io::Result<&mut [u8]> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            let text = format!("a TLS message of more than {INCOMING} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(&mut self.buffer[self.end..])
    }

    fn filled(&mut self, count: usize) {
        self.end += count;
        if count > 0 {
            self.stand = Stand::Fresh;
        }
    }
}

/// Ciphertext to send: `bytes[sent..end]`. What lies behind is room that was zeroed once.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    end: usize,
}

impl Outgoing {
    /// Takes in what TLS has to say itself; any other state is left to the caller.
    fn say<'c, 'i>(&mut self, state: State<'c, 'i>) -> io::Result<Option<State<'c, 'i>>> {
        match state {
            ConnectionState::EncodeTlsData(data) => self.encode(data)?,
            // It lies before whatever is encrypted later.
            ConnectionState::TransmitTlsData(data) => data.done(),
            state => return Ok(Some(state)),
        }
        Ok(None)
    }

    fn fill(
        &mut self,
        mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        loop {
            match write(&mut self.bytes[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(EncryptError::InsufficientSize(size)) => self.grow(size.required_size),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn encode(&mut self, mut data: EncodeTlsData<'_, ClientConnectionData>) -> io::Result<()> {
        loop {
            match data.encode(&mut self.bytes[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(EncodeError::InsufficientSize(size)) => self.grow(size.required_size),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn grow(&mut self, room: usize) {
        self.bytes.resize(self.end + room, 0);
    }

    fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent == self.end {
            (self.sent, self.end) = (0, 0);
        }
    }
}

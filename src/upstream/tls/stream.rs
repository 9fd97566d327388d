//! A TCP connection that is spoken over in TLS.

use super::records::{Progress, Records};
use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are encrypted before they are sent: four records.
const AHEAD: usize = 64 * 1024;

/// See the module.
pub struct TlsStream {
    socket: TcpStream,
    records: Records,
    /// A record that was not taken as a whole, and how much of it was.
    record: Vec<u8>,
    taken: usize,
    is_closed: bool,
}

impl TlsStream {
    /// Shakes hands with the server, which must show a certificate for `name`.
    ///
    /// # Errors
    /// Of the socket, and `InvalidData` with the `rustls::Error` in it.
    pub async fn connect(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let session = UnbufferedClientConnection::new(config, name)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let records = Records::new(session);
        let mut stream = Self { socket, records, record: Vec::new(), taken: 0, is_closed: false };
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// The session: what was agreed on.
    #[must_use]
    pub fn session(&self) -> &UnbufferedClientConnection {
        self.records.session()
    }

    /// The socket beneath.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Gives the next bytes that the server sent to `take`, which takes them all; none at the end.
    ///
    /// # Errors
    /// Of the socket and of TLS; `UnexpectedEof` when the server went without a word.
    pub fn poll_piece<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&[u8]) -> R,
    ) -> Poll<io::Result<R>> {
        if self.taken < self.record.len() {
            let result = take(&self.record[self.taken..]);
            self.taken = self.record.len();
            return Poll::Ready(Ok(result));
        }
        loop {
            if self.records.has_next() {
                match self.next(cx, &mut take)? {
                    Progress::Taken(result) => return Poll::Ready(Ok(result)),
                    Progress::Ended => return Poll::Ready(Ok(take(&[]))),
                    Progress::Open | Progress::Shaking => {}
                }
            }
            if !self.records.unsent().is_empty() {
                // What TLS has to say itself, such as new keys, waits for nobody's bytes.
                let _ = self.poll_send(cx)?;
            }
            ready!(self.poll_read_socket(cx))?;
        }
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut record = std::mem::take(&mut self.record);
            let progress = self.next(cx, &mut |bytes| record.extend_from_slice(bytes));
            self.record = record;
            let progress = progress?;
            ready!(self.poll_send(cx))?;
            match progress {
                Progress::Open => return Poll::Ready(Ok(())),
                Progress::Taken(()) => {}
                Progress::Shaking => ready!(self.poll_read_socket(cx))?,
                Progress::Ended => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    fn next<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(&[u8]) -> R,
    ) -> io::Result<Progress<R>> {
        self.records.next(take).inspect_err(|_| {
            // The server is told why, if it listens.
            let _ = self.poll_send(cx);
        })
    }

    fn poll_read_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = ReadBuf::new(self.records.room()?);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        if count == 0 {
            let text = "the server closed the connection without ending TLS";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
        }
        self.records.filled(count);
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.records.unsent().is_empty() {
            let socket = Pin::new(&mut self.socket);
            let count = ready!(socket.poll_write(cx, self.records.unsent()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.records.sent(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for TlsStream {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.taken == this.record.len() {
            let mut record = std::mem::take(&mut this.record);
            record.clear();
            this.taken = 0;
            let piece = this.poll_piece(cx, |bytes| record.extend_from_slice(bytes));
            this.record = record;
            ready!(piece)?;
        }
        Poll::Ready(Ok(&this.record[this.taken..]))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.taken += amount;
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let bytes = &bytes[..bytes.len().min(AHEAD)];
        self.records.encrypt(bytes)?;
        // They are taken; what the socket does not take now goes with the next write, or the flush.
        let _ = self.poll_send(cx)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.records.close()?;
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

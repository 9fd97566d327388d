//! One byte stream to the upstream, whatever carries it: TCP, TLS over TCP, or a Unix socket.
//!
//! The socket is read through a large buffer, and what comes out is read by reference ([`Transport::poll_piece`],
//! `AsyncBufRead`), so that a reply is copied once: to its caller.

use super::certificate::Certificate;
use super::tls::stream::TlsStream;
use rustls::HandshakeKind;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Bytes asked of the socket at a time where there is no TLS.
const READ_BUFFER: usize = 64 * 1024;

/// A connected stream to the upstream.
pub enum Transport {
    /// Plain TCP.
    Tcp(BufReader<TcpStream>),
    /// A Unix socket.
    Unix(BufReader<UnixStream>),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
}

impl Transport {
    /// A TCP socket with its read buffer.
    #[must_use]
    pub fn tcp(socket: TcpStream) -> Self {
        Self::Tcp(BufReader::with_capacity(READ_BUFFER, socket))
    }

    /// A Unix socket with its read buffer.
    #[must_use]
    pub fn unix(socket: UnixStream) -> Self {
        Self::Unix(BufReader::with_capacity(READ_BUFFER, socket))
    }

    /// The upstream's address, where there is one.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.get_ref().peer_addr().ok(),
            Self::Tls(stream) => stream.socket().peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Whether the TLS session is an earlier one that goes on; `None` without TLS.
    #[must_use]
    pub fn is_resumed(&self) -> Option<bool> {
        let Self::Tls(stream) = self else { return None };
        Some(stream.session().handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// Gives the next bytes to `take`, which takes them all; none at the end.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn poll_piece<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(&[u8]) -> R,
    ) -> Poll<io::Result<R>> {
        match self {
            Self::Tcp(stream) => poll_piece(stream, cx, take),
            Self::Unix(stream) => poll_piece(stream, cx, take),
            Self::Tls(stream) => stream.poll_piece(cx, take),
        }
    }

    /// What TLS has agreed on, and which certificates the server showed; `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFacts> {
        let Self::Tls(stream) = self else { return None };
        let session = stream.session();
        let version = session.protocol_version().and_then(|version| version.as_str());
        let suite = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        let chain = session.peer_certificates().unwrap_or_default();
        Some(TlsFacts {
            version: version.unwrap_or("unknown").replace("TLSv1_", "TLS 1."),
            cipher: suite.unwrap_or("unknown").to_owned(),
            chain: chain.iter().filter_map(|der| Certificate::read(der)).collect(),
        })
    }
}

/// See [`Transport::poll_piece`].
fn poll_piece<R>(
    stream: &mut (impl AsyncBufRead + Unpin),
    cx: &mut Context<'_>,
    mut take: impl FnMut(&[u8]) -> R,
) -> Poll<io::Result<R>> {
    let mut stream = Pin::new(stream);
    let piece = ready!(stream.as_mut().poll_fill_buf(cx))?;
    let length = piece.len();
    let result = take(piece);
    stream.consume(length);
    Poll::Ready(Ok(result))
}

/// What was agreed on in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLS 1.3`.
    pub version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The server's certificate, then those of the authorities that it sent, as far as they can be read.
    pub chain: Vec<Certificate>,
}

/// Calls the same method on whichever stream it is.
macro_rules! on_stream {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Transport::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Transport::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Transport::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncBufRead for Transport {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        on_stream!(self, stream => stream.poll_fill_buf(cx))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        on_stream!(self, stream => stream.consume(amount));
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}

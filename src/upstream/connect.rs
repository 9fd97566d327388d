//! Makes a connection: name look-up, TCP or Unix socket, TLS. Every address of the name is tried, the name
//! is looked up anew each time, and every step has its bound.

use super::error::{ConnectError, Phase, TlsFault};
use super::tls::stream::TlsStream;
use super::transport::Transport;
use crate::config;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Everything needed to reach the upstream, but for who we are.
pub struct Dialer {
    target: config::Target,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Bound of each step: look-up and TCP; TLS and greeting.
    pub(super) bound: Duration,
    keepalive: Option<Duration>,
    /// Bytes that are not acknowledged for so long mean a dead peer.
    unacknowledged: Duration,
    own: Vec<SocketAddr>,
}

impl Dialer {
    /// `own` are the addresses that this process listens on: dialing one of them is refused.
    #[must_use]
    pub fn new(
        upstream: &config::Upstream,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        own: Vec<SocketAddr>,
    ) -> Self {
        Self {
            target: upstream.target.clone(),
            tls,
            bound: upstream.connect_timeout,
            keepalive: upstream.keepalive,
            unacknowledged: upstream.probe_timeout,
            own,
        }
    }

    /// Host and port, or path: for logs and errors. Never credentials.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.target {
            config::Target::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            config::Target::Tcp { host, port } => format!("{host}:{port}"),
            config::Target::Unix(path) => path.display().to_string(),
            config::Target::Memory => "memory".to_owned(),
        }
    }

    /// A connected byte stream.
    ///
    /// # Errors
    /// [`ConnectError`] of the last address tried.
    pub async fn dial(&self) -> Result<Transport, ConnectError> {
        match &self.target {
            config::Target::Tcp { .. } => {
                let addresses = self.look_up().await?;
                let socket = self.connect(&addresses).await?;
                self.secure(socket).await
            }
            config::Target::Unix(path) => self.dial_unix(path).await,
            config::Target::Memory => Err(ConnectError::Refused {
                address: self.address(),
                reason: "there is no upstream to connect to".to_owned(),
            }),
        }
    }

    /// The addresses behind the name; none where there is no name, as for a Unix socket.
    ///
    /// # Errors
    /// [`ConnectError::Dns`], or [`ConnectError::Timeout`].
    pub async fn look_up(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let config::Target::Tcp { host, port } = &self.target else { return Ok(Vec::new()) };
        let lookup = timeout(self.bound, tokio::net::lookup_host((host.as_str(), *port)));
        let found = lookup.await.map_err(|_| self.timed_out(Phase::Connect))?;
        let dns = |reason: String| ConnectError::Dns { host: host.clone(), reason };
        let addresses: Vec<_> = found.map_err(|error| dns(error.to_string()))?.collect();
        if addresses.is_empty() {
            Err(dns("the name has no address".to_owned()))
        } else {
            Ok(addresses)
        }
    }

    /// A TCP connection to the first address that takes it.
    ///
    /// # Errors
    /// [`ConnectError`] of the last address tried.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
        let mut last = self.timed_out(Phase::Connect);
        // One address that swallows packets must not use up the time of the others.
        let share = self.bound / u32::try_from(addresses.len()).unwrap_or(1).clamp(1, 4);
        for &address in addresses {
            if self.own.iter().any(|own| config::is_own_address(own, &address)) {
                return Err(ConnectError::Own { address: address.to_string() });
            }
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    if self.is_ourselves(&socket) {
                        return Err(ConnectError::Own { address: address.to_string() });
                    }
                    self.tune(&socket).map_err(|error| self.refused(&error))?;
                    return Ok(socket);
                }
                Ok(Err(error)) => last = self.refused(&error),
                Err(_) => last = self.timed_out(Phase::Connect),
            }
        }
        Err(last)
    }

    /// Listening on every address, we are found on addresses that the configuration does not name.
    fn is_ourselves(&self, socket: &TcpStream) -> bool {
        let (Ok(local), Ok(peer)) = (socket.local_addr(), socket.peer_addr()) else { return false };
        local.ip() == peer.ip()
            && self.own.iter().any(|own| own.ip().is_unspecified() && own.port() == peer.port())
    }

    async fn dial_unix(&self, path: &Path) -> Result<Transport, ConnectError> {
        let connect = timeout(self.bound, UnixStream::connect(path));
        let socket = connect.await.map_err(|_| self.timed_out(Phase::Connect))?;
        Ok(Transport::unix(socket.map_err(|error| self.refused(&error))?))
    }

    /// A command is small and must go at once; a peer that vanishes must be noticed.
    fn tune(&self, socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let options = SockRef::from(socket);
        #[cfg(target_os = "linux")]
        options.set_tcp_user_timeout(Some(self.unacknowledged))?;
        let Some(idle) = self.keepalive else { return Ok(()) };
        // The kernel counts whole seconds, and takes no zero.
        let seconds = |time: Duration| {
            Duration::from_secs((time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1))
        };
        let probes = TcpKeepalive::new()
            .with_time(seconds(idle))
            .with_interval(seconds(self.unacknowledged / 3))
            .with_retries(3);
        options.set_tcp_keepalive(&probes)
    }

    /// TLS over `socket`, where the upstream is to be spoken to in TLS.
    ///
    /// # Errors
    /// [`ConnectError::Tls`], or [`ConnectError::Timeout`].
    pub async fn secure(&self, socket: TcpStream) -> Result<Transport, ConnectError> {
        let Some((client, name)) = &self.tls else { return Ok(Transport::tcp(socket)) };
        let connect = TlsStream::connect(socket, Arc::clone(client), name.clone());
        let connect = timeout(self.bound, connect);
        let connected = connect.await.map_err(|_| self.timed_out(Phase::Handshake))?;
        let stream = connected.map_err(|error| ConnectError::Tls {
            address: self.address(),
            fault: TlsFault::of(&error),
            reason: error.to_string(),
        })?;
        let transport = Transport::Tls(Box::new(stream));
        tracing::debug!(resumed = transport.is_resumed(), "TLS established");
        Ok(transport)
    }

    fn refused(&self, error: &io::Error) -> ConnectError {
        ConnectError::Refused { address: self.address(), reason: error.to_string() }
    }

    pub(super) fn timed_out(&self, phase: Phase) -> ConnectError {
        ConnectError::Timeout { address: self.address(), phase, after: self.bound }
    }
}

//! Where apps connect: the TCP address and the Unix socket, and how many descriptors that may take.

use super::ServerError;
use super::systemd::Handed;
use crate::config;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Descriptors besides the clients': upstream, admin, logs.
const RESERVED: u64 = 256;

/// Listening sockets, not yet on any runtime.
pub(super) struct Listeners {
    pub(super) tcp: Option<TcpListener>,
    pub(super) unix: Option<UnixListener>,
    /// the Unix socket's path, where it is ours to remove
    pub(super) own_path: Option<PathBuf>,
}

impl Listeners {
    /// Takes those that were `handed` over, and binds the others.
    pub(super) fn bind(listen: &config::Listen, handed: &mut Handed) -> Result<Self, ServerError> {
        let tcp = listen.address.map(|address| {
            let listener = handed.tcp(address).map_or_else(|| bind_tcp(address), Ok);
            listener
                .and_then(|listener| tune(&listener, address, listen).map(|()| listener))
                .map_err(|error| ServerError::Listen { address: address.to_string(), error })
        });
        let mut own_path = None;
        let unix = listen.unix_socket.as_ref().map(|path| match handed.unix(path) {
            Some(listener) => Ok(listener),
            None => {
                own_path = Some(path.clone());
                let address = path.display().to_string();
                bind_unix(path).map_err(|error| ServerError::Listen { address, error })
            }
        });
        Ok(Self { tcp: tcp.transpose()?, unix: unix.transpose()?, own_path })
    }

    pub(super) fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What accepted sockets inherit, so that it needs no system call for each.
fn tune(listener: &TcpListener, address: SocketAddr, listen: &config::Listen) -> io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    if address.ip().is_loopback() {
        // Between two programs of one machine there is nothing to congest. Where the system's choice is BBR it
        // would pace, by timers, each reply. Without it they work as well.
        let _ = socket.set_tcp_congestion(b"reno");
    }
    #[cfg(target_os = "linux")]
    if listen.tls.is_none() {
        // A connection's first bytes are acknowledged at once by most systems, all later ones with the reply. So are the
        // first ones then: of ten segments of a connection for one command that spares one. A part of a command is
        // acknowledged at once all the same (`Socket::acknowledge`), but nobody sees a part of a TLS record.
        let _ = socket.set_tcp_quickack(false);
    }
    Ok(())
}

/// A socket that another process left behind is taken over; one that somebody answers on is not.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        if UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Leaves no socket behind that nobody answers on.
pub(super) fn remove_socket(path: Option<&Path>) {
    if let Some(path) = path
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::debug!("{}: {error}", path.display());
    }
}

/// As many descriptors as `max_clients` needs, as far as the system lets us.
pub(super) fn raise_descriptor_limit(max_clients: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = max_clients as u64 + RESERVED;
    let mut limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < needed) else { return };
    let allowed = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    limit.current = Some(allowed);
    let is_raised = setrlimit(Resource::Nofile, limit).is_ok();
    if allowed < needed || !is_raised {
        let have = if is_raised { allowed } else { current };
        tracing::warn!(
            "this process may open {have} files, too few for listen.max_clients: {max_clients}; \
             raise the limit (ulimit -n) or lower max_clients"
        );
    }
}

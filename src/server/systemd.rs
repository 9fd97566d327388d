//! What systemd gives and wants: listening sockets that it has opened for us (`LISTEN_FDS`), and word of where
//! we are (`NOTIFY_SOCKET`). Without these variables nothing here does anything.
//!
//! A socket is taken for the address of the configuration that it is bound to, so that nothing has to be said
//! twice; one that the configuration does not name stops the start. Our own sockets stay systemd's: a client
//! that comes while we restart waits in their queue.

use super::ServerError;
use socket2::{Socket, Type};
use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

/// The first descriptor that is handed over, by sd_listen_fds(3).
const FIRST: i32 = 3;

/// The most that are looked at: more than there are addresses to listen on.
const MOST: i32 = 16;

/// Sockets that were handed over, until they find their address.
#[derive(Default)]
pub(super) struct Handed(Vec<Socket>);

impl Handed {
    /// Those of this process; none where systemd hands none over.
    pub(super) fn of_this_process() -> Result<Self, ServerError> {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok());
        let own = i32::try_from(std::process::id()).ok();
        let count = match number("LISTEN_FDS") {
            Some(count) if own.is_some() && number("LISTEN_PID") == own => count,
            _ => 0,
        };
        let last = FIRST + count.clamp(0, MOST);
        let sockets: io::Result<Vec<_>> = (FIRST..last).map(duplicate).collect();
        let system = |error| ServerError::System { what: "sockets of systemd", error };
        sockets.map(Self).map_err(system)
    }

    /// The listener bound to `address`.
    pub(super) fn tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &Socket| {
            socket.local_addr().is_ok_and(|bound| bound.as_socket() == Some(address))
        };
        self.take(is_it).map(TcpListener::from)
    }

    /// The listener bound to `path`.
    pub(super) fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        let is_it = |socket: &Socket| {
            socket.local_addr().is_ok_and(|bound| bound.as_pathname() == Some(path))
        };
        self.take(is_it).map(UnixListener::from)
    }

    fn take(&mut self, is_it: impl Fn(&Socket) -> bool) -> Option<Socket> {
        let is_stream = |socket: &Socket| matches!(socket.r#type(), Ok(Type::STREAM));
        let place = self.0.iter().position(|socket| is_stream(socket) && is_it(socket))?;
        let socket = self.0.swap_remove(place);
        // Tokio wants it so; a socket that can't be set is of no use to it either.
        socket.set_nonblocking(true).ok().map(|()| socket)
    }

    /// Each has found its address.
    ///
    /// # Errors
    /// Where one is left that the configuration does not name.
    pub(super) fn expect_all_taken(&self) -> Result<(), ServerError> {
        let Some(socket) = self.0.first() else { return Ok(()) };
        let bound = socket.local_addr().ok();
        let address = bound.and_then(|bound| {
            let path = bound.as_pathname().map(|path| path.display().to_string());
            path.or_else(|| bound.as_socket().map(|address| address.to_string()))
        });
        Err(ServerError::Handed { address: address.unwrap_or_else(|| "no address".to_owned()) })
    }
}

/// A descriptor that was handed over, as one that this crate may own without `unsafe`: the kernel makes a
/// second one of it.
#[cfg(target_os = "linux")]
fn duplicate(number: i32) -> io::Result<Socket> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(Socket::from(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?))
}

#[cfg(not(target_os = "linux"))]
fn duplicate(_: i32) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells systemd of a change, in the words of sd_notify(3): `READY=1`, `STOPPING=1`, `STATUS=...`.
pub(super) fn notify(words: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
        return;
    };
    if let Err(error) = send(&socket, words) {
        tracing::warn!("systemd was not told {words:?}: NOTIFY_SOCKET: {error}");
    }
}

/// `socket` is a path, or with `@` in front a name of Linux's own.
fn send(socket: &OsString, words: &str) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    match socket.as_bytes().strip_prefix(b"@") {
        None => sender.send_to(words.as_bytes(), Path::new(socket)).map(drop),
        Some(name) => send_to_name(&sender, name, words),
    }
}

#[cfg(target_os = "linux")]
fn send_to_name(sender: &UnixDatagram, name: &[u8], words: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    sender.send_to_addr(words.as_bytes(), &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send_to_name(_: &UnixDatagram, _: &[u8], _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

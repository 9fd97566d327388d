//! Finds out what is behind a port that does not answer as it should: HTTP, plain Redis, TLS, or nothing.
//!
//! One question in plain text that a Redis and a web server both answer, then one attempt at TLS. Trusts nothing.

use crate::cli::calendar::date;
use crate::config;
use crate::upstream::certificate::Certificate;
use crate::upstream::connect::Dialer;
use crate::upstream::error::{ConnectError, TlsFault};
use crate::upstream::tls;
use crate::upstream::transport::{TlsFacts, Transport};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A web server answers it, and so does Redis, with an error: it is an inline GET with too many arguments.
const QUESTION: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// How long the port may think about it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Neighbour {
    /// A web server.
    Http,
    /// A Redis in plain text.
    PlainRedis,
    /// TLS, with what was agreed on.
    Tls(TlsFacts),
    /// It takes connections, and says nothing.
    Silent,
    /// Something else.
    Unknown,
}

/// Looks what is behind the upstream's port.
pub(super) async fn identify(upstream: &config::Upstream, bound: Duration) -> Neighbour {
    let bound = bound.min(PATIENCE);
    let plain = Dialer::new(&with_bound(upstream, bound), None, Vec::new());
    let Ok(socket) = connect(&plain).await else { return Neighbour::Unknown };
    let answer = ask(&mut Transport::tcp(socket), bound).await;
    let is_silent = match answer.as_deref().map(kind) {
        Some(Some(neighbour)) => return neighbour,
        Some(None) => false,
        None => true,
    };
    match look(upstream, bound).await {
        Some(facts) => Neighbour::Tls(facts),
        None if is_silent => Neighbour::Silent,
        None => Neighbour::Unknown,
    }
}

/// Whether a web server answers inside the TLS that the upstream is configured with.
pub(super) async fn is_http(upstream: &config::Upstream, transport: &mut Transport) -> bool {
    let answer = ask(transport, upstream.connect_timeout.min(PATIENCE)).await;
    answer.as_deref().and_then(kind) == Some(Neighbour::Http)
}

/// What a TLS server shows to someone who trusts everybody. No password is ever sent on it.
pub(super) async fn look(upstream: &config::Upstream, bound: Duration) -> Option<TlsFacts> {
    let config::Target::Tcp { host, .. } = &upstream.target else { return None };
    let own = upstream.tls.clone().unwrap_or_default();
    let trusting = config::Tls { verify: config::Verify::None, ..own };
    let client = tls::client_config(&trusting, host).ok()?;
    let dialer = Dialer::new(&with_bound(upstream, bound), Some(client), Vec::new());
    let socket = connect(&dialer).await.ok()?;
    match dialer.secure(socket).await {
        Ok(transport) => transport.tls(),
        // It speaks TLS, if only to send us away.
        Err(ConnectError::Tls { fault: TlsFault::RefusedByServer, .. }) => {
            Some(TlsFacts { version: String::new(), cipher: String::new(), chain: Vec::new() })
        }
        Err(_) => None,
    }
}

/// A server's certificate and who signed it, in one line.
pub(super) fn describe(chain: &[Certificate]) -> String {
    let Some(leaf) = chain.first() else { return "no certificate that can be read".to_owned() };
    let names = if leaf.names.is_empty() { "no name".to_owned() } else { leaf.names.join(", ") };
    let way: Vec<&str> = chain.iter().map(|certificate| certificate.subject.as_str()).collect();
    let last = chain.last().map_or("", |certificate| certificate.issuer.as_str());
    let root = if way.last() == Some(&last) { String::new() } else { format!(" < {last}") };
    format!(
        "{}{root}, for {names}, valid {} to {}",
        way.join(" < "),
        date(leaf.not_before),
        date(leaf.not_after)
    )
}

async fn connect(dialer: &Dialer) -> Result<tokio::net::TcpStream, ConnectError> {
    let addresses = dialer.look_up().await?;
    dialer.connect(&addresses).await
}

fn with_bound(upstream: &config::Upstream, bound: Duration) -> config::Upstream {
    config::Upstream { connect_timeout: bound, ..upstream.clone() }
}

/// The first bytes of the answer; `None` where there is none in time, empty where it closes.
async fn ask(transport: &mut Transport, bound: Duration) -> Option<Vec<u8>> {
    let mut start = vec![0; 64];
    let answer = timeout(bound, async {
        transport.write_all(QUESTION).await.ok();
        transport.flush().await.ok();
        transport.read(&mut start).await.unwrap_or(0)
    });
    let count = answer.await.ok()?;
    start.truncate(count);
    Some(start)
}

fn kind(start: &[u8]) -> Option<Neighbour> {
    let is_page = start.starts_with(b"HTTP/") || start.starts_with(b"<");
    match start.first()? {
        _ if is_page => Some(Neighbour::Http),
        b'+' | b'-' => Some(Neighbour::PlainRedis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Neighbour, kind};

    #[test]
    fn the_first_bytes_tell() {
        for (start, neighbour) in [
            (&b"HTTP/1.1 400 Bad Request"[..], Some(Neighbour::Http)),
            (b"<!DOCTYPE HTML>", Some(Neighbour::Http)),
            (b"-ERR wrong number of arguments for 'get' command\r\n", Some(Neighbour::PlainRedis)),
            (b"-NOAUTH Authentication required.\r\n", Some(Neighbour::PlainRedis)),
            (b"\x15\x03\x01\x00\x02\x02\x46", None),
            (b"SSH-2.0-OpenSSH_9.6\r\n", None),
            (b"", None),
        ] {
            assert_eq!(kind(start), neighbour, "{}", start.escape_ascii());
        }
    }
}

//! One GET at a sidecar's admin port, for the commands that ask a running sidecar.
//!
//! HTTP/1.0, so that the answer ends with its connection. It is bounded in time and in size.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer of the admin port that is asked for here is near this size.
const LIMIT: u64 = 4 << 20;

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Why there is no answer; `Display` says it with the address.
#[derive(Debug)]
pub(super) struct FetchError {
    address: SocketAddr,
    reason: String,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the admin port {} {}", self.address, self.reason)
    }
}

/// Where an address that is listened on is reached from this machine.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// GETs `path`.
///
/// # Errors
/// [`FetchError`] where nothing that is HTTP came within `bound`.
pub(super) async fn fetch(
    address: SocketAddr,
    path: &str,
    bound: Duration,
) -> Result<Answer, FetchError> {
    let fault = |reason: String| FetchError { address, reason };
    match timeout(bound, ask(address, path)).await {
        Err(_) => Err(fault(format!("did not answer within {bound:?}"))),
        Ok(Err(error)) => Err(fault(format!("did not answer: {error}"))),
        Ok(Ok(text)) => read(&text).ok_or_else(|| fault("does not speak HTTP".to_owned())),
    }
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.take(LIMIT).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{reachable, read};

    #[test]
    fn an_answer_has_status_and_body() {
        let answer = read("HTTP/1.0 503 Service Unavailable\r\na: b\r\n\r\n{}\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{}\n"));
        for text in ["", "+PONG\r\n\r\n", "HTTP/1.1 x y\r\n\r\n", "HTTP/1.1 200 OK\r\n"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_listens_on_every_address_is_reached_on_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:9121", "127.0.0.1:9121"),
            ("[::]:9121", "[::1]:9121"),
            ("10.0.0.7:9121", "10.0.0.7:9121"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), reached);
        }
    }
}

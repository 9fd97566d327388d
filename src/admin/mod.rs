//! The operators' HTTP port: probes, health, and what else `routes` lists.
//!
//! Plain HTTP/1.1 on its own port. Every connection is bounded: in number, in the time that a request may take to
//! arrive and an answer to be taken, in the size of a request. It never shows a secret.

mod answer;
mod events;
mod health;
mod metrics;
mod page;
mod patience;
mod routes;

use crate::session::vitals::Vitals;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patience::Patience;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections served at a time: probes and a few people.
const CONNECTIONS: usize = 64;

/// Those who follow events, at a time: pages that are open.
const LISTENERS: usize = 16;

/// A request must have come, whole, within this time; and of an answer some must be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a request is no larger, and has no more headers.
const HEAD: usize = 16 * 1024;
const HEADERS: usize = 64;

/// One request, and what its answer may look at.
pub(super) struct Visit {
    request: Parts,
    vitals: Arc<Vitals>,
    /// For those who follow events.
    seats: Arc<Semaphore>,
    /// The other side is on this machine.
    is_near: bool,
}

impl Visit {
    /// Whether names of keys may be shown: on this machine, and not to a page of another site, which can make a
    /// browser ask here by a name that it owns.
    pub(super) fn sees_keys(&self) -> bool {
        let host = self.request.headers.get(HOST).and_then(|host| host.to_str().ok());
        self.is_near && host.is_none_or(is_own_name)
    }
}

/// Whether a Host header has an address, or localhost.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Serves `listener` until dropped.
pub async fn serve(listener: TcpListener, vitals: Arc<Vitals>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let seats = Arc::new(Semaphore::new(LISTENERS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, peer)) => {
                let (vitals, seats) = (Arc::clone(&vitals), Arc::clone(&seats));
                let is_near = peer.ip().to_canonical().is_loopback();
                tokio::spawn(async move {
                    converse(socket, vitals, seats, is_near).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("admin: accept failed: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(socket: TcpStream, vitals: Arc<Vitals>, seats: Arc<Semaphore>, is_near: bool) {
    let service = service_fn(move |request: Request<Incoming>| {
        // The body of a request is not read: hyper closes the connection behind one that has any.
        let request = request.into_parts().0;
        let (vitals, seats) = (Arc::clone(&vitals), Arc::clone(&seats));
        let visit = Visit { request, vitals, seats, is_near };
        async move { Ok::<_, Infallible>(routes::respond(&visit).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Patience::new(socket, PATIENCE)), service);
    if let Err(error) = connection.await {
        tracing::debug!("admin: a connection ended: {error}");
    }
}

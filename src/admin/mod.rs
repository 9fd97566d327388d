//! The operators' HTTP port: probes, health, and what else `routes` lists.
//!
//! Plain HTTP/1.1 on its own port. Every connection is bounded: in number, in the time that a request may take to
//! arrive and an answer to be taken, in the size of a request. It never shows a secret.

mod answer;
mod health;
mod metrics;
mod patience;
mod routes;

use crate::session::vitals::Vitals;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patience::Patience;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections served at a time: probes and a few people.
const CONNECTIONS: usize = 64;

/// A request must have come, whole, within this time; and of an answer some must be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a request is no larger, and has no more headers.
const HEAD: usize = 16 * 1024;
const HEADERS: usize = 64;

/// One request, and what its answer may look at.
pub(super) struct Visit {
    request: Parts,
    vitals: Arc<Vitals>,
}

/// Serves `listener` until dropped.
pub async fn serve(listener: TcpListener, vitals: Arc<Vitals>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let vitals = Arc::clone(&vitals);
                tokio::spawn(async move {
                    converse(socket, vitals).await;
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

async fn converse(socket: TcpStream, vitals: Arc<Vitals>) {
    let service = service_fn(move |request: Request<Incoming>| {
        // The body of a request is not read: hyper closes the connection behind one that has any.
        let visit = Visit { request: request.into_parts().0, vitals: Arc::clone(&vitals) };
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

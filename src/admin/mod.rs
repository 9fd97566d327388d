//! The operators' HTTP port: `/live` and `/ready` for probes and for people, `/metrics` for Prometheus.
//!
//! Plain HTTP/1.1 on its own port; a request is answered from state that is known already and never asks the
//! upstream, so that a probe costs nothing and never hangs.

use crate::telemetry::metrics::Format;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections served at a time: probes and a few people.
const CONNECTIONS: usize = 64;

/// A connection must have sent its request within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the routes speak of.
pub trait Subject: Send + Sync + 'static {
    /// Whether clients should be sent here now; if not, why.
    fn readiness(&self) -> Result<(), String>;

    /// All metrics now.
    fn metrics(&self, format: Format) -> String;
}

/// Serves `listener` until dropped.
pub async fn serve(listener: TcpListener, subject: Arc<dyn Subject>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let subject = Arc::clone(&subject);
                tokio::spawn(async move {
                    converse(socket, subject).await;
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

async fn converse(socket: TcpStream, subject: Arc<dyn Subject>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&request, subject.as_ref());
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!("admin: a connection ended: {error}");
    }
}

fn respond(request: &Request<Incoming>, subject: &dyn Subject) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return json(StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET", None);
    }
    match request.uri().path() {
        "/live" => json(StatusCode::OK, "live", None),
        "/ready" => match subject.readiness() {
            Ok(()) => json(StatusCode::OK, "ready", None),
            Err(reason) => json(StatusCode::SERVICE_UNAVAILABLE, "not ready", Some(&reason)),
        },
        "/metrics" => {
            let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
            let format = Format::accepted(accept);
            let kind = HeaderValue::from_static(format.content_type());
            answer(StatusCode::OK, kind, subject.metrics(format))
        }
        _ => json(StatusCode::NOT_FOUND, "not found; there are /live, /ready and /metrics", None),
    }
}

fn answer(code: StatusCode, kind: HeaderValue, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn json(code: StatusCode, status: &str, reason: Option<&str>) -> Response<Full<Bytes>> {
    let mut text = format!("{{\"status\":\"{status}\"");
    if let Some(reason) = reason {
        text.push_str(",\"reason\":\"");
        for letter in reason.chars() {
            match letter {
                '"' | '\\' => text.extend(['\\', letter]),
                control if control.is_control() => text.push(' '),
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
    text.push_str("}\n");
    answer(code, HeaderValue::from_static("application/json"), text)
}

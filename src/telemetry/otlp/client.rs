//! The way to the collector: one HTTP/1.1 connection for each signal, made when it is needed and kept while the
//! collector keeps it. A request has `otlp.timeout`, its attempts together; who is refused for now tries again.

use crate::config::{Endpoint, Otlp};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::{
    CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

/// Before the second attempt, at most; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(500);

/// Of an answer, so many bytes are read.
const ANSWER: usize = 64 * 1024;

/// Where the collector is, and what is said to it each time.
pub(super) struct Place {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    headers: HeaderMap,
    timeout: Duration,
}

/// Why an export failed. Holds nothing of what was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("the connection was lost: {0}")]
    Lost(#[source] hyper::Error),
    #[error("it was answered with {status}")]
    Refused { status: StatusCode, retry_after: Option<Duration> },
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl ExportError {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Lost(_) => true,
            Self::Refused { status, .. } => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::TimedOut(_) => false,
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            Self::Connect(_) | Self::Lost(_) => {
                "see that a collector takes OTLP over HTTP there (gRPC's 4317 does not; 4318 does)"
            }
            Self::Refused { status, .. } => match status.as_u16() {
                401 | 403 => "see otlp.headers: the collector does not take our credentials",
                404 | 405 => "see the path of otlp.endpoint: /v1/traces and /v1/metrics follow it",
                _ => "see the collector's log",
            },
            Self::TimedOut(_) => "see whether the collector keeps up, or raise otlp.timeout",
        }
    }
}

impl Place {
    pub(super) fn new(otlp: &Otlp, endpoint: Endpoint, tls: Option<super::Tls>) -> Self {
        let mut headers = HeaderMap::new();
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in otlp.header_pairs() {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.expose());
            // What the configuration let pass is right.
            if let (Ok(name), Ok(mut value)) = (name, value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        if let Ok(host) = HeaderValue::from_str(&endpoint.authority()) {
            headers.insert(HOST, host);
        }
        let tls = tls.map(|(config, name)| (TlsConnector::from(config), name));
        Self { endpoint, tls, headers, timeout: otlp.timeout }
    }

    async fn dial(&self) -> Result<Line, ExportError> {
        let address = (self.endpoint.host.as_str(), self.endpoint.port);
        let tcp = TcpStream::connect(address).await.map_err(ExportError::Connect)?;
        let stream: Box<dyn Stream> = match &self.tls {
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), tcp).await;
                Box::new(stream.map_err(ExportError::Connect)?)
            }
            None => Box::new(tcp),
        };
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(ExportError::Lost)?;
        Ok(Line { sender, connection })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection. Nobody reads it while nothing is asked: an end in between is seen at the next request.
struct Line {
    sender: SendRequest<Whole>,
    connection: Connection<TokioIo<Box<dyn Stream>>, Whole>,
}

/// Exports of one signal.
pub(super) struct Client {
    place: Arc<Place>,
    /// Of the signal, below the endpoint's.
    path: &'static str,
    /// As the log calls it.
    signal: &'static str,
    line: Option<Line>,
    is_failing: bool,
}

impl Client {
    pub(super) fn new(place: Arc<Place>, path: &'static str, signal: &'static str) -> Self {
        Self { place, path, signal, line: None, is_failing: false }
    }

    /// Posts `body`; what was answered. The log is told when exports begin to fail, and when they succeed again.
    pub(super) async fn post(&mut self, body: Bytes) -> Result<Bytes, ExportError> {
        let outcome = self.attempts(body).await;
        let (signal, endpoint) = (self.signal, self.place.endpoint.to_string());
        match &outcome {
            Ok(_) if self.is_failing => tracing::info!(signal, endpoint, "OTLP exports go on"),
            Err(error) if !self.is_failing => {
                let mend = error.mend();
                tracing::warn!(signal, endpoint, mend, "an OTLP export failed: {error}");
            }
            _ => {}
        }
        self.is_failing = outcome.is_err();
        outcome
    }

    async fn attempts(&mut self, body: Bytes) -> Result<Bytes, ExportError> {
        let limit = self.place.timeout;
        let deadline = Instant::now() + limit;
        let mut longest = PAUSE;
        loop {
            let outcome = timeout_at(deadline, self.attempt(body.clone())).await;
            let outcome = outcome.unwrap_or(Err(ExportError::TimedOut(limit)));
            let Err(error) = outcome else { return outcome };
            self.line = None;
            let asked = match &error {
                ExportError::Refused { retry_after, .. } => *retry_after,
                _ => None,
            };
            // Spread, so that sidecars that failed together don't come back together.
            let pause = asked.unwrap_or_else(|| longest.mul_f64(fastrand::f64()));
            if !error.is_retryable() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
            longest *= 2;
        }
    }

    async fn attempt(&mut self, body: Bytes) -> Result<Bytes, ExportError> {
        let mut request = Request::new(Whole(Some(body)));
        *request.method_mut() = hyper::Method::POST;
        *request.headers_mut() = self.place.headers.clone();
        let path = format!("{}{}", self.place.endpoint.path, self.path);
        // A path that the configuration let pass is one.
        *request.uri_mut() = path.parse().unwrap_or_default();
        if self.line.is_none() {
            self.line = Some(self.place.dial().await?);
        }
        let Some(Line { sender, connection }) = &mut self.line else {
            return Err(ExportError::Connect(io::ErrorKind::NotConnected.into()));
        };
        let (answer, is_over) = {
            let mut answer = pin!(ask(sender, request));
            tokio::select! {
                biased;
                answer = &mut answer => (answer, false),
                // Its last words may be an answer.
                _ = connection => (answer.await, true),
            }
        };
        if is_over {
            self.line = None;
        }
        answer
    }
}

async fn ask(
    sender: &mut SendRequest<Whole>,
    request: Request<Whole>,
) -> Result<Bytes, ExportError> {
    let mut answer = sender.send_request(request).await.map_err(ExportError::Lost)?;
    let status = answer.status();
    let body = read(answer.body_mut()).await.map_err(ExportError::Lost)?;
    if status.is_success() {
        return Ok(body);
    }
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Err(ExportError::Refused { status, retry_after })
}

/// The whole body, or what fits.
async fn read(body: &mut Incoming) -> Result<Bytes, hyper::Error> {
    let mut whole = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        if let Some(data) = frame?.data_ref().filter(|data| whole.len() + data.len() <= ANSWER) {
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.into())
}

/// A body that is here already.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

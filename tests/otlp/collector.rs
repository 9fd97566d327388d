//! A collector: takes OTLP over HTTP/1.1 as a real one does, keeps what it decodes, and misbehaves on command.

use crate::harness::{Certs, eventually};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes it.
    Takes,
    /// Takes it, and closes the connection.
    TakesAndCloses,
    /// Answers with this status.
    Says(u16),
    /// Takes all but so many of its spans.
    Rejects(i64),
    /// Never answers.
    Silent,
}

/// One request that was taken.
#[derive(Clone)]
pub(crate) struct Posted {
    pub(crate) path: String,
    /// By name, in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct Books {
    taken: Vec<Posted>,
    refused: usize,
    connections: usize,
    /// For the next requests; when it is empty, they are taken.
    moods: Vec<Mood>,
    always: Option<Mood>,
}

pub(crate) struct Collector {
    port: u16,
    is_tls: bool,
    books: Arc<Mutex<Books>>,
    is_over: Arc<AtomicBool>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    /// With TLS, by the certificate for `localhost`.
    pub(crate) fn with_tls(certs: &Certs) -> Self {
        let provider = redis_sidecar::upstream::tls::provider();
        let chain = CertificateDer::from_pem_file(certs.file("server.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_file(certs.file("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key);
        Self::with(Some(Arc::new(config.unwrap())))
    }

    fn with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self {
            port: listener.local_addr().unwrap().port(),
            is_tls: tls.is_some(),
            books: Arc::default(),
            is_over: Arc::default(),
        };
        let (books, is_over) = (Arc::clone(&collector.books), Arc::clone(&collector.is_over));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                books.lock().unwrap().connections += 1;
                let (books, tls) = (Arc::clone(&books), tls.clone());
                thread::spawn(move || serve(socket, tls, &books));
            }
        });
        collector
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.port)
    }

    /// The next requests are treated so, later ones taken.
    pub(crate) fn next(&self, moods: &[Mood]) {
        self.books.lock().unwrap().moods = moods.iter().rev().copied().collect();
    }

    /// All requests are treated so from now on.
    pub(crate) fn always(&self, mood: Mood) {
        self.books.lock().unwrap().always = Some(mood);
    }

    pub(crate) fn taken(&self) -> Vec<Posted> {
        self.books.lock().unwrap().taken.clone()
    }

    pub(crate) fn refused(&self) -> usize {
        self.books.lock().unwrap().refused
    }

    pub(crate) fn connections(&self) -> usize {
        self.books.lock().unwrap().connections
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let posted = self.taken();
        let requests = posted.iter().filter(|posted| posted.path == "/v1/traces");
        let resources = requests.flat_map(|posted| {
            ExportTraceServiceRequest::decode(posted.body.as_slice()).unwrap().resource_spans
        });
        resources.flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }

    /// Waits until there are so many; a while later there are no more.
    #[track_caller]
    pub(crate) fn wait_for_spans(&self, many: usize) -> Vec<Span> {
        eventually("all spans are here", || self.spans().len() >= many);
        let spans = self.spans();
        assert_eq!(spans.len(), many);
        spans
    }

    /// What each export of the metrics said.
    pub(crate) fn metrics(&self) -> Vec<Vec<Metric>> {
        let posted = self.taken();
        let requests = posted.iter().filter(|posted| posted.path == "/v1/metrics");
        let read = |posted: &Posted| {
            let request = ExportMetricsServiceRequest::decode(posted.body.as_slice()).unwrap();
            let scopes = request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
            scopes.flat_map(|it| it.metrics).collect()
        };
        requests.map(read).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// Attributes by name, as text.
pub(crate) fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn serve(socket: TcpStream, tls: Option<Arc<ServerConfig>>, books: &Mutex<Books>) {
    match tls {
        Some(config) => {
            let session = ServerConnection::new(config).unwrap();
            converse(StreamOwned::new(session, socket), books);
        }
        None => converse(socket, books),
    }
}

fn converse(stream: impl Read + Write, books: &Mutex<Books>) {
    let mut stream = BufReader::new(stream);
    while let Some(posted) = read(&mut stream) {
        let mood = {
            let mut books = books.lock().unwrap();
            let mood = books.moods.pop().or(books.always).unwrap_or(Mood::Takes);
            match mood {
                Mood::Takes | Mood::TakesAndCloses | Mood::Rejects(_) => books.taken.push(posted),
                Mood::Says(_) | Mood::Silent => books.refused += 1,
            }
            mood
        };
        let (status, body) = match mood {
            Mood::Takes | Mood::TakesAndCloses => (200, Vec::new()),
            Mood::Says(status) => (status, b"no".to_vec()),
            // partial_success { rejected_spans: many }
            Mood::Rejects(many) => (200, vec![0x0a, 2, 0x08, u8::try_from(many).unwrap()]),
            Mood::Silent => {
                // Until the other side gives up.
                let _ = stream.read(&mut [0]);
                return;
            }
        };
        let close = if mood == Mood::TakesAndCloses { "Connection: close\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/x-protobuf\r\n{close}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), &body].concat();
        if stream.get_mut().write_all(&answer).is_err() || mood == Mood::TakesAndCloses {
            return;
        }
    }
}

fn read(stream: &mut impl BufRead) -> Option<Posted> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let path = line.strip_prefix("POST ").and_then(|rest| rest.split(' ').next());
    let path = path.unwrap_or_else(|| panic!("no POST: {line}")).to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Posted { path, headers, body })
}

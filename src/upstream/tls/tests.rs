//! Our records against rustls's own server, and a stream against a server on a socket.

use super::provider;
use super::records::{Progress, Records};
use super::stream::TlsStream;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// Both sides' configuration; the server's messages are cut into records of `fragment` bytes.
fn configs(
    version: &'static SupportedProtocolVersion,
    fragment: Option<usize>,
) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    server.max_fragment_size = fragment;
    (Arc::new(client), Arc::new(server))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A client and a server, and what each has got from the other.
struct Pair {
    client: Records,
    server: ServerConnection,
    got: Vec<u8>,
    served: Vec<u8>,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion, fragment: Option<usize>) -> Self {
        let (client, server) = configs(version, fragment);
        let client = Records::new(UnbufferedClientConnection::new(client, name()).unwrap());
        let mut server = ServerConnection::new(server).unwrap();
        server.set_buffer_limit(None);
        Self { client, server, got: Vec::new(), served: Vec::new() }
    }

    /// With their hands shaken; what the server has said behind the handshake is not read yet.
    fn shaken(version: &'static SupportedProtocolVersion, fragment: Option<usize>) -> Self {
        let mut pair = Self::new(version, fragment);
        while pair.work_off() == Progress::Shaking {
            pair.up();
            let bytes = pair.said();
            pair.feed(&bytes);
        }
        pair.up();
        pair
    }

    /// Works off what the client has read.
    fn work_off(&mut self) -> Progress<()> {
        loop {
            let got = &mut self.got;
            match self.client.next(|bytes| got.extend_from_slice(bytes)).unwrap() {
                Progress::Taken(()) => {}
                progress => return progress,
            }
        }
    }

    /// Gives the server what the client has to send.
    fn up(&mut self) {
        while !self.client.unsent().is_empty() {
            let count = self.server.read_tls(&mut self.client.unsent()).unwrap();
            self.client.sent(count);
            let ready = self.server.process_new_packets().unwrap().plaintext_bytes_to_read();
            let before = self.served.len();
            self.served.resize(before + ready, 0);
            self.server.reader().read_exact(&mut self.served[before..]).unwrap();
        }
    }

    /// What the server has to send.
    fn said(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Gives it to the client, which does not look at it yet.
    fn feed(&mut self, bytes: &[u8]) {
        self.client.room().unwrap()[..bytes.len()].copy_from_slice(bytes);
        self.client.filled(bytes.len());
    }
}

fn bytes(count: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(count).collect()
}

#[test]
fn bytes_go_both_ways_in_their_order_whatever_pieces_they_come_in() {
    for version in VERSIONS {
        for step in [1, 7, 1000, 20_000, 40_000] {
            let mut pair = Pair::shaken(version, None);
            let (down, up) = (bytes(200_000), bytes(200_000));
            pair.server.writer().write_all(&down).unwrap();
            for piece in pair.said().chunks(step) {
                pair.feed(piece);
                assert_eq!(pair.work_off(), Progress::Open);
            }
            assert!(pair.got == down, "{version:?}, steps of {step}");
            for piece in up.chunks(step) {
                pair.client.encrypt(piece).unwrap();
                pair.up();
            }
            assert!(pair.served == up, "{version:?}, steps of {step}");
        }
    }
}

#[test]
fn what_is_written_goes_while_records_wait_to_be_asked_for() {
    for version in VERSIONS {
        let mut pair = Pair::shaken(version, None);
        pair.server.writer().write_all(b"first").unwrap();
        let first = pair.said();
        pair.server.writer().write_all(b"second").unwrap();
        let both = [first, pair.said()].concat();
        pair.feed(&both);
        let seen = pair.client.next(<[u8]>::to_vec).unwrap();
        assert_eq!(seen, Progress::Taken(b"first".to_vec()));
        pair.client.encrypt(b"third").unwrap();
        pair.up();
        assert_eq!(pair.served, b"third");
        assert!(pair.client.has_next());
        assert_eq!(pair.work_off(), Progress::Open);
        assert_eq!(pair.got, b"second");
        assert!(!pair.client.has_next());
    }
}

/// Tickets come behind the handshake, here in many small records: wherever the client stands in them, it can write.
#[test]
fn what_is_written_goes_in_the_middle_of_any_message() {
    for version in VERSIONS {
        let mut pair = Pair::shaken(version, Some(64));
        pair.server.writer().write_all(&[b'd'; 300]).unwrap();
        let said = pair.said();
        assert!(said.len() > 400);
        for byte in &said {
            pair.feed(std::slice::from_ref(byte));
            assert_eq!(pair.work_off(), Progress::Open);
            pair.client.encrypt(b"u").unwrap();
            pair.up();
        }
        assert_eq!(pair.got, [b'd'; 300]);
        assert_eq!(pair.served, vec![b'u'; said.len()]);
    }
}

#[test]
fn new_keys_of_the_servers_are_taken_and_answered() {
    let mut pair = Pair::shaken(&rustls::version::TLS13, None);
    for round in 1..4 {
        pair.server.refresh_traffic_keys().unwrap();
        pair.server.writer().write_all(b"down").unwrap();
        let said = pair.said();
        pair.feed(&said);
        assert_eq!(pair.work_off(), Progress::Open);
        pair.client.encrypt(b"up").unwrap();
        pair.client.encrypt(b"up").unwrap();
        pair.up();
        assert_eq!(pair.got, b"down".repeat(round));
        assert_eq!(pair.served, b"up".repeat(2 * round));
    }
}

#[test]
fn an_end_is_told_and_bytes_may_still_go_the_other_way() {
    for version in VERSIONS {
        let mut pair = Pair::shaken(version, None);
        pair.server.writer().write_all(b"last").unwrap();
        pair.server.send_close_notify();
        let said = pair.said();
        pair.feed(&said);
        assert_eq!(pair.work_off(), Progress::Ended);
        assert_eq!(pair.got, b"last");
        pair.client.encrypt(b"bye").unwrap();
        pair.up();
        assert_eq!(pair.served, b"bye");
        pair.client.close().unwrap();
        pair.server.read_tls(&mut pair.client.unsent()).unwrap();
        assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn what_is_no_tls_is_told_as_such_to_both() {
    let mut pair = Pair::new(&rustls::version::TLS13, None);
    assert_eq!(pair.work_off(), Progress::Shaking);
    pair.client.sent(pair.client.unsent().len());
    pair.feed(b"-NOAUTH Authentication required.\r\n");
    let error = pair.client.next(|_| ()).unwrap_err();
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    assert!(matches!(cause, Some(rustls::Error::InvalidMessage(_))), "{error:?}");
    let alert = pair.client.unsent();
    assert_eq!(alert.first(), Some(&21), "no alert: {alert:?}");
}

#[test]
fn a_changed_byte_is_seen() {
    for version in VERSIONS {
        let mut pair = Pair::shaken(version, None);
        pair.server.writer().write_all(b"bytes").unwrap();
        let mut said = pair.said();
        *said.last_mut().unwrap() ^= 1;
        pair.feed(&said);
        let error = loop {
            match pair.client.next(<[u8]>::to_vec) {
                Ok(progress) => assert_ne!(progress, Progress::Taken(b"bytes".to_vec())),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(pair.client.next(|_| ()).is_err(), "a broken session is read on");
        assert!(pair.client.encrypt(b"more").is_err(), "a broken session goes on");
    }
}

/// A server on a socket that sends back what it gets, until it is told that there is no more.
async fn echo() -> (TlsStream, tokio::task::JoinHandle<std::io::Result<usize>>) {
    let (client, server) = configs(&rustls::version::TLS13, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(server).accept(socket).await?;
        let (mut buffer, mut all) = (vec![0; 30_000], 0);
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(all);
            }
            stream.write_all(&buffer[..count]).await?;
            stream.flush().await?;
            all += count;
        }
    });
    let socket = TcpStream::connect(address).await.unwrap();
    (TlsStream::connect(socket, client, name()).await.unwrap(), server)
}

#[tokio::test]
async fn a_stream_carries_megabytes_both_ways_at_once_and_says_its_end() {
    const ALL: usize = 8 << 20;
    let (stream, server) = echo().await;
    let sent = bytes(ALL);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
    };
    let mut seen = vec![0; ALL];
    let (seen_all, ()) = tokio::join!(reader.read_exact(&mut seen), write);
    seen_all.unwrap();
    assert!(seen == sent);
    writer.shutdown().await.unwrap();
    assert_eq!(server.await.unwrap().unwrap(), ALL);
}

#[tokio::test]
async fn a_connection_that_ends_without_a_word_is_an_error() {
    let (mut stream, server) = echo().await;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    server.abort();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

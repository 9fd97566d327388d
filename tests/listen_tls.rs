//! TLS on the app's side, for apps that do not share our machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Certs, DEADLINE, Redis, Sidecar, SidecarOptions};

pub(crate) fn start(redis: &Redis, certs: &Certs, client_ca: &str) -> Sidecar {
    let file = |name: &str| certs.file(name).display().to_string();
    let (cert, key) = (file("server.crt"), file("server.key"));
    let config = format!("listen: {{tls: {{cert_file: '{cert}', key_file: '{key}'{client_ca}}}}}");
    SidecarOptions::upstream(redis).config(&config).start()
}

/// An app's connection, by a certificate of that name if it has one.
pub(crate) fn connect(
    sidecar: &Sidecar,
    certs: &Certs,
    identity: Option<&str>,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(certs.file("ca.crt")).unwrap();
    roots.add(authority).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(name) => {
            let cert = CertificateDer::from_pem_file(certs.file(&format!("{name}.crt"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(certs.file(&format!("{name}.key"))).unwrap();
            config.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(sidecar.address())?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(StreamOwned::new(connection, socket))
}

/// What the sidecar answers to PING over TLS, or why it does not.
fn ping(sidecar: &Sidecar, certs: &Certs, identity: Option<&str>) -> std::io::Result<String> {
    let mut stream = connect(sidecar, certs, identity)?;
    stream.write_all(b"PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n")?;
    let mut answer = [0; 15];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn apps_may_come_by_tls() {
    let (redis, certs) = (Redis::start(), Certs::generate());
    let sidecar = start(&redis, &certs, "");
    for _ in 0..3 {
        assert_eq!(ping(&sidecar, &certs, None).unwrap(), "+PONG\r\n$2\r\nhi\r\n");
    }
}

#[test]
fn apps_must_show_a_certificate_where_an_authority_is_named() {
    let (redis, certs) = (Redis::start(), Certs::generate());
    let client_ca = format!(", client_ca_file: '{}'", certs.file("ca.crt").display());
    let sidecar = start(&redis, &certs, &client_ca);
    assert_eq!(ping(&sidecar, &certs, Some("client")).unwrap(), "+PONG\r\n$2\r\nhi\r\n");
    assert!(ping(&sidecar, &certs, None).is_err());
    assert!(ping(&sidecar, &certs, Some("unknown-ca")).is_err());
    assert_eq!(ping(&sidecar, &certs, Some("client")).unwrap(), "+PONG\r\n$2\r\nhi\r\n");
}

#[test]
fn plain_text_on_the_tls_port_disturbs_no_one() {
    let (redis, certs) = (Redis::start(), Certs::generate());
    let sidecar = start(&redis, &certs, "");
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut plain = sidecar.client();
        plain.send_raw(b"PING\r\nPING\r\n");
        plain.read_to_close();
        // one that never begins its handshake must not hold up the next
        silent.push(sidecar.client());
    }
    assert_eq!(ping(&sidecar, &certs, None).unwrap(), "+PONG\r\n$2\r\nhi\r\n");
}

//! The TLS towards the upstream: which roots we trust, which certificate we show, which name we expect.
//!
//! Built once from the configuration and shared by all connections, so that sessions resume. The files
//! are read here and nowhere else.

mod records;
pub mod stream;
#[cfg(test)]
mod tests;

use crate::config;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why TLS could not be set up. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A PEM file could not be read, or holds nothing of use.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The name to expect in the certificate is not a host name or an address.
    #[error("upstream.tls.server_name: `{0}` is neither a host name nor an IP address")]
    ServerName(String),
    /// The pieces do not fit together.
    #[error("TLS setup: {0}")]
    Rustls(#[from] rustls::Error),
    /// A client certificate needs both its files.
    #[error("upstream.tls: cert_file and key_file go together; give both or neither")]
    HalfIdentity,
    /// There is nothing to trust.
    #[error(
        "no certificate authority is trusted: this system has no roots; set upstream.tls.ca_file"
    )]
    NoRoots,
}

/// The cryptography of all TLS in this process: aws-lc-rs, or ring where only that is built in.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

/// Builds the client side of TLS and the name that the upstream's certificate must carry.
///
/// # Errors
/// [`TlsSetupError`], naming the file or key of the configuration that is at fault.
pub fn client_config(
    tls: &config::Tls,
    host: &str,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsSetupError> {
    let name = tls.server_name.clone().unwrap_or_else(|| host.to_owned());
    let server_name =
        ServerName::try_from(name.clone()).map_err(|_| TlsSetupError::ServerName(name))?;

    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match tls.verify {
        config::Verify::Full => builder.with_root_certificates(roots(tls.ca_file.as_deref())?),
        config::Verify::None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider()))),
    };
    let mut client = match (&tls.cert_file, &tls.key_file) {
        (Some(certificate), Some(key)) => {
            builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?)?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(TlsSetupError::HalfIdentity),
    };
    client.resumption = Resumption::in_memory_sessions(32);
    Ok((Arc::new(client), server_name))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsSetupError> {
    let mut store = RootCertStore::empty();
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            store.add(certificate).map_err(|error| at(path, error))?;
        }
        return Ok(store);
    }
    let native = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(native.certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if store.is_empty() { Err(TlsSetupError::NoRoots) } else { Ok(store) }
}

/// All certificates of a PEM file.
///
/// # Errors
/// [`TlsSetupError::File`] when it cannot be read or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| at(path, error))?;
    if found.is_empty() {
        return Err(at(path, "holds no certificate (PEM)"));
    }
    Ok(found)
}

/// The private key of a PEM file.
///
/// # Errors
/// [`TlsSetupError::File`] when it cannot be read or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| at(path, error))
}

fn at(path: &Path, reason: impl std::fmt::Display) -> TlsSetupError {
    TlsSetupError::File { path: path.to_owned(), reason: reason.to_string() }
}

/// `verify: none`: takes any certificate, but still checks that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

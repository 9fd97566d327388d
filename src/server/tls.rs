//! TLS towards apps: our certificate, and whether theirs is asked for.

use crate::config::ListenTls;
use crate::upstream::tls::{TlsSetupError, certificates, private_key, provider};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What accepts TLS from apps.
pub(super) fn acceptor(tls: &ListenTls) -> Result<TlsAcceptor, TlsSetupError> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match &tls.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let at = |reason: String| TlsSetupError::File { path: path.clone(), reason };
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| at(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|error| at(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let server =
        builder.with_single_cert(certificates(&tls.cert_file)?, private_key(&tls.key_file)?)?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

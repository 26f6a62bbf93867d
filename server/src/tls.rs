//! TLS for the listener, with client certificates where the configuration names their CAs.

use crate::config::TlsConfig;
use crate::http::auth::ClientCertificate;
use actix_tls::accept::openssl::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;
use std::any::Any;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("tls.{key} {path}: {reason}")]
pub(crate) struct TlsError {
    key: &'static str,
    path: PathBuf,
    reason: String,
}

/// An acceptor for TLS 1.2 and 1.3.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<SslAcceptorBuilder, TlsError> {
    let certificate = |error| fault("certificate", &config.certificate, error);
    let mut builder =
        SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(certificate)?;
    builder.set_certificate_chain_file(&config.certificate).map_err(certificate)?;
    check_private(&config.key)?;
    let key = |error| fault("key", &config.key, error);
    builder.set_private_key_file(&config.key, SslFiletype::PEM).map_err(key)?;
    builder.check_private_key().map_err(key)?;
    if let Some(path) = &config.client_ca {
        trust(&mut builder, path)?;
    }
    Ok(builder)
}

/// Client certificates are asked for, not demanded: a client may authenticate otherwise.
fn trust(builder: &mut SslAcceptorBuilder, path: &Path) -> Result<(), TlsError> {
    let wrong = |reason: String| TlsError { key: "client_ca", path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let authorities =
        openssl::x509::X509::stack_from_pem(&text).map_err(|error| wrong(error.to_string()))?;
    if authorities.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    let refused = |error| fault("client_ca", path, error);
    let mut store = X509StoreBuilder::new().map_err(refused)?;
    for authority in authorities {
        builder.add_client_ca(&authority).map_err(refused)?;
        store.add_cert(authority).map_err(refused)?;
    }
    builder.set_verify_cert_store(store.build()).map_err(refused)?;
    builder.set_verify(SslVerifyMode::PEER);
    // Sessions that are resumed must belong to the same purpose.
    builder.set_session_id_context(b"marca").map_err(refused)
}

fn check_private(path: &Path) -> Result<(), TlsError> {
    let wrong = |reason: String| TlsError { key: "key", path: path.to_owned(), reason };
    let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!("others can read it (mode {mode:03o}); chmod 600 it")));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn fault(key: &'static str, path: &Path, error: openssl::error::ErrorStack) -> TlsError {
    TlsError { key, path: path.to_owned(), reason: error.to_string() }
}

/// The socket under a new connection, and whether what is sent on it is encrypted.
pub(crate) fn socket(connection: &dyn Any) -> Option<(BorrowedFd<'_>, bool)> {
    if let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() {
        return Some((stream.get_ref().as_fd(), true));
    }
    connection.downcast_ref::<TcpStream>().map(|stream| (stream.as_fd(), false))
}

/// Remembers, beside a new connection, the client certificate that it came with. The handshake
/// has verified its chain.
pub(crate) fn note_client(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<TlsStream<TcpStream>>();
    let certificate = stream.and_then(|stream| stream.ssl().peer_certificate());
    if let Some(der) = certificate.and_then(|certificate| certificate.to_der().ok()) {
        data.insert(ClientCertificate(openssl::sha::sha256(&der)));
    }
}

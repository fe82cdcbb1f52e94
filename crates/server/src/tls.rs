//! TLS for all listeners: one configuration that can be exchanged while they run.
//!
//! TLS 1.2 and 1.3 by rustls on AWS-LC. Sessions are resumed by tickets under rotating keys, or from a bounded cache
//! where a client has no tickets. A new certificate comes with new ticket keys and an empty cache, so that no resumed
//! session is bound to the old one. Certificates are found or made by [`crate::certificate`].

use crate::certificate::{CertificateError, Identity};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ServerSessionMemoryCache;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Sessions of clients without tickets that can be resumed.
const CACHE: usize = 4096;

/// The TLS configuration in use. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

impl Tls {
    /// TLS with this certificate.
    pub fn new(identity: &Identity) -> Result<Tls, CertificateError> {
        Ok(Tls(Arc::new(ArcSwap::new(config(identity)?))))
    }

    /// Uses another certificate for all handshakes from now on; established connections keep the old one.
    pub fn reload(&self, identity: &Identity) -> Result<(), CertificateError> {
        self.0.store(config(identity)?);
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

fn config(identity: &Identity) -> Result<Arc<ServerConfig>, CertificateError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(CACHE);
    Ok(Arc::new(config))
}

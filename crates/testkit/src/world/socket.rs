//! Connections over real sockets, in clear or under TLS.

use super::{Conversation, Received, Trouble};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a handshake or for a client's octets to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A client that trusts this authority and nobody else.
pub(super) fn trusting(ca: &Path) -> Result<Arc<ClientConfig>, Trouble> {
    let failed = |error: String| Trouble::Failed(format!("{}: {error}", ca.display()));
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca).map_err(|error| failed(error.to_string()))?;
    roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// A client for peers, whose certificates nobody signed. It is never used for our own server.
pub(super) fn unconcerned() -> Result<Arc<ClientConfig>, Trouble> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Failed(error.to_string()))?;
    let verifier = Arc::new(Unconcerned(provider()));
    Ok(Arc::new(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// One connection.
pub(super) struct Socket {
    stream: Stream,
    tls: Arc<ClientConfig>,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Gone,
}

impl Socket {
    pub(super) fn connect(address: SocketAddr, tls: Arc<ClientConfig>) -> Result<Socket, Trouble> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Socket { stream: Stream::Clear(stream), tls })
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Clear(stream) => Some(stream),
            Stream::Tls(stream) => Some(&stream.sock),
            Stream::Gone => None,
        }
    }
}

impl Conversation for Socket {
    fn send(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        let sent = match &mut self.stream {
            Stream::Clear(stream) => stream.write_all(octets),
            Stream::Tls(stream) => stream.write_all(octets).and_then(|()| stream.flush()),
            Stream::Gone => Ok(()),
        };
        match sent {
            // A server that closed is found out by reading: that is what the dialogue waits for.
            Err(error) if is_end(&error) => Ok(()),
            other => Ok(other?),
        }
    }

    fn receive(&mut self, within: Duration) -> Result<Received, Trouble> {
        // A timeout of zero would mean to wait for ever.
        let within = within.max(Duration::from_millis(1));
        if let Some(stream) = self.tcp() {
            stream.set_read_timeout(Some(within))?;
        }
        let mut buffer = vec![0; 64 * 1024];
        let read = match &mut self.stream {
            Stream::Clear(stream) => stream.read(&mut buffer),
            Stream::Tls(stream) => stream.read(&mut buffer),
            Stream::Gone => Ok(0),
        };
        match read {
            Ok(0) => Ok(Received::Closed),
            Ok(count) => {
                buffer.truncate(count);
                Ok(Received::Octets(buffer))
            }
            Err(error) if is_end(&error) => Ok(Received::Closed),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(Received::Silence)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn start_tls(&mut self) -> Result<(), Trouble> {
        let Stream::Clear(mut stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Trouble::Failed("this connection has TLS already".to_owned()));
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(|error| Trouble::Failed(error.to_string()))?;
        let mut client = ClientConnection::new(self.tls.clone(), name)
            .map_err(|error| Trouble::Failed(error.to_string()))?;
        while client.is_handshaking() {
            client.complete_io(&mut stream)?;
        }
        self.stream = Stream::Tls(Box::new(StreamOwned::new(client, stream)));
        Ok(())
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

#[derive(Debug)]
struct Unconcerned(Arc<CryptoProvider>);

impl ServerCertVerifier for Unconcerned {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

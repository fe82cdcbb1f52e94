//! A connection of a client: TCP, TLS from the start or later, lines and counted octets.
//!
//! TLS sessions are not resumed: each connection pays for its handshake, with every server.

use crate::error::Error;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Begins TLS on connections.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// Verifies with these CA certificates, or not at all: the load generators meet self-signed servers.
    pub fn new(ca: Option<&Path>) -> Result<Tls, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let mut config = match ca {
            Some(path) => builder.with_root_certificates(roots(path)?).with_no_client_auth(),
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unverified { provider }))
                .with_no_client_auth(),
        };
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)) })
    }
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    let text = std::fs::read(path).map_err(|error| Error::from(error).at(&path.display().to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        roots.add(certificate.map_err(|error| Error::new(error.to_string()))?)?;
    }
    Ok(roots)
}

/// Takes every certificate; signatures are still checked, so that the handshake costs what it costs.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
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
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection, its octets read and not yet used.
pub struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    /// Octets of `buffer` that were used.
    used: usize,
    /// Octets of `buffer` that were read.
    read: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two.
    None,
}

/// Small, so that a thousand idle connections stay small; grows with the first large answer.
const BUFFER: usize = 4 << 10;
const LARGE_BUFFER: usize = 64 << 10;

impl Connection {
    /// Connects without TLS.
    pub async fn plain(host: IpAddr, port: u16) -> Result<Connection, Error> {
        let address = SocketAddr::new(host, port);
        let stream =
            TcpStream::connect(address).await.map_err(|error| Error::from(error).at(&address.to_string()))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: Stream::Plain(stream), buffer: vec![0; BUFFER], used: 0, read: 0 })
    }

    /// Connects with TLS from the first octet.
    pub async fn tls(host: IpAddr, port: u16, tls: &Tls) -> Result<Connection, Error> {
        let mut connection = Connection::plain(host, port).await?;
        connection.start_tls(tls).await?;
        Ok(connection)
    }

    /// Begins TLS.
    pub async fn start_tls(&mut self, tls: &Tls) -> Result<(), Error> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) else {
            return Err(Error::new("TLS has begun already"));
        };
        let name = ServerName::try_from("localhost").map_err(|error| Error::new(error.to_string()))?;
        self.stream = Stream::Tls(Box::new(tls.connector.connect(name, stream).await?));
        Ok(())
    }

    /// Sends all of it.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), Error> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(octets).await?,
            Stream::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await?;
            }
            Stream::None => return Err(Error::new("the connection is closed")),
        }
        Ok(())
    }

    /// Reads more octets behind those that are not used yet.
    async fn fill(&mut self) -> Result<(), Error> {
        self.buffer.copy_within(self.used..self.read, 0);
        (self.read, self.used) = (self.read - self.used, 0);
        if self.read == self.buffer.len() {
            self.buffer.resize(LARGE_BUFFER.max(self.buffer.len() * 2), 0);
        }
        let room = self.buffer.get_mut(self.read..).unwrap_or_default();
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read(room).await?,
            Stream::Tls(stream) => stream.read(room).await?,
            Stream::None => 0,
        };
        if count == 0 {
            return Err(Error::new("the server closed the connection"));
        }
        self.read += count;
        Ok(())
    }

    fn unused(&self) -> &[u8] {
        self.buffer.get(self.used..self.read).unwrap_or_default()
    }

    /// The next line, without its line end.
    pub async fn line(&mut self) -> Result<&[u8], Error> {
        let mut searched = 0;
        let len = loop {
            let unused = self.unused();
            match memchr::memchr(b'\n', unused.get(searched..).unwrap_or_default()) {
                Some(at) => break searched + at,
                None => searched = unused.len(),
            }
            self.fill().await?;
        };
        let start = self.used;
        self.used += len + 1;
        let line = self.buffer.get(start..start + len).unwrap_or_default();
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Passes over this many octets.
    pub async fn skip(&mut self, count: usize) -> Result<(), Error> {
        let mut left = count;
        loop {
            let here = self.unused().len().min(left);
            self.used += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if self.buffer.len() < LARGE_BUFFER {
                self.buffer.resize(LARGE_BUFFER, 0);
            }
            self.fill().await?;
        }
    }

    /// Passes over lines up to and with one that holds only a dot; returns how many octets came before it.
    pub async fn skip_dotted(&mut self) -> Result<usize, Error> {
        let mut octets = 0;
        loop {
            let unused = self.unused();
            // Whole blocks are searched for the end; a line of its own is cheaper for short answers only.
            if let Some(at) = memchr::memmem::find(unused, b"\r\n.\r\n") {
                self.used += at + 5;
                return Ok(octets + at + 2);
            }
            if unused.starts_with(b".\r\n") && octets == 0 {
                self.used += 3;
                return Ok(0);
            }
            let keep = unused.len().min(4);
            let passed = unused.len() - keep;
            octets += passed;
            self.used += passed;
            if self.buffer.len() < LARGE_BUFFER {
                self.buffer.resize(LARGE_BUFFER, 0);
            }
            self.fill().await?;
        }
    }
}

//! The way to a server elsewhere: HTTPS, which after one request carries what the local socket carries.
//!
//! A thread of its own moves octets between TLS and one end of a pair of sockets; the shell has the other end and knows
//! no difference. So each of its two threads sends and receives as it does on the local socket.

use crate::cli::Remote;
use crate::failure::Failure;
use crate::terminal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long the server may take to answer, from the name's lookup on. Checking a password may take a while.
const PATIENCE: Duration = Duration::from_secs(60);
/// Octets of the answer's head, and of what it says about a refusal.
const MOST: usize = 64 * 1024;
/// The variable with an access token.
const TOKEN: &str = "GATEPOST_TOKEN";

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// As given, with the scheme.
    url: String,
    host: String,
    port: u16,
}

impl Place {
    fn parse(text: &str) -> Result<Place, Failure> {
        let wrong =
            || Failure::Usage(format!("'{text}' is no server; legal: https://host or https://host:port"));
        let rest = match text.split_once("://") {
            Some(("https", rest)) => rest,
            Some(_) => return Err(wrong()),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            // An IPv6 address has colons of its own, and stands in brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (rest, 443),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let good = !bare.is_empty() && !bare.contains(['/', '@', '?', '#']);
        if !good || ServerName::try_from(bare).is_err() {
            return Err(wrong());
        }
        Ok(Place { url: format!("https://{rest}"), host: bare.to_owned(), port })
    }

    fn authority(&self) -> &str {
        self.url.trim_start_matches("https://")
    }
}

/// A connection to the shell of a server; also the server as it is shown.
pub fn connect(server: &str, options: &Remote) -> Result<(UnixStream, String), Failure> {
    let place = Place::parse(server)?;
    let tls = TlsConnector::from(Arc::new(config(options.ca.as_deref())?));
    let authorization = authorization(&place, options)?;
    let (near, far) = UnixStream::pair().map_err(Failure::failed)?;
    far.set_nonblocking(true).map_err(Failure::failed)?;
    let (tell, told) = mpsc::channel();
    let url = place.url.clone();
    let work = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(carry(&place, &tls, &authorization, far, &tell)),
        Err(error) => drop(tell.send(Err(Failure::failed(error)))),
    };
    thread::Builder::new().name("https".to_owned()).spawn(work).map_err(Failure::failed)?;
    told.recv().map_err(Failure::failed)??;
    Ok((near, url))
}

/// Connects, tells whether that was good, and moves octets until one end is closed.
async fn carry(
    place: &Place,
    tls: &TlsConnector,
    authorization: &str,
    far: UnixStream,
    tell: &mpsc::Sender<Result<(), Failure>>,
) {
    let begun = timeout(PATIENCE, begin(place, tls, authorization)).await;
    let begun = begun.unwrap_or_else(|_| {
        Err(Failure::Failed(format!("{} did not answer within {} seconds", place.url, PATIENCE.as_secs())))
    });
    let joined = begun.and_then(|stream| {
        let far = tokio::net::UnixStream::from_std(far).map_err(Failure::failed)?;
        Ok((stream, far))
    });
    match joined {
        Ok((mut stream, mut far)) => {
            let _ = tell.send(Ok(()));
            // However it ends, the shell notices by its end of the pair.
            let _ = copy_bidirectional(&mut stream, &mut far).await;
        }
        Err(failure) => drop(tell.send(Err(failure))),
    }
}

async fn begin(
    place: &Place,
    tls: &TlsConnector,
    authorization: &str,
) -> Result<TlsStream<TcpStream>, Failure> {
    let unreachable = |error: io::Error| Failure::Failed(explain(place, &error));
    let tcp = TcpStream::connect((place.host.as_str(), place.port)).await.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    let name = ServerName::try_from(place.host.clone()).map_err(Failure::failed)?;
    let mut stream = tls.connect(name, tcp).await.map_err(unreachable)?;
    let request = format!(
        "GET /api/v1/shell HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\nConnection: Upgrade\r\n\
         Upgrade: gatepost-shell\r\nUser-Agent: gatepost/{}\r\n\r\n",
        place.authority(),
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;
    let head = head(&mut stream).await.map_err(unreachable)?;
    match status(&head) {
        Some(101) => Ok(stream),
        Some(status) => {
            let mut body = Vec::new();
            let length = length(&head).unwrap_or_default().min(MOST) as u64;
            (&mut stream).take(length).read_to_end(&mut body).await.map_err(unreachable)?;
            Err(Failure::Failed(format!("{}: {}", place.url, refusal(status, &body))))
        }
        None => Err(Failure::Failed(format!("what answers at {} speaks no HTTP", place.url))),
    }
}

/// The head of an answer, octet by octet: what follows it belongs to the shell.
async fn head(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MOST {
            return Err(io::Error::other("its answer is too long"));
        }
        head.push(stream.read_u8().await?);
        // Other protocols greet, and then wait.
        if head.len() == 5 && head != b"HTTP/" {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn status(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()
}

fn length(head: &str) -> Option<usize> {
    let field = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = field.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.next()?.1.trim().parse().ok()
}

/// What the server said of it (RFC 9457), or its status.
fn refusal(status: u16, body: &[u8]) -> String {
    let detail = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
    detail.unwrap_or_else(|| format!("it answers with the status {status}, and is perhaps no Gatepost"))
}

/// What went wrong on the way, and what to do about it.
fn explain(place: &Place, error: &io::Error) -> String {
    let Place { url, host, port, .. } = place;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let certificate = match tls {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why),
        _ => None,
    };
    match (certificate, error.kind()) {
        (Some(CertificateError::UnknownIssuer), _) => format!(
            "the certificate of {url} is of an authority that this machine does not trust; where it is the server's own, \
             copy ca.pem from its data directory, and name it with --ca"
        ),
        (Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }), _) => {
            format!("the certificate of {url} is not for the name {host}; use a name that is in it")
        }
        (Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }), _) => {
            format!("the certificate of {url} has expired; compare the clocks, or renew it on the server")
        }
        (Some(why), _) => format!("the certificate of {url} is not good: {why}"),
        (None, ErrorKind::ConnectionRefused) => format!(
            "nobody listens on port {port} of {host}; on the server, Get-Service W3SVC and Get-WebSettings show what should"
        ),
        (None, ErrorKind::UnexpectedEof) => {
            format!("{url} closed the connection; it may have too many, which its log tells")
        }
        (None, _) => format!("{url}: {error}"),
    }
}

fn config(ca: Option<&Path>) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let octets = fs::read(path).map_err(|error| Failure::file(path, &error))?;
            let none = || Failure::Usage(format!("{}: there is no certificate in PEM in it", path.display()));
            for certificate in CertificateDer::pem_slice_iter(&octets) {
                let certificate = certificate.map_err(|_| none())?;
                roots.add(certificate).map_err(|_| none())?;
            }
            if roots.is_empty() {
                return Err(none());
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(Failure::failed)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Who asks: an access token from the environment, or a user with his password.
fn authorization(place: &Place, options: &Remote) -> Result<String, Failure> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
    if let (None, Some(token)) = (&options.user, token) {
        let token = token.trim();
        if token.chars().any(|c| c.is_control() || c == ' ') {
            return Err(Failure::Usage(format!("{TOKEN} is no access token")));
        }
        return Ok(format!("Bearer {token}"));
    }
    let can_ask = terminal::is_interactive();
    let user = match &options.user {
        Some(user) => user.clone(),
        None if can_ask => terminal::ask(&format!("User of {}", place.url), "")?,
        None => {
            return Err(Failure::Usage(format!(
                "say who you are: with --user and --password-file, or with an access token in {TOKEN}"
            )));
        }
    };
    let password = match &options.password_file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            text.lines().next().unwrap_or_default().to_owned()
        }
        None if can_ask => terminal::ask_hidden(&format!("Password of {user}"))?,
        None => {
            return Err(Failure::Usage(format!(
                "--password-file is missing, and there is no terminal to ask for the password of {user}"
            )));
        }
    };
    Ok(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let table = [
            ("https://mail.example.test", Some(("mail.example.test", 443, "mail.example.test"))),
            (
                "https://mail.example.test:10443/",
                Some(("mail.example.test", 10_443, "mail.example.test:10443")),
            ),
            ("127.0.0.1:1", Some(("127.0.0.1", 1, "127.0.0.1:1"))),
            ("https://[::1]:8443", Some(("::1", 8443, "[::1]:8443"))),
            ("https://[::1]", Some(("::1", 443, "[::1]"))),
            ("http://mail.example.test", None),
            ("https://mail.example.test/owa", None),
            ("https://alice@mail.example.test", None),
            ("https://mail.example.test:x", None),
            ("https://", None),
        ];
        for (text, expected) in table {
            let place = Place::parse(text).ok();
            let got = place.as_ref().map(|place| (place.host.as_str(), place.port, place.authority()));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn heads_of_answers() {
        let head = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\n";
        assert_eq!((status(head), length(head)), (Some(401), Some(12)));
        assert_eq!((status("220 mail ESMTP\r\n"), length("")), (None, None));
        assert_eq!(refusal(401, br#"{"detail": "who are you?"}"#), "who are you?");
        assert!(refusal(404, b"<html>").contains("404"));
    }
}

//! A client's connection, in clear or under TLS, with as little memory as it can do with while nothing happens.
//!
//! Reading goes through one buffer per thread, never per connection: octets are handed on in the same poll that
//! received them. Writing is bounded in time, so that a client who does not read cannot keep a session for ever.

use crate::tls::Tls;
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;
use wire::TlsInfo;

/// How long a client may take to read anything at all of what we send.
const WRITE_STALL: Duration = Duration::from_secs(120);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long we wait for the client's end after ours, so that our last words are not lost to a reset.
const LINGER: Duration = Duration::from_millis(1500);
/// How long a client who sends no more is taken to listen still.
const LISTENING: Duration = Duration::from_secs(3);
/// Octets read at a time.
const SCRATCH: usize = 64 * 1024;
/// Encrypted octets that may wait in memory for the socket.
const TLS_BACKLOG: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// The connection.
pub enum Stream {
    /// Without TLS.
    Clear(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, and after a handshake that failed.
    Gone,
}

impl Stream {
    /// Waits for octets and hands them on within the poll that received them; returns how many there were, 0 at the
    /// client's end. Dropped before it is ready, nothing is lost.
    pub async fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|cx| {
            BUFFER.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                ready!(self.poll_read(cx, &mut buffer))?;
                let octets = buffer.filled();
                if !octets.is_empty() {
                    take(octets);
                }
                Poll::Ready(Ok(octets.len()))
            })
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Clear(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }

    /// Waits until the client is gone, without reading. One who only sends no more may still listen, which looks the same
    /// from here: so it takes a little longer than the client's end.
    pub async fn gone(&self) {
        let socket = match self {
            Stream::Clear(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
            Stream::Gone => return,
        };
        // Of all kinds of readiness this one means the client's end and urgent data, which nobody waits for; being
        // readable would tell nothing while commands are unread.
        let ended = socket.ready(Interest::PRIORITY).await;
        if ended.is_ok_and(|ready| !ready.is_read_closed()) {
            pending::<()>().await;
        }
        sleep(LISTENING).await;
    }

    /// Sends all octets. Fails with `TimedOut` when the client takes none for a while.
    pub async fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            let some = async {
                match self {
                    Stream::Clear(stream) => stream.write(octets).await,
                    Stream::Tls(stream) => stream.write(octets).await,
                    Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
                }
            };
            let written = timeout(WRITE_STALL, some).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            octets = octets.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends what TLS still holds back.
    pub async fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tls(stream) => timeout(WRITE_STALL, stream.flush()).await?,
            Stream::Clear(_) | Stream::Gone => Ok(()),
        }
    }

    /// Begins TLS as the server. After an error the connection is gone.
    pub async fn start_tls(&mut self, tls: &Tls) -> io::Result<TlsInfo> {
        let Stream::Clear(stream) = std::mem::replace(self, Stream::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let accept =
            tls.acceptor().accept_with(stream, |session| session.set_buffer_limit(Some(TLS_BACKLOG)));
        let stream = timeout(HANDSHAKE, accept).await??;
        let info = tls_info(&stream);
        *self = Stream::Tls(Box::new(stream));
        Ok(info)
    }

    /// Resets the connection. A client who was promised more must not take an orderly end for the end of what it asked for.
    pub fn reset(self) {
        let socket = match &self {
            Stream::Clear(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
            Stream::Gone => return,
        };
        if let Err(error) = socket.set_zero_linger() {
            tracing::debug!(%error, "the connection ends without a reset");
        }
    }

    /// Says that nothing more comes (with TLS's close_notify), then waits a moment for the client to do the same:
    /// closing while its octets are unread would reset the connection under our last reply.
    pub async fn close(mut self) {
        let ended = async {
            match &mut self {
                Stream::Clear(stream) => stream.shutdown().await,
                Stream::Tls(stream) => stream.shutdown().await,
                Stream::Gone => Ok(()),
            }
        };
        if timeout(LINGER, ended).await.is_ok_and(|end| end.is_ok()) {
            let drain = async { while self.read(|_| ()).await.is_ok_and(|count| count > 0) {} };
            // A client that goes on talking is cut off.
            let _ = timeout(LINGER, drain).await;
        }
    }
}

fn tls_info(stream: &TlsStream<TcpStream>) -> TlsInfo {
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    TlsInfo { version, cipher: cipher.unwrap_or_default() }
}

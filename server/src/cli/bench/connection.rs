//! One connection: plain or TLS, HTTP/1.1 with one request at a time, no allocation per request.

use super::BenchError;
use openssl::ssl::{ConnectConfiguration, SslConnector, SslMethod};
use openssl::x509::X509;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Head and body of a reply must fit: a token with a long chain is far below.
const REPLY_LIMIT: usize = 64 << 10;
/// More headers than any service sends.
const HEADERS: usize = 48;

/// Where to connect, and how.
pub(super) struct Endpoint {
    address: SocketAddr,
    tls: Option<(SslConnector, String)>,
}

impl Endpoint {
    /// An endpoint; `host` asks for TLS, with the certificate checked for that name against
    /// `roots`, or against OpenSSL's own defaults when there are none.
    pub(super) fn new(
        address: SocketAddr,
        host: Option<&str>,
        roots: &[X509],
    ) -> Result<Self, BenchError> {
        let Some(host) = host else { return Ok(Self { address, tls: None }) };
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        for root in roots {
            builder.cert_store_mut().add_cert(root.clone())?;
        }
        Ok(Self { address, tls: Some((builder.build(), host.to_owned())) })
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| Fault::of(&error))?;
        // A request is one small write: waiting to fill a segment would only delay it.
        stream.set_nodelay(true).map_err(|error| Fault::of(&error))?;
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some((connector, host)) => {
                let ssl = connector
                    .configure()
                    .and_then(|setup: ConnectConfiguration| setup.into_ssl(host))
                    .map_err(|_| Fault::Tls)?;
                let mut stream = SslStream::new(ssl, stream).map_err(|_| Fault::Tls)?;
                Pin::new(&mut stream).connect().await.map_err(|_| Fault::Tls)?;
                Stream::Tls(Box::new(stream))
            }
        };
        Ok(Connection { stream, buffer: vec![0; 8 << 10] })
    }
}

/// Why a request got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody listens.
    Refused,
    /// The peer closed before the whole reply was there.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// No reply in time.
    TimedOut,
    /// The TLS handshake failed.
    Tls,
    /// What came is not an HTTP/1 reply with a length.
    NotHttp,
    /// The reply is longer than any token.
    TooLong,
    /// The operating system refused otherwise.
    System,
}

impl Fault {
    /// The fault in words, the same for the same fault.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Closed => "connection closed",
            Self::Reset => "connection reset",
            Self::TimedOut => "no answer in time",
            Self::Tls => "TLS handshake failed (name the server's CA with --ca-file)",
            Self::NotHttp => "not an HTTP reply with a length",
            Self::TooLong => "reply too long",
            Self::System => "refused by the operating system",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::System,
        }
    }
}

/// A reply, by where it lies in the connection's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// Whether the peer closes after this reply.
    pub(super) close: bool,
    /// Where the body is.
    body: Range<usize>,
}

/// An open connection and its buffer.
pub(super) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends a request and waits for the whole reply.
    pub(super) async fn exchange(&mut self, message: &[u8]) -> Result<Reply, Fault> {
        self.stream.write_all(message).await.map_err(|error| Fault::of(&error))?;
        if let Stream::Tls(stream) = &mut self.stream {
            stream.flush().await.map_err(|error| Fault::of(&error))?;
        }
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                self.make_room()?;
            }
            let free = &mut self.buffer[filled..];
            match self.stream.read(free).await.map_err(|error| Fault::of(&error))? {
                0 => return Err(Fault::Closed),
                length => filled += length,
            }
            if let Some(reply) = parse(&self.buffer[..filled])? {
                // One request at a time: whatever follows the body was never asked for.
                if reply.body.end < filled {
                    return Err(Fault::NotHttp);
                }
                if reply.body.end == filled {
                    return Ok(reply);
                }
            }
        }
    }

    /// The body of a reply.
    pub(super) fn body(&self, reply: &Reply) -> &[u8] {
        &self.buffer[reply.body.clone()]
    }

    /// Doubles the buffer, up to the limit; it stays large for the next reply.
    fn make_room(&mut self) -> Result<(), Fault> {
        if self.buffer.len() >= REPLY_LIMIT {
            return Err(Fault::TooLong);
        }
        self.buffer.resize(self.buffer.len() * 2, 0);
        Ok(())
    }
}

impl Reply {
    /// Octets of head and body.
    pub(super) fn octets(&self) -> usize {
        self.body.end
    }
}

/// The head of a reply, once it is whole; the body may still be on its way.
pub(super) fn parse(received: &[u8]) -> Result<Option<Reply>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(received) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Fault::NotHttp),
    };
    let mut length = None;
    let mut close = response.version == Some(0);
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
        } else if header.name.eq_ignore_ascii_case("connection") {
            close = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let length: usize = length.ok_or(Fault::NotHttp)?;
    if length > REPLY_LIMIT {
        return Err(Fault::TooLong);
    }
    let status = response.code.ok_or(Fault::NotHttp)?;
    Ok(Some(Reply { status, close, body: start..start + length }))
}

/// Plain or encrypted, behind one face.
enum Stream {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

//! A TCP connection with HTTP/1.1 by hand: for what no honest client sends, and for connections
//! whose every byte matters.

use super::http::QUERY;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// No read of a test waits longer.
const LIMIT: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct RawAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The head, from the status line to the last field.
    pub(crate) head: String,
    /// The content, without its framing.
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    /// A header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Raw {
    /// Connects to `HOST:PORT`.
    pub(crate) fn connect(address: &str) -> Self {
        Self::try_connect(address).unwrap()
    }

    /// Connects, or says why not.
    pub(crate) fn try_connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address: address.to_owned(), buffer: Vec::new() })
    }

    /// Writes bytes; the other side may have hung up already.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The head of a `POST` of `length` octets.
    pub(crate) fn post_head(path: &str, authorization: &str, length: usize) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: {authorization}\r\n\
             Content-Type: {QUERY}\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    /// A request for a timestamp and its answer, on the connection that stays open.
    pub(crate) fn stamp(&mut self, authorization: &str, request: &[u8]) -> io::Result<RawAnswer> {
        let mut bytes = Self::post_head("/tsa", authorization, request.len()).into_bytes();
        bytes.extend_from_slice(request);
        self.write(&bytes)?;
        self.answer()
    }

    /// The same, on a new connection when the service has closed this one.
    pub(crate) fn stamp_again(&mut self, authorization: &str, request: &[u8]) -> RawAnswer {
        if let Ok(answer) = self.stamp(authorization, request) {
            if answer.header("connection") == Some("close") {
                *self = Self::connect(&self.address);
            }
            return answer;
        }
        *self = Self::connect(&self.address);
        self.stamp(authorization, request).unwrap()
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> io::Result<RawAnswer> {
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                break String::from_utf8(head).unwrap();
            }
            self.fill()?;
        };
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let mut answer = RawAnswer { status: status.expect("no status"), head, body: Vec::new() };
        // RFC 9112 §6.3: how long the content is.
        if matches!(answer.status, 100 | 204 | 304) {
            return Ok(answer);
        }
        if answer.header("transfer-encoding").is_some() {
            return Ok(answer);
        }
        match answer.header("content-length").map(|length| length.parse::<usize>().unwrap()) {
            Some(length) => {
                while self.buffer.len() < length {
                    self.fill()?;
                }
                answer.body = self.buffer.drain(..length).collect();
            }
            None => {
                while self.fill().is_ok() {}
                answer.body = std::mem::take(&mut self.buffer);
            }
        }
        Ok(answer)
    }

    /// Reads until the text holds `words`, and returns all of it up to and with them.
    pub(crate) fn until(&mut self, words: &str) -> io::Result<String> {
        loop {
            if let Some(at) = find(&self.buffer, words.as_bytes()) {
                let bytes: Vec<u8> = self.buffer.drain(..at + words.len()).collect();
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            self.fill()?;
        }
    }

    /// Whether the service has closed the connection, or does so before the time limit; what
    /// comes meanwhile is passed over.
    pub(crate) fn closes(&mut self) -> bool {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            match self.fill() {
                Ok(()) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).ok();
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.buffer.extend_from_slice(&chunk[..length]);
                Ok(())
            }
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

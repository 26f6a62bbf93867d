//! A service that answers each time-stamp request as it is told, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What to answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// An HTTP status and a body.
    Http(u16, Vec<u8>),
    /// The same, and `Connection: close`.
    LastOne(u16, Vec<u8>),
    /// Nothing: close.
    HangUp,
}

/// What is answered, by the number of the request (from 0) and the request's DER.
type Script = dyn Fn(u64, &[u8]) -> Answer + Send + Sync;

/// Starts the service. Its threads end with their connections.
pub(super) fn start(script: impl Fn(u64, &[u8]) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script: Arc<Script> = Arc::new(script);
    let number = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (script, number) = (Arc::clone(&script), Arc::clone(&number));
            // A client that goes away is how every test ends.
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                serve(&mut stream, &*script, &number).ok()
            });
        }
    });
    address
}

/// A reply that passes a glance: granted, with everything of the request somewhere in it.
pub(super) fn granted(request: &[u8]) -> Vec<u8> {
    status_and(0, request)
}

/// A `TimeStampResp` with a status and something after it, which is not a token.
pub(super) fn status_and(status: u8, rest: &[u8]) -> Vec<u8> {
    let length = u8::try_from(5 + rest.len()).unwrap();
    assert!(length < 0x80, "a short length");
    [&[0x30, length, 0x30, 0x03, 0x02, 0x01, status][..], rest].concat()
}

fn serve(stream: &mut TcpStream, script: &Script, number: &AtomicU64) -> std::io::Result<()> {
    let mut received = Vec::new();
    loop {
        let Some((start, end)) = whole_request(&received) else {
            let mut octets = [0; 1024];
            match stream.read(&mut octets)? {
                0 => return Ok(()),
                length => received.extend(&octets[..length]),
            }
            continue;
        };
        let request: Vec<u8> = received.drain(..end).skip(start).collect();
        match script(number.fetch_add(1, Ordering::Relaxed), &request) {
            Answer::Http(status, body) => answer(stream, status, "", &body)?,
            Answer::LastOne(status, body) => {
                return answer(stream, status, "Connection: close\r\n", &body);
            }
            Answer::HangUp => return Ok(()),
        }
    }
}

fn whole_request(received: &[u8]) -> Option<(usize, usize)> {
    let text = String::from_utf8_lossy(received);
    let start = text.find("\r\n\r\n")? + 4;
    let length: usize =
        text.lines().find_map(|line| line.strip_prefix("Content-Length: "))?.parse().unwrap();
    (received.len() >= start + length).then_some((start, start + length))
}

fn answer(stream: &mut TcpStream, status: u16, extra: &str, body: &[u8]) -> std::io::Result<()> {
    let mut message =
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{extra}\r\n", body.len())
            .into_bytes();
    message.extend(body);
    // In two pieces, so that a reply has to be put together.
    let (first, second) = message.split_at(message.len() / 2);
    stream.write_all(first)?;
    stream.flush()?;
    stream.write_all(second)
}

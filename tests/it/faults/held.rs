//! Clients that hold on to a connection: with a body nobody asked for, a head without end, or
//! answers they do not read. None keeps it, and none is paid for with memory.

use crate::harness::certificates::{Purpose, certify};
use crate::harness::{Account, Config, QUERY, Raw, Service, eventually, request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection waits 2 s for a whole request.
fn impatient() -> Config {
    Config::new().server("keep_alive_s = 1").server("head_timeout_ms = 1000")
}

/// Sends `piece` again and again until the service hangs up; returns how many went out.
fn until_hung_up(connection: &mut Raw, piece: &[u8], pause: Duration) -> u64 {
    let mut sent = 0;
    eventually("the service hangs up", || {
        std::thread::sleep(pause);
        let more = connection.write(piece).is_ok();
        sent += u64::from(more);
        !more
    });
    sent
}

/// Sends the head of a request whose body has no end, and takes the answer.
fn refused(service: &Service, first_line: &str, status: u16) -> Raw {
    let mut connection = Raw::connect(service.address());
    let head = format!("{first_line} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.write(head.as_bytes()).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, status, "{}", answer.head);
    assert_eq!(answer.header("connection"), Some("close"), "{}", answer.head);
    connection
}

/// RFC 9112 §9.6. After an answer to a request whose body is not read, the connection ends:
/// whether the client is silent, sends a little, or as much as it can.
#[test]
fn a_body_nobody_reads_ends_the_connection() {
    let service = Service::demo();
    for (first_line, status) in [("POST /tsa", 401), ("GET /nope", 404), ("PUT /tsa", 405)] {
        assert!(refused(&service, first_line, status).closes(), "{first_line}, silent");
        let mut connection = refused(&service, first_line, status);
        until_hung_up(&mut connection, b"1\r\nA\r\n", Duration::from_millis(100));
        let mut connection = refused(&service, first_line, status);
        let chunk = [b"10000\r\n".as_slice(), &[b'A'; 0x10000], b"\r\n"].concat();
        until_hung_up(&mut connection, &chunk, Duration::ZERO);
    }
    assert_eq!(service.demo_client().balance(), (100, 0));
}

/// The parser takes what follows such a head for content without an end (RFC 6455 §4.1), and behind
/// a proxy the next request may be somebody else's.
#[test]
fn a_request_for_a_websocket_ends_the_connection() {
    let service = Service::demo();
    for asked in ["websocket", "WebSocket"] {
        let mut connection = Raw::connect(service.address());
        let head = format!(
            "POST /api/v1/sessions HTTP/1.1\r\nHost: t\r\nUpgrade: {asked}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        let next = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n";
        connection.write(format!("{head}{{}}{next}").as_bytes()).unwrap();
        let answer = connection.answer().unwrap();
        assert_eq!(answer.status, 400, "{}", answer.head);
        assert_eq!(answer.header("connection"), Some("close"), "{}", answer.head);
        let next = connection.answer();
        assert!(next.is_err(), "{asked}: the next request was answered: {next:?}");
    }
    let mut connection = Raw::connect(service.address());
    connection.write(b"GET /healthz HTTP/1.1\r\nHost: t\r\nUpgrade: h2c\r\n\r\n").unwrap();
    assert_eq!(connection.answer().unwrap().status, 200, "an upgrade that means nothing here");
}

/// The same with credentials, once the body is too large or too slow.
#[test]
fn a_body_that_is_given_up_ends_the_connection() {
    let service = Config::new().server("body_timeout_ms = 300").start();
    let account = Account::open(&service, "acme", 5);
    let head = format!(
        "POST /tsa HTTP/1.1\r\nHost: t\r\nAuthorization: {}\r\nContent-Type: {QUERY}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        account.bearer()
    );
    let mut connection = Raw::connect(service.address());
    connection.write(head.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 408);
    until_hung_up(&mut connection, b"1\r\nA\r\n", Duration::from_millis(100));

    let mut connection = Raw::connect(service.address());
    let chunk = [b"8000\r\n".as_slice(), &[b'A'; 0x8000], b"\r\n"].concat();
    connection.write(&[head.as_bytes(), &chunk].concat()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 413);
    until_hung_up(&mut connection, b"1\r\nA\r\n", Duration::from_millis(100));
    assert_eq!(account.balance(&service), (5, 0));
}

/// A chunked body that is read leaves the connection as it was.
#[test]
fn a_body_that_is_read_keeps_the_connection() {
    let service = Service::demo();
    let mut connection = Raw::connect(service.address());
    for _ in 0..3 {
        let request = request::fresh();
        let head = format!(
            "POST /tsa HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\nContent-Type: {QUERY}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            crate::harness::DEMO_KEY,
            request.len()
        );
        connection.write(&[head.as_bytes(), &request, b"\r\n0\r\n\r\n"].concat()).unwrap();
        let answer = connection.answer().unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
}

/// The second head has a deadline as the first has, and empty lines do not move it.
#[test]
fn a_second_head_that_never_ends_is_given_up() {
    let service = impatient().start();
    let whole = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n";
    for (begin, piece) in [("GET /healthz HTTP/1.1\r\nX: ", "A"), ("", "\r\n")] {
        let mut connection = Raw::connect(service.address());
        for _ in 0..2 {
            connection.write(whole).unwrap();
            assert_eq!(connection.answer().unwrap().status, 200);
        }
        connection.write(begin.as_bytes()).unwrap();
        let sent = until_hung_up(&mut connection, piece.as_bytes(), Duration::from_millis(100));
        assert!(sent > 5, "it had no time to go on");
    }
}

/// Who asks for much and reads nothing loses the connection, and costs little memory until then.
#[test]
fn answers_nobody_reads_end_the_connection() {
    let service = impatient().start();
    let asks = b"GET /api/v1/docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: t\r\n\r\n".repeat(16);
    let (before, open) = (resident_kib(&service), sockets(&service));
    let mut connections: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut connection = TcpStream::connect(service.address()).unwrap();
            connection.write_all(&asks).unwrap();
            connection
        })
        .collect();
    std::thread::sleep(Duration::from_millis(800));
    let grown = resident_kib(&service).saturating_sub(before);
    assert!(grown < 40 * 1024, "{grown} KiB for 40 connections");
    // All 16 answers are 24 MB, more than the kernel holds for a connection.
    for connection in &mut connections {
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    }
    eventually("all are closed", || sockets(&service) <= open);
    for connection in &mut connections {
        let mut read = 0;
        let mut buffer = vec![0; 1 << 20];
        while let Ok(length @ 1..) = connection.read(&mut buffer) {
            read += length;
        }
        assert!(read < 16 << 20, "{read} octets: nothing was cut off");
    }
}

/// A stream of events outlives all deadlines, and says that nothing follows it.
#[test]
fn a_stream_of_events_goes_on() {
    let service = impatient().start();
    let account = Account::open(&service, "acme", 5);
    let mut stream = Raw::connect(service.address());
    let head = format!(
        "GET /api/v1/stamp-account/events HTTP/1.1\r\nHost: t\r\nAuthorization: {}\r\n\r\n",
        account.bearer()
    );
    stream.write(head.as_bytes()).unwrap();
    let begin = stream.until("\"remaining\":5").unwrap();
    assert!(begin.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{begin}");
    std::thread::sleep(Duration::from_secs(4));
    service.client().bearer(&account.api_key).stamp(&request::fresh()).status(200);
    stream.until("\"remaining\":4").unwrap();
}

/// RFC 6797 §7.2: over TLS every answer carries it, over plain HTTP none does.
#[test]
fn tls_asks_for_tls() {
    let files = crate::harness::temporary();
    let authority = certify("Test CA", Purpose::Authority, None);
    let server = certify("server", Purpose::Server, Some(&authority));
    let (certificate, key) = server.write(files.path(), "server");
    let section = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    let encrypted = Config::new().section(section).start();
    let plain = Service::demo();
    for path in ["/healthz", "/", "/nope", "/api/v1/docs/"] {
        let answer = over_tls(encrypted.address(), path);
        let expected = "\r\nstrict-transport-security: max-age=31536000; includesubdomains\r\n";
        assert!(answer.contains(expected), "{path}: {answer}");
        assert_eq!(plain.client().get(path).header("strict-transport-security"), None, "{path}");
    }
}

/// The head of an answer over TLS, in small letters, from whatever server it is.
fn over_tls(address: &str, path: &str) -> String {
    let mut builder = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
    builder.set_verify(openssl::ssl::SslVerifyMode::NONE);
    let tcp = TcpStream::connect(address).unwrap();
    let mut connection = builder.build().connect("localhost", tcp).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    text.split_inclusive("\r\n\r\n").next().unwrap().to_owned()
}

/// Memory of the service that is in use, in KiB.
fn resident_kib(service: &Service) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sockets that the service has open, its own among them.
fn sockets(service: &Service) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap().flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        count += usize::from(target.to_string_lossy().starts_with("socket:"));
    }
    count
}

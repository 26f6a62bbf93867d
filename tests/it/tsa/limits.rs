//! What no honest client sends: bodies and heads without end, too many connections, odd framing.
//! Each gets an answer or a closed connection, costs nothing, and keeps nobody else waiting.

use crate::harness::request;
use crate::harness::{Config, DEMO_KEY, QUERY, Raw, Reply, Service};

fn bearer() -> String {
    format!("Bearer {DEMO_KEY}")
}

/// Others are served, and nothing was taken for what came before.
fn still_good(service: &Service, used: u64) {
    let client = service.demo_client();
    assert_eq!(client.balance(), (100 - used, used));
    client.stamp(&request::fresh()).status(200);
}

/// Contract: a body that does not arrive gets 408 with Retry-After.
#[test]
fn a_body_that_never_ends_is_408() {
    let service = Config::new().server("body_timeout_ms = 300").start();
    let account = crate::harness::Account::open(&service, "acme", 5);
    let request = request::fresh();
    let mut connection = Raw::connect(service.address());
    let head = Raw::post_head("/tsa", &account.bearer(), request.len());
    connection.write(head.as_bytes()).unwrap();
    connection.write(&request[..20]).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(connection.closes(), "what is left of the body is not waited for");
    assert_eq!(account.balance(&service), (5, 0));
}

/// F14: a head that comes octet by octet, and never whole, is given up.
#[test]
fn a_head_that_never_ends_is_given_up() {
    let service = Config::new().server("head_timeout_ms = 300").start();
    let mut connection = Raw::connect(service.address());
    connection.write(b"POST /tsa HTTP/1.1\r\nHost: test\r\nX-Slow: ").unwrap();
    assert!(connection.closes());
}

/// F15: a chunked body without end is cut off at 16 KiB, and 10 MB are not even begun.
#[test]
fn bodies_without_end_are_413() {
    let service = Service::demo();
    let mut connection = Raw::connect(service.address());
    let head = format!(
        "POST /tsa HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\nContent-Type: {QUERY}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        bearer()
    );
    connection.write(head.as_bytes()).unwrap();
    let chunk = [b"1000\r\n".as_slice(), &[0x30; 4096], b"\r\n"].concat();
    for _ in 0..64 {
        // The service may hang up while this is still sending.
        if connection.write(&chunk).is_err() {
            break;
        }
    }
    if let Ok(answer) = connection.answer() {
        assert_eq!(answer.status, 413);
    }

    let mut connection = Raw::connect(service.address());
    let head = Raw::post_head("/tsa", &bearer(), 10 << 20);
    connection.write(head.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 413, "the length alone is enough");
    still_good(&service, 0);
}

/// A good request in chunks is as good as one with a length (RFC 9112 §7.1).
#[test]
fn a_chunked_request_is_granted() {
    let service = Service::demo();
    let request = request::fresh();
    let (first, second) = request.split_at(10);
    let mut bytes = format!(
        "POST /tsa HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\nContent-Type: {QUERY}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        bearer()
    )
    .into_bytes();
    for part in [first, second, &[]] {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    let mut connection = Raw::connect(service.address());
    connection.write(&bytes).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(Reply::read(&answer.body).is_granted());
}

/// RFC 9110 §10.1.1: a client that waits for `100 Continue` gets it, or the final answer at once.
#[test]
fn expect_100_continue_is_answered() {
    let service = Service::demo();
    let request = request::fresh();
    let head = Raw::post_head("/tsa", &bearer(), request.len());
    let head = head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut connection = Raw::connect(service.address());
    connection.write(head.as_bytes()).unwrap();
    let first = connection.answer().unwrap();
    assert_eq!(first.status, 100);
    connection.write(&request).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);

    let mut refused = Raw::connect(service.address());
    refused.write(head.replace(DEMO_KEY, "wrong").as_bytes()).unwrap();
    let first = refused.answer().unwrap();
    // The service may have invited the body before it knew; it does not wait for it.
    let answer = if first.status == 100 { refused.answer().unwrap() } else { first };
    assert_eq!(answer.status, 401, "the answer comes without the body");
}

/// A length that is not the body's: too short leaves octets that are no request, too long is a
/// body that ends early; two lengths, or a length and chunks, are refused (RFC 9112 §6.3).
#[test]
fn a_wrong_content_length_takes_nothing() {
    let service = Service::demo();
    let request = request::fresh();
    let mut short = Raw::connect(service.address());
    short.write(Raw::post_head("/tsa", &bearer(), request.len() - 10).as_bytes()).unwrap();
    short.write(&request).unwrap();
    let answer = short.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(!Reply::read(&answer.body).is_granted());

    let mut long = Raw::connect(service.address());
    long.write(Raw::post_head("/tsa", &bearer(), request.len() + 10).as_bytes()).unwrap();
    long.write(&request).unwrap();
    long.finish();
    if let Ok(answer) = long.answer() {
        assert_eq!(answer.status, 400);
    }

    for extra in ["Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip"] {
        let head = Raw::post_head("/tsa", &bearer(), request.len());
        let head = head.replace("\r\n\r\n", &format!("\r\n{extra}\r\n\r\n"));
        let mut connection = Raw::connect(service.address());
        connection.write(head.as_bytes()).unwrap();
        connection.write(&request).ok();
        connection.finish();
        match connection.answer() {
            Ok(answer) => assert!(
                (400..500).contains(&answer.status) || !Reply::read(&answer.body).is_granted(),
                "{extra}: {}",
                answer.head
            ),
            Err(closed) => println!("{extra}: closed ({closed})"),
        }
    }
    for length in ["-1", "+5", "0x20", "99999999999999999999", "5, 5", "abc"] {
        let head = Raw::post_head("/tsa", &bearer(), 7).replace(": 7\r", &format!(": {length}\r"));
        let mut connection = Raw::connect(service.address());
        connection.write(head.as_bytes()).unwrap();
        connection.finish();
        if let Ok(answer) = connection.answer() {
            assert!((400..500).contains(&answer.status), "{length}: {}", answer.head);
        }
    }
    still_good(&service, 0);
}

/// F15: 10,000 header fields, and one of a megabyte, are refused without being kept.
#[test]
fn heads_without_end_are_refused() {
    let service = Service::demo();
    let many: String = (0..10_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(1 << 20));
    for fields in [many, long] {
        let mut connection = Raw::connect(service.address());
        let head = Raw::post_head("/tsa", &bearer(), 0);
        let head = head.replace("\r\n\r\n", &format!("\r\n{fields}\r\n"));
        // The service may hang up before all of it is sent.
        connection.write(head.as_bytes()).ok();
        if let Ok(answer) = connection.answer() {
            assert!((400..500).contains(&answer.status), "{}", answer.head);
        }
    }
    still_good(&service, 0);
}

/// 200 connections that say nothing, and 50 that said half of something: others are served.
#[test]
fn idle_connections_keep_nobody_waiting() {
    let service = Service::demo();
    let idle: Vec<Raw> = (0..200).map(|_| Raw::connect(service.address())).collect();
    let mut half: Vec<Raw> = (0..50).map(|_| Raw::connect(service.address())).collect();
    for connection in &mut half {
        connection.write(b"POST /tsa HTTP/1.1\r\nHost: t").unwrap();
    }
    let client = service.demo_client();
    for _ in 0..20 {
        client.stamp(&request::fresh()).status(200);
    }
    drop((idle, half));
    still_good(&service, 20);
}

/// RFC 9112 §9.3.2: requests sent without waiting are answered in their order.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let service = Service::demo();
    let requests: Vec<_> = (0..10).map(|_| request::usual()).collect();
    let mut bytes = Vec::new();
    for request in &requests {
        let der = request::encode(request);
        bytes.extend_from_slice(Raw::post_head("/tsa", &bearer(), der.len()).as_bytes());
        bytes.extend_from_slice(&der);
    }
    let mut connection = Raw::connect(service.address());
    connection.write(&bytes).unwrap();
    for request in requests {
        let answer = connection.answer().unwrap();
        assert_eq!(Reply::read(&answer.body).token().info.nonce, request.nonce);
    }
    still_good(&service, 10);
}

/// HTTP/1.0 is answered, and the connection closed after it (RFC 9112 §9.3).
#[test]
fn http_1_0_is_answered() {
    let service = Service::demo();
    let request = request::fresh();
    let head = Raw::post_head("/tsa", &bearer(), request.len()).replace("HTTP/1.1", "HTTP/1.0");
    let mut connection = Raw::connect(service.address());
    connection.write(&[head.as_bytes(), &request].concat()).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(Reply::read(&answer.body).is_granted());
    assert!(connection.closes());
}

/// What is no HTTP at all gets 400 or a closed connection.
#[test]
fn what_is_no_http_is_refused() {
    let service = Service::demo();
    let garbage: [&[u8]; 6] = [
        b"\r\n\r\n\r\n\r\n",
        b"hello\r\n\r\n",
        b"POST /tsa HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET \x00\xff HTTP/1.1\r\nHost: t\r\n\r\n",
    ];
    for bytes in garbage {
        let mut connection = Raw::connect(service.address());
        connection.write(bytes).unwrap();
        connection.finish();
        if let Ok(answer) = connection.answer() {
            let status = answer.status;
            assert!((400..500).contains(&status) || status == 505, "{}", answer.head);
        }
    }
    still_good(&service, 0);
}

/// Contract: a full queue is 503 with Retry-After; what was let in is served, and the books agree.
#[test]
fn too_many_at_once_are_503_with_retry_after() {
    let service = Config::new().server("max_requests = 1").unit("slow", "rsa4096").start();
    let account = crate::harness::Account::open(&service, "acme", 10_000);
    let requests: Vec<Vec<u8>> = (0..300).map(|_| request::fresh()).collect();
    let answers = crate::harness::send_all(service.address(), &account.bearer(), 32, &requests);
    let granted = answers.iter().filter(|answer| answer.status == 200).count() as u64;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert_eq!(granted as usize + busy.len(), answers.len());
    assert!(granted > 0 && !busy.is_empty(), "{granted} granted, {} busy", busy.len());
    for answer in busy {
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(account.balance(&service), (10_000 - granted, granted));
}

//! The row `POST /tsa` of the public contract: ways in, media types, headers, refusals.

use crate::harness::{Account, DEMO_KEY, PROBLEM, QUERY, REPLY, Reply, Service, openssl, request};

/// RFC 3161 §3.4: `application/timestamp-reply`, whole: several clients compare the whole value,
/// so there is no parameter. `Stamps-Remaining` is on a granted reply.
#[test]
fn a_request_with_basic_is_granted() {
    let service = Service::demo();
    let answer = service.demo_client().stamp(&request::fresh()).status(200);
    assert_eq!(answer.header("content-type"), Some(REPLY));
    assert_eq!(answer.header("stamps-remaining"), Some("99"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    let ca = std::fs::read(service.ca_file()).unwrap();
    Reply::read(&answer.body).token().verify(&ca);
    assert_eq!(service.demo_client().balance(), (99, 1));
}

/// Contract: `Authorization: Bearer KEY`, `/tsa/key/{api_key}`, `/tsa/{tsu}`.
#[test]
fn every_way_in_takes_from_the_same_account() {
    let service = Service::demo();
    let key = service.client().bearer(DEMO_KEY);
    let granted = |answer: crate::harness::Answer| {
        let answer = answer.status(200);
        assert_eq!(answer.header("content-type"), Some(REPLY));
        assert!(Reply::read(&answer.body).is_granted());
        answer.header("stamps-remaining").unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(granted(key.stamp(&request::fresh())), 99);
    // The scheme's name is not case-sensitive (RFC 9110 §11.1).
    let lower = service.client().authorized(&format!("bearer {DEMO_KEY}"));
    assert_eq!(granted(lower.stamp(&request::fresh())), 98);
    let path = format!("/tsa/key/{DEMO_KEY}");
    assert_eq!(granted(service.client().stamp_at(&path, &request::fresh())), 97);
    let units = service.admin().get("/api/v1/admin/tsus").status(200).json();
    let unit = units["tsus"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(granted(key.stamp_at(&format!("/tsa/{unit}"), &request::fresh())), 96);
    assert_eq!(granted(service.demo_client().stamp(&request::fresh())), 95);
}

/// Contract: `POST /tsa/{tsu}` picks a unit; one that is not there is 404 and takes nothing.
#[test]
fn an_unknown_unit_is_not_found() {
    let service = Service::demo();
    let client = service.demo_client();
    client.stamp_at("/tsa/nosuch", &request::fresh()).problem(404, "not-found");
    assert_eq!(client.balance(), (100, 0));
}

/// The unit named signs: each unit has its own certificate.
#[test]
fn the_unit_named_signs() {
    let config = crate::harness::Config::new().unit("alpha", "p256").unit("beta", "rsa3072");
    let service = config.start();
    let account = Account::open(&service, "acme", 10);
    let client = account.client(&service);
    let ca = std::fs::read(service.ca_file()).unwrap();
    let mut seen = Vec::new();
    for (path, unit) in [("/tsa", "alpha"), ("/tsa/alpha", "alpha"), ("/tsa/beta", "beta")] {
        let answer = client.stamp_at(path, &request::fresh()).status(200);
        let token = Reply::read(&answer.body).token();
        token.verify(&ca);
        let digest = hex::encode(openssl::sha::sha256(&token.certificates()[0].to_der().unwrap()));
        let shown = service.admin().get(&format!("/api/v1/admin/tsus/{unit}")).status(200).json();
        assert_eq!(shown["certificate_sha256"], digest, "{path}");
        seen.push(digest);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

/// RFC 7617 §2: `WWW-Authenticate: Basic realm="marca", charset="UTF-8"`, exactly.
#[test]
fn without_credentials_the_answer_is_401() {
    let service = Service::demo();
    let client = service.client();
    let long = "x".repeat(4000);
    let wrong = [
        None,
        Some("Basic".to_owned()),
        Some("Basic !!!".to_owned()),
        Some("Basic AAAA".to_owned()),
        Some(crate::harness::basic("demo", "wrong")),
        Some(crate::harness::basic("nobody", "demo-stamps")),
        Some(crate::harness::basic("", "")),
        Some("Bearer ".to_owned()),
        Some("Bearer marca_demo_0123456789abcdef0123456789abcdee".to_owned()),
        Some(format!("Bearer {long}")),
        Some(format!("Digest username=\"{long}\"")),
    ];
    for sent in wrong {
        let client = sent.as_ref().map_or(client.clone(), |value| client.authorized(value));
        let answer = client.stamp(&request::fresh()).problem(401, "unauthorized");
        let expected = "Basic realm=\"marca\", charset=\"UTF-8\"";
        assert_eq!(answer.header("www-authenticate"), Some(expected), "{sent:?}");
    }
    let path = "/tsa/key/marca_demo_0123456789abcdef0123456789abcdee";
    service.client().stamp_at(path, &request::fresh()).problem(401, "unauthorized");
    assert_eq!(service.demo_client().balance(), (100, 0));
}

/// Contract: no stamps left is 402 with a reply that says so, so that a client that shows only the
/// status text, and one that shows only the HTTP status, both tell their user.
#[test]
fn without_stamps_the_answer_is_402_with_a_reply() {
    let service = Service::demo();
    let account = Account::open(&service, "poor", 1);
    let client = account.client(&service);
    client.stamp(&request::fresh()).status(200);
    let answer = client.stamp(&request::fresh()).status(402);
    assert_eq!(answer.header("content-type"), Some(REPLY));
    assert_eq!(answer.header("stamps-remaining"), None, "only a granted reply has it");
    let (bit, text) = Reply::read(&answer.body).rejection();
    assert_eq!(bit, 2, "badRequest");
    assert!(text.to_lowercase().contains("stamp"), "{text}");
    assert_eq!(account.balance(&service), (0, 1));

    // Programs that were written by others read it too.
    std::fs::write(service.directory().join("refused.tsr"), &answer.body).unwrap();
    let shown = openssl(service.directory(), &["ts", "-reply", "-in", "refused.tsr", "-text"]);
    assert!(shown.ok().out.contains("Rejected"));
}

/// Contract: a suspended or closed account gets 403 with a reply, and loses nothing.
#[test]
fn a_suspended_or_closed_account_is_403_with_a_reply() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 5);
    let client = account.client(&service);
    client.stamp(&request::fresh()).status(200);
    account.change(&service, "suspend");
    for client in [&client, &service.client().basic(&account.name, &account.password)] {
        let answer = client.stamp(&request::fresh()).status(403);
        assert_eq!(answer.header("content-type"), Some(REPLY));
        let (bit, text) = Reply::read(&answer.body).rejection();
        assert_eq!(bit, 2, "badRequest: {text}");
    }
    assert_eq!(account.balance(&service), (4, 1));
    account.change(&service, "reactivate");
    client.stamp(&request::fresh()).status(200);
    assert_eq!(account.balance(&service), (3, 2));
    account.change(&service, "close");
    let answer = client.stamp(&request::fresh()).status(403);
    Reply::read(&answer.body).rejection();
    account.check_statement(&service);
}

/// RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
#[test]
fn other_methods_are_405_with_allow() {
    let service = Service::demo();
    let key = format!("/tsa/key/{DEMO_KEY}");
    for path in ["/tsa", "/tsa/p256", key.as_str()] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
            let answer = service.demo_client().send(method, path, &[], None).status(405);
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
        }
    }
}

/// Contract: over 16 KiB is 413, another media type is 415. Parameters are allowed (RFC 9110
/// §8.3.1); an encoded body is not decoded, so that no small body can become a large one.
#[test]
fn size_and_media_type_are_checked() {
    let service = Service::demo();
    let client = service.demo_client();
    client.stamp(&vec![0x30; 16 * 1024 + 1]).problem(413, "too-large");
    let largest = client.stamp(&vec![0x30; 16 * 1024]).status(200);
    assert_eq!(Reply::read(&largest.body).rejection().0, 5, "read, and found to be no request");

    let request = request::fresh();
    let post = |headers: &[(&str, &str)]| client.send("POST", "/tsa", headers, Some(&request));
    for kind in ["application/octet-stream", "application/timestamp-reply", "text/plain", "x", ""] {
        let answer = post(&[("Content-Type", kind)]);
        let answer = answer.problem(415, "media-type");
        assert_eq!(answer.header("content-type"), Some(PROBLEM));
    }
    post(&[]).problem(415, "media-type");
    let encoded = [("Content-Type", QUERY), ("Content-Encoding", "gzip")];
    post(&encoded).problem(415, "media-type");
    assert_eq!(client.balance(), (100, 0));

    let with_parameter = format!("{QUERY}; charset=binary");
    post(&[("Content-Type", &with_parameter)]).status(200);
    let other_case = "Application/Timestamp-Query";
    client
        .send("POST", "/tsa", &[("Content-Type", other_case)], Some(&request::fresh()))
        .status(200);
    assert_eq!(client.balance(), (98, 2));
}

/// Contract: the credentials are looked at before the body is read, and before its size.
#[test]
fn credentials_come_first() {
    let service = Service::demo();
    let large = vec![0; 20_000];
    service.client().stamp(&large).problem(401, "unauthorized");
    let headers = [("Content-Type", "text/plain")];
    let answer = service.client().send("POST", "/tsa", &headers, Some(b"x"));
    answer.problem(401, "unauthorized");
}

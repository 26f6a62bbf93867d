//! `curl`, as in every script that stamps.

use crate::harness::{DEMO_KEY, Program, Reply, Service, request};

fn curl(service: &Service, more: &[&str]) -> crate::harness::Finished {
    let always = ["-sS", "--max-time", "60", "-o", "reply.tsr", "-D", "head"];
    let kind = ["-H", "Content-Type: application/timestamp-query", "--data-binary", "@request.tsq"];
    let arguments = [&always[..], &kind, more].concat();
    Program::new("curl", &arguments).directory(service.directory()).run()
}

/// Basic, bearer and key path; `--anyauth`, which asks without credentials first.
#[test]
fn curl_stamps_in_every_way() {
    let service = Service::demo();
    let url = format!("{}/tsa", service.url());
    let key_url = format!("{}/tsa/key/{DEMO_KEY}", service.url());
    let bearer = format!("Authorization: Bearer {DEMO_KEY}");
    let ways: [&[&str]; 5] = [
        &["-f", "-u", "demo:demo-stamps", &url],
        &["-f", "--anyauth", "-u", "demo:demo-stamps", &url],
        &["-f", "-H", &bearer, &url],
        &["-f", &key_url],
        &["-f", "--http1.0", "-H", &bearer, &url],
    ];
    for way in ways {
        std::fs::write(service.directory().join("request.tsq"), request::fresh()).unwrap();
        curl(&service, way).ok();
        let reply = std::fs::read(service.directory().join("reply.tsr")).unwrap();
        assert!(Reply::read(&reply).is_granted(), "{way:?}");
        let head = std::fs::read_to_string(service.directory().join("head")).unwrap();
        let head = head.to_lowercase();
        assert!(head.contains("content-type: application/timestamp-reply\r\n"), "{head}");
        assert!(head.contains("stamps-remaining: "), "{head}");
    }
    assert_eq!(service.demo_client().balance(), (95, 5));
}

/// `-f` makes a script stop: without stamps, and with a wrong password.
#[test]
fn curl_fails_when_the_service_refuses() {
    let service = Service::demo();
    let url = format!("{}/tsa", service.url());
    std::fs::write(service.directory().join("request.tsq"), request::fresh()).unwrap();
    curl(&service, &["-f", "-u", "demo:wrong", &url]).code(22).says("401");
    let account = crate::harness::Account::open(&service, "poor", 0);
    let header = format!("Authorization: {}", account.bearer());
    curl(&service, &["-f", "-H", &header, &url]).code(22).says("402");
}

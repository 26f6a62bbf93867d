//! Health, metrics, the OpenAPI document, the pages.

use crate::harness::{Service, request};
use serde_json::json;
use std::collections::BTreeSet;

/// `/healthz`: alive. `/readyz`: may issue.
#[test]
fn health_and_readiness() {
    let service = Service::demo();
    service.client().get("/healthz").status(200);
    let ready = service.client().get("/readyz").status(200);
    assert_eq!(ready.header("cache-control"), Some("no-store"));
    let ready = ready.json();
    assert_eq!(ready["ready"], true);
    let units = json!({ "demo-p256": "ok" });
    let checks = json!({ "issuing": "ok", "clock": "ok", "units": units, "store": "ok",
        "disk": "ok", "messages": "ok" });
    assert_eq!(ready["checks"], checks);
}

/// Too little free disk: alive, not ready, and it says so.
#[test]
fn too_little_disk_is_not_ready() {
    let service = crate::harness::Config::new();
    let mut service = service.write();
    let path = service.directory().join("marca.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("min_free_mib = 0", "min_free_mib = 1048576")).unwrap();
    service.start();
    service.client().get("/healthz").status(200);
    let answer = service.client().get("/readyz").status(503).json();
    assert_eq!(answer["ready"], false);
    assert!(answer["checks"]["disk"].as_str().unwrap().contains("min_free_mib"), "{answer}");
}

/// The series of the exposition, without their values.
fn series(service: &Service) -> BTreeSet<String> {
    let text = service.client().get("/metrics").status(200).text();
    assert!(text.ends_with("# EOF\n"));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

fn sample(service: &Service, name: &str) -> f64 {
    let text = service.client().get("/metrics").status(200).text();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

/// What was done is counted, by outcome.
#[test]
fn what_was_done_is_counted() {
    let service = Service::demo();
    service.demo_client().stamp(&request::fresh()).status(200);
    service.demo_client().stamp(&request::fresh()).status(200);
    service.demo_client().stamp(b"x").status(200);
    assert!((sample(&service, "marca_timestamps_total{outcome=\"granted\"}") - 2.0).abs() < 0.1);
    assert!((sample(&service, "marca_ready") - 1.0).abs() < 0.1);
}

/// F20: no client makes a new series: random paths, methods, names and keys change nothing.
#[test]
fn no_client_makes_a_new_series() {
    let service = Service::demo();
    let ask = |round: usize| {
        let client = service.client();
        for number in 0..5 {
            let odd = format!("{round}-{number}-%0a%0d-\u{fe}").replace('\u{fe}', "x");
            client.get(&format!("/{odd}"));
            client.get(&format!("/api/v1/{odd}/{odd}"));
            client.get(&format!("/pki/{odd}.crt"));
            client.get(&format!("/api/v1/timestamps/{odd}"));
            client.get(&format!("/api/v1/admin/accounts/{odd}"));
            client.stamp_at(&format!("/tsa/{odd}"), b"x");
            client.stamp_at(&format!("/tsa/key/{odd}"), b"x");
            client.bearer(&odd).stamp(b"x");
            for path in ["/tsa", "/odd"] {
                let head = format!("M{round}X{number} {path} HTTP/1.1\r\nHost: t\r\n\r\n");
                let mut raw = crate::harness::Raw::connect(service.address());
                raw.write(head.as_bytes()).unwrap();
                raw.answer().unwrap();
            }
        }
    };
    ask(0);
    series(&service);
    let before = series(&service);
    for round in 1..5 {
        ask(round);
    }
    assert_eq!(series(&service), before);
    let text = before.into_iter().collect::<Vec<_>>().join("\n");
    assert!(!text.contains("0-1-"), "a path is in a label:\n{text}");
}

/// No secret is in the log: no password, key, token, nor their Basic form. One line a request.
#[test]
fn no_secret_is_in_the_log() {
    let service = Service::demo();
    let account = crate::harness::Account::open(&service, "acme", 5);
    let basic = service.client().basic("acme", &account.password);
    basic.stamp(&request::fresh()).status(200);
    account.client(&service).stamp(&request::fresh()).status(200);
    let path = format!("/tsa/key/{}", account.api_key);
    service.client().stamp_at(&path, &request::fresh()).status(200);
    service.client().basic("acme", "a-wrong-guess").stamp(b"x").status(401);
    service.client().get("/%0d%0aFORGED-LINE").status(404);
    // The last request of all stands in the log when everything before it does.
    service.client().get("/readyz").status(200);
    crate::harness::eventually("the log is written", || service.log().contains("/readyz"));
    let log = service.log();
    assert!(log.contains("granted"), "{log}");
    let token = std::fs::read_to_string(service.admin_token_file()).unwrap();
    let header = account.basic();
    let secrets = [&account.password, &account.api_key, token.trim(), &header[6..]];
    for secret in secrets.into_iter().chain(["a-wrong-guess", "\nFORGED-LINE"]) {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

/// The document is OpenAPI 3.1, the page to browse it loads, and so does what the page needs.
#[test]
fn the_interface_is_described() {
    let service = Service::demo();
    let client = service.client();
    let document = client.get("/api/v1/openapi.json").status(200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for scheme in ["basic", "bearer", "admin"] {
        assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
    }
    let moved = client.get("/api/v1/docs");
    let page = match moved.status {
        200 => moved,
        _ => client.get(moved.header("location").unwrap()).status(200),
    };
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let text = page.text();
    let scripts: Vec<&str> =
        text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!scripts.is_empty(), "{text}");
    for script in scripts {
        assert!(!script.starts_with("http"), "the page needs nothing from elsewhere: {script}");
        let script = script.trim_start_matches("./");
        client.get(&format!("/api/v1/docs/{script}")).status(200);
    }
}

/// `/`: a page with the service's own address in its commands, and no script.
#[test]
fn the_home_page_helps() {
    let service = Service::demo();
    let page = service.client().get("/").status(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let text = page.text();
    assert!(text.contains(service.url()), "{text}");
    assert!(!text.contains("<script"), "{text}");
}

/// RFC 9110 §9.3.2: HEAD has the fields of GET and no content.
#[test]
fn head_is_get_without_the_content() {
    let service = Service::demo();
    for path in ["/", "/healthz", "/pki/root.crt", "/api/v1/openapi.json"] {
        let get = service.client().get(path).status(200);
        let head = service.client().send("HEAD", path, &[], None).status(200);
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

/// D45: no answer tells the version of the software.
#[test]
fn no_banner_tells_a_version() {
    let service = Service::demo();
    let answer = service.client().get("/healthz").status(200);
    assert_eq!(answer.header("server"), None);
    assert!(!answer.text().contains(env!("CARGO_PKG_VERSION")));
}

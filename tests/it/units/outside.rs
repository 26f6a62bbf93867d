//! A unit whose certificate comes from an outside CA: the request, the import with every fault
//! named, the first token.

use super::{act, create, show, stamp};
use crate::harness::certificates::{Certified, Purpose, certify, certify_request};
use crate::harness::{Service, openssl};
use openssl::x509::X509Req;
use serde_json::{Value, json};

/// A unit that waits for a certificate, and the request for it.
fn waiting(service: &Service) -> X509Req {
    let made =
        create(service, &json!({ "id": "outside", "key": "p256", "certified_by": "outside" }));
    assert_eq!(made["usable"], false, "{made}");
    let csr = service.admin().get("/api/v1/admin/tsus/outside/csr").status(200).json();
    let pem = csr["csr"].as_str().unwrap();
    std::fs::write(service.directory().join("unit.csr"), pem).unwrap();
    let verify = ["req", "-in", "unit.csr", "-noout", "-verify", "-text"];
    let said = openssl(service.directory(), &verify).ok();
    assert!(said.err.contains("verify OK"), "{}", said.err);
    assert!(said.out.contains("Time Stamping"), "{}", said.out);
    X509Req::from_pem(pem.as_bytes()).unwrap()
}

/// Brings a certificate, and gives the answer.
fn import(service: &Service, chain: &[&Certified]) -> (u16, Value) {
    let chain: String = chain.iter().map(|certified| certified.pem()).collect();
    let path = "/api/v1/admin/tsus/outside/certificate";
    let answer = service.admin().post(path, &json!({ "chain": chain }));
    (answer.status, answer.json())
}

/// From the key to the first token, verified with the outside CA by `openssl ts`.
#[test]
fn an_outside_ca_certifies_a_unit() {
    let service = Service::demo();
    let csr = waiting(&service);
    service.demo_client().stamp_at("/tsa/outside", b"x").status(404);
    let root = certify("outside root", Purpose::Authority, None);
    let unit = certify_request("outside unit", Purpose::Unit, &root, &csr, (-1, 365));
    let (status, answer) = import(&service, &[&unit, &root]);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["state"], "certified", "{answer}");
    act(&service, "outside", "activate", &json!({}));
    let shown = show(&service, "outside");
    assert_eq!(shown["usable"], true, "{shown}");
    stamp(&service, "outside").token().verify(root.pem().as_bytes());
    let pki = service.data().join("keys/tsu-outside.key");
    assert!(pki.is_file(), "the key never left the service's directory");
}

/// Each certificate that a unit cannot sign with is refused, and the answer names the field.
#[test]
fn a_wrong_certificate_is_refused_by_its_field() {
    let service = Service::demo();
    let csr = waiting(&service);
    let root = certify("outside root", Purpose::Authority, None);
    let stranger = certify("another root", Purpose::Authority, None);
    let signed = |purpose, issuer: &Certified, days| {
        certify_request("outside unit", purpose, issuer, &csr, days)
    };
    let expired = signed(Purpose::Unit, &root, (-400, -1));
    let early = signed(Purpose::Unit, &root, (2, 400));
    let purpose = signed(Purpose::CodeSigning, &root, (-1, 365));
    let loose = signed(Purpose::LooseUnit, &root, (-1, 365));
    let other_key = certify("outside unit", Purpose::Unit, Some(&root));
    let good = signed(Purpose::Unit, &root, (-1, 365));
    let cases: [(&str, &[&Certified], &str); 7] = [
        ("expired", &[&expired, &root], "notAfter"),
        ("not yet valid", &[&early, &root], "notBefore"),
        ("another purpose", &[&purpose, &root], "extendedKeyUsage"),
        ("purpose not critical", &[&loose, &root], "critical"),
        ("another key", &[&other_key, &root], "key"),
        ("another chain", &[&good, &stranger], "issuer"),
        ("no root", &[&good], "issuer"),
    ];
    for (what, chain, wanted) in cases {
        let (status, answer) = import(&service, chain);
        assert_eq!(status, 400, "{what}: {answer}");
        let text = answer.to_string().to_lowercase();
        assert!(text.contains(&wanted.to_lowercase()), "{what}: no {wanted} in {answer}");
    }
    let garbage = json!({ "chain": "no PEM" });
    let path = "/api/v1/admin/tsus/outside/certificate";
    let refused = service.admin().post(path, &garbage);
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let shown = show(&service, "outside");
    assert_eq!(shown["generations"][0]["state"], "key-made", "{shown}");
    let (status, answer) = import(&service, &[&good, &root]);
    assert_eq!(status, 200, "{answer}");
}

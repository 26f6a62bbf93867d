//! `GET /pki/…`: the certificates that a verifier needs.

use crate::harness::{Config, Service, openssl};
use openssl::x509::X509;

/// Root and issuing CA in DER, and both in PEM; they are what the data directory's `ca.pem` has.
#[test]
fn the_chain_is_published() {
    let service = Service::demo();
    let client = service.client();
    let get = |path: &str, kind: &str| {
        let answer = client.get(path).status(200);
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        answer.body
    };
    let root = X509::from_der(&get("/pki/root.crt", "application/pkix-cert")).unwrap();
    let issuing = X509::from_der(&get("/pki/issuing.crt", "application/pkix-cert")).unwrap();
    let chain = get("/pki/chain.pem", "application/pem-certificate-chain");
    let chain = X509::stack_from_pem(&chain).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(chain[0].to_der().unwrap(), issuing.to_der().unwrap());
    assert_eq!(chain[1].to_der().unwrap(), root.to_der().unwrap());
    assert!(root.verify(&root.public_key().unwrap()).unwrap());
    assert!(issuing.verify(&root.public_key().unwrap()).unwrap());
    let file = X509::stack_from_pem(&std::fs::read(service.ca_file()).unwrap()).unwrap();
    assert_eq!(file.len(), 2);
    client.get("/pki/nosuch.crt").problem(404, "not-found");
    client.get("/pki/..%2F..%2Fkeys%2Froot.crt").status(404);
}

/// K1, K2, K4, K5, K9: what the unit's certificate has, as OpenSSL prints it; and every
/// certificate names where its issuer's certificate and list are.
#[test]
fn the_units_certificate_is_for_time_stamping() {
    let service = Config::new().start();
    let unit = service.admin().get("/api/v1/admin/tsus/tsu1").status(200).json();
    let pem = unit["certificate"].as_str().unwrap();
    std::fs::write(service.directory().join("tsu.pem"), pem).unwrap();
    let text = openssl(service.directory(), &["x509", "-in", "tsu.pem", "-noout", "-text"]).ok();
    for wanted in [
        "X509v3 Extended Key Usage: critical",
        "Time Stamping",
        "X509v3 Key Usage: critical",
        "Digital Signature",
        "Private Key Usage Period",
        "Authority Key Identifier",
        "http://tsa.example/pki/issuing.crl",
        "http://tsa.example/pki/issuing.crt",
        "http://tsa.example/ocsp",
        "0.4.0.2023.1.1",
    ] {
        assert!(text.out.contains(wanted), "no {wanted:?} in\n{}", text.out);
    }
    assert!(!text.out.contains("CA:TRUE"));
    let ca = service.ca_file();
    let verify = ["verify", "-purpose", "timestampsign", "-CAfile", ca.to_str().unwrap()];
    openssl(service.directory(), &[&verify[..], &["-x509_strict", "tsu.pem"]].concat()).ok();
}

/// Keys and certificates are made once, and the same after every start.
#[test]
fn keys_and_certificates_stay() {
    let mut service = Service::demo();
    let read = |service: &Service| std::fs::read(service.ca_file()).unwrap();
    let unit = |service: &Service| service.admin().get("/api/v1/admin/tsus").json()["tsus"].clone();
    let (ca, units) = (read(&service), unit(&service));
    service.restart();
    assert_eq!(read(&service), ca);
    assert_eq!(unit(&service), units);
}

//! The `openssl ocsp` command asks, and believes whom it should.

use super::{answer, delegated};
use crate::support::{Hierarchy, now, openssl_command, person, skipped, write_certificate};
use marca_certs::ocsp::{CertStatus, Request, Responder};
use marca_certs::{EndKind, KeyKind, RevocationReason};
use std::path::Path;

/// `openssl ocsp` for `end.pem`, reading `request.der` or making none, and the response.
fn openssl_ocsp(path: &Path, more: &[&str]) -> String {
    let time = (now().timestamp() + 1).to_string();
    let arguments = ["ocsp", "-CAfile", "root.pem", "-issuer", "chain.pem", "-attime", &time];
    // The validity of an answer is compared with the machine's clock all the same: 95 years.
    let verify = ["-verify_other", "chain.pem", "-validity_period", "3000000000"];
    openssl_command(path, &[&arguments[..], &verify, more].concat()).unwrap().1
}

#[test]
fn the_openssl_command_asks_and_believes() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (issued, _) = hierarchy.issue(EndKind::HolderRemote, &person(), 76);
    write_certificate(path, "root.pem", hierarchy.root.certificate_der());
    write_certificate(path, "chain.pem", hierarchy.issuing.certificate_der());
    write_certificate(path, "end.pem", &issued.der);
    if openssl_command(path, &["version"]).is_none() {
        return skipped();
    }
    let reason = RevocationReason::CertificateHold;
    for (status, shown) in [
        (CertStatus::Good, "end.pem: good"),
        (CertStatus::Revoked { at: now(), reason }, "end.pem: revoked"),
        (CertStatus::Unknown, "end.pem: unknown"),
    ] {
        for responder in [delegated(&hierarchy).0, Responder::direct(&hierarchy.issuing).unwrap()] {
            for hash in ["-sha1", "-sha256"] {
                openssl_ocsp(path, &[hash, "-cert", "end.pem", "-reqout", "request.der"]);
                let request = std::fs::read(path.join("request.der")).unwrap();
                let parsed = Request::parse(&request).unwrap();
                assert!(parsed.nonce().is_some(), "the command sends a nonce");
                assert!(parsed.certificates()[0].is_of(hierarchy.issuing.issuer_id()));
                assert_eq!(parsed.certificates()[0].serial(), Some(&issued.serial));
                let response = answer(&responder, &request, status);
                std::fs::write(path.join("response.der"), response).unwrap();
                // With the request at hand the command compares the nonce.
                let read = ["-reqin", "request.der", "-respin", "response.der"];
                let text = openssl_ocsp(path, &read);
                assert!(text.contains("Response verify OK"), "{text}");
                assert!(!text.contains("Nonce"), "{text}");
                let asked = [hash, "-no_nonce", "-cert", "end.pem", "-respin", "response.der"];
                let text = openssl_ocsp(path, &asked);
                assert!(text.contains("Response verify OK") && text.contains(shown), "{text}");
                assert_eq!(text.contains("certificateHold"), shown.contains("revoked"), "{text}");
            }
        }
    }
    // Another request's nonce.
    openssl_ocsp(path, &["-cert", "end.pem", "-reqout", "request.der"]);
    let text = openssl_ocsp(path, &["-reqin", "request.der", "-respin", "response.der"]);
    assert!(text.contains("Nonce Verify error"), "{text}");
}

#[test]
fn the_openssl_command_refuses_a_stranger() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let other = Hierarchy::new(KeyKind::P256);
    write_certificate(path, "root.pem", hierarchy.root.certificate_der());
    write_certificate(path, "chain.pem", hierarchy.issuing.certificate_der());
    write_certificate(path, "end.pem", &hierarchy.unit);
    if openssl_command(path, &["version"]).is_none() {
        return skipped();
    }
    openssl_ocsp(path, &["-cert", "end.pem", "-reqout", "request.der"]);
    let request = std::fs::read(path.join("request.der")).unwrap();
    let response = answer(&delegated(&other).0, &request, CertStatus::Good);
    std::fs::write(path.join("response.der"), response).unwrap();
    let text = openssl_ocsp(path, &["-reqin", "request.der", "-respin", "response.der"]);
    assert!(text.contains("Response Verify Failure"), "{text}");
}

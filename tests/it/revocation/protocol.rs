//! The protocols of revocation as HTTP carries them: RFC 6960 Appendix A, RFC 5019, RFC 2585.

use crate::harness::{Holder, Service, openssl};
use openssl::base64::encode_block;
use serde_json::json;
use std::path::Path;

const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// An OCSP request made by OpenSSL, DER.
fn request(directory: &Path, more: &[&str]) -> Vec<u8> {
    let ask = ["ocsp", "-issuer", "ca.pem", "-cert", "cert.pem", "-reqout", "request.der"];
    openssl(directory, &[&ask[..], more].concat()).ok();
    std::fs::read(directory.join("request.der")).unwrap()
}

fn in_path(der: &[u8]) -> String {
    let text = encode_block(der).replace('\n', "");
    text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// What OpenSSL reads in an answer.
fn shown(directory: &Path, der: &[u8]) -> String {
    std::fs::write(directory.join("answer.der"), der).unwrap();
    let show = ["ocsp", "-respin", "answer.der", "-noverify", "-resp_text"];
    let said = openssl(directory, &show);
    format!("{}{}", said.out, said.err)
}

/// RFC 5019 §5, §6: an answer to GET can be cached, says for how long, and a change is in the
/// next answer at once.
#[test]
fn an_answer_to_get_can_be_cached() {
    let service = Service::demo();
    let holder = Holder::certified(&service, "ada");
    let directory = service.directory().join("ada");
    let path = format!("/ocsp/{}", in_path(&request(&directory, &["-no_nonce"])));
    let first = service.client().get(&path).status(200);
    assert_eq!(first.header("content-type"), Some(RESPONSE));
    let caching = first.header("cache-control").unwrap();
    assert!(caching.contains("max-age=") && caching.contains("public"), "{caching}");
    for name in ["etag", "last-modified", "expires"] {
        assert!(first.header(name).is_some(), "{name}");
    }
    let etag = first.header("etag").unwrap().to_owned();
    let again = service.client().send("GET", &path, &[("If-None-Match", &etag)], None);
    assert_eq!(again.status, 304);
    assert!(again.body.is_empty());
    assert!(shown(&directory, &first.body).contains("Cert Status: good"));
    let modified = first.header("last-modified").unwrap().to_owned();
    holder.change("suspend", &json!({}));
    let changed = service.client().send("GET", &path, &[("If-None-Match", &etag)], None);
    assert_eq!(changed.status, 200);
    // Two changes in one second have the same date: a date alone never says that nothing changed.
    let dated = service.client().send("GET", &path, &[("If-Modified-Since", &modified)], None);
    assert_eq!(dated.status, 200);
    assert!(shown(&directory, &changed.body).contains("Cert Status: revoked"));
}

/// RFC 6960 §2.1, RFC 9654: POST; a nonce comes back and makes the answer one that is not cached.
#[test]
fn a_nonce_comes_back_and_is_not_cached() {
    let service = Service::demo();
    let _holder = Holder::certified(&service, "ada");
    let directory = service.directory().join("ada");
    let der = request(&directory, &["-nonce"]);
    let post = |body: &[u8], kind: &str| {
        service.client().send("POST", "/ocsp", &[("Content-Type", kind)], Some(body))
    };
    let answer = post(&der, REQUEST).status(200);
    assert_eq!(answer.header("content-type"), Some(RESPONSE));
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-")));
    assert!(shown(&directory, &answer.body).contains("OCSP Nonce"));
    post(&der, "text/plain").problem(415, "media-type");
    let wrong = service.client().send("DELETE", "/ocsp", &[], None).status(405);
    assert_eq!(wrong.header("allow"), Some("POST"));
}

/// RFC 6960 §2.3: what cannot be read gets malformedRequest, never silence or a fault of HTTP.
#[test]
fn a_malformed_request_is_told_so() {
    let service = Service::demo();
    let _holder = Holder::certified(&service, "ada");
    let directory = service.directory().join("ada");
    let good = request(&directory, &["-no_nonce"]);
    let cut = &good[..good.len() - 1];
    let longer = [&good[..], b"\0"].concat();
    for body in [&b""[..], b"\x30", b"no DER at all", cut, &longer] {
        let headers = [("Content-Type", REQUEST)];
        let answer = service.client().send("POST", "/ocsp", &headers, Some(body)).status(200);
        // OCSPResponse with responseStatus malformedRequest (1) and nothing else.
        assert_eq!(answer.body, [0x30, 0x03, 0x0a, 0x01, 0x01], "{body:02x?}");
    }
    let path = format!("/ocsp/{}", in_path(b"no DER at all"));
    assert_eq!(service.client().get(&path).status(200).body, [0x30, 0x03, 0x0a, 0x01, 0x01]);
}

/// RFC 6960 §2.2: a serial number that was never issued is unknown, not good.
#[test]
fn a_serial_that_was_never_issued_is_unknown() {
    let service = Service::demo();
    let _holder = Holder::certified(&service, "ada");
    let directory = service.directory().join("ada");
    let ask = ["ocsp", "-issuer", "ca.pem", "-serial", "0x1234567890", "-no_nonce"];
    let url = format!("{}/ocsp", service.url());
    let trust = ["-url", &url, "-CAfile", "root.pem", "-verify_other", "ca.pem"];
    let said = openssl(&directory, &[&ask[..], &trust].concat()).ok();
    assert!(said.out.contains("0x1234567890: unknown"), "{}", said.out);
    // A certificate of somebody else's CA: none of ours to vouch for.
    let strange = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let files = ["-nodes", "-keyout", "k.pem", "-out", "strange.pem", "-subj", "/CN=strange"];
    openssl(&directory, &[&strange[..], &files].concat()).ok();
    let ask = ["ocsp", "-issuer", "strange.pem", "-cert", "strange.pem", "-no_nonce"];
    let answer = openssl(&directory, &[&ask[..], &["-url", &url, "-noverify"]].concat());
    let all = format!("{}{}", answer.out, answer.err);
    assert!(all.contains("unknown") || all.contains("unauthorized"), "{all}");
}

/// The list of a CA that does not exist is a 404; each one that does has one, the root too.
#[test]
fn each_ca_has_a_list_and_no_other_has_one() {
    let service = Service::demo();
    service.client().get("/pki/nosuch.crl").problem(404, "not-found");
    for ca in ["root", "issuing", "holders"] {
        let answer = service.client().get(&format!("/pki/{ca}.crl")).status(200);
        let etag = answer.header("etag").unwrap().to_owned();
        std::fs::write(service.directory().join("list.der"), &answer.body).unwrap();
        let show = ["crl", "-inform", "DER", "-in", "list.der", "-noout", "-text"];
        let text = openssl(service.directory(), &show).ok().out;
        for wanted in ["Version 2", "X509v3 CRL Number", "X509v3 Authority Key Identifier"] {
            assert!(text.contains(wanted), "{ca}: no {wanted} in\n{text}");
        }
        let path = format!("/pki/{ca}.crl");
        let again = service.client().send("GET", &path, &[("If-None-Match", &etag)], None);
        assert_eq!(again.status, 304);
    }
}

//! An OCSP request from a stranger, in the body of a POST and in the path of a GET.
//!
//! What is understood can be answered, in DER that OpenSSL reads, and the answer repeats the nonce
//! and speaks of every certificate that was asked for.

#![no_main]

use certs::ocsp::{self, CertStatus, Request, Responder, SingleAnswer};
use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::{Bench, noon};
use openssl::ocsp::{OcspResponse, OcspResponseStatus};
use std::sync::LazyLock;

static RESPONDER: LazyLock<Responder> =
    LazyLock::new(|| Responder::direct(&Bench::default().ca).expect("a CA of our own"));

fuzz_target!(|input: &[u8]| {
    if let Ok(path) = std::str::from_utf8(input)
        && let Ok(der) = ocsp::from_path(path)
    {
        check(&der);
    }
    check(input);
});

fn check(der: &[u8]) {
    let Ok(request) = Request::parse(der) else { return };
    assert!(!request.certificates().is_empty());
    let answers: Vec<_> = request.certificates().iter().map(unknown).collect();
    let response = RESPONDER.respond(&request, &answers, noon()).expect("a key of our own");
    let response = OcspResponse::from_der(&response).expect("an answer can be read");
    assert_eq!(response.status(), OcspResponseStatus::SUCCESSFUL);
    response.basic().expect("a basic answer");
    assert!(request.nonce().is_none_or(|nonce| (1..=128).contains(&nonce.len())), "RFC 9654 2.1");
}

fn unknown(certificate: &ocsp::CertId) -> SingleAnswer<'_> {
    let (this_update, next_update) = (noon(), None);
    SingleAnswer { certificate, status: CertStatus::Unknown, this_update, next_update }
}

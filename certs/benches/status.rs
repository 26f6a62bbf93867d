//! What it costs to tell the status of certificates: revocation lists of 100,000 entries, and OCSP
//! answers per second on one thread.
//!
//! `cargo bench -p marca-certs --bench status` prints a table; the best of several runs counts, the
//! others were disturbed.

// A benchmark talks to its caller and measures: what the crate itself must not do.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, run by hand")]

use chrono::{DateTime, Duration, Utc};
use marca_certs::crl::{self, CrlEntry, EncodedEntry};
use marca_certs::ocsp::{CertStatus, Request, Responder, SingleAnswer};
use marca_certs::{
    CaProfile, CertificateAuthority, DistinguishedName, EndKind, EndProfile, KeyKind,
    RevocationReason, Serial, SoftwareKey,
};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use openssl::x509::X509;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Instant;

const ENTRIES: u32 = 100_000;
const RUNS: usize = 5;
const ANSWERS: u32 = 5_000;

fn main() {
    let now = DateTime::from_timestamp(1_772_366_400, 0).unwrap();
    let rng = &mut StdRng::from_seed([7; 32]);
    let key = || Arc::new(SoftwareKey::generate("bench", KeyKind::P256).unwrap());
    let subject = |name: &str| DistinguishedName::organization("IT", "Bench", name);
    let profile = CaProfile::root(subject("Bench Root CA"));
    let ca =
        CertificateAuthority::create_root(&profile, key(), "http://localhost", now, rng).unwrap();
    lists(&ca, now);

    let client = EndProfile::new(EndKind::TlsClient, Vec::new());
    let issued = ca.issue(&client, &subject("Client"), key_of(&*key()), now, rng).unwrap();
    let own = key();
    let profile = EndProfile::new(EndKind::OcspResponder, Vec::new());
    let certificate = ca.issue(&profile, &subject("OCSP"), key_of(&*own), now, rng).unwrap();
    let responder = Responder::delegated(&ca, &certificate.der, own).unwrap();
    answers(&responder, &request(&ca, &issued.der), now);
}

fn key_of(key: &dyn marca_certs::SigningKey) -> &openssl::pkey::PKey<openssl::pkey::Public> {
    key.public_key()
}

fn lists(ca: &CertificateAuthority, now: DateTime<Utc>) {
    let entry = |number: u32| CrlEntry {
        serial: Serial::from_bytes(&openssl::sha::sha256(&number.to_be_bytes())[..16]).unwrap(),
        revoked_at: now,
        reason: RevocationReason::Superseded,
        invalidity: None,
    };
    let start = Instant::now();
    let encoded: Vec<_> =
        (0..ENTRIES).map(|number| EncodedEntry::new(&entry(number)).unwrap()).collect();
    println!("encode {ENTRIES} entries, once:  {:>8.1} ms", milliseconds(start));
    let (best, size) = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let der = crl::build(ca, 1, now, now + Duration::days(1), &encoded).unwrap();
            (milliseconds(start), der.len())
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap();
    println!("list of {ENTRIES} entries:       {best:>8.1} ms, {size} bytes");
}

fn request(ca: &CertificateAuthority, certificate: &[u8]) -> Vec<u8> {
    let issuer = X509::from_der(ca.certificate_der()).unwrap();
    let subject = X509::from_der(certificate).unwrap();
    let mut request = OcspRequest::new().unwrap();
    let id = OcspCertId::from_cert(MessageDigest::sha1(), &subject, &issuer).unwrap();
    request.add_id(id).unwrap();
    request.to_der().unwrap()
}

/// Parse, answer and sign, without the look into a register.
fn answers(responder: &Responder, request: &[u8], now: DateTime<Utc>) {
    let best = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..ANSWERS {
                let request = Request::parse(request).unwrap();
                let answer = SingleAnswer {
                    certificate: &request.certificates()[0],
                    status: CertStatus::Good,
                    this_update: now,
                    next_update: Some(now + Duration::hours(1)),
                };
                std::hint::black_box(responder.respond(&request, &[answer], now).unwrap());
            }
            f64::from(ANSWERS) / start.elapsed().as_secs_f64()
        })
        .max_by(f64::total_cmp)
        .unwrap();
    println!("OCSP answers, P-256:           {best:>8.0} per second and thread");
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

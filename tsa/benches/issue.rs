//! What one token costs, stage by stage, in microseconds of one core: `cargo bench -p marca-tsa`.
//!
//! The budget of everything here but the signature itself is 5 microseconds. The lines "rasn" show
//! what the same octets cost through rasn's types, which is why tokens are put together from
//! pieces. Means over a fixed time; no claim about the machine.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may stop")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use certs::KeyKind;
use marca_tsa::request;
use marca_tsa::serial::serial;
use marca_tsa::token::{PreparedToken, TokenContents};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::reference::{self, Contents};
use support::{Authority, Bench, OTHER_POLICY, SeededRandom, block_on, policy, start_ms};

fn main() {
    stages();
    references();
    whole();
}

/// Runs `work` for a second and prints the mean.
fn measure<T>(what: &str, mut work: impl FnMut() -> T) -> f64 {
    let (time, mut rounds) = (Duration::from_secs(1), 0u64);
    for _ in 0..100 {
        black_box(work());
    }
    let begin = Instant::now();
    while begin.elapsed() < time {
        for _ in 0..20 {
            black_box(work());
        }
        rounds += 20;
    }
    let micros = begin.elapsed().as_secs_f64() * 1e6 / rounds as f64;
    println!("{what:<44} {micros:8.2} us");
    micros
}

fn stages() {
    let authority = Authority::new();
    let key = support::software_key(KeyKind::P256);
    let unit = Arc::new(authority.unit("main", key.clone()));
    let random = SeededRandom::new(1);
    let der = support::request::encode(&support::request::usual());
    println!("-- stages, P-256, request of {} octets", der.len());
    let mut sum = measure("parse", || request::parse(&der).unwrap());
    let parsed = request::parse(&der).unwrap();
    let cloned = measure("  (clone of the request)", || parsed.clone());
    sum += measure("inspect, accept, retry key (with clone)", || {
        let request = parsed.clone().inspect().unwrap();
        request.accept(&unit).unwrap().retry_key()
    }) - cloned;
    let accepted = parsed.clone().inspect().unwrap().accept(&unit).unwrap();
    sum += measure("serial number", || serial(start_ms(), &*random).unwrap());
    let number = serial(start_ms(), &*random).unwrap();
    let prepare = || {
        let contents = TokenContents::answering(&accepted, number, start_ms());
        PreparedToken::new(Arc::clone(&unit), &contents).unwrap()
    };
    sum += measure("prepare: TSTInfo, digest, attributes", prepare);
    let message = prepare().to_be_signed().to_vec();
    let raw = measure("raw signature", || key.sign(&message).unwrap());
    let signed = prepare().sign().unwrap();
    sum += measure("SignedData for the record", || signed.der(false));
    sum += measure("SignedData with the certificate", || signed.der(true));
    println!("{:<44} {sum:8.2} us", "sum without the signature");
    println!("{:<44} {:8.2}", "sum as a part of the raw signature", sum / raw);
}

fn references() {
    println!("-- the same octets through rasn's types");
    let authority = Authority::new();
    let key = support::software_key(KeyKind::P256);
    let certificate = authority.certificate(&*key);
    let scheme = key.scheme();
    let contents = Contents {
        imprint: support::request::usual().message_imprint,
        policy: policy(OTHER_POLICY).oid().to_owned(),
        serial: [1; 16],
        gen_time_ms: start_ms(),
        accuracy: marca_tsa::Accuracy::SECOND,
        nonce: support::request::usual().nonce,
    };
    measure("rasn: TSTInfo", || reference::tst_info(&contents));
    let info = reference::tst_info(&contents);
    measure("rasn: digest, attributes", || {
        let attributes = reference::attributes(&info, scheme, certificate.der());
        rasn::der::encode(&attributes).unwrap()
    });
    let attributes = reference::attributes(&info, scheme, certificate.der());
    for (what, certificates) in [
        ("rasn: SignedData for the record", &[][..]),
        ("rasn: SignedData with the certificate", &[certificate.der()]),
    ] {
        measure(what, || {
            let attributes = attributes.clone();
            reference::token(&info, attributes, &[7; 71], scheme, &certificate, certificates)
        });
    }
}

fn whole() {
    println!("-- the whole of issue(), ledger in memory, without verification of signatures");
    for kind in [KeyKind::P256, KeyKind::Ed25519, KeyKind::P384] {
        let authority = Authority::new();
        let key = support::software_key(kind);
        let mut settings = authority.settings("main", key.clone());
        settings.verify.one_in = 0;
        let unit = marca_tsa::Tsu::new(settings).unwrap();
        let bench = Bench::with_units(u64::MAX / 2, authority, vec![unit]);
        let raw = measure(&format!("{kind}: raw signature"), || key.sign(&[7; 140]).unwrap());
        let runs = block_on(async {
            let (begin, mut rounds) = (Instant::now(), 0u64);
            while begin.elapsed() < Duration::from_secs(1) {
                for nonce in 0..20 {
                    let request = support::request::with_nonce((rounds * 20 + nonce) as i64);
                    black_box(bench.issuer.issue(&(), None, &request).await);
                }
                rounds += 1;
            }
            begin.elapsed().as_secs_f64() * 1e6 / (rounds * 20) as f64
        });
        println!("{:<44} {runs:8.2} us", format!("{kind}: issue(), request written too"));
        println!("{:<44} {:8.2}", format!("{kind}: ratio"), runs / raw);
    }
}

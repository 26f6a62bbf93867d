//! A reply on its way to a client, who reads it and checks everything.
//!
//! After a first octet of zero the rest is a reply from anywhere. Otherwise each three octets
//! behind it change one octet of a good reply: whatever is then still found good says the same,
//! signed by the same certificate.

#![no_main]

use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::Bench;
use std::sync::LazyLock;
use tsa::verify::{self, Trust, Verified};

/// `openssl ts -query -sha256 -cert`, with a nonce.
const REQUEST: &[u8] = include_bytes!("../seeds/request/nonce-cert-sha256.tsq");

struct Good {
    reply: Vec<u8>,
    trust: Trust,
    verified: Verified,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let bench = Bench::default();
    let (reply, trust) = (bench.issue(REQUEST).0.der, bench.trust());
    let verified = verify::reply(&reply, REQUEST, &trust).expect("a reply of our own is good");
    Good { reply, trust, verified }
});

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let reply = if *kind == 0 { rest.to_vec() } else { changed(rest) };
    if let Ok(found) = verify::reply(&reply, REQUEST, &GOOD.trust) {
        let good = &GOOD.verified;
        assert_eq!(found.tst_info, good.tst_info, "only what was signed is found good");
        assert_eq!(found.certificate, good.certificate, "and by whom");
        assert_eq!((found.gen_time_ms, found.serial), (good.gen_time_ms, good.serial.clone()));
    }
});

/// The good reply with octets changed: place (two octets) and what is put on top of what is there.
fn changed(edits: &[u8]) -> Vec<u8> {
    let mut reply = GOOD.reply.clone();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % reply.len();
        reply[at] ^= edit[2];
    }
    reply
}

//! A stored token on its way out again: its certificate is put back between its parts. The bytes
//! come from our own journal, and this must hold all the same if they do not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::{Bench, UNIT};
use std::sync::LazyLock;

static BENCH: LazyLock<Bench> = LazyLock::new(Bench::default);

fuzz_target!(|input: &[u8]| {
    let issuer = &BENCH.issuer;
    let with = issuer.token_reply(input, UNIT, true);
    let without = issuer.token_reply(input, UNIT, false);
    assert!(with.is_err() || without.is_ok(), "with certificates only what can go without");
    if let Ok(reply) = without {
        assert!(reply.ends_with(input), "a stored token leaves as it is");
    }
    if let Ok(reply) = with {
        let room = BENCH.certificates[0].len() + 64;
        assert!(reply.len() <= input.len() + room, "nothing but the certificate is added");
    }
});

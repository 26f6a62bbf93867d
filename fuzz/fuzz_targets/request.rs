//! A TimeStampReq from a stranger: parsed, inspected, accepted and answered.
//!
//! Whatever comes in, there is an answer that rasn can read, and a stamp is taken exactly when it
//! holds a token. What is accepted means the same to rasn, which encodes it again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::Bench;
use rasn_cms::tsp::TimeStampResp;
use std::sync::LazyLock;
use tsa::{Outcome, request};

static BENCH: LazyLock<Bench> = LazyLock::new(Bench::default);

fuzz_target!(|input: &[u8]| {
    if let Ok(parsed) = request::parse(input) {
        let again = rasn::der::encode(parsed.message()).expect("what was decoded can be encoded");
        let read = request::parse(&again).expect("what was encoded can be read");
        assert_eq!(read.message(), parsed.message(), "the same after a round");
        assert_eq!(read.nonce(), parsed.nonce(), "the nonce's value");
        assert_eq!(read.imprint_der(), parsed.imprint_der(), "one encoding of an imprint");
    }
    let (reply, stamps) = BENCH.issue(input);
    let response: TimeStampResp = rasn::der::decode(&reply.der).expect("an answer can be read");
    let granted = matches!(reply.outcome, Outcome::Granted { .. });
    assert_eq!(response.time_stamp_token.is_some(), granted, "a token with a grant only");
    // RFC 3161 2.4.2: failInfo says why there is no token.
    assert_eq!(response.status.fail_info.is_none(), granted);
    assert_eq!(stamps, u64::from(granted), "one stamp for a token, none for a refusal");
});

//! What an outside CA answers to a request over CMP: to one that was signed when the first octet is
//! odd, to one protected with a secret when it is even. Nobody but the CA has its key or the
//! secret, so nothing that the fuzzer makes up is a certificate or a confirmation.

#![no_main]

use certs::cmp::Answer;
use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::{Bench, noon};
use std::sync::LazyLock;

static BENCH: LazyLock<Bench> = LazyLock::new(Bench::default);

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else { return };
    let (mut enrollment, _) = BENCH.enrollment(mode & 1 == 1);
    let answer = enrollment.read(input, noon());
    assert!(!matches!(answer, Ok(Answer::Issued(_))), "a certificate that the CA did not send");
    assert!(enrollment.read_confirmation(input, noon()).is_err(), "nothing was to be confirmed");
});

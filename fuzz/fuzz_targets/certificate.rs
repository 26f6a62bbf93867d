//! A certificate that an operator was given, in the place of the unit's: read, and checked with
//! every rule. What is read is kept byte for byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use marca_fuzz::bench::Bench;
use std::sync::LazyLock;

static BENCH: LazyLock<Bench> = LazyLock::new(Bench::default);

fuzz_target!(|input: &[u8]| {
    if let Ok(certificate) = certs::check::parse(input) {
        assert_eq!(certificate.der(), input);
        // Everything that start-up and messages look at.
        let _ = (certificate.not_before(), certificate.not_after(), certificate.public_key());
        let _ = (certificate.subject_key_identifier(), format!("{certificate:?}"));
        let _ = (certs::display_name(certificate.issuer()), certificate.serial_number());
    }
    if let Err(faults) = BENCH.check(input) {
        assert_ne!(faults, 0, "a refusal has a reason");
    }
});

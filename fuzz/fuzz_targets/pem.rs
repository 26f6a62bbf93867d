//! PEM files: certificates, chains and keys that an operator hands over. What is read can be
//! written, and is then read the same.

#![no_main]

use certs::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(blocks) = pem::decode(input) {
        for block in &blocks {
            let text = pem::encode(&block.label, &block.der);
            let read = pem::decode(text.as_bytes()).expect("what was written can be read");
            assert_eq!(read.len(), 1);
            assert_eq!((&read[0].label, &read[0].der), (&block.label, &block.der));
        }
    }
    if let Ok(certificates) = pem::certificates(input) {
        let bundle = pem::bundle(certificates.iter().map(Vec::as_slice));
        assert_eq!(pem::certificates(bundle.as_bytes()).expect("a bundle of ours"), certificates);
    }
});

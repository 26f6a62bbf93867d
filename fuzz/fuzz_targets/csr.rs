//! A request for a certificate (PKCS#10), in DER and in PEM. One that is taken is kept byte for
//! byte, is the same after a round through PEM, and was signed by its key.

#![no_main]

use certs::csr;
use libfuzzer_sys::fuzz_target;
use openssl::x509::X509Req;

fuzz_target!(|input: &[u8]| {
    if let Ok(request) = csr::from_pem(input) {
        check(&request);
    }
    if let Ok(request) = csr::parse(input) {
        assert_eq!(request.der(), input);
        check(&request);
    }
});

fn check(request: &csr::CertificationRequest) {
    let pem = csr::to_pem(request.der());
    let read = csr::from_pem(pem.as_bytes()).expect("what was written can be read");
    assert_eq!(read.der(), request.der());
    let _ = (request.key_kind(), request.extensions(), certs::display_name(request.subject()));
    let other = X509Req::from_der(request.der()).expect("OpenSSL reads what was taken");
    assert!(other.verify(request.public_key()).expect("a signature"), "proof of possession");
}

//! One binary for every test of the crate's public surface.
//!
//! ```text
//! support    a clock that stands still, a random source with a seed, a small hierarchy of CAs,
//!            and tokens of SoftHSM
//! key_file   the file back end: permissions, damage, labels
//! device     the device back end: what it makes, its faults, and a device that is lost
//! bad_device a device whose signatures are wrong
//! sealed     keys that the device seals and that are kept outside
//! signing    every kind of key signs what OpenSSL verifies
//! issuing    what the CA writes, field by field
//! faults     every fault of a TSU certificate, one by one, with its text
//! bundle     what a CA outside delivers, sorted
//! profiles   what each kind of end certificate holds, and whom it is issued to
//! csr        requests for a certificate, made and read
//! crl        revocation lists, against OpenSSL
//! ocsp       requests read, answers signed, against OpenSSL
//! interop    the openssl command and OpenSSL's verifier agree
//! pem        bundles in and out
//! unsafe_keys keys with which everybody can sign, refused
//! robust     no bytes make the parser or the check panic
//! ```

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod bad_device;
mod bundle;
mod crl;
mod csr;
mod device;
mod faults;
mod interop;
mod issuing;
mod key_file;
mod ocsp;
mod pem;
mod profiles;
mod robust;
mod sealed;
mod signing;
mod support;
mod unsafe_keys;

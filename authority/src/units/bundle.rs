//! A bundle of certificates from outside, in any order, told apart by what they are.

use certs::check::{ParsedCertificate, parse};
use openssl::pkey::{PKey, Public};

/// The parts of a bundle.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    /// The certificate of the unit.
    pub(super) leaf: Vec<u8>,
    /// The CAs that another CA has certified.
    pub(super) chain: Vec<Vec<u8>>,
    /// The CAs that certify themselves.
    pub(super) roots: Vec<Vec<u8>>,
}

/// Tells the certificates of a bundle apart. The unit's is the one over its key; when there is
/// none, the first stands in its place, so that the check can say what is wrong with it.
pub(super) fn split(certificates: Vec<Vec<u8>>, key: &PKey<Public>) -> Bundle {
    let mut bundle = Bundle::default();
    let parsed: Vec<_> = certificates.iter().map(|der| parse(der).ok()).collect();
    let is_of_key = |certificate: &Option<ParsedCertificate>| {
        let own = certificate.as_ref().and_then(ParsedCertificate::public_key);
        own.is_some_and(|own| own.public_eq(key))
    };
    let leaf = parsed.iter().position(is_of_key).unwrap_or(0);
    for (index, (der, parsed)) in certificates.into_iter().zip(parsed).enumerate() {
        let is_root = parsed.is_some_and(|parsed| parsed.issuer() == parsed.subject());
        match (index == leaf, is_root) {
            (true, _) => bundle.leaf = der,
            (false, true) => bundle.roots.push(der),
            (false, false) => bundle.chain.push(der),
        }
    }
    bundle
}

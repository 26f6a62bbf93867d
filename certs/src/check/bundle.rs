//! Sorts what a CA outside delivered: the unit's certificate, the CAs above it, and their root.

use super::fault::TsuFault;
use super::parse::{ParsedCertificate, parse};
use openssl::pkey::{PKey, Public};

/// The certificates of a bundle, each where it belongs. Each is there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The certificate of the unit.
    pub leaf: Vec<u8>,
    /// The CAs that have an issuer, in the order of the bundle.
    pub chain: Vec<Vec<u8>>,
    /// The certificates that are signed with their own key. Whoever imports the bundle decides
    /// whether they are trusted.
    pub roots: Vec<Vec<u8>>,
}

/// Sorts the certificates of a bundle, which may come in any order. The unit's is the one for
/// `key`; among several, the one that begins last.
///
/// # Errors
/// [`TsuFault::Unreadable`] for the first that cannot be read, [`TsuFault::NoneForKey`].
pub fn split_bundle(certificates: &[Vec<u8>], key: &PKey<Public>) -> Result<Bundle, TsuFault> {
    let mut parsed: Vec<ParsedCertificate> = Vec::with_capacity(certificates.len());
    for (der, number) in certificates.iter().zip(1..) {
        let certificate = parse(der).map_err(|error| TsuFault::Unreadable {
            which: format!("certificate {number} of those given"),
            error,
        })?;
        if !parsed.iter().any(|earlier| earlier.der() == der) {
            parsed.push(certificate);
        }
    }
    let of_unit = |it: &ParsedCertificate| it.public_key().is_some_and(|own| own.public_eq(key));
    let leaf = parsed
        .iter()
        .filter(|certificate| of_unit(certificate))
        .max_by_key(|certificate| certificate.not_before())
        .ok_or(TsuFault::NoneForKey { certificates: certificates.len() })?
        .der()
        .to_vec();
    let (mut chain, mut roots) = (Vec::new(), Vec::new());
    for certificate in parsed.iter().filter(|certificate| !of_unit(certificate)) {
        let own = certificate.subject() == certificate.issuer()
            && certificate.public_key().is_some_and(|key| certificate.is_signed_by(&key));
        let place = if own { &mut roots } else { &mut chain };
        place.push(certificate.der().to_vec());
    }
    Ok(Bundle { leaf, chain, roots })
}

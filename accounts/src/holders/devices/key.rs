//! The public key of a device: read once, and strictly.

use crate::holders::HolderError;
use crate::holders::fields::FieldRule;
use openssl::ec::EcKey;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::sign::Verifier;

/// SubjectPublicKeyInfo of an uncompressed P-256 point has exactly so many octets.
const OCTETS: usize = 91;

/// Refuses whatever is not a P-256 key as DER of SubjectPublicKeyInfo (RFC 5480 §2), with the
/// curve by name and the point uncompressed, on the curve.
pub(super) fn check(field: &'static str, spki: &[u8]) -> Result<(), HolderError> {
    let bad = || FieldRule::DeviceKey.broken_by(field);
    if spki.len() != OCTETS {
        return Err(bad());
    }
    let key = read(spki).ok_or_else(bad)?;
    // One way to write each key: what OpenSSL writes.
    let same = key.public_key_to_der().is_ok_and(|der| der == spki);
    if same { Ok(()) } else { Err(bad()) }
}

/// Whether a signature (ECDSA with SHA-256, DER of ECDSA-Sig-Value) is of this key.
pub(crate) fn is_signed(
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, HolderError> {
    let key = PKey::public_key_from_der(spki)?;
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
    // What is no signature at all is a wrong one.
    Ok(verifier.verify_oneshot(signature, message).unwrap_or(false))
}

fn read(spki: &[u8]) -> Option<EcKey<Public>> {
    let key = PKey::public_key_from_der(spki).ok()?.ec_key().ok()?;
    let curve = key.group().curve_name();
    (curve == Some(Nid::X9_62_PRIME256V1) && key.check_key().is_ok()).then_some(key)
}

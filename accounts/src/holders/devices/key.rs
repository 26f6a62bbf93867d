//! The public key of a device: read once, and strictly.

use crate::holders::HolderError;
use crate::holders::fields::FieldRule;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Verifier;

/// SubjectPublicKeyInfo of a P-256 key up to the coordinates of its point (RFC 5480 §2.1.1 and
/// §2.2): id-ecPublicKey, the curve by name, a bit string, and 4 for "uncompressed". There is one
/// way to write each key: a hybrid point would be a second one.
const HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// With two coordinates of 32 octets each.
const OCTETS: usize = HEAD.len() + 64;

/// Refuses whatever is not a P-256 key as DER of SubjectPublicKeyInfo, with the point
/// uncompressed, and on the curve.
pub(super) fn check(field: &'static str, spki: &[u8]) -> Result<(), HolderError> {
    let formed = spki.len() == OCTETS && spki.starts_with(&HEAD);
    if formed && is_on_curve(spki) { Ok(()) } else { Err(FieldRule::DeviceKey.broken_by(field)) }
}

fn is_on_curve(spki: &[u8]) -> bool {
    let key = PKey::public_key_from_der(spki).and_then(|key| key.ec_key());
    key.is_ok_and(|key| key.check_key().is_ok())
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

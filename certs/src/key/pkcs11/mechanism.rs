//! What kinds of key and schemes are called in PKCS #11, and how its octets differ from those of
//! X.509 and CMS (PKCS #11 v2.40 mechanisms §2.1, §2.3; v3.0 §2.3 for Edwards curves).

use super::super::{KeyKind, SignatureScheme};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::sha;

/// The OBJECT IDENTIFIERs of the curves in DER (RFC 5480 §2.1.1.1, RFC 8410 §3): CKA_EC_PARAMS.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 34];
const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 35];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

/// How a kind of key is made.
pub(super) struct Generation {
    pub(super) mechanism: Mechanism<'static>,
    /// What the public key's template says of the kind.
    pub(super) parameters: Vec<Attribute>,
}

/// `None` for kinds that no device is asked for: ML-DSA came with PKCS #11 v3.2, which modules do
/// not have yet.
pub(super) fn generation(kind: KeyKind) -> Option<Generation> {
    let curve = |mechanism, oid: &[u8]| Generation {
        mechanism,
        parameters: vec![Attribute::EcParams(oid.to_vec())],
    };
    let rsa = |bits: u64| Generation {
        mechanism: Mechanism::RsaPkcsKeyPairGen,
        parameters: vec![
            Attribute::ModulusBits(bits.into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
        ],
    };
    Some(match kind {
        KeyKind::P256 => curve(Mechanism::EccKeyPairGen, P256),
        KeyKind::P384 => curve(Mechanism::EccKeyPairGen, P384),
        KeyKind::P521 => curve(Mechanism::EccKeyPairGen, P521),
        KeyKind::Ed25519 => curve(Mechanism::EccEdwardsKeyPairGen, ED25519),
        KeyKind::Rsa2048 => rsa(2048),
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => return None,
    })
}

/// The mechanism that a scheme signs with; it takes what [`input`] makes of the message.
pub(super) fn signing(scheme: SignatureScheme) -> Option<Mechanism<'static>> {
    let pss = |hash_alg, mgf, salt: u64| {
        Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg, mgf, s_len: salt.into() })
    };
    Some(match scheme {
        SignatureScheme::EcdsaSha256
        | SignatureScheme::EcdsaSha384
        | SignatureScheme::EcdsaSha512 => Mechanism::Ecdsa,
        SignatureScheme::RsaPkcs1Sha256 => Mechanism::RsaPkcs,
        SignatureScheme::RsaPssSha256 => pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32),
        SignatureScheme::RsaPssSha384 => pss(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48),
        SignatureScheme::RsaPssSha512 => pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64),
        SignatureScheme::Ed25519 => {
            Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
        }
        SignatureScheme::MlDsa44 | SignatureScheme::MlDsa65 | SignatureScheme::MlDsa87 => {
            return None;
        }
    })
}

/// The name of a mechanism for a message.
pub(super) fn name(mechanism: MechanismType) -> String {
    mechanism.to_string()
}

/// What the device signs. Digests are computed here: a revocation list may have megabytes, and the
/// way to a device is slow.
pub(super) fn input(scheme: SignatureScheme, message: &[u8]) -> Vec<u8> {
    // DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1).
    const DIGEST_INFO: [u8; 19] =
        [0x30, 49, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32];
    match scheme {
        SignatureScheme::EcdsaSha256 | SignatureScheme::RsaPssSha256 => {
            sha::sha256(message).to_vec()
        }
        SignatureScheme::EcdsaSha384 | SignatureScheme::RsaPssSha384 => {
            sha::sha384(message).to_vec()
        }
        SignatureScheme::EcdsaSha512 | SignatureScheme::RsaPssSha512 => {
            sha::sha512(message).to_vec()
        }
        SignatureScheme::RsaPkcs1Sha256 => [&DIGEST_INFO[..], &sha::sha256(message)].concat(),
        SignatureScheme::Ed25519
        | SignatureScheme::MlDsa44
        | SignatureScheme::MlDsa65
        | SignatureScheme::MlDsa87 => message.to_vec(),
    }
}

/// The signature as X.509 and CMS want it.
///
/// PKCS #11 v2.40 mechanisms §2.3.1: an ECDSA signature is r and s, each as long as the order of
/// the curve, one after the other.
///
/// # Errors
/// [`NotASignature`] for octets that cannot be one.
pub(super) fn output(scheme: SignatureScheme, raw: Vec<u8>) -> Result<Vec<u8>, NotASignature> {
    match scheme {
        SignatureScheme::EcdsaSha256
        | SignatureScheme::EcdsaSha384
        | SignatureScheme::EcdsaSha512 => ecdsa_to_der(&raw),
        _ => Ok(raw),
    }
}

/// See [`output`].
pub(super) fn ecdsa_to_der(raw: &[u8]) -> Result<Vec<u8>, NotASignature> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(NotASignature);
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let number = |octets| BigNum::from_slice(octets);
    number(r)
        .and_then(|r| EcdsaSig::from_private_components(r, number(s)?))
        .and_then(|signature| signature.to_der())
        .map_err(|_| NotASignature)
}

/// What came from the device cannot be a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotASignature;

/// The attributes that make a public key.
pub(super) struct PublicParts {
    pub(super) key_type: KeyType,
    pub(super) attributes: Vec<Attribute>,
}

impl PublicParts {
    /// The public key, or why there is none.
    pub(super) fn assemble(&self) -> Result<PKey<Public>, String> {
        let unreadable = |error: ErrorStack| format!("its public key cannot be read ({error})");
        match self.key_type {
            KeyType::RSA => {
                let (mut modulus, mut exponent) = (None, None);
                for attribute in &self.attributes {
                    match attribute {
                        Attribute::Modulus(octets) => modulus = Some(octets),
                        Attribute::PublicExponent(octets) => exponent = Some(octets),
                        _ => {}
                    }
                }
                let (Some(n), Some(e)) = (modulus, exponent) else {
                    return Err("its public key has no modulus or no exponent".to_owned());
                };
                rsa(n, e).map_err(unreadable)
            }
            KeyType::EC | KeyType::EC_EDWARDS => {
                let (mut curve, mut point) = (None, None);
                for attribute in &self.attributes {
                    match attribute {
                        Attribute::EcParams(octets) => curve = Some(octets.as_slice()),
                        Attribute::EcPoint(octets) => point = Some(octets.as_slice()),
                        _ => {}
                    }
                }
                let (Some(curve), Some(point)) = (curve, point) else {
                    return Err("its public key has no curve or no point".to_owned());
                };
                match curve {
                    P256 => ec(Nid::X9_62_PRIME256V1, point).map_err(unreadable),
                    P384 => ec(Nid::SECP384R1, point).map_err(unreadable),
                    P521 => ec(Nid::SECP521R1, point).map_err(unreadable),
                    _ if self.key_type == KeyType::EC_EDWARDS && unwrapped(point).len() == 32 => {
                        PKey::public_key_from_raw_bytes(unwrapped(point), Id::ED25519)
                            .map_err(unreadable)
                    }
                    _ => Err("it is on a curve that the service does not use".to_owned()),
                }
            }
            other => Err(format!("it is of type {other}, which the service does not use")),
        }
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let key =
        Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?;
    PKey::from_rsa(key)
}

fn ec(curve: Nid, point: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut context = BigNumContext::new()?;
    // An uncompressed point begins with 4 as an OCTET STRING does; its length tells them apart.
    let point = EcPoint::from_bytes(&group, unwrapped(point), &mut context)
        .or_else(|_| EcPoint::from_bytes(&group, point, &mut context))?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}

/// CKA_EC_POINT is a DER OCTET STRING in v2.40, and in some modules the point as it is, or in a BIT
/// STRING.
fn unwrapped(point: &[u8]) -> &[u8] {
    match point {
        [4, length, octets @ ..] if usize::from(*length) == octets.len() => octets,
        [4, 0x81, length, octets @ ..] if usize::from(*length) == octets.len() => octets,
        [3, length, 0, octets @ ..] if usize::from(*length) == octets.len() + 1 => octets,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    //! The octets of a device, made by OpenSSL, become keys and signatures that OpenSSL reads.

    use super::*;
    use openssl::ec::PointConversionForm;

    fn parts(key_type: KeyType, curve: &[u8], point: Vec<u8>) -> PublicParts {
        let attributes = vec![Attribute::EcParams(curve.to_vec()), Attribute::EcPoint(point)];
        PublicParts { key_type, attributes }
    }

    #[test]
    fn points_are_read_in_every_wrapping() {
        for (name, curve) in [("prime256v1", P256), ("secp384r1", P384), ("secp521r1", P521)] {
            let key = PKey::ec_gen(name).unwrap();
            let ec = key.ec_key().unwrap();
            let mut context = BigNumContext::new().unwrap();
            let form = PointConversionForm::UNCOMPRESSED;
            let raw = ec.public_key().to_bytes(ec.group(), form, &mut context).unwrap();
            let length = u8::try_from(raw.len()).unwrap();
            let header = if length < 0x80 { vec![4, length] } else { vec![4, 0x81, length] };
            for point in [raw.clone(), [header, raw.clone()].concat()] {
                let read = parts(KeyType::EC, curve, point).assemble().unwrap();
                assert!(read.public_eq(&key), "{name}");
            }
            let mut off = raw;
            *off.last_mut().unwrap() ^= 1;
            assert!(parts(KeyType::EC, curve, off).assemble().is_err(), "{name}: not a point");
        }
        let key = PKey::generate_ed25519().unwrap();
        let raw = key.raw_public_key().unwrap();
        let wrapped = [&[4, 32][..], &raw].concat();
        let bits = [&[3, 33, 0][..], &raw].concat();
        for point in [raw, wrapped, bits] {
            let read = parts(KeyType::EC_EDWARDS, ED25519, point).assemble().unwrap();
            assert!(read.public_eq(&key));
        }
    }

    #[test]
    fn incomplete_and_foreign_keys_are_refused_with_a_reason() {
        let reason = |parts: PublicParts| parts.assemble().unwrap_err();
        let none = |key_type| PublicParts { key_type, attributes: Vec::new() };
        assert!(reason(none(KeyType::RSA)).contains("modulus"));
        assert!(reason(none(KeyType::EC)).contains("curve"));
        assert!(reason(none(KeyType::DSA)).contains("does not use"));
        let secp256k1 = &[6, 5, 0x2b, 0x81, 4, 0, 10];
        assert!(reason(parts(KeyType::EC, secp256k1, vec![4; 65])).contains("curve"));
    }

    #[test]
    fn ecdsa_signatures_become_der_whatever_their_leading_octets() {
        let scheme = SignatureScheme::EcdsaSha256;
        // r with its top bit set gets a leading zero in DER, s loses its own.
        let raw = [[0xff; 32], [0; 32]].concat();
        assert!(output(scheme, raw.clone()).is_ok());
        let mut raw = raw;
        raw[63] = 1;
        let der = output(scheme, raw).unwrap();
        assert_eq!(der[..5], [0x30, 38, 2, 33, 0]);
        assert_eq!(der[37..], [2, 1, 1]);
        for wrong in [0, 1, 63] {
            assert_eq!(output(scheme, vec![1; wrong]), Err(NotASignature), "{wrong} octets");
        }
        assert_eq!(output(SignatureScheme::Ed25519, vec![1; 3]), Ok(vec![1; 3]));
    }
}

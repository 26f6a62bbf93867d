//! What a signature scheme is called, in X.509 and CMS structures and by people, and how its
//! signatures are verified.

use crate::key::{KeyError, SignatureScheme};
use crate::oid;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKeyRef, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use rasn::types::{Any, Oid};
use rasn_pkix::AlgorithmIdentifier;
use std::fmt;
use std::str::FromStr;

impl SignatureScheme {
    /// Every scheme, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The `signatureAlgorithm` of a certificate or of a CMS `SignerInfo`.
    #[must_use]
    pub fn signature_algorithm(self) -> AlgorithmIdentifier {
        match self {
            // RFC 5758 §3.2: "the encoding MUST omit the parameters field."
            Self::EcdsaSha256 => without_parameters(oid::ECDSA_WITH_SHA256),
            Self::EcdsaSha384 => without_parameters(oid::ECDSA_WITH_SHA384),
            Self::EcdsaSha512 => without_parameters(oid::ECDSA_WITH_SHA512),
            // RFC 4055 §5: "the parameters MUST be NULL."
            Self::RsaPkcs1Sha256 => AlgorithmIdentifier {
                algorithm: oid::SHA256_WITH_RSA.into(),
                parameters: Some(Any::new(DER_NULL.to_vec())),
            },
            Self::RsaPssSha256 => pss(1, 32),
            Self::RsaPssSha384 => pss(2, 48),
            Self::RsaPssSha512 => pss(3, 64),
            // RFC 8410 §3: "the parameters MUST be absent."
            Self::Ed25519 => without_parameters(oid::ED25519),
            // RFC 9881 §2: the parameters are absent for all three.
            Self::MlDsa44 => without_parameters(oid::ML_DSA_44),
            Self::MlDsa65 => without_parameters(oid::ML_DSA_65),
            Self::MlDsa87 => without_parameters(oid::ML_DSA_87),
        }
    }

    /// The scheme of a `signatureAlgorithm`; `None` for any that is not one of ours, octet for
    /// octet: other parameters are another algorithm.
    #[must_use]
    pub fn from_algorithm(algorithm: &AlgorithmIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.signature_algorithm() == *algorithm)
    }

    /// The `digestAlgorithm` of a CMS `SignerInfo`, also the algorithm of its messageDigest.
    ///
    /// RFC 5754 §2: SHA-2 identifiers are generated without parameters. RFC 8933 §3: the digest of
    /// the content is that of the signature. RFC 8419 §3: with Ed25519 and signed attributes it is
    /// SHA-512. RFC 9882 §3.3: every verifier of ML-DSA has SHA-512, which is the only one of
    /// SHA-2 that is strong enough for all three.
    #[must_use]
    pub fn digest_algorithm(self) -> AlgorithmIdentifier {
        without_parameters(match self.message_digest().size() {
            48 => oid::SHA384,
            64 => oid::SHA512,
            _ => oid::SHA256,
        })
    }

    /// The digest named by [`digest_algorithm`](Self::digest_algorithm), for OpenSSL.
    #[must_use]
    pub fn message_digest(self) -> MessageDigest {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => {
                MessageDigest::sha256()
            }
            Self::EcdsaSha384 | Self::RsaPssSha384 => MessageDigest::sha384(),
            Self::EcdsaSha512
            | Self::RsaPssSha512
            | Self::Ed25519
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => MessageDigest::sha512(),
        }
    }

    /// Whether the message itself is signed, and not a digest of it.
    #[must_use]
    pub const fn signs_message(self) -> bool {
        matches!(self, Self::Ed25519 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }

    /// Whether keys of this scheme are points of an elliptic curve: quick to sign, and slower to
    /// verify than to sign.
    #[must_use]
    pub const fn is_elliptic(self) -> bool {
        matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 | Self::Ed25519)
    }

    /// Whether keys of this scheme are RSA keys.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::RsaPkcs1Sha256) || self.is_pss()
    }

    pub(crate) const fn is_pss(self) -> bool {
        matches!(self, Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512)
    }

    /// Whether `signature` over `message` is one of this scheme with `key`.
    ///
    /// # Errors
    /// OpenSSL's, when the key is of another kind, and for some signatures that are not even
    /// well-formed: take an error for a no.
    pub fn verify(
        self,
        key: &PKeyRef<Public>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        let digest = self.message_digest();
        let mut verifier = match self.signs_message() {
            true => Verifier::new_without_digest(key)?,
            false => Verifier::new(digest, key)?,
        };
        if self.is_pss() {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            verifier.set_rsa_mgf1_md(digest)?;
        }
        verifier.verify_oneshot(signature, message)
    }

    /// The name in configuration files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::EcdsaSha512 => "ecdsa-sha512",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha384 => "rsa-pss-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SignatureScheme {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == text)
            .ok_or_else(|| KeyError::UnknownScheme(text.to_owned()))
    }
}

/// The encoding of the ASN.1 value NULL.
const DER_NULL: [u8; 2] = [0x05, 0x00];

fn without_parameters(algorithm: &Oid) -> AlgorithmIdentifier {
    AlgorithmIdentifier { algorithm: algorithm.into(), parameters: None }
}

/// id-RSASSA-PSS with the digest of nist-hashAlgs `number`, used for MGF1 too, and as much salt as
/// it has octets.
///
/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {
///    hashAlgorithm     [0] HashAlgorithm,
///    maskGenAlgorithm  [1] MaskGenAlgorithm,
///    saltLength        [2] INTEGER,
///    trailerField      [3] INTEGER DEFAULT 1 }
/// ```
///
/// RFC 4055 §2.1: the digests in here have the parameters NULL, unlike those of digestAlgorithm.
/// §3.1: the salt has the length of the digest, and MGF1 uses the same one.
fn pss(number: u8, salt: u8) -> AlgorithmIdentifier {
    let hash = [&[0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, number][..], &DER_NULL];
    let hash = hash.concat();
    // id-mgf1, 1.2.840.113549.1.1.8.
    let mgf1 = [&[0x30, 26, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8][..], &hash].concat();
    let salt = [0xa2, 3, 2, 1, salt];
    let parameters = [&[0x30, 52, 0xa0, 15][..], &hash, &[0xa1, 28], &mgf1, &salt].concat();
    AlgorithmIdentifier {
        algorithm: oid::RSASSA_PSS.into(),
        parameters: Some(Any::new(parameters)),
    }
}

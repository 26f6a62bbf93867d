//! What a signature scheme is called inside X.509 and CMS structures.

use crate::key::SignatureScheme;
use crate::oid;
use openssl::hash::MessageDigest;
use rasn::types::{Any, Oid};
use rasn_pkix::AlgorithmIdentifier;

impl SignatureScheme {
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
            // RFC 8410 §3: "the parameters MUST be absent."
            Self::Ed25519 => without_parameters(oid::ED25519),
        }
    }

    /// The `digestAlgorithm` of a CMS `SignerInfo`, also the algorithm of its messageDigest.
    ///
    /// RFC 5754 §2: SHA-2 identifiers are generated without parameters. RFC 8419 §3: with Ed25519
    /// and signed attributes the digest is SHA-512.
    #[must_use]
    pub fn digest_algorithm(self) -> AlgorithmIdentifier {
        without_parameters(match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 => oid::SHA256,
            Self::EcdsaSha384 => oid::SHA384,
            Self::EcdsaSha512 | Self::Ed25519 => oid::SHA512,
        })
    }

    /// The digest named by [`digest_algorithm`](Self::digest_algorithm), for OpenSSL.
    #[must_use]
    pub fn message_digest(self) -> MessageDigest {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 => MessageDigest::sha256(),
            Self::EcdsaSha384 => MessageDigest::sha384(),
            Self::EcdsaSha512 | Self::Ed25519 => MessageDigest::sha512(),
        }
    }
}

/// The encoding of the ASN.1 value NULL.
const DER_NULL: [u8; 2] = [0x05, 0x00];

fn without_parameters(algorithm: &Oid) -> AlgorithmIdentifier {
    AlgorithmIdentifier { algorithm: algorithm.into(), parameters: None }
}

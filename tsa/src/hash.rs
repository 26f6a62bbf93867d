//! The hash algorithms an imprint may be made with, and nothing else: no hashing of documents.
//!
//! RFC 3161 §2.4.1: the algorithm "SHOULD be a known hash algorithm (one-way and collision
//! resistant)"; the list follows ETSI TS 119 312 and the ECCG agreed mechanisms.

use rasn::types::Oid;
use std::fmt;

/// A hash algorithm that is accepted for imprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-256 (FIPS 202).
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

impl HashAlgorithm {
    /// Every algorithm, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Sha256, Self::Sha384, Self::Sha512, Self::Sha3_256, Self::Sha3_384, Self::Sha3_512];

    /// The algorithm with this identifier, when it is one of ours.
    #[must_use]
    pub fn from_oid(oid: &Oid) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    /// Its object identifier (NIST CSOR; RFC 5754 §2, RFC 9688 §2).
    #[must_use]
    pub fn oid(self) -> &'static Oid {
        const NIST_HASH: [&Oid; 6] = [
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA256,
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA384,
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA512,
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA3_256,
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA3_384,
            Oid::JOINT_ISO_ITU_T_COUNTRY_US_ORGANIZATION_GOV_CSOR_NIST_ALGORITHMS_HASH_SHA3_512,
        ];
        NIST_HASH[self as usize]
    }

    /// Length of its output in octets.
    #[must_use]
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not one of the six.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: not a hash algorithm for imprints; write SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-384 \
     or SHA3-512"
)]
pub struct UnknownHash(pub String);

impl std::str::FromStr for HashAlgorithm {
    type Err = UnknownHash;

    /// Case does not matter, nor the dash after SHA.
    fn from_str(name: &str) -> Result<Self, UnknownHash> {
        let wanted = name.to_ascii_uppercase().replace("SHA-", "SHA");
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().replace("SHA-", "SHA") == wanted)
            .ok_or_else(|| UnknownHash(name.to_owned()))
    }
}

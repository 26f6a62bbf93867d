//! The signature algorithms over a given digest, by name and by object identifier.
//!
//! RFC 8017 (PKCS#1 v1.5 and PSS) and FIPS 186-5 (ECDSA, as the DER `Ecdsa-Sig-Value` of RFC 3279
//! §2.2.3). The digests are those that ETSI TS 119 312 recommends; SHA-1 has no name here, so that
//! it cannot be asked for.

use std::fmt;
use std::str::FromStr;

/// What a hash to be signed was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Octets of a digest.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The name, as in `sha-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The object identifier (NIST CSOR; RFC 5754 §2).
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a digest is signed.
///
/// PSS is always used with MGF1 over the same digest and a salt as long as it: RFC 4055 §3.1
/// recommends both, and ETSI TS 119 312 knows no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2). The service makes the `DigestInfo`.
    RsaPkcs1(DigestAlgorithm),
    /// RSASSA-PSS (RFC 8017 §8.1).
    RsaPss(DigestAlgorithm),
    /// ECDSA on the key's curve. A digest that is longer than the order is cut by the algorithm
    /// itself (FIPS 186-5 §6.4.1).
    Ecdsa(DigestAlgorithm),
}

impl SignatureAlgorithm {
    /// Every one of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::RsaPkcs1(DigestAlgorithm::Sha256),
        Self::RsaPkcs1(DigestAlgorithm::Sha384),
        Self::RsaPkcs1(DigestAlgorithm::Sha512),
        Self::RsaPss(DigestAlgorithm::Sha256),
        Self::RsaPss(DigestAlgorithm::Sha384),
        Self::RsaPss(DigestAlgorithm::Sha512),
        Self::Ecdsa(DigestAlgorithm::Sha256),
        Self::Ecdsa(DigestAlgorithm::Sha384),
        Self::Ecdsa(DigestAlgorithm::Sha512),
    ];

    /// The digest that it signs.
    #[must_use]
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaPkcs1(digest) | Self::RsaPss(digest) | Self::Ecdsa(digest) => digest,
        }
    }

    /// Whether it is made with an RSA key.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        !matches!(self, Self::Ecdsa(_))
    }

    /// The object identifier of the algorithm as a whole; for PSS the digest is in the parameters.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            // RFC 8017 appendix A.2.4.
            Self::RsaPkcs1(DigestAlgorithm::Sha256) => "1.2.840.113549.1.1.11",
            Self::RsaPkcs1(DigestAlgorithm::Sha384) => "1.2.840.113549.1.1.12",
            Self::RsaPkcs1(DigestAlgorithm::Sha512) => "1.2.840.113549.1.1.13",
            // RFC 8017 appendix A.2.3.
            Self::RsaPss(_) => "1.2.840.113549.1.1.10",
            // RFC 5758 §3.2.
            Self::Ecdsa(DigestAlgorithm::Sha256) => "1.2.840.10045.4.3.2",
            Self::Ecdsa(DigestAlgorithm::Sha384) => "1.2.840.10045.4.3.3",
            Self::Ecdsa(DigestAlgorithm::Sha512) => "1.2.840.10045.4.3.4",
        }
    }

    /// The name. Used in stored state: a name is never changed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1(DigestAlgorithm::Sha256) => "rsa-pkcs1-sha256",
            Self::RsaPkcs1(DigestAlgorithm::Sha384) => "rsa-pkcs1-sha384",
            Self::RsaPkcs1(DigestAlgorithm::Sha512) => "rsa-pkcs1-sha512",
            Self::RsaPss(DigestAlgorithm::Sha256) => "rsa-pss-sha256",
            Self::RsaPss(DigestAlgorithm::Sha384) => "rsa-pss-sha384",
            Self::RsaPss(DigestAlgorithm::Sha512) => "rsa-pss-sha512",
            Self::Ecdsa(DigestAlgorithm::Sha256) => "ecdsa-sha256",
            Self::Ecdsa(DigestAlgorithm::Sha384) => "ecdsa-sha384",
            Self::Ecdsa(DigestAlgorithm::Sha512) => "ecdsa-sha512",
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of the nine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no signature algorithm of this service: write rsa-pkcs1, rsa-pss or ecdsa, and \
     -sha256, -sha384 or -sha512"
)]
pub struct UnknownAlgorithm(pub String);

impl FromStr for SignatureAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

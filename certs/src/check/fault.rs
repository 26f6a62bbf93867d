//! Everything that can be wrong with the certificate of a time-stamping unit.
//!
//! A text names the field with its object identifier, what was found, and what to do. The texts
//! are kept in a golden file: an operator reads them at three in the morning.

use super::ParseError;
use chrono::{DateTime, SecondsFormat, Utc};

/// What the unit's own certificate is called in the texts.
pub(super) const LEAF: &str = "the TSU certificate";

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Tokens verify, but a recommendation or a stricter profile is not met.
    Warning,
    /// No token may be issued.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TsuFault {
    /// A certificate cannot be read.
    #[error("{which}: {error}; give the certificate as its CA delivered it")]
    Unreadable {
        /// Which one: the unit's, or its place in the chain or among the roots.
        which: String,
        /// What the parser said.
        error: ParseError,
    },

    /// RFC 3161 §2.3: the extension is missing.
    #[error(
        "the TSU certificate: extension extendedKeyUsage (2.5.29.37) is missing; have the CA issue \
         a certificate for time stamping, with this extension critical and only \
         id-kp-timeStamping (1.3.6.1.5.5.7.3.8) in it"
    )]
    ExtendedKeyUsageMissing,
    /// RFC 3161 §2.3: "This extension MUST be critical."
    #[error(
        "the TSU certificate: extension extendedKeyUsage (2.5.29.37) is not critical; have the CA \
         issue it as critical, verifiers refuse the tokens otherwise"
    )]
    ExtendedKeyUsageNotCritical,
    /// The purposes are not exactly id-kp-timeStamping.
    #[error(
        "the TSU certificate: extension extendedKeyUsage (2.5.29.37) allows {}, but must hold \
         id-kp-timeStamping (1.3.6.1.5.5.7.3.8) and nothing else; have the CA issue a \
         certificate for time stamping only", list(.found)
    )]
    ExtendedKeyUsageWrong {
        /// The purposes found.
        found: Vec<String>,
    },

    /// CSBR 7.1.2.3 e: keyUsage must be there.
    #[error(
        "the TSU certificate: extension keyUsage (2.5.29.15) is missing; have the CA issue it \
         critical with digitalSignature"
    )]
    KeyUsageMissing,
    /// CSBR 7.1.2.3 e, RFC 5280 §4.2.1.3 (SHOULD).
    #[error(
        "the TSU certificate: extension keyUsage (2.5.29.15) is not critical; at the next renewal \
         have the CA issue it as critical"
    )]
    KeyUsageNotCritical,
    /// Bits other than digitalSignature and nonRepudiation, or neither of them.
    #[error(
        "the TSU certificate: extension keyUsage (2.5.29.15) allows {}, but must hold \
         digitalSignature or nonRepudiation and nothing else; have the CA issue it so", list(.found)
    )]
    KeyUsageWrong {
        /// The usages found.
        found: Vec<String>,
    },

    /// CSBR 7.1.2.3: cA must not be true.
    #[error(
        "the TSU certificate: extension basicConstraints (2.5.29.19) says cA TRUE; a CA's \
         certificate must not sign tokens, have the CA issue one for the unit"
    )]
    CertificateOfCa,

    /// RFC 5280 §4.2: not more than one instance of an extension.
    #[error(
        "the TSU certificate: extension {name} ({oid}) stands there {times} times; a certificate \
         with a repeated extension is invalid, have the CA issue a new one"
    )]
    ExtensionRepeated {
        /// Its name.
        name: &'static str,
        /// Its object identifier.
        oid: String,
        /// How often.
        times: usize,
    },
    /// An extension's value cannot be decoded.
    #[error(
        "the TSU certificate: the value of extension {name} ({oid}) is not what RFC 5280 says it \
         is; have the CA issue a new certificate"
    )]
    ExtensionMalformed {
        /// Its name.
        name: &'static str,
        /// Its object identifier.
        oid: String,
    },
    /// RFC 5280 §4.2: a verifier "MUST reject the certificate if it encounters a critical
    /// extension it does not recognize".
    #[error(
        "the TSU certificate: extension {oid} is critical and not known here; verifiers may refuse \
         the tokens, have the CA issue a certificate without it"
    )]
    UnknownCriticalExtension {
        /// Its object identifier.
        oid: String,
    },
    /// An extension that a profile asks for is missing.
    #[error("the TSU certificate: extension {name} ({oid}) is missing; {advice}")]
    ExtensionMissing {
        /// Its name.
        name: &'static str,
        /// Its object identifier.
        oid: String,
        /// What it is for and what to do.
        advice: &'static str,
    },

    /// The clock is before notBefore.
    #[error(
        "the TSU certificate: validity.notBefore is {}, and now it is {}; wait, or correct the \
         clock",
        at(.not_before), at(.now)
    )]
    NotYetValid {
        /// Start of the validity.
        not_before: DateTime<Utc>,
        /// Time of the check.
        now: DateTime<Utc>,
    },
    /// The clock is after notAfter.
    #[error(
        "the TSU certificate: validity.notAfter was {}, and now it is {}; renew the certificate",
        at(.not_after), at(.now)
    )]
    Expired {
        /// End of the validity.
        not_after: DateTime<Utc>,
        /// Time of the check.
        now: DateTime<Utc>,
    },
    /// The clock is before the start of privateKeyUsagePeriod.
    #[error(
        "the TSU certificate: extension privateKeyUsagePeriod (2.5.29.16) begins at {}, and now it \
         is {}; wait, or correct the clock", at(.not_before), at(.now)
    )]
    KeyUsagePeriodNotBegun {
        /// Start of the period.
        not_before: DateTime<Utc>,
        /// Time of the check.
        now: DateTime<Utc>,
    },
    /// EN 319 421 TIS-7.7.1-09: no token after the end of privateKeyUsagePeriod.
    #[error(
        "the TSU certificate: extension privateKeyUsagePeriod (2.5.29.16) ended at {}, and now it \
         is {}; make a new key and have a new certificate issued", at(.not_after), at(.now)
    )]
    KeyUsagePeriodEnded {
        /// End of the period.
        not_after: DateTime<Utc>,
        /// Time of the check.
        now: DateTime<Utc>,
    },

    /// RFC 5280 §4.1.2.1: "When extensions are used ... version MUST be 3 (value is 2)."
    #[error(
        "the TSU certificate: version is {found}, but a certificate with extensions is of version \
         3; have the CA issue a new one"
    )]
    VersionWrong {
        /// The version, counted from 1.
        found: u64,
    },
    /// RFC 5280 §4.1.2.2: positive, and at most 20 octets.
    #[error(
        "the TSU certificate: serialNumber is not a positive number of at most 20 octets; some \
         verifiers refuse the tokens, have the CA issue a new certificate at the next renewal"
    )]
    SerialNumberWrong,
    /// EN 319 422 §6.2: what the subject must name.
    #[error(
        "the TSU certificate: subject does not name {}; European verifiers ask for it \
         (EN 319 422 §6.2), have the CA put it in at the next renewal", list(.missing)
    )]
    SubjectIncomplete {
        /// The attributes that are missing.
        missing: Vec<String>,
    },
    /// CSBR 6.3.2: a certificate for at most 135 months.
    #[error(
        "the TSU certificate: validity is {days} days, more than the 135 months that code-signing \
         profiles allow (CSBR 6.3.2); ask the CA for a shorter one at the next renewal"
    )]
    ValidityLong {
        /// Days from notBefore to notAfter.
        days: i64,
    },
    /// CSBR 6.3.2: the key signs for at most 15 months.
    #[error(
        "the TSU certificate: extension privateKeyUsagePeriod (2.5.29.16) lets the key sign for \
         {days} days, more than the 15 months that code-signing profiles allow (CSBR 6.3.2); \
         change the key earlier"
    )]
    KeyUsagePeriodLong {
        /// Days from the certificate's notBefore to the end of the period.
        days: i64,
    },

    /// None of the certificates of a bundle is for the key.
    #[error(
        "none of the {certificates} certificates given holds the public half of the unit's key; \
         give the certificate that was issued for the unit's request, with the chain above it"
    )]
    NoneForKey {
        /// How many there are.
        certificates: usize,
    },
    /// The key is not the one in the certificate.
    #[error(
        "the TSU certificate: subjectPublicKey is not the public half of the unit's key; configure \
         the key that this certificate was issued for"
    )]
    KeyMismatch,
    /// The algorithm of the key is not one this service signs with.
    #[error(
        "the TSU certificate: subjectPublicKeyInfo holds {found}, which the service does not use; \
         use RSA 2048, 3072 or 4096, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    KeyUnsupported {
        /// What was found.
        found: String,
    },
    /// Less than 112 bits of security: RSA below 2048 bits, curves below 224.
    #[error(
        "{which}: subjectPublicKeyInfo holds a key of {bits} bits, which is too weak; replace \
         it by RSA 3072 or P-256"
    )]
    KeyWeak {
        /// Which certificate.
        which: String,
        /// Bits of the modulus or of the curve.
        bits: u32,
    },
    /// Everybody can sign with the key.
    #[error(
        "{which}: subjectPublicKeyInfo holds {found}: anybody can sign with such a key; replace it"
    )]
    KeyUnsafe {
        /// Which certificate.
        which: String,
        /// What was found.
        found: String,
    },
    /// CSBR 6.1.5.2: RSA below 3072 bits.
    #[error(
        "{which}: subjectPublicKeyInfo holds an RSA key of {bits} bits, below the 3072 that \
         code-signing profiles ask for (CSBR 6.1.5.2); use RSA 3072 or P-256 at the next renewal"
    )]
    KeyShort {
        /// Which certificate.
        which: String,
        /// Bits of the modulus.
        bits: u32,
    },
    /// Signed with MD5 or SHA-1.
    #[error(
        "{which}: signatureAlgorithm is {name} ({oid}), which is broken; have the CA issue it \
         with SHA-256 or better"
    )]
    SignatureWeak {
        /// Which certificate.
        which: String,
        /// The algorithm's name.
        name: &'static str,
        /// Its object identifier.
        oid: String,
    },
    /// CSBR 6.8: the token's digest should be that of the certificate's signature.
    #[error(
        "the TSU certificate: it is signed with {certificate} and its key signs tokens with \
         {token}; code-signing profiles want the same digest (CSBR 6.8), use a CA key of the \
         same strength"
    )]
    DigestDiffers {
        /// Digest under the certificate.
        certificate: &'static str,
        /// Digest under tokens.
        token: &'static str,
    },

    /// Nobody given has the issuer's name.
    #[error(
        "chain: {which} names the issuer {issuer:?}, and neither chain nor roots hold a \
         certificate with that subject; add the CA's certificate"
    )]
    IssuerMissing {
        /// Which certificate.
        which: String,
        /// The name looked for.
        issuer: String,
    },
    /// The name fits, the signature does not.
    #[error(
        "chain: signatureValue of {which} does not verify with the key of its issuer {issuer:?}; \
         the certificate was changed, or that CA has another key: get both anew from the CA"
    )]
    SignatureWrong {
        /// Which certificate.
        which: String,
        /// The issuer's name.
        issuer: String,
    },
    /// RFC 5280 §4.2.1.1: the identifiers are there to tell two keys of one CA apart.
    #[error(
        "chain: extension authorityKeyIdentifier (2.5.29.35) of {which} is not the \
         subjectKeyIdentifier (2.5.29.14) of its issuer {issuer:?}; verifiers do not find the \
         issuer then, get the CA's certificate that belongs to it"
    )]
    KeyIdentifierMismatch {
        /// Which certificate.
        which: String,
        /// The issuer's name.
        issuer: String,
    },
    /// A certificate that is not between the unit and the root.
    #[error(
        "chain: {which} does not stand between the unit and its root and is not used; leave it \
         out, or look whether it belongs to another unit"
    )]
    ChainUnused {
        /// Which certificate.
        which: String,
    },
    /// The CA is limited to other purposes than time-stamping.
    #[error(
        "chain: extension extendedKeyUsage (2.5.29.37) of {which} does not hold \
         id-kp-timeStamping (1.3.6.1.5.5.7.3.8); verifiers that let a CA limit what is under it \
         refuse the tokens, use a CA for time stamping"
    )]
    IssuerPurposes {
        /// The issuer.
        which: String,
    },
    /// RFC 5280 §6.1.4 (o): a critical extension that is not known, in a CA's certificate.
    #[error(
        "chain: extension {oid} of {which} is critical and not known here; verifiers may refuse \
         the tokens, use a CA without it"
    )]
    IssuerUnknownCriticalExtension {
        /// The issuer.
        which: String,
        /// The extension's object identifier.
        oid: String,
    },
    /// The chain ends in a self-signed certificate that is not among the roots, or in a circle.
    #[error(
        "chain: {which} has no trusted issuer: it leads to no certificate among the roots; add \
         its root to the trusted ones if it should be trusted"
    )]
    NotTrusted {
        /// The last certificate reached.
        which: String,
    },
    /// More certificates than any real chain has.
    #[error("chain: more than {limit} certificates lie between the unit and a root")]
    ChainTooLong {
        /// The most that are looked at.
        limit: usize,
    },
    /// RFC 5280 §6.1.4 (k), (n): the issuer is not a CA, or may not sign certificates.
    #[error(
        "chain: {which} issued a certificate, but {field} does not allow it; use a certificate \
         whose issuer is a CA"
    )]
    IssuerNotCa {
        /// The issuer.
        which: String,
        /// Extension with its object identifier.
        field: &'static str,
    },
    /// RFC 5280 §6.1.4 (m): pathLenConstraint.
    #[error(
        "chain: extension basicConstraints (2.5.29.19) of {which} allows {allowed} CAs below it, \
         and there are {found}; have the certificate issued by a CA nearer to the root"
    )]
    PathTooLong {
        /// The CA that limits.
        which: String,
        /// pathLenConstraint.
        allowed: u64,
        /// CAs below it.
        found: u64,
    },
    /// A certificate above the unit's is not valid now.
    #[error(
        "chain: {which} is valid from {} until {}, and now it is {}; renew it, or correct the \
         clock", at(.not_before), at(.not_after), at(.now)
    )]
    IssuerNotValid {
        /// Which certificate.
        which: String,
        /// Start of its validity.
        not_before: DateTime<Utc>,
        /// End of its validity.
        not_after: DateTime<Utc>,
        /// Time of the check.
        now: DateTime<Utc>,
    },
}

impl TsuFault {
    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::KeyUsageNotCritical
            | Self::SerialNumberWrong
            | Self::SubjectIncomplete { .. }
            | Self::ValidityLong { .. }
            | Self::KeyUsagePeriodLong { .. }
            | Self::ChainUnused { .. }
            | Self::IssuerPurposes { .. }
            | Self::ExtensionMissing { .. }
            | Self::KeyShort { .. }
            | Self::DigestDiffers { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

fn list(found: &[String]) -> String {
    if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
}

fn at(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

//! The unit's own certificate: RFC 3161 §2.3, EN 319 422 §6, CSBR 7.1.2.3.

use super::fault::{LEAF, TsuFault};
use super::parse::ParsedCertificate;
use super::strength;
use crate::key::{KeyError, KeyKind};
use crate::oid;
use crate::serial::Serial;
use crate::tsu::TsuValidity;
use openssl::pkey::{Id, PKey, Public};
use rasn::Decode;
use rasn::types::{BitString, Oid};
use rasn_pkix::{BasicConstraints, ExtKeyUsageSyntax, Name, PrivateKeyUsagePeriod, Version};

/// Looks at all fields that do not depend on the time, the key at hand or other certificates.
pub(super) fn inspect(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    version_and_serial(leaf, faults);
    subject(leaf, faults);
    extended_key_usage(leaf, faults);
    key_usage(leaf, faults);
    basic_constraints(leaf, faults);
    repeated_and_unknown(leaf, faults);
    missing(leaf, faults);
    key_supported(leaf, faults);
    strength::of_key(leaf, LEAF, faults);
    strength::of_signature(leaf, LEAF, faults);
    digest(leaf, faults);
}

/// The unit's key must be the certificate's (EN 319 421 TIS-7.6.4-05).
pub(super) fn match_key(leaf: &ParsedCertificate, key: &PKey<Public>, faults: &mut Vec<TsuFault>) {
    // A key that cannot be read has a fault of its own.
    if leaf.public_key().is_some_and(|certified| !certified.public_eq(key)) {
        faults.push(TsuFault::KeyMismatch);
    }
}

/// The instants between which the certificate and its key may be used.
pub(super) fn validity(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) -> TsuValidity {
    let period: Option<PrivateKeyUsagePeriod> =
        decoded(leaf, oid::PRIVATE_KEY_USAGE_PERIOD, "privateKeyUsagePeriod", faults);
    let (start, end) = period.map_or((None, None), |p| (p.not_before, p.not_after));
    // CSBR 6.3.2 counts in months of at most 31 days.
    let days = (leaf.not_after() - leaf.not_before()).num_days();
    if days > 135 * 31 {
        faults.push(TsuFault::ValidityLong { days });
    }
    let days = end.map_or(0, |end| (end.to_utc() - leaf.not_before()).num_days());
    if days > 15 * 31 {
        faults.push(TsuFault::KeyUsagePeriodLong { days });
    }
    TsuValidity {
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
        key_not_before: start.map(|time| time.to_utc()),
        key_not_after: end.map(|time| time.to_utc()),
    }
}

fn version_and_serial(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let version = leaf.content().tbs_certificate.version;
    if version != Version::V3 {
        faults.push(TsuFault::VersionWrong { found: version.raw_value().saturating_add(1) });
    }
    if Serial::of(leaf).is_none() {
        faults.push(TsuFault::SerialNumberWrong);
    }
}

fn subject(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let Name::RdnSequence(relative) = leaf.subject();
    let named = |id: &Oid| {
        relative.iter().any(|rdn| rdn.to_vec().iter().any(|attribute| *id == attribute.r#type))
    };
    let missing: Vec<_> = [
        (oid::COUNTRY_NAME, "countryName (2.5.4.6)"),
        (oid::ORGANIZATION_NAME, "organizationName (2.5.4.10)"),
        (oid::COMMON_NAME, "commonName (2.5.4.3)"),
    ]
    .into_iter()
    .filter(|(id, _)| !named(id))
    .map(|(_, name)| name.to_owned())
    .collect();
    if !missing.is_empty() {
        faults.push(TsuFault::SubjectIncomplete { missing });
    }
}

fn extended_key_usage(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let Some(extension) = leaf.extensions_named(oid::EXTENDED_KEY_USAGE).first().copied() else {
        return faults.push(TsuFault::ExtendedKeyUsageMissing);
    };
    if !extension.critical {
        faults.push(TsuFault::ExtendedKeyUsageNotCritical);
    }
    let purposes: Option<ExtKeyUsageSyntax> =
        decoded(leaf, oid::EXTENDED_KEY_USAGE, "extendedKeyUsage", faults);
    if let Some(purposes) = purposes
        && !matches!(purposes.as_slice(), [only] if *oid::TIME_STAMPING == *only)
    {
        let found = purposes.iter().map(|purpose| named_purpose(purpose)).collect();
        faults.push(TsuFault::ExtendedKeyUsageWrong { found });
    }
}

// The purposes of RFC 5280 §4.2.1.12, by their last number.
fn named_purpose(purpose: &Oid) -> String {
    let name = match &purpose[..] {
        [1, 3, 6, 1, 5, 5, 7, 3, 1] => "id-kp-serverAuth",
        [1, 3, 6, 1, 5, 5, 7, 3, 2] => "id-kp-clientAuth",
        [1, 3, 6, 1, 5, 5, 7, 3, 3] => "id-kp-codeSigning",
        [1, 3, 6, 1, 5, 5, 7, 3, 4] => "id-kp-emailProtection",
        [1, 3, 6, 1, 5, 5, 7, 3, 8] => "id-kp-timeStamping",
        [1, 3, 6, 1, 5, 5, 7, 3, 9] => "id-kp-OCSPSigning",
        [2, 5, 29, 37, 0] => "anyExtendedKeyUsage",
        _ => return purpose.to_string(),
    };
    format!("{name} ({purpose})")
}

/// The bits of keyUsage in their order (RFC 5280 §4.2.1.3).
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

fn key_usage(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let Some(extension) = leaf.extensions_named(oid::KEY_USAGE).first().copied() else {
        return faults.push(TsuFault::KeyUsageMissing);
    };
    if !extension.critical {
        faults.push(TsuFault::KeyUsageNotCritical);
    }
    let bits: Option<BitString> = decoded(leaf, oid::KEY_USAGE, "keyUsage", faults);
    if let Some(bits) = bits {
        // digitalSignature is bit 0 and nonRepudiation bit 1.
        if bits.first_one().is_none() || bits.last_one() > Some(1) {
            let name = |bit: usize| match KEY_USAGES.get(bit) {
                Some(name) => (*name).to_owned(),
                None => format!("bit {bit}"),
            };
            let found = bits.iter_ones().take(32).map(name).collect();
            faults.push(TsuFault::KeyUsageWrong { found });
        }
    }
}

fn basic_constraints(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let constraints: Option<BasicConstraints> =
        decoded(leaf, oid::BASIC_CONSTRAINTS, "basicConstraints", faults);
    if constraints.is_some_and(|constraints| constraints.ca) {
        faults.push(TsuFault::CertificateOfCa);
    }
}

/// Extensions that a verifier of time-stamps is expected to know.
const KNOWN: [(&Oid, &str); 10] = [
    (oid::EXTENDED_KEY_USAGE, "extendedKeyUsage"),
    (oid::KEY_USAGE, "keyUsage"),
    (oid::BASIC_CONSTRAINTS, "basicConstraints"),
    (oid::PRIVATE_KEY_USAGE_PERIOD, "privateKeyUsagePeriod"),
    (oid::SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
    (oid::AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    (oid::CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (oid::AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    (oid::CERTIFICATE_POLICIES, "certificatePolicies"),
    (oid::SUBJECT_ALT_NAME, "subjectAltName"),
];

fn repeated_and_unknown(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    for (id, name) in KNOWN {
        let times = leaf.extensions_named(id).len();
        if times > 1 {
            faults.push(TsuFault::ExtensionRepeated { name, oid: id.to_string(), times });
        }
    }
    for extension in leaf.extensions().filter(|extension| extension.critical) {
        if !KNOWN.iter().any(|(id, _)| **id == extension.extn_id) {
            let oid = extension.extn_id.to_string();
            faults.push(TsuFault::UnknownCriticalExtension { oid });
        }
    }
}

fn missing(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let wanted = [
        (
            oid::PRIVATE_KEY_USAGE_PERIOD,
            "privateKeyUsagePeriod",
            "without it the key may sign until the certificate ends, and the last tokens can be \
             verified for hours only (EN 319 422 §6.4)",
        ),
        (
            oid::CRL_DISTRIBUTION_POINTS,
            "cRLDistributionPoints",
            "verifiers cannot find a revocation list; ask the CA to put it in",
        ),
        (
            oid::AUTHORITY_INFO_ACCESS,
            "authorityInfoAccess",
            "verifiers cannot find the issuer's certificate or OCSP; ask the CA to put it in",
        ),
        (
            oid::AUTHORITY_KEY_IDENTIFIER,
            "authorityKeyIdentifier",
            "verifiers cannot tell two keys of one CA apart; ask the CA to put it in",
        ),
        (
            oid::CERTIFICATE_POLICIES,
            "certificatePolicies",
            "code-signing profiles ask for it (CSBR 7.1.2.3); ask the CA to put it in",
        ),
    ];
    for (id, name, advice) in wanted {
        if !leaf.has(id) {
            faults.push(TsuFault::ExtensionMissing { name, oid: id.to_string(), advice });
        }
    }
}

fn key_supported(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    match leaf.public_key() {
        // A weak RSA key has a fault of its own.
        Some(key) if key.id() == Id::RSA && key.bits() < 2048 => {}
        Some(key) => {
            if let Err(KeyError::Unsupported { what: found }) = KeyKind::of(&key) {
                faults.push(TsuFault::KeyUnsupported { found });
            }
        }
        None => {
            let info = &leaf.content().tbs_certificate.subject_public_key_info;
            let found = format!("a key of algorithm {}", info.algorithm.algorithm);
            faults.push(TsuFault::KeyUnsupported { found });
        }
    }
}

/// CSBR 6.8 wants the token signed with the digest that the certificate is signed with.
fn digest(leaf: &ParsedCertificate, faults: &mut Vec<TsuFault>) {
    let named = |id: &Oid| {
        [
            (oid::ECDSA_WITH_SHA256, "SHA-256"),
            (oid::SHA256_WITH_RSA, "SHA-256"),
            (oid::ECDSA_WITH_SHA384, "SHA-384"),
            (oid::SHA384_WITH_RSA, "SHA-384"),
            (oid::ECDSA_WITH_SHA512, "SHA-512"),
            (oid::SHA512_WITH_RSA, "SHA-512"),
        ]
        .into_iter()
        .find_map(|(known, name)| (known == id).then_some(name))
    };
    let Some(kind) = leaf.public_key().and_then(|key| KeyKind::of(&key).ok()) else { return };
    // Ed25519 takes no digest of its own choosing, on either side: then there is nothing to match.
    let token = named(&kind.scheme().signature_algorithm().algorithm);
    let certificate = named(&leaf.content().signature_algorithm.algorithm);
    if let (Some(certificate), Some(token)) = (certificate, token)
        && certificate != token
    {
        faults.push(TsuFault::DigestDiffers { certificate, token });
    }
}

/// The value of an extension; one that is there and cannot be decoded is a fault.
fn decoded<T: Decode>(
    leaf: &ParsedCertificate,
    id: &Oid,
    name: &'static str,
    faults: &mut Vec<TsuFault>,
) -> Option<T> {
    let value = leaf.extension(id);
    if value.is_none() && leaf.has(id) {
        faults.push(TsuFault::ExtensionMalformed { name, oid: id.to_string() });
    }
    value
}

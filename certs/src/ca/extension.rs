//! The extensions of a certificate, each written once (RFC 5280 §4.2).

use super::build::{self, Period};
use super::profile::Shape;
use super::{CaProfile, CertificateAuthority, EndProfile, IssueError};
use crate::oid;
use openssl::pkey::{PKey, Public};
use rasn::Encode;
use rasn::types::{BitString, Ia5String, Integer, ObjectIdentifier, OctetString, Oid};
use rasn_pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, DistributionPoint, DistributionPointName,
    ExtKeyUsageSyntax, Extension, GeneralName, PolicyInformation, PrivateKeyUsagePeriod,
    SubjectKeyIdentifier,
};

const CRITICAL: bool = true;
const NOT_CRITICAL: bool = false;

// Bits of keyUsage (RFC 5280 §4.2.1.3).
const KEY_CERT_SIGN: u8 = 5;
const CRL_SIGN: u8 = 6;

/// The extensions of a CA certificate. A root has no issuer to point to.
pub(super) fn for_ca(
    profile: &CaProfile,
    public_key: &PKey<Public>,
    issuer: Option<&CertificateAuthority>,
) -> Result<Vec<Extension>, IssueError> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: Some(Integer::from(u64::from(profile.path_length))),
    };
    let mut extensions = vec![
        // RFC 5280 §4.2.1.9: "Conforming CAs MUST ... mark the extension as critical".
        extension(oid::BASIC_CONSTRAINTS, CRITICAL, &constraints)?,
        extension(oid::KEY_USAGE, CRITICAL, &named_bits(&[KEY_CERT_SIGN, CRL_SIGN]))?,
        subject_key_identifier(public_key)?,
    ];
    if let Some(issuer) = issuer {
        extensions.extend(pointers(issuer, true)?);
    }
    extensions.extend(policies(&profile.policies)?);
    Ok(extensions)
}

/// The extensions of an end certificate.
pub(super) fn for_end(
    profile: &EndProfile,
    public_key: &PKey<Public>,
    validity: Period,
    issuer: &CertificateAuthority,
) -> Result<Vec<Extension>, IssueError> {
    let shape = profile.kind.shape();
    let mut extensions = usage(&shape)?;
    if let Some(period) = key_usage_period(profile, validity)? {
        extensions.push(extension(oid::PRIVATE_KEY_USAGE_PERIOD, NOT_CRITICAL, &period)?);
    }
    if !shape.has_status {
        // RFC 6960 §4.2.2.2.1: "The value of the extension SHALL be NULL." and "should be a
        // non-critical extension".
        extensions.push(extension(oid::OCSP_NO_CHECK, NOT_CRITICAL, &())?);
    }
    extensions.push(subject_key_identifier(public_key)?);
    extensions.extend(pointers(issuer, shape.has_status)?);
    extensions.extend(policies(&profile.policies)?);
    Ok(extensions)
}

/// What the key may be used for. The same extensions stand in the request for a certificate.
pub(crate) fn usage(shape: &Shape) -> Result<Vec<Extension>, IssueError> {
    let constraints = BasicConstraints { ca: false, path_len_constraint: None };
    let mut extensions = vec![
        extension(oid::BASIC_CONSTRAINTS, CRITICAL, &constraints)?,
        extension(oid::KEY_USAGE, CRITICAL, &named_bits(shape.key_usage))?,
    ];
    if let Some((purpose, critical)) = shape.purpose {
        let purposes: ExtKeyUsageSyntax = vec![purpose.into()];
        extensions.push(extension(oid::EXTENDED_KEY_USAGE, critical, &purposes)?);
    }
    Ok(extensions)
}

/// Which of an issuer's keys has signed (RFC 5280 §4.2.1.1, §5.2.1).
pub(crate) fn authority_key_identifier(
    issuer: &CertificateAuthority,
) -> Result<Extension, IssueError> {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(issuer.certificate.subject_key_identifier().map_or_else(
            || key_identifier(issuer.key.public_key()),
            |own| Ok(OctetString::from_slice(own)),
        )?),
        ..AuthorityKeyIdentifier::default()
    };
    extension(oid::AUTHORITY_KEY_IDENTIFIER, NOT_CRITICAL, &identifier)
}

/// Where to find the issuer: its key, its revocation list, its certificate and, for a certificate
/// whose own status is asked for, its OCSP responder.
fn pointers(issuer: &CertificateAuthority, ocsp: bool) -> Result<Vec<Extension>, IssueError> {
    let (base, id) = (&issuer.base_url, &issuer.id);
    let crl = DistributionPointName::FullName(vec![uri(format!("{base}/pki/{id}.crl"))?]);
    let points: CrlDistributionPoints =
        vec![DistributionPoint { distribution_point: Some(crl), ..DistributionPoint::default() }];
    let responder = AccessDescription {
        access_method: oid::OCSP.into(),
        access_location: uri(format!("{base}/ocsp"))?,
    };
    let certificate = AccessDescription {
        access_method: oid::CA_ISSUERS.into(),
        access_location: uri(format!("{base}/pki/{id}.crt"))?,
    };
    let access: AuthorityInfoAccessSyntax =
        if ocsp { vec![responder, certificate] } else { vec![certificate] };
    Ok(vec![
        authority_key_identifier(issuer)?,
        extension(oid::CRL_DISTRIBUTION_POINTS, NOT_CRITICAL, &points)?,
        extension(oid::AUTHORITY_INFO_ACCESS, NOT_CRITICAL, &access)?,
    ])
}

fn policies(policies: &[ObjectIdentifier]) -> Result<Option<Extension>, IssueError> {
    if policies.is_empty() {
        return Ok(None);
    }
    let information = |policy: &ObjectIdentifier| PolicyInformation {
        policy_identifier: policy.clone(),
        policy_qualifiers: None,
    };
    let list: CertificatePolicies = policies.iter().map(information).collect();
    extension(oid::CERTIFICATE_POLICIES, NOT_CRITICAL, &list).map(Some)
}

fn key_usage_period(
    profile: &EndProfile,
    validity: Period,
) -> Result<Option<PrivateKeyUsagePeriod>, IssueError> {
    let Some(length) = profile.key_usage_period else { return Ok(None) };
    let refused = || IssueError::KeyUsagePeriod {
        usage: length.num_days(),
        certificate: profile.validity.num_days(),
    };
    if length.num_days() < 1 || length >= profile.validity {
        return Err(refused());
    }
    let end = validity.not_before.checked_add_signed(length).ok_or_else(refused)?;
    Ok(Some(PrivateKeyUsagePeriod {
        not_before: Some(validity.not_before.fixed_offset()),
        not_after: Some(end.fixed_offset()),
    }))
}

fn subject_key_identifier(public_key: &PKey<Public>) -> Result<Extension, IssueError> {
    let identifier: SubjectKeyIdentifier = key_identifier(public_key)?;
    extension(oid::SUBJECT_KEY_IDENTIFIER, NOT_CRITICAL, &identifier)
}

/// RFC 7093 §2 (1): "the leftmost 160-bits of the SHA-256 hash of the value of the BIT STRING
/// subjectPublicKey", the successor of RFC 5280's SHA-1.
fn key_identifier(public_key: &PKey<Public>) -> Result<OctetString, IssueError> {
    let info = build::public_key_info(public_key)?;
    let hash = openssl::sha::sha256(info.subject_public_key.as_raw_slice());
    Ok(OctetString::from_slice(&hash[..20]))
}

/// A named bit list. DER leaves out the zero bits at its end (X.690 §11.2.2), so the length is
/// part of the value.
fn named_bits(set: &[u8]) -> BitString {
    let length = set.iter().max().map_or(0, |last| usize::from(*last) + 1);
    let mut bits = BitString::repeat(false, length);
    for bit in set {
        bits.set(usize::from(*bit), true);
    }
    bits
}

fn uri(text: String) -> Result<GeneralName, IssueError> {
    match Ia5String::from_iso646_bytes(text.as_bytes()) {
        Ok(ascii) => Ok(GeneralName::Uri(ascii)),
        Err(_) => Err(IssueError::BaseUrl { url: text }),
    }
}

/// One extension, its value encoded.
pub(crate) fn extension<T: Encode>(
    id: &Oid,
    critical: bool,
    value: &T,
) -> Result<Extension, IssueError> {
    let value =
        rasn::der::encode(value).map_err(|error| build::unencodable("an extension", &error))?;
    Ok(Extension { extn_id: id.into(), critical, extn_value: value.into() })
}

//! The extensions of a certificate, each written once (RFC 5280 §4.2).

use super::build::{self, Period};
use super::{CaProfile, CertificateAuthority, IssueError, TsuProfile};
use crate::oid;
use openssl::pkey::{PKey, Public};
use rasn::Encode;
use rasn::types::{BitString, Ia5String, Integer, ObjectIdentifier, OctetString, Oid};
use rasn_pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, DistributionPoint, DistributionPointName,
    ExtKeyUsageSyntax, Extension, GeneralName, KeyUsage, PolicyInformation, PrivateKeyUsagePeriod,
    SubjectKeyIdentifier,
};

const CRITICAL: bool = true;
const NOT_CRITICAL: bool = false;

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
        extension(oid::KEY_USAGE, CRITICAL, &key_cert_sign_and_crl_sign())?,
        subject_key_identifier(public_key)?,
    ];
    if let Some(issuer) = issuer {
        extensions.extend(pointers(issuer)?);
    }
    extensions.extend(policies(&profile.policies)?);
    Ok(extensions)
}

/// The extensions of a time-stamping unit's certificate.
pub(super) fn for_tsu(
    profile: &TsuProfile,
    public_key: &PKey<Public>,
    validity: Period,
    issuer: &CertificateAuthority,
) -> Result<Vec<Extension>, IssueError> {
    let usage = key_usage_period(profile, validity)?;
    let purposes: ExtKeyUsageSyntax = vec![oid::TIME_STAMPING.into()];
    let constraints = BasicConstraints { ca: false, path_len_constraint: None };
    let mut extensions = vec![
        extension(oid::BASIC_CONSTRAINTS, CRITICAL, &constraints)?,
        extension(oid::KEY_USAGE, CRITICAL, &digital_signature())?,
        // RFC 3161 §2.3: "only one instance of the extended key usage field extension ... with
        // KeyPurposeID having value: id-kp-timeStamping. This extension MUST be critical."
        extension(oid::EXTENDED_KEY_USAGE, CRITICAL, &purposes)?,
        extension(oid::PRIVATE_KEY_USAGE_PERIOD, NOT_CRITICAL, &usage)?,
        subject_key_identifier(public_key)?,
    ];
    extensions.extend(pointers(issuer)?);
    extensions.extend(policies(&profile.policies)?);
    Ok(extensions)
}

/// Where to find the issuer: its key, its revocation list, its certificate and its OCSP responder.
fn pointers(issuer: &CertificateAuthority) -> Result<Vec<Extension>, IssueError> {
    let (base, id) = (&issuer.base_url, &issuer.id);
    let authority_key = AuthorityKeyIdentifier {
        key_identifier: Some(issuer.certificate.subject_key_identifier().map_or_else(
            || key_identifier(issuer.key.public_key()),
            |own| Ok(OctetString::from(own)),
        )?),
        ..AuthorityKeyIdentifier::default()
    };
    let crl = DistributionPointName::FullName(vec![uri(format!("{base}/pki/{id}.crl"))?]);
    let points: CrlDistributionPoints =
        vec![DistributionPoint { distribution_point: Some(crl), ..DistributionPoint::default() }];
    let access: AuthorityInfoAccessSyntax = vec![
        AccessDescription {
            access_method: oid::OCSP.into(),
            access_location: uri(format!("{base}/ocsp"))?,
        },
        AccessDescription {
            access_method: oid::CA_ISSUERS.into(),
            access_location: uri(format!("{base}/pki/{id}.crt"))?,
        },
    ];
    Ok(vec![
        extension(oid::AUTHORITY_KEY_IDENTIFIER, NOT_CRITICAL, &authority_key)?,
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
    profile: &TsuProfile,
    validity: Period,
) -> Result<PrivateKeyUsagePeriod, IssueError> {
    let refused = || IssueError::KeyUsagePeriod {
        usage: profile.key_usage_period.num_days(),
        certificate: profile.validity.num_days(),
    };
    if profile.key_usage_period.num_days() < 1 || profile.key_usage_period >= profile.validity {
        return Err(refused());
    }
    let end =
        validity.not_before.checked_add_signed(profile.key_usage_period).ok_or_else(refused)?;
    Ok(PrivateKeyUsagePeriod {
        not_before: Some(validity.not_before.fixed_offset()),
        not_after: Some(end.fixed_offset()),
    })
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

// RFC 5280 §4.2.1.3: digitalSignature is bit 0, keyCertSign bit 5, cRLSign bit 6. DER leaves out
// the zero bits at the end of a named bit list (X.690 §11.2.2), so the length is part of the value.
fn digital_signature() -> KeyUsage {
    let mut bits = BitString::from_slice(&[0b1000_0000]);
    bits.truncate(1);
    bits
}

fn key_cert_sign_and_crl_sign() -> KeyUsage {
    let mut bits = BitString::from_slice(&[0b0000_0110]);
    bits.truncate(7);
    bits
}

fn uri(text: String) -> Result<GeneralName, IssueError> {
    match Ia5String::from_iso646_bytes(text.as_bytes()) {
        Ok(ascii) => Ok(GeneralName::Uri(ascii)),
        Err(_) => Err(IssueError::BaseUrl { url: text }),
    }
}

fn extension<T: Encode>(id: &Oid, critical: bool, value: &T) -> Result<Extension, IssueError> {
    let value =
        rasn::der::encode(value).map_err(|error| build::unencodable("an extension", &error))?;
    Ok(Extension { extn_id: id.into(), critical, extn_value: value.into() })
}

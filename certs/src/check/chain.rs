//! From the unit's certificate up to a trusted root (RFC 5280 §6.1, without policies and names:
//! the few CAs above a time-stamping unit do not use them).

use super::fault::{LEAF, TsuFault};
use super::parse::{ParsedCertificate, parse};
use super::strength;
use crate::oid;
use chrono::{DateTime, Utc};
use rasn::types::{BitString, ObjectIdentifier, Oid};
use rasn_pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtKeyUsageSyntax};

/// The most CAs between the unit and a root.
const LONGEST_CHAIN: usize = 10;

/// The way from the unit to a root.
#[derive(Debug)]
pub(crate) struct Path {
    /// The CAs between, the unit's issuer first.
    pub(crate) intermediates: Vec<Vec<u8>>,
    /// The root reached.
    pub(crate) root: Vec<u8>,
    /// When the first certificate above the unit ends, and which one.
    pub(crate) not_after: Option<(DateTime<Utc>, DateTime<Utc>, String)>,
}

/// Walks up from the leaf; `None` when no root is reached, and then a fault says where it ended.
pub(super) fn walk(
    leaf: &ParsedCertificate,
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    now: DateTime<Utc>,
    faults: &mut Vec<TsuFault>,
) -> Option<Path> {
    let chain = readable(chain, "chain certificate", faults);
    let roots = readable(roots, "root certificate", faults);
    let mut path = Path { intermediates: Vec::new(), root: Vec::new(), not_after: None };
    let mut current = leaf;
    let mut which = LEAF.to_owned();
    // The unit, the CAs between, and the root.
    for below in 0..LONGEST_CHAIN as u64 + 2 {
        if roots.iter().any(|root| root.der() == current.der()) {
            path.root = current.der().to_vec();
            // A root that was walked to stands at the end of the intermediates as well.
            path.intermediates.pop();
            unused(&chain, &path, leaf, faults);
            return Some(path);
        }
        if below > 0 {
            strength::of_signature(current, &which, faults);
        }
        let issuer = issuer_of(current, &which, &roots, &chain, faults)?;
        key_identifiers(current, issuer, &which, faults);
        which = named(issuer);
        inspect_issuer(issuer, &which, below, now, faults);
        let ends = issuer.not_after();
        if path.not_after.as_ref().is_none_or(|(_, earliest, _)| ends < *earliest) {
            path.not_after = Some((issuer.not_before(), ends, which.clone()));
        }
        path.intermediates.push(issuer.der().to_vec());
        current = issuer;
    }
    faults.push(TsuFault::ChainTooLong { limit: LONGEST_CHAIN });
    None
}

fn named(certificate: &ParsedCertificate) -> String {
    format!("the CA certificate {:?}", crate::display_name(certificate.subject()))
}

/// What was given and is not needed. A root may stand in the chain: many CAs deliver it so.
fn unused(
    chain: &[ParsedCertificate],
    path: &Path,
    leaf: &ParsedCertificate,
    faults: &mut Vec<TsuFault>,
) {
    let needed = |der: &[u8]| {
        der == leaf.der() || der == path.root || path.intermediates.iter().any(|it| it == der)
    };
    for certificate in chain.iter().filter(|certificate| !needed(certificate.der())) {
        faults.push(TsuFault::ChainUnused { which: named(certificate) });
    }
}

/// RFC 5280 §4.2.1.1: verifiers look for the issuer by its key identifier, where both are there.
fn key_identifiers(
    certificate: &ParsedCertificate,
    issuer: &ParsedCertificate,
    which: &str,
    faults: &mut Vec<TsuFault>,
) {
    let wanted: Option<AuthorityKeyIdentifier> =
        certificate.extension(oid::AUTHORITY_KEY_IDENTIFIER);
    let wanted = wanted.and_then(|identifier| identifier.key_identifier);
    if let (Some(wanted), Some(own)) = (wanted, issuer.subject_key_identifier())
        && *wanted != *own
    {
        let issuer = crate::display_name(issuer.subject());
        faults.push(TsuFault::KeyIdentifierMismatch { which: which.to_owned(), issuer });
    }
}

fn readable(
    certificates: &[Vec<u8>],
    kind: &str,
    faults: &mut Vec<TsuFault>,
) -> Vec<ParsedCertificate> {
    let mut parsed = Vec::with_capacity(certificates.len());
    for (der, number) in certificates.iter().zip(1..) {
        match parse(der) {
            Ok(certificate) => parsed.push(certificate),
            Err(error) => {
                let which = format!("{kind} {number}");
                faults.push(TsuFault::Unreadable { which, error });
            }
        }
    }
    parsed
}

/// The certificate whose subject is the issuer's name and whose key verifies the signature. Roots
/// come first: a cross-certificate does not lead past them.
fn issuer_of<'a>(
    certificate: &ParsedCertificate,
    which: &str,
    roots: &'a [ParsedCertificate],
    chain: &'a [ParsedCertificate],
    faults: &mut Vec<TsuFault>,
) -> Option<&'a ParsedCertificate> {
    let issuer = crate::display_name(certificate.issuer());
    let which = which.to_owned();
    let named: Vec<_> = roots
        .iter()
        .chain(chain)
        .filter(|candidate| candidate.subject() == certificate.issuer())
        .collect();
    if named.is_empty() {
        faults.push(TsuFault::IssuerMissing { which, issuer });
        return None;
    }
    let signed = |candidate: &&&ParsedCertificate| {
        candidate.public_key().is_some_and(|key| certificate.is_signed_by(&key))
    };
    match named.iter().find(signed) {
        Some(found) if found.der() == certificate.der() => {
            faults.push(TsuFault::NotTrusted { which });
            None
        }
        Some(found) => Some(found),
        None => {
            faults.push(TsuFault::SignatureWrong { which, issuer });
            None
        }
    }
}

/// Extensions of a CA that verifiers are expected to know (RFC 5280 §4.2).
const KNOWN: [&Oid; 13] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXTENDED_KEY_USAGE,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::SUBJECT_ALT_NAME,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::AUTHORITY_INFO_ACCESS,
    oid::CERTIFICATE_POLICIES,
    oid::NAME_CONSTRAINTS,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
];

/// RFC 5280 §6.1.3 (a)(2) and §6.1.4 (k) to (n) for one CA with `below` CAs under it.
fn inspect_issuer(
    issuer: &ParsedCertificate,
    which: &str,
    below: u64,
    now: DateTime<Utc>,
    faults: &mut Vec<TsuFault>,
) {
    let which_owned = || which.to_owned();
    let constraints: Option<BasicConstraints> = issuer.extension(oid::BASIC_CONSTRAINTS);
    if !constraints.as_ref().is_some_and(|constraints| constraints.ca) {
        let field = "basicConstraints.cA (2.5.29.19)";
        faults.push(TsuFault::IssuerNotCa { which: which_owned(), field });
    }
    // "If a key usage extension is present, verify that the keyCertSign bit is set": bit 5.
    let usage: Option<BitString> = issuer.extension(oid::KEY_USAGE);
    let may_sign = usage.is_some_and(|bits| bits.get(5).as_deref() == Some(&true));
    if issuer.has(oid::KEY_USAGE) && !may_sign {
        let field = "keyUsage.keyCertSign (2.5.29.15)";
        faults.push(TsuFault::IssuerNotCa { which: which_owned(), field });
    }
    let limit = constraints.and_then(|constraints| constraints.path_len_constraint);
    // A limit that does not fit into 64 bits is none.
    if let Some(allowed) = limit.and_then(|limit| u64::try_from(limit).ok())
        && below > allowed
    {
        faults.push(TsuFault::PathTooLong { which: which_owned(), allowed, found: below });
    }
    // Not a rule of RFC 5280, but one of several verifiers: a CA's purposes limit what is under it.
    let purposes: Option<ExtKeyUsageSyntax> = issuer.extension(oid::EXTENDED_KEY_USAGE);
    let stamping = |purpose: &ObjectIdentifier| {
        *oid::TIME_STAMPING == *purpose || *oid::ANY_PURPOSE == *purpose
    };
    if purposes.is_some_and(|list| !list.iter().any(stamping)) {
        faults.push(TsuFault::IssuerPurposes { which: which_owned() });
    }
    for extension in issuer.extensions().filter(|extension| extension.critical) {
        if !KNOWN.iter().any(|id| **id == extension.extn_id) {
            let oid = extension.extn_id.to_string();
            faults.push(TsuFault::IssuerUnknownCriticalExtension { which: which_owned(), oid });
        }
    }
    let (not_before, not_after) = (issuer.not_before(), issuer.not_after());
    if now < not_before || now > not_after {
        let which = which_owned();
        faults.push(TsuFault::IssuerNotValid { which, not_before, not_after, now });
    }
    strength::of_key(issuer, which, faults);
}

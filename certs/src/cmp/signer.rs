//! Protection by a signature: who signed an answer, whether that is somebody trusted for it, and
//! the way from the issued certificate up to a root (RFC 9810 §5.1.3.3, RFC 9483 §3.5).
//!
//! A certificate below a trusted CA is not enough to speak for the CA, else every holder of one
//! could hand out certificates: the signer is a CA itself, has an extended key usage for it
//! (RFC 9810 §4.5), or is trusted by name.

use super::message::PkiHeader;
use super::protect::library;
use super::{CmpError, signature};
use crate::check::{self, ParsedCertificate};
use crate::oid;
use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext};
use rasn::types::{BitString, ObjectIdentifier, Oid};
use rasn_pkix::{AlgorithmIdentifier, BasicConstraints, GeneralName, Name};

/// id-kp-cmcCA and id-kp-cmcRA (RFC 6402 §2.10).
const CMC_CA: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 3, 27]);
const CMC_RA: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 3, 28]);

/// The most certificates between the issued one and a root.
const LONGEST_CHAIN: usize = 10;

/// Certificates to work with.
pub(super) struct Anchors<'a> {
    /// Trusted, DER.
    pub(super) trusted: &'a [Vec<u8>],
    /// Sent by the CA, outside what is protected: good for building a chain, for nothing else.
    pub(super) known: &'a [Vec<u8>],
}

/// Checks that the signature `octets` over `part` is that of a signer who may speak for the CA.
pub(super) fn verify(
    header: &PkiHeader,
    algorithm: &AlgorithmIdentifier,
    part: &[u8],
    octets: &[u8],
    whole_octets: bool,
    anchors: &Anchors<'_>,
    now: DateTime<Utc>,
) -> Result<(), CmpError> {
    let GeneralName::DirectoryName(sender) = &header.sender else {
        return Err(unsupported("its sender is not a directoryName".to_owned()));
    };
    let key_identifier = header.sender_kid.as_deref();
    let candidates = candidates(sender, key_identifier, anchors);
    if candidates.is_empty() {
        let signer = crate::display_name(sender);
        let reason = "no certificate of this name is in the answer or among the trusted ones; \
                      name a file with it with --trusted";
        return Err(CmpError::SignerNotTrusted { signer, reason: reason.to_owned() });
    }
    for candidate in &candidates {
        let Some(key) = candidate.public_key() else { continue };
        if whole_octets && signature::verify(algorithm, &key, part, octets)? {
            return trusted(candidate, anchors, now);
        }
    }
    Err(CmpError::ProtectionWrong { cause: "it was signed with another key than its signer's" })
}

/// The certificates that the header may mean. RFC 9483 §3.5: the sender is the signer's subject,
/// and senderKID its key identifier.
fn candidates(
    sender: &Name,
    key_identifier: Option<&[u8]>,
    anchors: &Anchors<'_>,
) -> Vec<ParsedCertificate> {
    let is_named = |certificate: &ParsedCertificate| {
        let own = certificate.subject_key_identifier();
        let same_key = key_identifier.zip(own).is_none_or(|(wanted, own)| wanted == own);
        certificate.subject() == sender && same_key
    };
    anchors
        .known
        .iter()
        .chain(anchors.trusted)
        .filter_map(|der| check::parse(der).ok())
        .filter(is_named)
        .collect()
}

fn trusted(
    signer: &ParsedCertificate,
    anchors: &Anchors<'_>,
    now: DateTime<Utc>,
) -> Result<(), CmpError> {
    let refused = |reason: String| {
        let signer = crate::display_name(signer.subject());
        Err(CmpError::SignerNotTrusted { signer, reason })
    };
    // RFC 9483 §3.2: keyUsage, where present, has digitalSignature, bit 0.
    let usage: Option<BitString> = signer.extension(oid::KEY_USAGE);
    let may_sign = usage.is_some_and(|bits| bits.get(0).as_deref() == Some(&true));
    if signer.has(oid::KEY_USAGE) && !may_sign {
        return refused("its certificate's keyUsage lacks digitalSignature".to_owned());
    }
    if let Some(reason) = untrusted(signer, anchors, now)
        .map_err(|error| library("checking the signer's certificate", &error))?
    {
        return refused(format!("{reason}; name the CA's certificate with --trusted"));
    }
    if anchors.trusted.iter().any(|der| der == signer.der()) || speaks_for_ca(signer) {
        return Ok(());
    }
    refused(
        "it is neither a CA nor marked as one's registration authority (id-kp-cmcRA); if it is \
         meant to answer for the CA, add its own certificate to --trusted"
            .to_owned(),
    )
}

fn speaks_for_ca(signer: &ParsedCertificate) -> bool {
    let constraints: Option<BasicConstraints> = signer.extension(oid::BASIC_CONSTRAINTS);
    let purposes: Option<Vec<ObjectIdentifier>> = signer.extension(oid::EXTENDED_KEY_USAGE);
    constraints.is_some_and(|constraints| constraints.ca)
        || purposes.is_some_and(|list| list.iter().any(|id| *CMC_CA == *id || *CMC_RA == *id))
}

/// RFC 5280 §6.1 as OpenSSL does it; the reason when the certificate leads to no trusted one.
fn untrusted(
    signer: &ParsedCertificate,
    anchors: &Anchors<'_>,
    now: DateTime<Utc>,
) -> Result<Option<String>, ErrorStack> {
    let mut known = Stack::new()?;
    for der in anchors.known {
        // What is no certificate builds no chain.
        if let Ok(certificate) = X509::from_der(der) {
            known.push(certificate)?;
        }
    }
    let store = store(anchors.trusted, now)?;
    let signer = X509::from_der(signer.der())?;
    let mut context = X509StoreContext::new()?;
    context.init(&store, &signer, &known, |context| {
        let verified = context.verify_cert()?;
        Ok((!verified).then(|| context.error().error_string().to_owned()))
    })
}

fn store(trusted: &[Vec<u8>], now: DateTime<Utc>) -> Result<X509Store, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(now.timestamp());
    // 112 bits of security: no SHA-1, no RSA below 2048 bits.
    parameters.set_auth_level(2);
    // A certificate that is trusted by name needs no root above it.
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    let mut store = X509StoreBuilder::new()?;
    for der in trusted {
        store.add_cert(X509::from_der(der)?)?;
    }
    store.set_param(&parameters)?;
    Ok(store.build())
}

/// The certificate and the CAs above it, its issuer first, as far as they are at hand; a root ends
/// it only if it is trusted. What the CA sent unprotected never becomes a root here.
pub(super) fn chain(leaf: &[u8], anchors: &Anchors<'_>) -> Vec<Vec<u8>> {
    let parsed = |list: &[Vec<u8>]| -> Vec<ParsedCertificate> {
        list.iter().filter_map(|der| check::parse(der).ok()).collect()
    };
    let trusted = parsed(anchors.trusted);
    let known = parsed(anchors.known).into_iter().filter(|ca| ca.issuer() != ca.subject());
    let above: Vec<_> = trusted.into_iter().chain(known).collect();
    let mut chain = vec![leaf.to_vec()];
    let mut current = check::parse(leaf).ok();
    while let Some(certificate) = current.take() {
        let issued = |issuer: &&ParsedCertificate| {
            issuer.subject() == certificate.issuer()
                && issuer.public_key().is_some_and(|key| certificate.is_signed_by(&key))
        };
        let issuer = above.iter().find(issued);
        if let Some(issuer) = issuer.filter(|issuer| chain.iter().all(|der| der != issuer.der()))
            && chain.len() <= LONGEST_CHAIN
        {
            chain.push(issuer.der().to_vec());
            current = check::parse(issuer.der()).ok();
        }
    }
    chain
}

fn unsupported(what: String) -> CmpError {
    CmpError::ProtectionUnsupported { what }
}

//! The real check of a sampled reply: signature, imprint, nonce, and the chain when CA
//! certificates are given.
//!
//! It uses OpenSSL's CMS for the signature (RFC 5652 §5.6: the message digest attribute and the
//! signature over the signed attributes) and decodes `TSTInfo` on its own, so that it does not
//! share code with what made the token.

use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::{X509, X509PurposeId};
use rasn_cms::SignedData;
use rasn_cms::tsp::{PkiStatus, TST_INFO, TimeStampReq, TimeStampResp, TstInfo};
use std::sync::mpsc::Receiver;

/// How many samples wait before the checking starts, so that it does not disturb the load. What
/// a run of usual length collects stays below.
const WAITING: usize = 8192;

/// A request and the reply to it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// `TimeStampReq`, DER.
    pub(super) request: Vec<u8>,
    /// `TimeStampResp`, DER.
    pub(super) reply: Vec<u8>,
}

/// What the checking found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verified {
    /// Replies that verify.
    pub(super) good: u64,
    /// Replies that do not.
    pub(super) bad: u64,
    /// What is wrong with the first that does not.
    pub(super) first_fault: Option<String>,
}

/// Why a reply does not verify.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unverified {
    /// A structure cannot be decoded.
    #[error("{what} cannot be decoded: {reason}")]
    Encoding {
        /// Which structure.
        what: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The status promises no token.
    #[error("the status is not granted, or there is no token")]
    NoToken,
    /// Something else is signed, or not by one signer.
    #[error("the reply holds no TSTInfo signed once")]
    NotAToken,
    /// The signature, its certificate or its chain is wrong.
    #[error("the signature does not verify: {0}")]
    Signature(#[from] ErrorStack),
    /// The token stamps something else.
    #[error("the token's {0} is not the request's")]
    Differs(&'static str),
}

/// Checks every sample, after the load: it waits until all senders are gone, or too many wait.
pub(super) fn check_all(samples: &Receiver<Sample>, roots: &[X509]) -> Verified {
    let mut verified = Verified::default();
    let mut waiting = Vec::new();
    for sample in samples {
        waiting.push(sample);
        if waiting.len() >= WAITING {
            check_some(&mut waiting, roots, &mut verified);
        }
    }
    check_some(&mut waiting, roots, &mut verified);
    verified
}

fn check_some(waiting: &mut Vec<Sample>, roots: &[X509], verified: &mut Verified) {
    for sample in waiting.drain(..) {
        match check(&sample, roots) {
            Ok(()) => verified.good += 1,
            Err(fault) => {
                verified.bad += 1;
                verified.first_fault.get_or_insert_with(|| fault.to_string());
            }
        }
    }
}

/// Checks one reply against its request.
pub(super) fn check(sample: &Sample, roots: &[X509]) -> Result<(), Unverified> {
    let request: TimeStampReq = decode("TimeStampReq", &sample.request)?;
    let response: TimeStampResp = decode("TimeStampResp", &sample.reply)?;
    let token = match (response.status.status, response.time_stamp_token) {
        (PkiStatus::Granted | PkiStatus::GrantedWithMods, Some(token)) => token,
        _ => return Err(Unverified::NoToken),
    };
    let signed: SignedData = decode("SignedData", token.content.as_bytes())?;
    // RFC 3161 §2.4.2: "The eContentType is the object identifier id-ct-TSTInfo"; exactly one
    // signature is on it.
    if signed.encap_content_info.content_type != *TST_INFO || signed.signer_infos.len() != 1 {
        return Err(Unverified::NotAToken);
    }
    let token = rasn::der::encode(&token).map_err(|error| Unverified::Encoding {
        what: "TimeStampToken",
        reason: error.to_string(),
    })?;
    let info: TstInfo = decode("TSTInfo", &signed_content(&token, roots)?)?;
    // RFC 3161 §2.4.2: messageImprint "MUST have the same value as the similar field in
    // TimeStampReq", and so must the nonce.
    if info.message_imprint.hashed_message != request.message_imprint.hashed_message
        || info.message_imprint.hash_algorithm.algorithm
            != request.message_imprint.hash_algorithm.algorithm
    {
        return Err(Unverified::Differs("imprint"));
    }
    if info.nonce != request.nonce {
        return Err(Unverified::Differs("nonce"));
    }
    Ok(())
}

/// The content of the token, once its signature is right.
fn signed_content(token: &[u8], roots: &[X509]) -> Result<Vec<u8>, Unverified> {
    let mut cms = CmsContentInfo::from_der(token)?;
    let mut content = Vec::new();
    let store = trusting(roots)?;
    // Without CA certificates the signature is checked with the certificate in the token.
    let options =
        if roots.is_empty() { CMSOptions::NO_SIGNER_CERT_VERIFY } else { CMSOptions::empty() };
    cms.verify(None, Some(&store), None, Some(&mut content), options)?;
    Ok(content)
}

/// A store that trusts the roots, for time-stamping (RFC 3161 §2.3: the extended key usage).
fn trusting(roots: &[X509]) -> Result<X509Store, ErrorStack> {
    let mut builder = X509StoreBuilder::new()?;
    builder.set_purpose(X509PurposeId::TIMESTAMP_SIGN)?;
    for root in roots {
        builder.add_cert(root.clone())?;
    }
    Ok(builder.build())
}

fn decode<T: rasn::Decode>(what: &'static str, der: &[u8]) -> Result<T, Unverified> {
    rasn::der::decode(der).map_err(|error| Unverified::Encoding { what, reason: error.to_string() })
}

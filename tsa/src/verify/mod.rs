//! The client's side: reading a reply and checking everything a careful client checks.
//!
//! For load generators, self tests and whoever wants to know whether a reply is good. It checks
//! tokens as this service makes them: strict DER, one signature, the schemes of `certs`. Nothing in
//! here panics, whatever the input; time and memory are linear in it, and it is bounded.
//!
//! RFC 3161 §2.2: the requester "SHALL verify that what was time-stamped corresponds to what was
//! requested to be time-stamped".

mod certificate;
mod parse;

pub use parse::{ParsedReply, Token, parse_reply};

use crate::HashAlgorithm;
use crate::failure::{PkiFailureInfo, Rejection};
use crate::request::{self, TimeStampReq};
use certs::{KeyKind, SignatureScheme};
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::x509::X509;
use rasn::types::{Integer, ObjectIdentifier, OctetString, Oid};
use rasn_cms::tsp;
use rasn_smime::ess;

/// The largest reply that is looked at, in octets.
pub const MAX_REPLY_LEN: usize = 256 * 1024;

/// What a verifier trusts and knows.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Roots.
    pub roots: Vec<X509>,
    /// CAs between them and the units, and units whose certificate is not in their tokens.
    pub certificates: Vec<X509>,
}

/// A good reply.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What the token says.
    pub tst_info: tsp::TstInfo,
    /// Contents octets of its serial number.
    pub serial: Vec<u8>,
    /// genTime in milliseconds since the Unix epoch.
    pub gen_time_ms: i64,
    /// DER of the certificate that signed.
    pub certificate: Vec<u8>,
}

/// What is wrong with a reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// More than [`MAX_REPLY_LEN`].
    #[error("the reply is larger than 256 KiB")]
    TooLarge,
    /// Not DER.
    #[error("the reply is not DER: {0}")]
    NotDer(String),
    /// Not the structures of a TimeStampResp.
    #[error("the reply is not a TimeStampResp: {0}")]
    Structure(&'static str),
    /// A rejection.
    #[error("rejected: {failure:?}, {texts:?}")]
    Rejected {
        /// The protocol's value, if there is exactly one.
        failure: Option<PkiFailureInfo>,
        /// The texts that came with it.
        texts: Vec<String>,
    },
    /// The request itself is none.
    #[error("the request cannot be read: {0}")]
    Request(#[from] Rejection),
    /// The token is not the answer to the request.
    #[error("the token does not answer the request: {0} differs")]
    Mismatch(&'static str),
    /// The signer's certificate is neither in the token nor known.
    #[error("the certificate of the signer is neither in the token nor known")]
    NoCertificate,
    /// The certificate is not one for time-stamping.
    #[error("the certificate is not good for time-stamping: {0}")]
    Certificate(String),
    /// A signed attribute is missing or does not hold.
    #[error("signed attribute {0} is missing or wrong")]
    Attribute(&'static str),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// OpenSSL failed.
    #[error("OpenSSL: {0}")]
    Library(#[from] ErrorStack),
}

/// Checks that `der` is a good answer to `request`: status, imprint, nonce, policy, certificates as
/// wanted, signature, signed attributes, and the certificate's chain and purpose at genTime.
///
/// # Errors
/// The first [`VerifyError`].
pub fn reply(der: &[u8], request: &[u8], trust: &Trust) -> Result<Verified, VerifyError> {
    let token = match parse_reply(der)? {
        ParsedReply::Granted(token) => token,
        ParsedReply::Rejected { failure, texts } => {
            return Err(VerifyError::Rejected { failure, texts });
        }
    };
    let request = request::parse(request)?;
    answers(&token, &request)?;
    let certificate = signer(&token, trust)?;
    attributes(&token, &certificate)?;
    signature(&token, &certificate)?;
    let gen_time_ms = token.tst_info.gen_time.timestamp_millis();
    certificate::check(&certificate, &token, trust, gen_time_ms / 1000)?;
    Ok(Verified {
        serial: token.serial.to_vec(),
        gen_time_ms,
        certificate: certificate.to_der()?,
        tst_info: token.tst_info,
    })
}

/// RFC 3161 §2.2: "The requester SHALL verify that the TimeStampToken contains the correct
/// certificate identifier of the TSA, the correct data imprint and the correct hash algorithm OID."
fn answers(token: &Token<'_>, request: &TimeStampReq<'_>) -> Result<(), VerifyError> {
    let (info, message) = (&token.tst_info, request.message());
    let mismatch = |what| Err(VerifyError::Mismatch(what));
    if info.version != Integer::from(1) {
        return Err(VerifyError::Structure("TSTInfo is not version 1"));
    }
    if token.imprint != request.imprint_der() {
        return mismatch("messageImprint");
    }
    if info.nonce != message.nonce {
        return mismatch("nonce");
    }
    if message.req_policy.as_ref().is_some_and(|policy| *policy != info.policy) {
        return mismatch("policy");
    }
    if token.certificates.is_some() != message.cert_req {
        return mismatch("the presence of certificates");
    }
    Ok(())
}

/// The certificate that the SignerInfo names.
fn signer(token: &Token<'_>, trust: &Trust) -> Result<X509, VerifyError> {
    for certificate in token.certificates.iter().flatten() {
        if certificate::is_named(certificate, token.sid) {
            return X509::from_der(certificate)
                .map_err(|_| VerifyError::Structure("a certificate cannot be read"));
        }
    }
    for certificate in &trust.certificates {
        if certificate::is_named(&certificate.to_der()?, token.sid) {
            return Ok(certificate.clone());
        }
    }
    Err(VerifyError::NoCertificate)
}

/// RFC 5652 §11.1, §11.2, RFC 5816 §2.2.1: what is signed refers to the content and to the signer.
fn attributes(token: &Token<'_>, certificate: &X509) -> Result<(), VerifyError> {
    let content_type: ObjectIdentifier = token.attribute(rasn_cms::CONTENT_TYPE, "contentType")?;
    if content_type != *tsp::TST_INFO {
        return Err(VerifyError::Attribute("contentType"));
    }
    let scheme = scheme_of(token, certificate)?;
    let digest: OctetString = token.attribute(rasn_cms::MESSAGE_DIGEST, "messageDigest")?;
    if digest.as_ref() != &*hash(scheme.message_digest(), token.tst_info_der)? {
        return Err(VerifyError::Attribute("messageDigest"));
    }
    let what = "signingCertificateV2";
    let signing: ess::SigningCertificateV2 = token.attribute(ess::SIGNING_CERTIFICATE_V2, what)?;
    // RFC 5035 §3: "The first certificate identified in the sequence [...] MUST be the certificate
    // used to verify the signature."
    let first = signing.certs.first().ok_or(VerifyError::Attribute(what))?;
    let algorithm =
        digest_of(&first.hash_algorithm.algorithm).ok_or(VerifyError::Attribute(what))?;
    if first.cert_hash.as_ref() != &*hash(algorithm, &certificate.to_der()?)? {
        return Err(VerifyError::Attribute(what));
    }
    Ok(())
}

fn digest_of(oid: &Oid) -> Option<MessageDigest> {
    match HashAlgorithm::from_oid(oid)? {
        HashAlgorithm::Sha256 => Some(MessageDigest::sha256()),
        HashAlgorithm::Sha384 => Some(MessageDigest::sha384()),
        HashAlgorithm::Sha512 => Some(MessageDigest::sha512()),
        _ => None,
    }
}

/// The scheme that the SignerInfo names: one of those of the signer's key.
///
/// RFC 8933 §3: digestAlgorithm is the digest of the signature algorithm.
fn scheme_of(token: &Token<'_>, certificate: &X509) -> Result<SignatureScheme, VerifyError> {
    let Ok(Ok(kind)) = certificate.public_key().map(|key| KeyKind::of(&key)) else {
        let why = "its key is of a kind that is not used here";
        return Err(VerifyError::Certificate(why.to_owned()));
    };
    SignatureScheme::from_algorithm(&token.signature_algorithm)
        .filter(|scheme| kind.schemes().contains(scheme))
        .filter(|scheme| token.digest_algorithm == scheme.digest_algorithm())
        .ok_or(VerifyError::Structure("the algorithms are not those of the signer's key"))
}

fn signature(token: &Token<'_>, certificate: &X509) -> Result<(), VerifyError> {
    let scheme = scheme_of(token, certificate)?;
    let key = PKey::public_key_from_der(&certificate.public_key()?.public_key_to_der()?)?;
    match scheme.verify(&key, &token.signed_attributes(), token.signature()) {
        Ok(true) => Ok(()),
        // OpenSSL says an error rather than no when a signature is not even well-formed.
        Ok(false) | Err(_) => Err(VerifyError::Signature),
    }
}

//! Puts messages together and protects them; checks the protection of those that come back
//! (RFC 9810 §5.1.3).

use super::message::{PkiBody, PkiHeader, PkiMessage, ProtectedPart};
use super::signer::{self, Anchors};
use super::{CmpError, MacAlgorithm, mac};
use crate::check;
use crate::key::SigningKey;
use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use rand::CryptoRng;
use rasn::types::{Any, BitString, OctetString};
use rasn_pkix::{GeneralName, Name};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// With what the requests are protected, and the answers checked.
#[derive(Clone)]
pub enum Protection {
    /// A secret shared with the CA. An answer may be protected with it too, or be signed.
    Secret {
        /// What the CA calls the secret: it goes out as senderKID.
        reference: Vec<u8>,
        /// The secret; wiped when dropped.
        secret: Zeroizing<Vec<u8>>,
        /// How it protects.
        algorithm: MacAlgorithm,
    },
    /// A key with a certificate that the CA knows. The answers have to be signed.
    Signature {
        /// The key.
        key: Arc<dyn SigningKey>,
        /// Its certificate, DER.
        certificate: Vec<u8>,
        /// The CAs above the certificate, DER, its issuer first; may be empty.
        chain: Vec<Vec<u8>>,
    },
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { reference, algorithm, .. } => f
                .debug_struct("Secret")
                .field("reference", &String::from_utf8_lossy(reference))
                .field("algorithm", algorithm)
                .finish_non_exhaustive(),
            Self::Signature { key, .. } => {
                f.debug_struct("Signature").field("key", key).finish_non_exhaustive()
            }
        }
    }
}

impl Protection {
    /// Looks whether the protection can be used, before anything is sent.
    pub(super) fn check(&self) -> Result<(), CmpError> {
        match self {
            Self::Secret { secret, .. } if secret.is_empty() => Err(CmpError::EmptySecret),
            Self::Secret { .. } => Ok(()),
            Self::Signature { key, certificate, .. } => {
                let certificate = own(certificate)?;
                match certificate.public_key() {
                    Some(public) if public.public_eq(key.public_key()) => Ok(()),
                    _ => Err(CmpError::ProtectionKey),
                }
            }
        }
    }

    /// RFC 9810 §5.1.1: the sender is the subject of the certificate; with a shared secret, where
    /// no name is known yet, the name is empty and senderKID holds the reference.
    pub(super) fn sender(&self) -> Result<(GeneralName, Option<OctetString>), CmpError> {
        Ok(match self {
            Self::Secret { reference, .. } => (no_name(), Some(OctetString::from_slice(reference))),
            Self::Signature { certificate, .. } => {
                let certificate = own(certificate)?;
                let key_identifier = certificate.subject_key_identifier();
                let name = GeneralName::DirectoryName(certificate.subject().clone());
                (name, key_identifier.map(OctetString::from_slice))
            }
        })
    }

    /// Protects a message; returns it in DER. The header's `protection_alg` is set here.
    pub(super) fn seal(
        &self,
        mut header: PkiHeader,
        body: &PkiBody,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CmpError> {
        header.protection_alg = Some(match self {
            Self::Secret { algorithm, .. } => mac::algorithm(*algorithm, rng)?,
            Self::Signature { key, .. } => key.scheme().signature_algorithm(),
        });
        let part = ProtectedPart {
            header: Any::new(encode("the header of a PKIMessage", &header)?),
            body: Any::new(encode("the body of a PKIMessage", body)?),
        };
        let message = encode("a ProtectedPart", &part)?;
        let protection = match (self, &header.protection_alg) {
            (Self::Secret { secret, .. }, Some(algorithm)) => {
                mac::compute(algorithm, secret, &message)?
            }
            (Self::Signature { key, .. }, _) => key.sign(&message)?,
            (Self::Secret { .. }, None) => return Err(unprotected("protectionAlg")),
        };
        let message = PkiMessage {
            header: part.header,
            body: part.body,
            protection: Some(BitString::from_slice(&protection)),
            extra_certs: self.extra_certs(),
        };
        encode("a PKIMessage", &message)
    }

    /// RFC 9483 §3.3: the certificate that protects comes first, its chain follows.
    fn extra_certs(&self) -> Option<Vec<Any>> {
        match self {
            Self::Secret { .. } => None,
            Self::Signature { certificate, chain, .. } => {
                Some(std::iter::once(certificate).chain(chain).cloned().map(Any::new).collect())
            }
        }
    }

    /// Checks the protection of an answer; tells what kind it is.
    pub(super) fn open(
        &self,
        message: &PkiMessage,
        header: &PkiHeader,
        anchors: &Anchors<'_>,
        now: DateTime<Utc>,
    ) -> Result<Protected, CmpError> {
        let algorithm = header.protection_alg.as_ref().ok_or(unprotected("protectionAlg"))?;
        let protection = message.protection.as_ref().ok_or(unprotected("protection"))?;
        let part = ProtectedPart { header: message.header.clone(), body: message.body.clone() };
        let part = encode("a ProtectedPart", &part)?;
        // Whole octets, in a MAC as in a signature.
        let octets = protection.as_raw_slice();
        let whole = protection.len() == octets.len() * 8;
        if !mac::is_mac(algorithm) {
            return signer::verify(header, algorithm, &part, octets, whole, anchors, now)
                .map(|()| Protected::Signed);
        }
        let Self::Secret { secret, .. } = self else {
            let what = "it is a MAC with a shared secret, and there is none: the requests are \
                        signed, so let the CA sign its answers";
            return Err(CmpError::ProtectionUnsupported { what: what.to_owned() });
        };
        if whole && mac::verify(algorithm, secret, &part, octets)? {
            Ok(Protected::WithSecret)
        } else {
            let cause = "the shared secret is not the CA's: compare reference and secret with \
                         what the CA gave";
            Err(CmpError::ProtectionWrong { cause })
        }
    }
}

/// How an answer was protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protected {
    /// With the shared secret.
    WithSecret,
    /// With the signature of a trusted signer.
    Signed,
}

/// The empty name.
pub(super) fn no_name() -> GeneralName {
    GeneralName::DirectoryName(Name::RdnSequence(Vec::new()))
}

fn own(certificate: &[u8]) -> Result<check::ParsedCertificate, CmpError> {
    let which = "the certificate that is to protect the requests";
    check::parse(certificate).map_err(|error| CmpError::Certificate { which, error })
}

fn unprotected(missing: &'static str) -> CmpError {
    CmpError::Unprotected { missing }
}

pub(super) fn encode<T: rasn::Encode>(what: &'static str, value: &T) -> Result<Vec<u8>, CmpError> {
    rasn::der::encode(value).map_err(|error| CmpError::Library { what, reason: error.to_string() })
}

pub(super) fn library(what: &'static str, error: &ErrorStack) -> CmpError {
    CmpError::Library { what, reason: error.to_string() }
}

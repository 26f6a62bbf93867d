//! A TimeStampReq on its way in, one type for each thing that is known about it:
//! [`parse()`] → [`TimeStampReq`] → [`TimeStampReq::inspect`] → [`Inspected`] →
//! [`Inspected::accept`] → [`Accepted`]. Only the last can be made into a token.
//!
//! Everything here is free for the client and touches neither time nor account. A request with
//! several faults is told the first one in the order of [`RejectReason`].

mod parse;

pub use parse::{Nonce, TimeStampReq, parse};

use crate::failure::{RejectReason, Rejection};
use crate::hash::HashAlgorithm;
use crate::policy::{Policies, PolicyId};
use crate::{der, tsu::Tsu};
use openssl::sha::Sha256;
use rasn_pkix::AlgorithmIdentifier;

/// The largest request that is looked at, in octets. A request of today's tools has about 70.
pub const MAX_REQUEST_LEN: usize = 16 * 1024;
/// Levels of nested values in a request; the deepest one that can be accepted has three.
pub const MAX_NESTING: u8 = 16;
/// Arcs of an OBJECT IDENTIFIER (RFC 2578 §3.5 allows as many).
pub const MAX_OID_ARCS: usize = 128;
/// Contents octets of a nonce, as it was sent.
pub const MAX_NONCE_LEN: usize = 64;

/// A request that conforms to RFC 3161, whether or not we serve what it asks for.
#[derive(Clone, Debug)]
pub struct Inspected<'a>(TimeStampReq<'a>);

/// A request that gets a token, if there are time, a stamp and a key.
#[derive(Clone, Debug)]
pub struct Accepted<'a, 'u> {
    imprint: &'a [u8],
    nonce: Option<Nonce<'a>>,
    cert_req: bool,
    hash: HashAlgorithm,
    policy: &'u PolicyId,
}

impl<'a> TimeStampReq<'a> {
    /// Checks what RFC 3161 says of every request, before anything that is our own choice.
    ///
    /// # Errors
    /// [`RejectReason::Version`], [`RejectReason::NonceTooLong`], [`RejectReason::DigestLength`].
    pub fn inspect(self) -> Result<Inspected<'a>, Rejection> {
        // RFC 3161 §2.4.1: "The version field (currently v1) describes the version of the
        // Time-Stamp request." Which failure another version gets is left open: badRequest, as
        // "transaction not permitted or supported".
        if self.message().version != 1 {
            return Err(RejectReason::Version.into());
        }
        if self.sent_nonce_len() > MAX_NONCE_LEN {
            return Err(RejectReason::NonceTooLong.into());
        }
        // RFC 3161 §2.4.1: "Its length MUST match the length of the hash value for that algorithm".
        let imprint = &self.message().message_imprint;
        let algorithm = HashAlgorithm::from_oid(&imprint.hash_algorithm.algorithm);
        if let Some(algorithm) = algorithm
            && imprint.hashed_message.len() != algorithm.digest_len()
        {
            let text = format!(
                "The imprint has {} octets; {algorithm} gives {}.",
                imprint.hashed_message.len(),
                algorithm.digest_len()
            );
            return Err(Rejection::with_text(RejectReason::DigestLength, text));
        }
        Ok(Inspected(self))
    }
}

impl<'a> Inspected<'a> {
    /// Checks whether `unit` serves what the request asks for. A refusal is free.
    ///
    /// # Errors
    /// [`RejectReason::Policy`], [`RejectReason::HashAlgorithm`], [`RejectReason::HashParameters`],
    /// [`RejectReason::Extensions`].
    pub fn accept<'u>(self, unit: &'u Tsu) -> Result<Accepted<'a, 'u>, Rejection> {
        self.accept_with(unit.policies(), unit.hashes())
    }

    fn accept_with<'u>(
        self,
        policies: &'u Policies,
        hashes: &[HashAlgorithm],
    ) -> Result<Accepted<'a, 'u>, Rejection> {
        let request = self.0;
        let message = request.message();
        // RFC 3161 §2.4.1: reqPolicy "indicates the TSA policy under which the TimeStampToken
        // SHOULD be provided". Never under another one: the client would have to compare.
        let policy = match &message.req_policy {
            None => policies.default_policy(),
            Some(oid) => policies.find(oid).ok_or(RejectReason::Policy)?,
        };
        let hash = accept_hash(&message.message_imprint.hash_algorithm, hashes)?;
        // RFC 3161 §2.4.1: "If an extension, whether it is marked critical or not critical, is used
        // by a requester but is not recognized by a time-stamping server, the server SHALL NOT
        // issue a token and SHALL return a failure (unacceptedExtension)." We recognise none.
        if message.extensions.is_some() {
            return Err(RejectReason::Extensions.into());
        }
        Ok(Accepted {
            imprint: request.imprint_der(),
            nonce: request.nonce(),
            cert_req: message.cert_req,
            hash,
            policy,
        })
    }
}

/// RFC 3161 §2.4.1: "If the TSA does not recognize the hash algorithm or knows that the hash
/// algorithm is weak [...] the TSA SHOULD refuse to provide the time-stamp token by returning a
/// pkiStatusInfo of 'bad_alg'."
fn accept_hash(
    identifier: &AlgorithmIdentifier,
    offered: &[HashAlgorithm],
) -> Result<HashAlgorithm, RejectReason> {
    let hash = HashAlgorithm::from_oid(&identifier.algorithm)
        .filter(|hash| offered.contains(hash))
        .ok_or(RejectReason::HashAlgorithm)?;
    // RFC 5754 §2: implementations "MUST accept SHA2 AlgorithmIdentifiers with absent parameters"
    // and "with NULL parameters". No hash here has any other.
    match &identifier.parameters {
        None => Ok(hash),
        Some(parameters) if parameters.as_bytes() == [der::NULL, 0] => Ok(hash),
        Some(_) => Err(RejectReason::HashParameters),
    }
}

impl<'a, 'u> Accepted<'a, 'u> {
    /// The messageImprint's encoding, as it was sent.
    #[must_use]
    pub fn imprint_der(&self) -> &'a [u8] {
        self.imprint
    }

    /// The algorithm of the imprint.
    #[must_use]
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The policy of the token: the one that was asked for, or the unit's default.
    #[must_use]
    pub fn policy(&self) -> &'u PolicyId {
        self.policy
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<Nonce<'a>> {
        self.nonce
    }

    /// Whether the unit's certificate is wanted in the token.
    #[must_use]
    pub fn cert_req(&self) -> bool {
        self.cert_req
    }

    /// What a retry of the same request has in common with it: SHA-256 over the encodings of
    /// imprint, policy and nonce. `certReq` is not part of it: it does not change what is signed.
    /// `None` without a nonce.
    ///
    /// **Used in stored state**: another way to compute it forgets the retries that are under way.
    #[must_use]
    pub fn retry_key(&self) -> Option<[u8; 32]> {
        let nonce = self.nonce?;
        let mut sha256 = Sha256::new();
        // Each of the three says its own length, so two requests never give the same octets.
        sha256.update(self.imprint);
        sha256.update(self.policy.der());
        sha256.update(&[der::INTEGER, nonce.as_bytes().len() as u8]);
        sha256.update(nonce.as_bytes());
        Some(sha256.finish())
    }
}

#[cfg(test)]
mod tests;

//! What is to be signed: a credential, an algorithm, and the hashes.

use crate::algorithm::SignatureAlgorithm;
use crate::error::SignError;
use crate::factors::{AccessFacts, CredentialRef};
use openssl::sha::Sha256;

/// The hashes for one authorisation or one use of it: at least one, each of the right length.
///
/// For PAdES and CAdES a hash is that of the DER `SET OF` signed attributes, not of the document.
/// The same hash may be in it more than once; then it is signed as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashesToSign {
    credential: CredentialRef,
    algorithm: SignatureAlgorithm,
    hashes: Vec<Vec<u8>>,
}

impl HashesToSign {
    /// Most hashes in one authorisation, and in one use of a window.
    pub const LIMIT: usize = 100;

    /// Checks the hashes against the algorithm.
    ///
    /// # Errors
    /// [`SignError::NoHashes`], [`SignError::TooManyHashes`] and [`SignError::HashLength`].
    pub fn new(
        credential: CredentialRef,
        algorithm: SignatureAlgorithm,
        hashes: Vec<Vec<u8>>,
    ) -> Result<Self, SignError> {
        if hashes.is_empty() {
            return Err(SignError::NoHashes);
        }
        if hashes.len() > Self::LIMIT {
            return Err(SignError::TooManyHashes { found: hashes.len(), limit: Self::LIMIT });
        }
        let expected = algorithm.digest().length();
        if let Some((index, hash)) = hashes.iter().enumerate().find(|(_, h)| h.len() != expected) {
            return Err(SignError::HashLength { index, algorithm, expected, found: hash.len() });
        }
        Ok(Self { credential, algorithm, hashes })
    }

    /// The credential to sign with.
    #[must_use]
    pub fn credential(&self) -> CredentialRef {
        self.credential
    }

    /// How to sign.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The hashes, in the order in which the signatures come out.
    #[must_use]
    pub fn hashes(&self) -> &[Vec<u8>] {
        &self.hashes
    }

    /// 32 octets that stand for all of it, asked for over this access: what a one-time password
    /// is bound to. Nothing can be moved from one field into another, as each has its length.
    pub(crate) fn binding(&self, access: &AccessFacts) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"marca signature activation 1\0");
        hash.update(&access.holder.0.to_be_bytes());
        hash.update(&access.access.0);
        hash.update(&self.credential.0);
        let name = self.algorithm.name();
        hash.update(&(name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(&(self.hashes.len() as u64).to_be_bytes());
        for digest in &self.hashes {
            hash.update(&(digest.len() as u64).to_be_bytes());
            hash.update(digest);
        }
        hash.finish()
    }
}

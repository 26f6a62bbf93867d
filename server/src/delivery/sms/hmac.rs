//! HMAC (RFC 2104), and comparison in constant time.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;

/// A key for signatures of one kind.
pub(super) struct MacKey {
    key: PKey<Private>,
    digest: MessageDigest,
}

impl MacKey {
    pub(super) fn sha256(key: &[u8]) -> Result<Self, ErrorStack> {
        Ok(Self { key: PKey::hmac(key)?, digest: MessageDigest::sha256() })
    }

    /// For a protocol that was made when SHA-1 was common. HMAC does not need its digest to be free
    /// of collisions (RFC 6194 §3.3).
    pub(super) fn sha1(key: &[u8]) -> Result<Self, ErrorStack> {
        Ok(Self { key: PKey::hmac(key)?, digest: MessageDigest::sha1() })
    }

    pub(super) fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(self.digest, &self.key)?;
        for part in parts {
            signer.update(part)?;
        }
        signer.sign_to_vec()
    }

    /// Whether `mac` is of `parts`, found out in constant time.
    pub(super) fn verifies(&self, mac: &[u8], parts: &[&[u8]]) -> bool {
        self.sign(parts)
            .is_ok_and(|right| right.len() == mac.len() && openssl::memcmp::eq(&right, mac))
    }
}

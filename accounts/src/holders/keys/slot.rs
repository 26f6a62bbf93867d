//! A slot for a key that does not exist yet: only the PIN takes out what anybody can put in.
//!
//! A renewal makes its key in the last phase, when nobody types the PIN any more. So the phase in
//! which the PIN is known leaves a key pair behind, the private half under the PIN, and the new
//! signing key is later encrypted to the public half: X25519 (RFC 7748) with a key pair that is
//! thrown away, one step of SHA-256 (NIST SP 800-56C §4), and AES-256-GCM. The service can put a
//! key in at any time, and can take none out.

use super::{Lock, Place, Stretched, TAG, Wrap};
use crate::holders::{HolderError, Key};
use minicbor::{Decode, Encode};
use openssl::derive::Deriver;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, PKeyRef, Private, Public};
use openssl::sha::Sha256;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use std::fmt;
use zeroize::Zeroizing;

/// The key of a deposit encrypts once.
const NONCE: [u8; 12] = [0; 12];

/// A slot. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Slot {
    /// X25519, 32 octets.
    #[cbor(n(0), with = "minicbor::bytes")]
    public: Vec<u8>,
    /// The private half, under the PIN.
    #[n(1)]
    pub(crate) pin: Wrap,
}

/// What was put into a slot. Used in stored state.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Deposit {
    /// The public half of the key pair that was thrown away.
    #[cbor(n(0), with = "minicbor::bytes")]
    from: Vec<u8>,
    /// The ciphertext and its tag.
    #[cbor(n(1), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl fmt::Debug for Deposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deposit(..)")
    }
}

impl Slot {
    /// A slot that this PIN opens, for the key that will be at `place`.
    pub(crate) fn new(lock: Stretched, place: &Place) -> Result<Self, HolderError> {
        let key = PKey::generate_x25519()?;
        let private = Zeroizing::new(key.raw_private_key()?);
        Ok(Self { public: key.raw_public_key()?, pin: lock.wrap(&place.slot(), &private)? })
    }

    /// Puts a secret in.
    pub(crate) fn deposit(&self, place: &Place, secret: &[u8]) -> Result<Deposit, HolderError> {
        let (once, from) = {
            let key = PKey::generate_x25519()?;
            let from = key.raw_public_key()?;
            (key, from)
        };
        let peer = PKey::public_key_from_raw_bytes(&self.public, Id::X25519)?;
        let key = shared(&once, &peer, (&from, &self.public))?;
        let (cipher, mut tag) = (Cipher::aes_256_gcm(), [0; TAG]);
        let aad = place.aad(Lock::Pin);
        let mut sealed = encrypt_aead(cipher, &*key, Some(&NONCE), &aad, secret, &mut tag)?;
        sealed.extend_from_slice(&tag);
        Ok(Deposit { from, sealed })
    }
}

impl Deposit {
    /// Takes the secret out, with the private half of the slot.
    pub(crate) fn take(
        &self,
        private: &[u8],
        place: &Place,
    ) -> Result<Zeroizing<Vec<u8>>, HolderError> {
        let broken = || HolderError::Unsealable { purpose: Lock::Pin.purpose() };
        let id = Id::X25519;
        let own = PKey::private_key_from_raw_bytes(private, id)?;
        let peer = PKey::public_key_from_raw_bytes(&self.from, id)?;
        let key = shared(&own, &peer, (&self.from, &own.raw_public_key()?))?;
        let (text, tag) = self.sealed.split_last_chunk::<TAG>().ok_or_else(broken)?;
        let (cipher, aad) = (Cipher::aes_256_gcm(), place.aad(Lock::Pin));
        let opened = decrypt_aead(cipher, &*key, Some(&NONCE), &aad, text, tag);
        Ok(Zeroizing::new(opened.map_err(|_| broken())?))
    }
}

/// SHA-256 over a counter, the shared secret, and both public halves.
fn shared(
    own: &PKeyRef<Private>,
    peer: &PKeyRef<Public>,
    (from, to): (&[u8], &[u8]),
) -> Result<Key, ErrorStack> {
    let mut deriver = Deriver::new(own)?;
    deriver.set_peer(peer)?;
    let secret = Zeroizing::new(deriver.derive_to_vec()?);
    let mut hash = Sha256::new();
    for part in [&1_u32.to_be_bytes()[..], &secret, b"marca slot", from, to] {
        hash.update(part);
    }
    Ok(Key::new(hash.finish()))
}

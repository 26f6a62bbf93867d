//! Signatures over digests that somebody else computed, in the words of PKCS #11 and of OpenSSL.

use super::super::{KeyError, KeyKind};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

/// The hash function that a digest came out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestKind {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a digest is signed. Other than a [`SignatureScheme`](super::super::SignatureScheme), it
/// takes any digest with any key of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestScheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(DigestKind),
    /// RSASSA-PSS with MGF1 of the same digest, and a salt as long as it (RFC 4055 §3.1).
    RsaPss(DigestKind),
    /// ECDSA (FIPS 186-5 §6.4) on P-256, P-384 or P-521.
    Ecdsa(DigestKind),
}

impl DigestKind {
    const fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// `DigestInfo` in DER up to the digest (RFC 8017 §9.2, note 1).
    const fn digest_info(self) -> [u8; 19] {
        let (arc, octets) = match self {
            Self::Sha256 => (1, 32),
            Self::Sha384 => (2, 48),
            Self::Sha512 => (3, 64),
        };
        let whole = 17 + octets;
        [0x30, whole, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc, 5, 0, 4, octets]
    }

    fn md(self) -> &'static MdRef {
        match self {
            Self::Sha256 => Md::sha256(),
            Self::Sha384 => Md::sha384(),
            Self::Sha512 => Md::sha512(),
        }
    }
}

impl DigestScheme {
    /// One that every key of this kind can do, over SHA-256.
    pub(super) const fn usual(kind: KeyKind) -> Self {
        if kind.scheme().is_rsa() {
            Self::RsaPkcs1(DigestKind::Sha256)
        } else {
            Self::Ecdsa(DigestKind::Sha256)
        }
    }

    const fn digest(self) -> DigestKind {
        match self {
            Self::RsaPkcs1(digest) | Self::RsaPss(digest) | Self::Ecdsa(digest) => digest,
        }
    }

    pub(super) fn mechanism(self) -> Mechanism<'static> {
        let pss = |hash_alg, mgf, salt: u64| {
            Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg, mgf, s_len: salt.into() })
        };
        match self {
            Self::RsaPkcs1(_) => Mechanism::RsaPkcs,
            Self::RsaPss(DigestKind::Sha256) => {
                pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32)
            }
            Self::RsaPss(DigestKind::Sha384) => {
                pss(MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48)
            }
            Self::RsaPss(DigestKind::Sha512) => {
                pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64)
            }
            Self::Ecdsa(_) => Mechanism::Ecdsa,
        }
    }

    /// What the device signs.
    pub(super) fn input(self, kind: KeyKind, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let order = match kind {
            KeyKind::P256 => Some(32),
            KeyKind::P384 => Some(48),
            KeyKind::P521 => Some(66),
            _ => None,
        };
        if digest.len() != self.digest().octets() {
            let (found, wanted) = (digest.len(), self.digest().octets());
            return Err(KeyError::Signing(format!("a digest of {found} octets, and not {wanted}")));
        }
        match (self, order) {
            (Self::RsaPkcs1(digest_kind), None) if kind.scheme().is_rsa() => {
                Ok([&digest_kind.digest_info()[..], digest].concat())
            }
            (Self::RsaPss(_), None) if kind.scheme().is_rsa() => Ok(digest.to_vec()),
            // FIPS 186-5 §6.4.1: the leftmost bits, as many as the order has. Not every module
            // cuts a longer digest itself.
            (Self::Ecdsa(_), Some(order)) => Ok(digest[..digest.len().min(order)].to_vec()),
            _ => Err(KeyError::Signing(format!("a key of kind {kind} does not sign like this"))),
        }
    }

    pub(super) fn verify(
        self,
        key: &PKey<Public>,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        let mut context = PkeyCtx::new(key)?;
        context.verify_init()?;
        let md = self.digest().md();
        match self {
            Self::RsaPkcs1(_) => context.set_rsa_padding(Padding::PKCS1)?,
            Self::RsaPss(_) => context.set_rsa_padding(Padding::PKCS1_PSS)?,
            Self::Ecdsa(_) => (),
        }
        context.set_signature_md(md)?;
        if matches!(self, Self::RsaPss(_)) {
            context.set_rsa_mgf1_md(md)?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        context.verify(digest, signature)
    }
}

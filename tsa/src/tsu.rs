//! A time-stamping unit: one key, its certificate, and what it offers.
//!
//! RFC 3161 §2.3: "The TSA MUST sign each time-stamp message with a key reserved specifically for
//! that purpose." A unit is that key; a TSA may have several.

use crate::hash::HashAlgorithm;
use crate::policy::Policies;
use crate::serial::Serial;
use crate::time::Accuracy;
use crate::token::{CertificateSet, SignFailure, Template, TemplateError};
use certs::{KeyKind, SignatureScheme, SigningKey, TsuCertificate, TsuFault};
use chrono::{DateTime, Utc};
use openssl::pkey::{PKeyRef, Public};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Which certificates go into a token when the request asks for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChainPolicy {
    /// The unit's own and no other: all that RFC 3161 §2.4.1 demands, and smaller by far.
    #[default]
    LeafOnly,
    /// The CAs between it and the root too, for verifiers that cannot find them.
    Full,
}

/// Which signatures are verified before they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyPolicy {
    /// One in so many signatures of an elliptic curve's key in this process is verified; 1 verifies
    /// all, 0 none. Always verified are those of RSA keys, where it costs next to nothing, of
    /// ML-DSA keys, where it costs a fifth to a third of the signature, and of keys in a device,
    /// which can fail on its own.
    pub one_in: u32,
}

impl Default for VerifyPolicy {
    /// One in 64: an EC verification costs three signatures, so this is some five percent.
    fn default() -> Self {
        Self { one_in: 64 }
    }
}

/// Everything that makes a unit.
#[derive(Debug)]
pub struct TsuSettings {
    /// Identifier in paths, logs and records.
    pub id: String,
    /// The private key.
    pub key: Arc<dyn SigningKey>,
    /// Its certificate, checked.
    pub certificate: TsuCertificate,
    /// The policies offered, one of them by default.
    pub policies: Policies,
    /// What the tokens say of the clock.
    pub accuracy: Accuracy,
    /// The hash algorithms accepted in imprints.
    pub hashes: Vec<HashAlgorithm>,
    /// Certificates in tokens.
    pub chain: ChainPolicy,
    /// Verification of signatures.
    pub verify: VerifyPolicy,
}

/// A unit that is ready to sign.
#[derive(Debug)]
pub struct Tsu {
    settings: TsuSettings,
    template: Template,
    companion: Option<String>,
    health: KeyHealth,
}

/// What is known of a unit's key.
#[derive(Debug)]
struct KeyHealth {
    /// When it last failed, in milliseconds since the Unix epoch; `NEVER` after a success.
    failed_at: AtomicI64,
    /// Its device did not answer, or refused to sign, and has not worked since.
    lost: AtomicBool,
    /// What was last told of `lost`.
    told_lost: AtomicBool,
}

const NEVER: i64 = i64::MIN;

/// A key in a device was lost, or is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The unit's identifier.
    pub unit: String,
    /// What the device said when the key was lost; `None` when it is back.
    pub failure: Option<String>,
}

/// Why a unit cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TsuError {
    /// The identifier would not be safe in a path.
    #[error(
        "unit {id:?}: an identifier has 1 to 64 characters out of a-z, 0-9, '-' and '_', so that \
         it can stand in a path"
    )]
    Id {
        /// The identifier.
        id: String,
    },
    /// Key and certificate do not belong together.
    #[error("unit {id}: the certificate is for another key; give it the certificate of this one")]
    KeyMismatch {
        /// The unit's identifier.
        id: String,
    },
    /// No hash algorithm would be accepted.
    #[error("unit {id}: no hash algorithm is offered; name at least SHA-256")]
    NoHashes {
        /// The unit's identifier.
        id: String,
    },
    /// A part of the tokens cannot be encoded.
    #[error("unit {id}: {error}")]
    Encode {
        /// The unit's identifier.
        id: String,
        /// What and why.
        error: TemplateError,
    },
}

impl Tsu {
    /// Sets a unit up: everything that its tokens have in common is encoded here.
    ///
    /// # Errors
    /// [`TsuError`], each naming the unit and what to change.
    pub fn new(settings: TsuSettings) -> Result<Self, TsuError> {
        let id = &settings.id;
        let safe = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=64).contains(&id.len()) || !id.bytes().all(safe) {
            return Err(TsuError::Id { id: id.clone() });
        }
        if settings.hashes.is_empty() {
            return Err(TsuError::NoHashes { id: id.clone() });
        }
        if !is_key_of(settings.key.public_key(), &settings.certificate) {
            return Err(TsuError::KeyMismatch { id: id.clone() });
        }
        let certificate = &settings.certificate;
        let others = match settings.chain {
            ChainPolicy::LeafOnly => &[],
            ChainPolicy::Full => certificate.chain(),
        };
        let (scheme, accuracy) = (settings.key.scheme(), settings.accuracy);
        let template = CertificateSet::new(certificate.der(), others)
            .and_then(|set| Template::new(scheme, certificate.der(), set, accuracy))
            .map_err(|error| TsuError::Encode { id: id.clone(), error })?;
        let health = KeyHealth {
            failed_at: AtomicI64::new(NEVER),
            lost: AtomicBool::new(false),
            told_lost: AtomicBool::new(false),
        };
        Ok(Self { settings, template, companion: None, health })
    }

    /// The same unit, one of a pair: for each of its tokens the unit `companion` makes a second
    /// one, over the same imprint, policy, nonce and genTime, for the same stamp.
    #[must_use]
    pub fn paired_with(self, companion: &str) -> Self {
        Self { companion: Some(companion.to_owned()), ..self }
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// The identifier of the unit that signs beside it.
    #[must_use]
    pub fn companion(&self) -> Option<&str> {
        self.companion.as_deref()
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &TsuCertificate {
        &self.settings.certificate
    }

    /// The kind of its key.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.settings.key.kind()
    }

    /// How its key signs.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.settings.key.scheme()
    }

    /// The policies it offers.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.settings.policies
    }

    /// The hash algorithms it accepts.
    #[must_use]
    pub fn hashes(&self) -> &[HashAlgorithm] {
        &self.settings.hashes
    }

    /// The accuracy its tokens state.
    #[must_use]
    pub fn accuracy(&self) -> Accuracy {
        self.settings.accuracy
    }

    /// Whether a token of this time may be signed: inside the validity of the certificate and the
    /// period of use of its key (EN 319 421 TIS-7.6.7, TIS-7.7.1-09). Asked for every token.
    ///
    /// # Errors
    /// The bound that is crossed.
    pub fn usable_at(&self, now: DateTime<Utc>) -> Result<(), TsuFault> {
        self.settings.certificate.usable_at(now)
    }

    /// Whether a signature takes so long, or may block, that it must not be made on a thread that
    /// serves others: in a device, or with any key but P-256 and Ed25519, whose signatures take
    /// some ten microseconds where the others, ML-DSA among them, take a millisecond.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.settings.key.in_device()
            || !matches!(self.key_kind(), KeyKind::P256 | KeyKind::Ed25519)
    }

    /// Whether its key failed in the last `window_ms` milliseconds and has not worked since.
    #[must_use]
    pub fn failed_since(&self, now_ms: i64, window_ms: i64) -> bool {
        let failed_at = self.health.failed_at.load(Ordering::Relaxed);
        failed_at != NEVER && now_ms.saturating_sub(failed_at) < window_ms
    }

    /// Whether its key is in a device that does not answer, or did not sign when it was last asked.
    #[must_use]
    pub fn key_lost(&self) -> bool {
        self.health.lost.load(Ordering::Relaxed)
    }

    /// Asks a key that is in a device whether it is there, without a signature, and tells what has
    /// changed since it was asked before. Blocks for as long as the device does.
    pub(crate) fn probe(&self) -> Option<KeyChange> {
        if !self.settings.key.in_device() {
            return None;
        }
        let failure = self.settings.key.probe().err().map(|error| error.to_string());
        let lost = failure.is_some();
        self.health.lost.store(lost, Ordering::Relaxed);
        let told = self.health.told_lost.swap(lost, Ordering::Relaxed);
        (told != lost).then(|| KeyChange { unit: self.id().to_owned(), failure })
    }

    pub(crate) fn note_failure(&self, now_ms: i64, failure: &SignFailure) {
        self.health.failed_at.store(now_ms, Ordering::Relaxed);
        // A device that refuses is gone until it is asked again; a wrong signature is another
        // fault, which asking would not show.
        if self.settings.key.in_device() && matches!(failure, SignFailure::Key { .. }) {
            self.health.lost.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_success(&self) {
        // A store on every token would bounce the cache line between cores for nothing.
        if self.health.failed_at.load(Ordering::Relaxed) != NEVER {
            self.health.failed_at.store(NEVER, Ordering::Relaxed);
        }
        if self.health.lost.load(Ordering::Relaxed) {
            self.health.lost.store(false, Ordering::Relaxed);
        }
    }

    /// Takes over what `before` knows of the key, if it is the same one.
    pub(crate) fn take_over_health(&self, before: &Self) {
        if self.settings.key.public_key().public_eq(before.settings.key.public_key()) {
            let (own, known) = (&self.health, &before.health);
            own.failed_at.store(known.failed_at.load(Ordering::Relaxed), Ordering::Relaxed);
            own.lost.store(known.lost.load(Ordering::Relaxed), Ordering::Relaxed);
            own.told_lost.store(known.told_lost.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    pub(crate) fn template(&self) -> &Template {
        &self.template
    }

    /// Signs `message`, and verifies the signature if it is one of those that are.
    pub(crate) fn sign(&self, message: &[u8], serial: &Serial) -> Result<Vec<u8>, SignFailure> {
        let unit = || self.id().to_owned();
        let key = &self.settings.key;
        let signature =
            key.sign(message).map_err(|error| SignFailure::Key { unit: unit(), error })?;
        if self.is_verified(serial) {
            let verified = key.scheme().verify(key.public_key(), message, &signature);
            // Either way it must not leave: a signature that cannot be checked is not a good one.
            if !matches!(verified, Ok(true)) {
                return Err(SignFailure::DoesNotVerify { unit: unit() });
            }
        }
        Ok(signature)
    }

    /// The sample is drawn with the serial number's random octets: no counter to share, and no
    /// pattern that a fault could hide in.
    fn is_verified(&self, serial: &Serial) -> bool {
        let random = u32::from_be_bytes([serial[12], serial[13], serial[14], serial[15]]);
        let settings = &self.settings;
        settings.key.in_device()
            || !settings.key.scheme().is_elliptic()
            || random.checked_rem(settings.verify.one_in) == Some(0)
    }
}

/// EN 319 421 TIS-7.6.4-05: the key must be the certificate's before anything is signed with it.
fn is_key_of(key: &PKeyRef<Public>, certificate: &TsuCertificate) -> bool {
    openssl::x509::X509::from_der(certificate.der())
        .and_then(|certificate| certificate.public_key())
        .is_ok_and(|of_certificate| of_certificate.public_eq(key))
}

//! The proofs, held against each other: the one place in which an unlocked key is let in.
//!
//! An [`Activation`] has no other constructor than the two below. What it is made of is taken out
//! of the proofs, so that a request can name nothing that was not proved.

use crate::authorisation::{Authorisation, Terms};
use crate::error::SignError;
use crate::factors::{AccessFacts, CredentialKind, Factors, PinFacts};
use crate::hashes::HashesToSign;
use crate::key::HolderKey;
use crate::service::{Settings, WindowRequest};
use crate::store::NoteKind;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// An authorisation that may be kept, and the key that it lets use.
pub(crate) struct Activation {
    pub(crate) authorisation: Authorisation,
    pub(crate) key: Arc<dyn HolderKey>,
    pub(crate) told: NoteKind,
}

impl Activation {
    /// PIN and one-time password, for these hashes, asked for over this access.
    pub(crate) fn two_factors<F: Factors>(
        access: &F::Access,
        what: &HashesToSign,
        (pin, otp): (F::Pin, F::Otp),
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Self, SignError> {
        let access = F::access(access);
        // Both are used up before anything is compared: a proof is good for one try.
        let (pin, otp) = (F::pin(pin), F::otp(otp));
        if otp.holder != access.holder {
            return Err(SignError::OtpOfOtherHolder);
        }
        // ASVS 5.0 6.6.2: the code is bound to the request that it was made for.
        if otp.bound != what.binding(&access) {
            return Err(SignError::OtpForOther);
        }
        if pin.holder != access.holder {
            return Err(SignError::PinOfOtherHolder);
        }
        if pin.credential != what.credential() {
            return Err(SignError::PinOfOtherCredential);
        }
        if !pin.key.fits(what.algorithm()) {
            return Err(SignError::AlgorithmOfOtherKey(what.algorithm()));
        }
        let expires_at = now + settings.lifetime;
        let terms = terms(access, &pin, what.algorithm(), now, expires_at);
        let told = NoteKind::Authorised {
            // In range: at most `HashesToSign::LIMIT`.
            hashes: u32::try_from(what.hashes().len()).unwrap_or(u32::MAX),
            algorithm: what.algorithm(),
            expires_at,
        };
        let authorisation = Authorisation::of_hashes(terms, what.hashes());
        Ok(Self { authorisation, key: pin.key, told })
    }

    /// PIN and an authenticated system, for a bounded number of signatures and time.
    pub(crate) fn window<F: Factors>(
        system: &F::System,
        request: WindowRequest,
        pin: F::Pin,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Self, SignError> {
        let system = F::system(system);
        let pin = F::pin(pin);
        if pin.holder != system.holder {
            return Err(SignError::PinOfOtherHolder);
        }
        if pin.credential != system.credential {
            return Err(SignError::SystemOfOtherCredential);
        }
        if pin.kind != CredentialKind::Automatic {
            return Err(SignError::NotAutomatic);
        }
        if !pin.key.fits(request.algorithm) {
            return Err(SignError::AlgorithmOfOtherKey(request.algorithm));
        }
        let limit = settings.window_signatures;
        if !(1..=limit).contains(&request.signatures) {
            return Err(SignError::WindowCount { limit });
        }
        let length = request.ends_at - now;
        if length <= TimeDelta::zero() || length > settings.window_time {
            let limit_s = u32::try_from(settings.window_time.num_seconds()).unwrap_or(u32::MAX);
            return Err(SignError::WindowTime { limit_s });
        }
        let access = AccessFacts { holder: system.holder, access: system.access };
        let terms = terms(access, &pin, request.algorithm, now, request.ends_at);
        let told = NoteKind::WindowOpened {
            signatures: request.signatures,
            algorithm: request.algorithm,
            expires_at: request.ends_at,
        };
        let authorisation = Authorisation::of_window(terms, request.signatures);
        Ok(Self { authorisation, key: pin.key, told })
    }
}

fn terms(
    access: AccessFacts,
    pin: &PinFacts,
    algorithm: crate::SignatureAlgorithm,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Terms {
    let (credential, epoch) = (pin.credential, pin.epoch);
    Terms { access, credential, algorithm, epoch, issued_at, expires_at }
}

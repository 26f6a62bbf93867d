//! Which types of `accounts::holders` prove a factor, and how signing reads them.

use super::device::HolderPin;
use accounts::holders::credential::CredentialKind;
use accounts::holders::otp::OtpVerified;
use accounts::holders::sessions::{Access, AccessKind};
use accounts::holders::{CredentialId, Holders};
use chrono::{DateTime, Utc};
use signing::{
    AccessFacts, AccessRef, CredentialRef, Factors, HolderRef, OtpFacts, PinFacts, SignError,
    SystemFacts,
};

/// Names the house's proofs.
pub(crate) enum HouseFactors {}

/// A linked system, and the automatic credential that it asks for.
pub(crate) struct HolderSystem {
    access: Access,
    credential: CredentialId,
}

impl HolderSystem {
    /// The system whose token was shown, for an automatic credential of the holder who linked it.
    /// Anything else is [`SignError::NotAutomatic`] or [`SignError::UnknownCredential`]; a
    /// credential that the system was not linked for, [`SignError::SystemOfOtherCredential`].
    pub(crate) fn of(
        holders: &Holders,
        access: Access,
        credential: CredentialId,
        now: DateTime<Utc>,
    ) -> Result<Self, SignError> {
        let view = holders.credential(access.holder, credential, now);
        let view = view.map_err(|_| SignError::UnknownCredential)?;
        match (access.what, view.kind) {
            (AccessKind::System(_), CredentialKind::Automatic) if !access.may_use(credential) => {
                Err(SignError::SystemOfOtherCredential)
            }
            (AccessKind::System(_), CredentialKind::Automatic) => Ok(Self { access, credential }),
            _ => Err(SignError::NotAutomatic),
        }
    }
}

impl Factors for HouseFactors {
    type Access = Access;
    type Pin = HolderPin;
    type Otp = OtpVerified;
    type System = HolderSystem;

    fn access(access: &Access) -> AccessFacts {
        let holder = HolderRef(access.holder.number());
        AccessFacts { holder, access: AccessRef(access.reference) }
    }

    fn pin(pin: HolderPin) -> PinFacts {
        PinFacts {
            holder: HolderRef(pin.holder.number()),
            credential: reference(pin.credential),
            kind: match pin.kind {
                CredentialKind::Remote => signing::CredentialKind::Remote,
                CredentialKind::Automatic => signing::CredentialKind::Automatic,
            },
            epoch: pin.epoch,
            key: pin.key,
        }
    }

    fn otp(otp: OtpVerified) -> OtpFacts {
        OtpFacts { holder: HolderRef(otp.holder().number()), bound: otp.bound() }
    }

    fn system(system: &HolderSystem) -> SystemFacts {
        let AccessFacts { holder, access } = Self::access(&system.access);
        SystemFacts { holder, credential: reference(system.credential), access }
    }
}

/// A credential as signing names it.
pub(crate) fn reference(credential: CredentialId) -> CredentialRef {
    CredentialRef(*credential.as_bytes())
}

//! Which types of `accounts::holders` prove a factor, and how signing reads them.

use accounts::holders::credential::CredentialKind;
use accounts::holders::otp::OtpVerified;
use accounts::holders::pin::PinVerified;
use accounts::holders::{CredentialId, HolderId};
use signing::{
    AccessFacts, AccessRef, CredentialRef, Factors, HolderRef, OtpFacts, PinFacts, SystemFacts,
};
use std::sync::Arc;

/// Names the house's proofs.
pub(crate) enum HouseFactors {}

/// An authenticated session or device of a holder.
#[derive(Clone, Copy)]
pub(crate) struct HolderAccess {
    /// Whose it is.
    pub(crate) holder: HolderId,
    /// Which one it is.
    pub(crate) reference: [u8; 32],
}

/// An authenticated system, and the automatic credential that it was registered for.
#[derive(Clone, Copy)]
pub(crate) struct HolderSystem {
    /// The system.
    pub(crate) access: HolderAccess,
    /// The only credential that it may use.
    pub(crate) credential: CredentialId,
}

impl Factors for HouseFactors {
    type Access = HolderAccess;
    type Pin = PinVerified;
    type Otp = OtpVerified;
    type System = HolderSystem;

    fn access(access: &HolderAccess) -> AccessFacts {
        let holder = HolderRef(access.holder.number());
        AccessFacts { holder, access: AccessRef(access.reference) }
    }

    fn pin(pin: PinVerified) -> PinFacts {
        PinFacts {
            holder: HolderRef(pin.holder().number()),
            credential: reference(pin.credential()),
            kind: match pin.kind() {
                CredentialKind::Remote => signing::CredentialKind::Remote,
                CredentialKind::Automatic => signing::CredentialKind::Automatic,
            },
            epoch: pin.epoch(),
            key: Arc::new(pin.into_key()),
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

//! The proof that a holder typed the right one-time code, for one operation.

use crate::holders::{HolderError, HolderId, OperationId};
use minicbor::{Decode, Encode};
use std::fmt;

/// What a one-time code is asked for. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Set a new password for a forgotten one.
    #[n(0)]
    RecoverPassword,
    /// Activate a credential.
    #[n(1)]
    Activate,
    /// Authorise signatures.
    #[n(2)]
    Sign,
    /// Change the PIN.
    #[n(3)]
    ChangePin,
    /// Set a new PIN with the PUK.
    #[n(4)]
    UnlockPin,
    /// Suspend a credential.
    #[n(5)]
    Suspend,
    /// Reactivate a credential.
    #[n(6)]
    Reactivate,
    /// Revoke a credential.
    #[n(7)]
    Revoke,
    /// Confirm the beginning of a renewal.
    #[n(8)]
    ConfirmRenewal,
    /// Confirm the end of a renewal.
    #[n(9)]
    CompleteRenewal,
    /// Change the phone number.
    #[n(10)]
    ChangePhone,
    /// Prove that a new phone number is the holder's.
    #[n(11)]
    ProvePhone,
    /// Change an e-mail address.
    #[n(12)]
    ChangeEmail,
    /// Set the secret question.
    #[n(13)]
    ChangeQuestion,
    /// Choose how one-time codes arrive.
    #[n(14)]
    ChangeOtpMethod,
    /// Link a device.
    #[n(15)]
    LinkDevice,
    /// Raise a session for an act that asks for it.
    #[n(16)]
    StepUp,
    /// Export all personal data.
    #[n(17)]
    ExportData,
    /// Change the phone number: what the authenticator app shows, besides the code to the number.
    #[n(18)]
    ChangePhoneApp,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::RecoverPassword,
        Self::Activate,
        Self::Sign,
        Self::ChangePin,
        Self::UnlockPin,
        Self::Suspend,
        Self::Reactivate,
        Self::Revoke,
        Self::ConfirmRenewal,
        Self::CompleteRenewal,
        Self::ChangePhone,
        Self::ProvePhone,
        Self::ChangeEmail,
        Self::ChangeQuestion,
        Self::ChangeOtpMethod,
        Self::LinkDevice,
        Self::StepUp,
        Self::ExportData,
        Self::ChangePhoneApp,
    ];

    /// A stable word in kebab-case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RecoverPassword => "recover-password",
            Self::Activate => "activate",
            Self::Sign => "sign",
            Self::ChangePin => "change-pin",
            Self::UnlockPin => "unlock-pin",
            Self::Suspend => "suspend",
            Self::Reactivate => "reactivate",
            Self::Revoke => "revoke",
            Self::ConfirmRenewal => "confirm-renewal",
            Self::CompleteRenewal => "complete-renewal",
            Self::ChangePhone => "change-phone",
            Self::ProvePhone => "prove-phone",
            Self::ChangeEmail => "change-email",
            Self::ChangeQuestion => "change-question",
            Self::ChangeOtpMethod => "change-otp-method",
            Self::LinkDevice => "link-device",
            Self::StepUp => "step-up",
            Self::ExportData => "export-data",
            Self::ChangePhoneApp => "change-phone-app",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is done to the secret question, or to the authenticator app: a code for the one does not
/// do for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set or enrolled, also in the place of what was there.
    Set,
    /// Taken away.
    Remove,
}

impl Change {
    /// What a one-time code for [`Purpose::ChangeQuestion`] or [`Purpose::ChangeOtpMethod`] is
    /// bound to.
    #[must_use]
    pub fn bound(self) -> [u8; 32] {
        super::bound(&[match self {
            Self::Set => b"set",
            Self::Remove => b"remove",
        }])
    }
}

/// A one-time code was right. It is used up by the one act that takes it.
///
/// What it says can be read:
///
/// ```
/// use marca_accounts::holders::{HolderId, OperationId, otp::{OtpVerified, Purpose}};
/// fn whose(proof: &OtpVerified) -> (HolderId, OperationId) {
///     (proof.holder(), proof.operation())
/// }
/// ```
///
/// There is no other way to one than a code that was right:
///
/// ```compile_fail
/// use marca_accounts::holders::{HolderId, OperationId, otp::{OtpVerified, Purpose}};
/// let forged = OtpVerified {
///     holder: HolderId::new(1),
///     operation: OperationId::new([0; 16]),
///     purpose: Purpose::Sign,
///     bound: [0; 32],
/// };
/// ```
///
/// and it cannot be used twice:
///
/// ```compile_fail
/// fn twice(proof: marca_accounts::holders::otp::OtpVerified) {
///     let again = proof.clone();
/// }
/// ```
#[derive(Debug)]
#[must_use = "a one-time code that is not used has to be asked for again"]
pub struct OtpVerified {
    holder: HolderId,
    operation: OperationId,
    purpose: Purpose,
    /// SHA-256 of what the code was asked for: hashes to sign, a new number, a link.
    bound: [u8; 32],
}

impl OtpVerified {
    /// Only for the check of codes, once one was right and is used up.
    pub(super) fn new(
        holder: HolderId,
        operation: OperationId,
        purpose: Purpose,
        bound: [u8; 32],
    ) -> Self {
        Self { holder, operation, purpose, bound }
    }

    /// As if a code had been right.
    #[cfg(test)]
    pub(crate) fn for_tests(
        holder: HolderId,
        operation: OperationId,
        purpose: Purpose,
        bound: [u8; 32],
    ) -> Self {
        Self { holder, operation, purpose, bound }
    }

    /// Whose code it was.
    #[must_use]
    pub fn holder(&self) -> HolderId {
        self.holder
    }

    /// The operation that it was asked for.
    #[must_use]
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// What the code was bound to when it was asked for.
    #[must_use]
    pub fn bound(&self) -> [u8; 32] {
        self.bound
    }

    /// Uses the proof up, and refuses one that is not for exactly this.
    pub fn consume(
        self,
        holder: HolderId,
        operation: OperationId,
        purpose: Purpose,
        bound: &[u8; 32],
    ) -> Result<(), HolderError> {
        let same = self.holder == holder
            && self.operation == operation
            && self.purpose == purpose
            && self.bound == *bound;
        if same { Ok(()) } else { Err(HolderError::OtpForOther) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> OtpVerified {
        let operation = OperationId::new([1; 16]);
        OtpVerified::for_tests(HolderId::new(1), operation, Purpose::Sign, [2; 32])
    }

    #[test]
    fn a_proof_is_for_one_operation_of_one_holder() {
        let (holder, operation) = (HolderId::new(1), OperationId::new([1; 16]));
        proof().consume(holder, operation, Purpose::Sign, &[2; 32]).unwrap();
        let other = HolderId::new(2);
        for refused in [
            proof().consume(other, operation, Purpose::Sign, &[2; 32]),
            proof().consume(holder, OperationId::new([9; 16]), Purpose::Sign, &[2; 32]),
            proof().consume(holder, operation, Purpose::Revoke, &[2; 32]),
            proof().consume(holder, operation, Purpose::Sign, &[9; 32]),
        ] {
            assert!(matches!(refused, Err(HolderError::OtpForOther)));
        }
    }

    #[test]
    fn every_purpose_has_its_own_word_and_number() {
        let words: std::collections::BTreeSet<_> =
            Purpose::ALL.iter().map(|purpose| purpose.word()).collect();
        assert_eq!(words.len(), Purpose::ALL.len());
        for (number, purpose) in (0_u8..).zip(Purpose::ALL) {
            assert_eq!(minicbor::to_vec(purpose).unwrap(), minicbor::to_vec(number).unwrap());
        }
    }
}

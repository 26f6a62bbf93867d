//! What is known of a message by its kind: whether it is secret, when it ends, how it is called.

use super::Template;
use chrono::TimeDelta;
use std::fmt;

impl Template {
    /// Whether whoever reads it can do something with it.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(
            self,
            Self::EnvelopeReady { .. }
                | Self::FirstPassword { .. }
                | Self::SetPassword { .. }
                | Self::RecoverPassword { .. }
                | Self::ConfirmEmail { .. }
                | Self::OtpCode { .. }
                | Self::PhoneChangeWaiting { .. }
        )
    }

    /// When it is good for nothing any more, in milliseconds since the Unix epoch; exclusive.
    pub(crate) fn ends_at(&self, otp_lifetime: TimeDelta) -> Option<i64> {
        match self {
            Self::EnvelopeReady { ends_at, .. }
            | Self::FirstPassword { ends_at, .. }
            | Self::SetPassword { ends_at, .. }
            | Self::RecoverPassword { ends_at, .. }
            | Self::ConfirmEmail { ends_at, .. } => Some(*ends_at),
            Self::OtpCode { made_at, .. } => Some(made_at + otp_lifetime.num_milliseconds()),
            _ => None,
        }
    }

    /// A stable word in kebab-case, which may be shown to anybody who may see the queue.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EnvelopeReady { .. } => "envelope-ready",
            Self::FirstPassword { .. } => "first-password",
            Self::SetPassword { .. } => "set-password",
            Self::RegistrationReceived => "registration-received",
            Self::RegistrationRejected { .. } => "registration-rejected",
            Self::AlreadyRegistered => "already-registered",
            Self::RecoverPassword { .. } => "recover-password",
            Self::PasswordSet { .. } => "password-set",
            Self::PasswordChanged { .. } => "password-changed",
            Self::PasswordRecovered { .. } => "password-recovered",
            Self::LoginLocked { .. } => "login-locked",
            Self::QuestionChanged { .. } => "secret-question-changed",
            Self::ConfirmEmail { .. } => "confirm-email",
            Self::EmailChangeRequested { .. } => "email-change-requested",
            Self::EmailChanged { .. } => "email-changed",
            Self::NoticeEmailChanged { .. } => "notice-email-changed",
            Self::PhoneChangeRequested { .. } => "phone-change-requested",
            Self::PhoneChanged { .. } => "phone-changed",
            Self::OtpCode { .. } => "otp",
            Self::OtpMethodChanged { .. } => "otp-method-changed",
            Self::Activated { .. } => "credential-activated",
            Self::PinChanged { .. } => "pin-changed",
            Self::PinLocked { .. } => "pin-locked",
            Self::PukExhausted { .. } => "puk-exhausted",
            Self::Suspended { .. } => "credential-suspended",
            Self::SuspensionEnds { .. } => "suspension-ends",
            Self::Reactivated { .. } => "credential-reactivated",
            Self::Revoked { .. } => "credential-revoked",
            Self::RenewalDue { .. } => "renewal-due",
            Self::Renewed { .. } => "renewed",
            Self::NewEnvelope { .. } => "new-envelope",
            Self::SignatureMade { .. } => "signature-made",
            Self::SignatureSummary { .. } => "signature-summary",
            Self::StampsLow { .. } => "stamps-low",
            Self::StampsExpiring { .. } => "stamps-expiring",
            Self::DeviceLinked { .. } => "device-linked",
            Self::DeviceUnlinked { .. } => "device-unlinked",
            Self::Blocked { .. } => "holder-blocked",
            Self::Closed { .. } => "holder-closed",
            Self::OtpLocked { .. } => "otp-locked",
            Self::QrLoginApproved { .. } => "qr-login-approved",
            Self::QrLoginDisowned { .. } => "qr-login-disowned",
            Self::PhoneChangeWaiting { .. } => "phone-change-waiting",
            Self::PhoneChangeCancelled { .. } => "phone-change-cancelled",
            Self::StampLinkEnded { .. } => "stamp-account-unlinked",
            Self::NoticesChanged { .. } => "notices-changed",
            Self::LostPhoneFailed { .. } => "lost-phone-failed",
            Self::StampLinked { .. } => "stamp-account-linked",
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says may be secret.
        write!(f, "Template({})", self.kind())
    }
}

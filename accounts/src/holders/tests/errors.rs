//! Every error that somebody can get to see, in a golden file: slug, field, rule and words are
//! what clients build upon.

use crate::holders::otp::OtpRefusal;
use crate::holders::password::PasswordRule;
use crate::holders::{FieldRule, HolderError, HolderId, MessageId, RegistrationId};
use std::fmt::Write;
use std::time::Duration;
use store::StoreError;

fn samples() -> Vec<HolderError> {
    let mut samples: Vec<_> = FieldRule::ALL
        .iter()
        .map(|rule| HolderError::BadField { field: "some_field", rule: *rule })
        .collect();
    let rule = |rule: &PasswordRule| HolderError::PasswordRules { rules: vec![*rule] };
    samples.extend(PasswordRule::ALL.iter().map(rule));
    samples.extend([
        HolderError::BadId("12".parse::<HolderId>().unwrap_err()),
        HolderError::PasswordUnchanged,
        HolderError::RepeatDiffers { field: "repeat" },
        HolderError::WrongLogin,
        HolderError::Slowed { retry_after: Duration::from_secs(60) },
        HolderError::PasswordDisabled,
        HolderError::WrongCurrentPassword,
        HolderError::MustChangePassword,
        HolderError::LinkInvalid,
        HolderError::WrongAnswer,
        HolderError::OtpForOther,
        OtpRefusal::Malformed.into(),
        OtpRefusal::Unknown.into(),
        OtpRefusal::Void.into(),
        OtpRefusal::Expired.into(),
        OtpRefusal::Wrong { left: 2 }.into(),
        OtpRefusal::Spent.into(),
        OtpRefusal::TooSoon { retry_after: Duration::from_secs(30) }.into(),
        OtpRefusal::Sendings.into(),
        OtpRefusal::Limit { retry_after: Duration::from_secs(61) }.into(),
        OtpRefusal::WrongLimit { retry_after: Duration::from_secs(61) }.into(),
        OtpRefusal::Budget { retry_after: Duration::from_secs(61) }.into(),
        OtpRefusal::InApp.into(),
        OtpRefusal::NoAuthenticator.into(),
        OtpRefusal::EnrolmentEnded.into(),
        HolderError::UnknownMessage(MessageId::new(7)),
        HolderError::MessageNotRetriable,
        HolderError::NotLoggedIn,
        HolderError::StepUpNeeded,
        HolderError::NoSession,
        HolderError::NotADevice,
        HolderError::QrMismatch,
        HolderError::QrInvalid,
        HolderError::UnknownHolder(HolderId::new(7)),
        HolderError::UnknownRegistration(RegistrationId::new(7)),
        HolderError::UnknownSession,
        HolderError::UnknownDevice,
        HolderError::TooManyDevices { most: 10 },
        HolderError::CertificateTaken,
        HolderError::NoPhoneChange,
        HolderError::EmailTaken,
        HolderError::IllegalTransition {
            machine: "the registration",
            state: "active",
            event: "be rejected",
        },
        HolderError::NoQuestion,
        HolderError::RetentionNotOver { until: super::support::at(0) },
        HolderError::Erased(HolderId::new(7)),
        HolderError::Busy,
        HolderError::KeyDevice,
        HolderError::PepperMissing { version: 3 },
        HolderError::PepperDiffers { version: 3 },
        HolderError::Unsealable { purpose: "message" },
        HolderError::Crypto("words of the library".to_owned()),
        HolderError::NoThread("words of the system".to_owned()),
        HolderError::BadSetting { name: "retention", allowed: "0 to 50 years" },
        HolderError::Store(StoreError::Closed),
    ]);
    samples
}

#[test]
fn the_texts_of_all_errors() {
    let mut lines = String::new();
    for error in samples() {
        let (field, rule) = (error.field().unwrap_or("-"), error.rule().unwrap_or("-"));
        writeln!(lines, "{} | {field} | {rule} | {error}", error.slug()).unwrap();
    }
    // To be renewed by hand, with what the failure prints: a slug that changes breaks clients.
    assert_eq!(lines, include_str!("errors.txt"), "\n{lines}");
}

#[test]
fn a_full_store_is_a_busy_service() {
    assert!(matches!(HolderError::from(StoreError::Busy), HolderError::Busy));
}

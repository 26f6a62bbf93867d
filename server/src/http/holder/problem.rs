//! The refusals of a holder's account as problems: one table of every name that a client can
//! build upon, with its status and title.
//!
//! The names are those of `accounts` and `signing`; docs/API-HOLDERS.md lists the table, and a
//! test compares both. What is wrong inside the service has no row: the client gets the common
//! problem, and the log the reason.

#[cfg(test)]
mod tests;

use crate::http::fault::store_problem;
use crate::http::problem::{Problem, Refused};
use accounts::holders::HolderError;
use actix_web::http::StatusCode;
use std::time::Duration;

/// A name, the status that it always has, and the title that it always has.
type Row = (&'static str, u16, &'static str);

/// Every refusal. A body that is no JSON, or has members that nobody asked for, is `invalid`
/// (400); one that was understood and breaks a rule is 422 (RFC 9110 §15.5.21). What is typed
/// wrong inside an act is 403: 401 would say that the login is over.
pub(crate) const TABLE: &[Row] = &[
    ("invalid-field", 422, "A field breaks a rule"),
    ("password-rules", 422, "The password breaks a rule"),
    ("password-unchanged", 422, "The password is the current one"),
    ("repeat-differs", 422, "The two entries differ"),
    ("pin-rules", 422, "The PIN breaks a rule"),
    ("passphrase-rules", 422, "The passphrase breaks a rule"),
    ("invalid-login", 401, "The login is not right"),
    ("too-many-failures", 429, "Too many failed attempts"),
    ("password-disabled", 403, "The password is not taken any more"),
    ("wrong-current-password", 403, "The current password is not right"),
    ("password-change-needed", 403, "The first password has to be replaced"),
    ("session-needed", 403, "Not with this login"),
    ("device-needed", 403, "Only with the token of a device"),
    ("step-up-needed", 403, "A one-time code is needed first"),
    ("wrong-answer", 403, "The answer is not right"),
    ("answer-needed", 403, "The secret question has to be answered first"),
    ("wrong-pin", 403, "The PIN is not right"),
    ("pin-needs-code", 403, "The PIN is asked for with a one-time code first"),
    ("wrong-puk", 403, "The PUK is not right"),
    ("wrong-codes", 403, "The codes are not those of the envelope"),
    ("wrong-puk-or-emergency-code", 403, "PUK or emergency code are not right"),
    ("wrong-emergency-code", 403, "The emergency code is not right"),
    ("puk-needed", 403, "The PUK is needed as well"),
    ("held-by-operator", 403, "An operator suspended it"),
    ("pin-locked", 409, "The PIN is locked"),
    ("codes-exhausted", 409, "The credential ended"),
    ("credential-changed", 409, "The credential changed in the meantime"),
    ("invalid-link", 410, "The link is not valid any more"),
    ("otp-for-other-operation", 409, "The code is for another act"),
    ("unknown-otp", 404, "No code was asked for"),
    ("otp-void", 409, "The code is not the newest"),
    ("otp-expired", 409, "The code has ended"),
    ("otp-wrong", 403, "The code is not right"),
    ("otp-spent", 403, "Too many wrong codes"),
    ("otp-too-soon", 429, "A code was sent just now"),
    ("otp-sendings", 429, "No more codes for this operation"),
    ("otp-limit", 429, "Too many codes in a short time"),
    ("otp-wrong-limit", 429, "Too many wrong codes in a short time"),
    ("sms-budget", 503, "No more short messages for a while"),
    ("otp-in-app", 409, "The code is in the app"),
    ("no-authenticator", 409, "There is no authenticator app"),
    ("enrolment-ended", 409, "The enrolment has ended"),
    ("unknown-message", 404, "No such message"),
    ("message-not-retriable", 409, "The message cannot be tried again"),
    ("unknown-credential", 404, "No such credential"),
    ("unknown-session", 404, "No such session"),
    ("unknown-device", 404, "No such device"),
    ("too-many-devices", 409, "Too many devices"),
    ("certificate-taken", 409, "The certificate is a device's already"),
    ("wrong-qr-number", 403, "The number is not the browser's"),
    ("invalid-qr-login", 410, "The QR code is not valid any more"),
    ("no-phone-change", 404, "No change of the phone number"),
    ("unknown-holder", 404, "No such holder"),
    ("unknown-registration", 404, "No such registration"),
    ("email-taken", 409, "The address is another holder's"),
    ("wrong-state", 409, "The state does not allow it"),
    ("no-secret-question", 409, "There is no secret question"),
    ("retention-not-over", 409, "The data must be kept for longer"),
    ("holder-erased", 410, "The data were erased"),
    ("renewal-too-early", 409, "Too early to renew"),
    ("no-renewal", 409, "No renewal is under way"),
    ("issuer-failed", 503, "The certificate was not issued"),
    ("key-device", 503, "No key was made"),
    ("envelope-failed", 503, "The envelope was not made"),
    ("no-channel", 503, "No way to send messages"),
    ("receipt-too-long", 422, "Too many signatures for a receipt"),
    ("receipt-unprintable", 422, "A receipt cannot be printed"),
    ("no-hashes", 422, "No hash to sign"),
    ("too-many-hashes", 422, "Too many hashes"),
    ("hash-length", 422, "A hash of another algorithm"),
    ("algorithm-of-other-key", 422, "An algorithm of another kind of key"),
    ("pin-of-other-holder", 403, "The PIN is another holder's"),
    ("pin-of-other-credential", 403, "The PIN is another credential's"),
    ("otp-of-other-holder", 403, "The code is another holder's"),
    ("not-automatic", 409, "Every signature needs a code"),
    ("system-of-other-credential", 403, "The system is another credential's"),
    ("window-count", 422, "The window is too large"),
    ("window-time", 422, "The window has another end"),
    ("unknown-sad", 403, "The authorisation is not known"),
    ("sad-of-other-holder", 403, "The authorisation is another holder's"),
    ("sad-of-other-access", 403, "The authorisation is another session's"),
    ("sad-for-other-credential", 403, "The authorisation is for another credential"),
    ("sad-for-other-algorithm", 403, "The authorisation is for another algorithm"),
    ("sad-expired", 403, "The authorisation is over"),
    ("sad-withdrawn", 403, "The authorisation was withdrawn"),
    ("credential-not-active", 409, "The credential is not active"),
    ("hash-not-authorised", 403, "A hash was not authorised"),
    ("hash-used", 403, "A hash was signed already"),
    ("window-spent", 409, "The window is used up"),
    ("key-locked", 409, "The key is locked again"),
    ("key-failed", 503, "The key could not be used"),
    ("key-away", 503, "The key's device is away"),
    ("signature-unclear", 503, "The signature was not given out"),
    ("stamp-none-left", 409, "No stamps are left"),
    ("stamp-account-not-active", 409, "The timestamp account is not active"),
    ("stamp-unavailable", 503, "No timestamp was given"),
    ("no-stamp-account", 409, "No timestamp account is linked"),
    ("wrong-stamp-login", 403, "The timestamp account's login is not right"),
    ("signing-busy", 503, "Too many signatures"),
    ("signing-unavailable", 503, "No signatures now"),
];

/// Names that have no row: the client gets a common problem.
#[cfg(test)]
const INSIDE: [&str; 6] =
    ["busy", "pepper", "internal", "invalid-setting", "store", "unauthorized-holder"];

/// What the client may know of a refusal.
pub(crate) fn holder(error: HolderError) -> Problem {
    let error = match error {
        HolderError::Busy => return Problem::Busy,
        HolderError::NotLoggedIn => return Problem::HolderUnauthorized,
        HolderError::Store(error) => return store_problem(&error),
        HolderError::PepperMissing { .. } | HolderError::Unsealable { .. } => {
            tracing::error!(%error, "the holders' data");
            return Problem::Unavailable;
        }
        HolderError::Crypto(_) | HolderError::NoThread(_) | HolderError::BadSetting { .. } => {
            tracing::error!(%error, "the holders' accounts");
            return Problem::Internal;
        }
        error => error,
    };
    let retry_after = error.retry_after();
    let problem = refused(error.slug(), error.to_string(), error.field(), error.rule());
    match (problem, retry_after) {
        (Problem::Refused(mut refused), Some(wait)) => {
            refused.retry_after = Some(wait);
            Problem::Refused(refused)
        }
        (problem, _) => problem,
    }
}

/// The problem with a name of [`TABLE`]; what cannot be done now says when to try again.
pub(crate) fn refused(
    slug: &'static str,
    detail: String,
    field: Option<&'static str>,
    rule: Option<&'static str>,
) -> Problem {
    let row = TABLE.iter().find(|(name, _, _)| *name == slug);
    let row = row.and_then(|(_, code, title)| Some((StatusCode::from_u16(*code).ok()?, *title)));
    let Some((status, title)) = row else {
        tracing::error!(slug, detail, "a refusal without a row in the table of problems");
        return Problem::Internal;
    };
    let later = status == StatusCode::SERVICE_UNAVAILABLE;
    let retry_after = later.then_some(Duration::from_secs(60));
    Problem::Refused(Box::new(Refused { status, slug, title, detail, field, rule, retry_after }))
}

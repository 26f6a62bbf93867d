//! One-time codes: what each act's code is bound to, asking for one and checking one.
//!
//! The page that asks for a code says what it is for; the act that uses it says so again. Both go
//! through [`Act`], so that a code for one thing is never taken for another.

use super::body::OneTimeCode;
use super::problem::holder as problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::devices::DeviceTerms;
use accounts::holders::otp::{
    Change, OtpAsked, OtpChannel, OtpRequest, OtpVerified, Purpose, bound,
};
use accounts::holders::sessions::{Access, step_up_bound};
use accounts::holders::{
    AddressKind, CredentialId, Email, PhoneNumber, Room, address_bound, credential,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use signing::HashesToSign;

/// What a code is asked for, with what it is bound to.
pub(crate) enum Act<'a> {
    /// Bound to nothing more: personal data.
    Plain(Purpose),
    /// Setting or removing: the secret question, the authenticator app.
    Change(Purpose, Change),
    /// Raising the session that asks.
    StepUp,
    /// An act on a credential.
    Credential(Purpose, CredentialId),
    /// Signing exactly these hashes.
    Sign(&'a HashesToSign),
    /// Another e-mail address, of this kind.
    Address(AddressKind, &'a Email),
    /// Another phone number, with a code to the old one or with one of the app.
    Phone(Purpose, &'a PhoneNumber),
    /// Linking a device on these terms.
    Device(&'a DeviceTerms),
    /// Something that `accounts` computed itself.
    Bound(Purpose, [u8; 32]),
}

impl Act<'_> {
    pub(crate) fn purpose(&self) -> Purpose {
        match self {
            Self::Plain(purpose)
            | Self::Change(purpose, _)
            | Self::Credential(purpose, _)
            | Self::Phone(purpose, _)
            | Self::Bound(purpose, _) => *purpose,
            Self::StepUp => Purpose::StepUp,
            Self::Sign(_) => Purpose::Sign,
            Self::Address(..) => Purpose::ChangeEmail,
            Self::Device(_) => Purpose::LinkDevice,
        }
    }

    /// What the code is bound to besides the holder, the purpose and the operation.
    fn bound(&self, service: &Service, access: &Access) -> Result<[u8; 32], Problem> {
        Ok(match self {
            Self::Plain(_) => bound(&[]),
            Self::Change(_, change) => change.bound(),
            Self::StepUp => step_up_bound(access.session().map_err(problem)?),
            // All that was entered before: a code for one PIN and passphrase is for no other.
            Self::Credential(Purpose::CompleteRenewal, id) => {
                service.holders.renewal_bound(access.holder, *id).map_err(problem)?
            }
            Self::Credential(_, id) => credential::binding(*id),
            Self::Sign(hashes) => service.signing.binding(access, hashes),
            Self::Address(kind, address) => address_bound(*kind, address),
            Self::Phone(_, number) => bound(&[number.as_str().as_bytes()]),
            Self::Device(terms) => terms.bound(),
            Self::Bound(_, bound) => *bound,
        })
    }
}

/// Sends a code for an act, by the way that was asked for or else the holder's own.
pub(crate) async fn begin(
    service: &Service,
    access: &Access,
    act: &Act<'_>,
    channel: Option<OtpChannel>,
    now: DateTime<Utc>,
) -> Result<OtpAsked, Problem> {
    let mut request = OtpRequest::new(act.purpose(), act.bound(service, access)?);
    request.channel = channel;
    if let Act::Sign(hashes) = act {
        request.documents = u32::try_from(hashes.hashes().len()).ok();
    }
    service.holders.begin_otp(access.holder, request, now).await.map_err(problem)
}

/// Checks a code that was typed for an act. A wrong one is counted; a right one is used up.
pub(crate) async fn verify(
    service: &Service,
    access: &Access,
    act: &Act<'_>,
    otp: &OneTimeCode,
    now: DateTime<Utc>,
) -> Result<OtpVerified, Problem> {
    let (operation, bound) = (otp.operation()?, act.bound(service, access)?);
    let (holder, purpose) = (access.holder, act.purpose());
    let checked = service.holders.verify_otp(holder, operation, &otp.code, purpose, bound, now);
    checked.await.map_err(problem)
}

/// The same for an act that computes, with the place for that. The place is had first: who hears
/// that there is too much to do has used up nothing, and sends the same code again.
pub(crate) async fn verify_in_room(
    service: &Service,
    access: &Access,
    act: &Act<'_>,
    otp: &OneTimeCode,
    now: DateTime<Utc>,
) -> Result<(OtpVerified, Room), Problem> {
    let room = service.holders.room().map_err(problem)?;
    Ok((verify(service, access, act, otp, now).await?, room))
}

/// A code that was asked for: where it went, and for how long it is good.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AskedCode {
    /// To be sent back with the code: 32 digits 0-9 a-f.
    operation: String,
    /// What the code is for, as in `sign`.
    purpose: &'static str,
    /// `sms` or `authenticator`.
    channel: &'static str,
    /// The number that it was sent to, masked; null when the app shows it.
    to: Option<String>,
    made_at: String,
    /// The code is not taken any more from then on.
    expires_at: String,
    /// It can be sent again from then on; null when it cannot.
    resend_at: Option<String>,
    tries_left: u32,
}

impl From<OtpAsked> for AskedCode {
    fn from(asked: OtpAsked) -> Self {
        Self {
            operation: asked.operation.to_string(),
            purpose: asked.purpose.word(),
            channel: asked.channel.word(),
            to: asked.to,
            made_at: rfc3339(asked.made_at),
            expires_at: rfc3339(asked.expires_at),
            resend_at: asked.resend_at.map(rfc3339),
            tries_left: asked.tries_left,
        }
    }
}

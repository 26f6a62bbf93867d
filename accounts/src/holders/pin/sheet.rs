//! A new sheet of codes for a credential that has a key: the PUK and the emergency code, printed
//! into an envelope and ready to be kept.
//!
//! A PUK that was typed has been seen: by a keyboard, a screen, perhaps by somebody. So it is good
//! once, and the act that takes it brings the next one (OWASP ASVS 5.0, 6.5.1: a lookup secret is
//! used once). The renewal of a certificate brings a new sheet in the same way.

use super::CodeRefusal;
use crate::holders::credential::{EmergencyRecord, emergency_record};
use crate::holders::keys::{Lock, Stretched};
use crate::holders::messages::Attachment;
use crate::holders::{HolderError, HolderView, Inner, Language};
use chrono::{DateTime, Utc};
use envelope::{Codes, Envelope, Passphrase};

/// What an envelope says of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeAddresses {
    /// Of the portal.
    pub portal: String,
    /// Of the page that suspends with the emergency code.
    pub suspension: String,
    /// Of the people who help.
    pub support: Option<String>,
}

/// New codes, and the envelope that brings them.
pub(crate) struct Sheet {
    /// Wraps the key under the new PUK.
    pub(crate) puk: Stretched,
    pub(crate) emergency: EmergencyRecord,
    /// The number of the envelope.
    pub(crate) number: String,
    pub(crate) pdf: Vec<u8>,
}

impl Sheet {
    /// The envelope, to be mailed.
    pub(crate) fn attachment(pdf: Vec<u8>) -> Attachment {
        Attachment {
            name: "envelope.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: pdf,
        }
    }
}

/// Draws new codes and seals them. Takes long.
pub(crate) fn new_sheet(
    inner: &Inner,
    of: &HolderView,
    passphrase: &Passphrase,
    (addresses, now): (&EnvelopeAddresses, DateTime<Utc>),
) -> Result<Sheet, HolderError> {
    let codes = inner.draw(Codes::renew);
    let envelope = Envelope {
        codes: &codes,
        holder_name: &format!("{} {}", of.given_name, of.surname),
        user_id: &of.user_id,
        issued_at: now,
        language: match of.language {
            Language::En => envelope::Language::En,
            Language::It => envelope::Language::It,
        },
        service_name: &inner.settings.service_name,
        portal_address: &addresses.portal,
        suspension_address: &addresses.suspension,
        support: addresses.support.as_deref(),
    };
    let pdf = inner.draw(|random| envelope.seal(passphrase, random));
    let pdf = pdf.map_err(|fault| CodeRefusal::EnvelopeFailed { reason: fault.to_string() })?;
    Ok(Sheet {
        puk: inner.stretch_new(Lock::Puk, codes.puk.expose())?,
        emergency: emergency_record(inner, codes.emergency_code.expose())?,
        number: codes.number.as_str().to_owned(),
        pdf,
    })
}

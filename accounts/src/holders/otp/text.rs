//! What a short message says, in each language, and how much room it takes.
//!
//! One message holds 160 characters of the GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1), or
//! 70 UTF-16 units as soon as one character is not in it; a longer text is sent in parts of 153 or
//! 67. The texts here stay within one, also for the longest name of a service that is in the
//! alphabet. There is never a link in one: whoever reads it must not get used to that.

use super::Purpose;
use crate::holders::Language;
use crate::holders::messages::Template;
use chrono::FixedOffset;
use zeroize::Zeroizing;

/// How the characters of a message are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SmsCoding {
    /// The GSM 7-bit default alphabet with its extension.
    Gsm7,
    /// UTF-16 (UCS-2 to old networks).
    Ucs2,
}

/// The text of a short message, wiped when dropped.
pub struct SmsText {
    /// What it says.
    pub text: Zeroizing<String>,
    /// How it is to be written.
    pub coding: SmsCoding,
    /// How many messages it is sent in.
    pub parts: usize,
}

impl std::fmt::Debug for SmsText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text: _, coding, parts } = self;
        f.debug_struct("SmsText").field("coding", coding).field("parts", parts).finish()
    }
}

/// The text of what goes by short message; `None` for what goes by mail alone. Days and times are
/// those of `zone`; where that is UTC, the text says so.
#[must_use]
pub fn sms_text(
    template: &Template,
    language: Language,
    service_name: &str,
    zone: FixedOffset,
) -> Option<SmsText> {
    let (day, time) = (|at| day(at, language, zone), |at| time(at, zone));
    let english = language == Language::En;
    let text = match template {
        Template::OtpCode { purpose, requested_at, made_at, code, documents } => {
            let what = phrase(*purpose, *documents, language);
            let (day, time) = (day(*requested_at), time(*made_at));
            if english {
                format!(
                    "{service_name}: {code} is your code to {what}. Request of {day}, code of \
                     {time}. Tell it to nobody."
                )
            } else {
                format!(
                    "{service_name}: {code} è il codice per {what}. Richiesta del {day}, codice \
                     delle {time}. Non lo dica a nessuno."
                )
            }
        }
        Template::PhoneChangeRequested { new_number, at, effective_at } => {
            let (at, from) = (day(*at), day(*effective_at));
            if english {
                format!(
                    "{service_name}: on {at} another phone number ({new_number}) was asked for, \
                     from {from} on. Not you? Log in and cancel it."
                )
            } else {
                format!(
                    "{service_name}: il {at} è stato chiesto un altro numero ({new_number}), dal \
                     {from}. Non è stato lei? Acceda e annulli."
                )
            }
        }
        Template::PhoneChanged { new_number, at } => {
            let at = day(*at);
            if english {
                format!("{service_name}: since {at} codes go to another number ({new_number}).")
            } else {
                format!(
                    "{service_name}: dal {at} i codici arrivano a un altro numero ({new_number})."
                )
            }
        }
        Template::PhoneChangeCancelled { new_number, at } => {
            let at = day(*at);
            if english {
                format!(
                    "{service_name}: the change to another number ({new_number}) was cancelled \
                     on {at}."
                )
            } else {
                format!(
                    "{service_name}: il {at} il cambio di numero ({new_number}) è stato annullato."
                )
            }
        }
        _ => return None,
    };
    Some(SmsText::of(text))
}

impl SmsText {
    /// A text, with what it takes to send it.
    #[must_use]
    pub fn of(text: String) -> Self {
        let text = Zeroizing::new(text);
        // The ellipsis of a masked number is in no alphabet of telephones.
        let text = Zeroizing::new(text.replace(" … ", ".."));
        let septets = text.chars().map(septets).sum::<Option<usize>>();
        let (coding, parts) = match septets {
            Some(septets) => (SmsCoding::Gsm7, parts(septets, 160, 153)),
            None => (SmsCoding::Ucs2, parts(text.encode_utf16().count(), 70, 67)),
        };
        Self { text, coding, parts }
    }
}

fn parts(length: usize, one: usize, each: usize) -> usize {
    if length <= one { 1 } else { length.div_ceil(each) }
}

/// What a character takes of the GSM 7-bit alphabet: one septet, two from its extension, or
/// `None` when it is not in it.
fn septets(c: char) -> Option<usize> {
    /// 3GPP TS 23.038 §6.2.1, in the order of its table; the escape is left out.
    const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                            ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    /// §6.2.1.1.
    const EXTENSION: &str = "\u{c}^{}\\[~]|€";
    if ALPHABET.contains(c) {
        return Some(1);
    }
    EXTENSION.contains(c).then_some(2)
}

/// RFC 3339's day, or the one that Italians write.
fn day(at: i64, language: Language, zone: FixedOffset) -> String {
    let form = if language == Language::En { "%Y-%m-%d" } else { "%d/%m/%Y" };
    crate::stamps::instant(at).with_timezone(&zone).format(form).to_string()
}

fn time(at: i64, zone: FixedOffset) -> String {
    let form = if zone.local_minus_utc() == 0 { "%H:%M:%S UTC" } else { "%H:%M:%S" };
    crate::stamps::instant(at).with_timezone(&zone).format(form).to_string()
}

/// What a code is for, behind "your code to" or "il codice per".
fn phrase(purpose: Purpose, documents: Option<u32>, language: Language) -> String {
    let (english, italian) = match purpose {
        Purpose::RecoverPassword => ("set a new password", "una nuova password"),
        Purpose::Activate => ("activate your certificate", "attivare il certificato"),
        Purpose::Sign => return signing(documents, language),
        Purpose::ChangePin => ("change your PIN", "cambiare il PIN"),
        Purpose::UnlockPin => ("set a new PIN with the PUK", "un nuovo PIN con il PUK"),
        Purpose::Suspend => ("suspend your certificate", "sospendere il certificato"),
        Purpose::Reactivate => ("reactivate your certificate", "riattivare il certificato"),
        Purpose::Revoke => ("revoke your certificate", "revocare il certificato"),
        Purpose::ConfirmRenewal => ("begin the renewal", "iniziare il rinnovo"),
        Purpose::CompleteRenewal => ("complete the renewal", "concludere il rinnovo"),
        Purpose::ChangePhone => ("change your number", "cambiare numero"),
        Purpose::ProvePhone => ("confirm this number", "confermare questo numero"),
        Purpose::ChangeEmail => ("change an e-mail address", "cambiare indirizzo e-mail"),
        Purpose::ChangeQuestion => ("change the secret question", "la domanda segreta"),
        Purpose::ChangeOtpMethod => ("change how codes arrive", "cambiare la via dei codici"),
        Purpose::LinkDevice => ("link a device", "collegare un dispositivo"),
        Purpose::StepUp => ("confirm that it is you", "confermare la sua identità"),
        Purpose::ExportData => ("export your data", "esportare i suoi dati"),
        // Never by message; the words are there for completeness.
        Purpose::ChangePhoneApp => ("change your number", "cambiare numero"),
    };
    if language == Language::En { english } else { italian }.to_owned()
}

fn signing(documents: Option<u32>, language: Language) -> String {
    match (documents, language) {
        (None, Language::En) => "sign".to_owned(),
        (None, Language::It) => "firmare".to_owned(),
        (Some(1), Language::En) => "sign 1 document".to_owned(),
        (Some(1), Language::It) => "firmare 1 documento".to_owned(),
        (Some(n), Language::En) => format!("sign {n} documents"),
        (Some(n), Language::It) => format!("firmare {n} documenti"),
    }
}

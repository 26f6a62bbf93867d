//! What a person types about themselves, read once and strictly: names, addresses, numbers.
//!
//! A value that is read is one that may be stored, printed in an envelope and put into a mail:
//! without control characters, line breaks or marks that turn text around.

use super::HolderError;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use std::fmt;

/// A rule of a field. The name is stable; the text says what to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldRule {
    /// 1 to 80 characters without control characters.
    Name,
    /// An e-mail address.
    Email,
    /// An Italian fiscal code, or one of another country.
    FiscalCode,
    /// The last letter of an Italian fiscal code does not fit the others.
    FiscalCodeCheck,
    /// A phone number of a country.
    Phone,
    /// A birth date in the past, after 1900.
    BirthDate,
    /// `en` or `it`.
    Language,
    /// A text of a bounded length.
    Text,
    /// 8 to 127 bytes that can be typed anywhere.
    Passphrase,
    /// An answer of 3 to 100 characters.
    Answer,
    /// The question and the answer say the same.
    AnswerInQuestion,
    /// The same as it is now.
    Unchanged,
    /// A public key of a device.
    DeviceKey,
    /// What a device is.
    DeviceKind,
    /// What a system alone has.
    SystemAlone,
    /// The hash of a certificate.
    CertificateHash,
    /// The credentials of a system.
    SystemCredentials,
}

impl FieldRule {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Name,
        Self::Email,
        Self::FiscalCode,
        Self::FiscalCodeCheck,
        Self::Phone,
        Self::BirthDate,
        Self::Language,
        Self::Text,
        Self::Passphrase,
        Self::Answer,
        Self::AnswerInQuestion,
        Self::Unchanged,
        Self::DeviceKey,
        Self::DeviceKind,
        Self::SystemAlone,
        Self::CertificateHash,
        Self::SystemCredentials,
    ];

    /// A stable name in kebab-case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email-address",
            Self::FiscalCode => "fiscal-code",
            Self::FiscalCodeCheck => "fiscal-code-check-letter",
            Self::Phone => "phone-number",
            Self::BirthDate => "birth-date",
            Self::Language => "language",
            Self::Text => "text",
            Self::Passphrase => "passphrase",
            Self::Answer => "answer",
            Self::AnswerInQuestion => "answer-not-in-question",
            Self::Unchanged => "not-the-current",
            Self::DeviceKey => "p256-spki",
            Self::DeviceKind => "device-kind",
            Self::SystemAlone => "system-alone",
            Self::CertificateHash => "sha256-hex",
            Self::SystemCredentials => "automatic-credentials",
        }
    }

    /// What to type.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Name => "use 1 to 80 characters, with a letter, without control characters",
            Self::Email => "use an address such as name@example.org, at most 254 characters",
            Self::FiscalCode => {
                "use the 16 letters and digits of an Italian fiscal code, or a country and a \
                 number as in DE-12345678901"
            }
            Self::FiscalCodeCheck => {
                "its last letter does not fit the others; look for a letter or digit typed wrong"
            }
            Self::Phone => "use the country code and the number, as in +39 347 123 4567",
            Self::BirthDate => "use a date in the past, after 1900, as in 1985-12-10",
            Self::Language => "use en or it",
            Self::Text => "use 1 to 200 characters without control characters",
            Self::Passphrase => "use 8 to 127 characters that can be typed on any keyboard",
            Self::Answer => "use 3 to 100 characters",
            Self::AnswerInQuestion => "choose an answer that the question does not give away",
            Self::Unchanged => "it is the same as it is now",
            Self::DeviceKey => {
                "use a P-256 key as DER of SubjectPublicKeyInfo, the point uncompressed"
            }
            Self::DeviceKind => "use phone or system",
            Self::SystemAlone => "a system alone has it: leave it out for a phone",
            Self::CertificateHash => "use the SHA-256 of the certificate's DER, 64 digits 0-9 a-f",
            Self::SystemCredentials => {
                "name 1 to 100 automatic credentials of yours, each once, or leave it out for all"
            }
        }
    }

    /// The refusal of a field.
    pub(crate) fn broken_by(self, field: &'static str) -> HolderError {
        HolderError::BadField { field, rule: self }
    }
}

/// A language that the service speaks. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Language {
    /// English.
    #[default]
    #[n(0)]
    En,
    /// Italian.
    #[n(1)]
    It,
}

impl Language {
    /// Reads `en` or `it`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, HolderError> {
        match text {
            "en" => Ok(Self::En),
            "it" => Ok(Self::It),
            _ => Err(FieldRule::Language.broken_by(field)),
        }
    }

    /// The two letters of ISO 639-1.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::It => "it",
        }
    }
}

/// An e-mail address. Addresses that differ in case only are the same one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address: the plain form of RFC 5321 §4.1.2 (a dot-string, `@`, a domain of at
    /// least two labels) in ASCII, as it is stored: in lower case.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, HolderError> {
        let text = text.trim();
        if is_address(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(FieldRule::Email.broken_by(field))
    }

    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for somebody who may not know it: `a…@example.org`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        let first: String = local.chars().take(1).collect();
        format!("{first}…@{domain}")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data do not go into logs.
        f.write_str("Email")
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    // RFC 5322 §3.2.3, atext.
    let atext = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
    let local_part = (1..=64).contains(&local.len())
        && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    local_part
        && text.len() <= 254
        && domain.contains('.')
        && domain.split('.').all(label)
        // A number there is an address of a machine, not a domain.
        && top.bytes().any(|c| c.is_ascii_alphabetic())
}

/// Reads a name as a person writes it: blanks at the ends are cut, and those inside made one.
pub(crate) fn person_name(field: &'static str, text: &str) -> Result<String, HolderError> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let allowed = (1..=80).contains(&name.chars().count())
        && name.chars().any(char::is_alphabetic)
        // Names stand in mails, where a digit or one of these makes an address to follow.
        && !name.contains(|c: char| c.is_numeric() || "/:@\\".contains(c))
        && is_plain(&name);
    if allowed { Ok(name) } else { Err(FieldRule::Name.broken_by(field)) }
}

/// Reads a line of text of 1 to 200 characters.
pub(crate) fn line(field: &'static str, text: &str) -> Result<String, HolderError> {
    let text = text.trim();
    let allowed = (1..=200).contains(&text.chars().count()) && is_plain(text);
    if allowed { Ok(text.to_owned()) } else { Err(FieldRule::Text.broken_by(field)) }
}

/// What a client says that it is: cut to 200 characters, and without those that are not plain.
pub(crate) fn client(text: &str) -> String {
    text.chars().filter(|c| is_plain_character(*c)).take(200).collect()
}

/// No control characters, and none of those that turn or hide text.
fn is_plain(text: &str) -> bool {
    text.chars().all(is_plain_character)
}

fn is_plain_character(c: char) -> bool {
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !c.is_control() && !hidden
}

/// Reads a birth date: past, and after 1900.
pub(crate) fn birth_date(
    field: &'static str,
    date: NaiveDate,
    now: DateTime<Utc>,
) -> Result<NaiveDate, HolderError> {
    let allowed = date.year() > 1900 && date < now.date_naive();
    if allowed { Ok(date) } else { Err(FieldRule::BirthDate.broken_by(field)) }
}

/// Reads a fiscal code: the 16 characters of an Italian one, its check letter included, or a
/// country (ISO 3166-1, two letters), a hyphen, and 4 to 20 letters and digits.
pub(crate) fn fiscal_code(field: &'static str, text: &str) -> Result<String, HolderError> {
    let code: String =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    if let Some((country, number)) = code.split_once('-') {
        let foreign = country.len() == 2
            && country.bytes().all(|c| c.is_ascii_uppercase())
            && (4..=20).contains(&number.len())
            && number.bytes().all(|c| c.is_ascii_alphanumeric());
        return if foreign { Ok(code) } else { Err(FieldRule::FiscalCode.broken_by(field)) };
    }
    if !has_italian_form(code.as_bytes()) {
        return Err(FieldRule::FiscalCode.broken_by(field));
    }
    let (body, check) = code.split_at(15);
    if check.bytes().next() != Some(italian_check_letter(body.as_bytes())) {
        return Err(FieldRule::FiscalCodeCheck.broken_by(field));
    }
    Ok(code)
}

/// The birth dates that an Italian fiscal code may stand for: two digits of a year are of two
/// centuries.
pub(crate) fn birth_dates_in(code: &str) -> [Option<NaiveDate>; 2] {
    [1900, 2000].map(|century| birth_date_in(code.as_bytes(), century))
}

/// Year, month and day stand in the characters 7 to 11; of women the day is 40 more.
fn birth_date_in(code: &[u8], century: i32) -> Option<NaiveDate> {
    if !has_italian_form(code) {
        return None;
    }
    // A letter that stands for a digit stands for its place in this row.
    let digit = |place: usize| match code[place] {
        c @ b'0'..=b'9' => Some(u32::from(c - b'0')),
        c => b"LMNPQRSTUV".iter().position(|other| *other == c).and_then(|d| u32::try_from(d).ok()),
    };
    let two = |place: usize| Some(digit(place)? * 10 + digit(place + 1)?);
    let month = b"ABCDEHLMPRST".iter().position(|letter| *letter == code[8])?;
    let (year, month) = (i32::try_from(two(6)?).ok()?, u32::try_from(month).ok()?);
    let day = two(9)?;
    let day = if day > 40 { day - 40 } else { day };
    NaiveDate::from_ymd_opt(century + year, month + 1, day)
}

/// `LLLLLL DD L DD L DDD L`: letters, and digits for which a letter may stand (omocodia).
fn has_italian_form(code: &[u8]) -> bool {
    const FORM: &[u8; 16] = b"LLLLLLDDLDDLDDDL";
    let fits = |(c, form): (&u8, &u8)| match form {
        b'L' => c.is_ascii_uppercase(),
        _ => c.is_ascii_digit() || b"LMNPQRSTUV".contains(c),
    };
    code.len() == FORM.len() && code.iter().zip(FORM).all(fits)
}

/// The check letter of an Italian fiscal code (D.M. 23 December 1976, art. 11 to 13): values of
/// the characters in odd and in even places, added, modulo 26.
fn italian_check_letter(body: &[u8]) -> u8 {
    // For 0 to 9, and the same again for A to J; then K to Z.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let index = |c: u8| u32::from(if c.is_ascii_digit() { c - b'0' } else { c - b'A' });
    let value = |(place, c): (usize, &u8)| {
        let index = index(*c);
        // The first place is odd, as people count.
        if place % 2 == 0 { ODD.get(index as usize).copied().unwrap_or(0) } else { index }
    };
    let sum: u32 = body.iter().enumerate().map(value).sum();
    // Below 26, so that it is a letter.
    b'A' + (sum % 26) as u8
}

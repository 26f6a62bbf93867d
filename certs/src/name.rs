//! Distinguished names: made from their parts, and shown to people (RFC 5280 §4.1.2.4).

use crate::oid;
use rasn::types::{Any, Oid, PrintableString, SetOf};
use rasn_pkix::{AttributeTypeAndValue, Name, RelativeDistinguishedName};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// The subject of a certificate that this service issues.
///
/// Every certificate names a country and a commonName. On top of them: organizationName for a
/// machine (EN 319 422 §6.2 for a time-stamping unit), a person's names and serialNumber for a
/// natural person (EN 319 412-2 §4.2.4), organizationName and organizationIdentifier for a legal
/// person (EN 319 412-3 §4.2.1). The constructors fill in what each of them needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    /// countryName: two capital letters (ISO 3166).
    pub country: String,
    /// organizationName: 1 to 64 characters.
    pub organization: Option<String>,
    /// organizationIdentifier, such as `VATIT-12345678901` (EN 319 412-1 §5.1.4).
    pub organization_identifier: Option<String>,
    /// givenName: 1 to 64 characters.
    pub given_name: Option<String>,
    /// surname: 1 to 64 characters.
    pub surname: Option<String>,
    /// pseudonym, in place of givenName and surname: 1 to 64 characters.
    pub pseudonym: Option<String>,
    /// serialNumber, such as `TINIT-RSSMRA80A01H501U` (EN 319 412-1 §5.1.3): it tells two people
    /// of one name apart.
    pub serial_number: Option<String>,
    /// commonName: 1 to 64 characters.
    pub common_name: String,
}

/// What is wrong with a part of a distinguished name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// countryName.
    #[error("countryName {0:?}: must be two capital letters (ISO 3166), such as \"IT\"")]
    Country(String),
    /// serialNumber is a PrintableString (RFC 5280 A.1).
    #[error(
        "serialNumber {0:?}: must be 1 to 64 of the characters A-Z, a-z, 0-9, blank and '()+,-./:=?"
    )]
    SerialNumber(String),
    /// One of the other attributes.
    #[error(
        "{attribute} {value:?}: must be 1 to 64 visible characters, none of them a control or \
         format character, with no blank at either end"
    )]
    Text {
        /// The attribute's name in X.520.
        attribute: &'static str,
        /// The value given.
        value: String,
    },
    /// A holder's name lacks an attribute.
    #[error("{attribute} is missing: {needed}")]
    Missing {
        /// The attribute's name in X.520.
        attribute: &'static str,
        /// Who needs it, and where that is written.
        needed: &'static str,
    },
    /// EN 319 412-2 §4.2.4 has names or a pseudonym; both together would give the pseudonym away.
    #[error(
        "pseudonym: stands beside givenName or surname; give either the pseudonym or the names"
    )]
    PseudonymAndName,
}

impl DistinguishedName {
    /// A machine of an organization: a CA, a time-stamping unit, a responder, a client.
    #[must_use]
    pub fn organization(country: &str, organization: &str, common_name: &str) -> Self {
        Self {
            country: country.to_owned(),
            organization: Some(organization.to_owned()),
            common_name: common_name.to_owned(),
            ..Self::default()
        }
    }

    /// A natural person (EN 319 412-2 §4.2.4); the commonName is both names.
    #[must_use]
    pub fn natural_person(
        country: &str,
        given_name: &str,
        surname: &str,
        serial_number: &str,
    ) -> Self {
        Self {
            country: country.to_owned(),
            given_name: Some(given_name.to_owned()),
            surname: Some(surname.to_owned()),
            serial_number: Some(serial_number.to_owned()),
            common_name: format!("{given_name} {surname}"),
            ..Self::default()
        }
    }

    /// A legal person (EN 319 412-3 §4.2.1); the commonName is the organization's name.
    #[must_use]
    pub fn legal_person(country: &str, organization: &str, identifier: &str) -> Self {
        Self {
            organization_identifier: Some(identifier.to_owned()),
            ..Self::organization(country, organization, organization)
        }
    }

    /// The name as it stands in a certificate.
    ///
    /// # Errors
    /// [`NameError`] for the first part that X.520 does not allow.
    pub fn to_name(&self) -> Result<Name, NameError> {
        let optional = [
            (oid::ORGANIZATION_NAME, "organizationName", &self.organization),
            (oid::ORGANIZATION_IDENTIFIER, "organizationIdentifier", &self.organization_identifier),
            (oid::SURNAME, "surname", &self.surname),
            (oid::GIVEN_NAME, "givenName", &self.given_name),
            (oid::PSEUDONYM, "pseudonym", &self.pseudonym),
        ];
        let mut attributes = vec![country(&self.country)?];
        for (kind, attribute, value) in optional {
            if let Some(value) = value {
                attributes.push(text(kind, attribute, value)?);
            }
        }
        if let Some(number) = &self.serial_number {
            attributes.push(serial_number(number)?);
        }
        attributes.push(text(oid::COMMON_NAME, "commonName", &self.common_name)?);
        let relative =
            |attribute| RelativeDistinguishedName::from(SetOf::from_vec(vec![attribute]));
        Ok(Name::RdnSequence(attributes.into_iter().map(relative).collect()))
    }

    /// Whether this names a natural person or a legal one, as a holder's certificate must.
    ///
    /// # Errors
    /// [`NameError`] for the first attribute that is missing or too many.
    pub fn check_natural_or_legal(&self) -> Result<(), NameError> {
        let missing = |attribute, needed| Err(NameError::Missing { attribute, needed });
        let named = self.given_name.is_some() || self.surname.is_some();
        if named && self.pseudonym.is_some() {
            return Err(NameError::PseudonymAndName);
        }
        if named || self.pseudonym.is_some() {
            // EN 319 412-2 §4.2.4 asks for it where the names alone do not tell the subject from
            // others. No registry of names is kept here that could tell, so it always stands.
            if self.serial_number.is_none() {
                let needed = "it tells two people of one name apart (EN 319 412-2 §4.2.4); give \
                              an identifier such as a tax number";
                return missing("serialNumber", needed);
            }
            return Ok(());
        }
        if self.organization.is_none() {
            let needed = "a holder is a natural person with givenName, surname and serialNumber \
                          (EN 319 412-2 §4.2.4), or a legal person with organizationName and \
                          organizationIdentifier (EN 319 412-3 §4.2.1)";
            return missing("organizationName", needed);
        }
        if self.organization_identifier.is_none() {
            let needed = "it tells two organizations of one name apart (EN 319 412-3 §4.2.1); \
                          give one such as VATIT-12345678901";
            return missing("organizationIdentifier", needed);
        }
        Ok(())
    }
}

// RFC 5280 A.1: "X520countryName ::= PrintableString (SIZE (2))".
fn country(value: &str) -> Result<AttributeTypeAndValue, NameError> {
    let refused = || NameError::Country(value.to_owned());
    if value.len() != 2 || !value.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(refused());
    }
    printable(oid::COUNTRY_NAME, value).ok_or_else(refused)
}

// RFC 5280 A.1: "X520SerialNumber ::= PrintableString (SIZE (1..ub-serial-number))", which is 64.
fn serial_number(value: &str) -> Result<AttributeTypeAndValue, NameError> {
    let refused = || NameError::SerialNumber(value.to_owned());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    if value.is_empty() || value.len() > 64 || !value.bytes().all(allowed) {
        return Err(refused());
    }
    printable(oid::SERIAL_NUMBER, value).ok_or_else(refused)
}

fn printable(kind: &Oid, value: &str) -> Option<AttributeTypeAndValue> {
    let text = PrintableString::from_bytes(value.as_bytes()).ok()?;
    let value = rasn::der::encode(&text).ok()?;
    Some(AttributeTypeAndValue { r#type: kind.into(), value: Any::new(value) })
}

// RFC 5280 §4.1.2.4: CAs "MUST use either the PrintableString or UTF8String encoding".
fn text(
    kind: &Oid,
    attribute: &'static str,
    value: &str,
) -> Result<AttributeTypeAndValue, NameError> {
    let refused = || NameError::Text { attribute, value: value.to_owned() };
    // RFC 5280 A.1: ub-common-name and ub-organization-name are 64. A person's names may be
    // longer there; one limit for all keeps them within what a commonName can repeat.
    let length = value.chars().count();
    if length == 0 || length > 64 || value.trim() != value || value.chars().any(is_unseen) {
        return Err(refused());
    }
    let value = rasn::der::encode(&value.to_owned()).map_err(|_| refused())?;
    Ok(AttributeTypeAndValue { r#type: kind.into(), value: Any::new(value) })
}

/// A character that cannot be seen, or changes how its neighbours are read: controls, formats
/// (directions, zero widths), private and unassigned ones, and the separators of lines and
/// paragraphs. A name with one of them can be made to look like another name.
fn is_unseen(character: char) -> bool {
    use GeneralCategory::{LineSeparator, ParagraphSeparator};
    character.general_category_group() == GeneralCategoryGroup::Other
        || matches!(character.general_category(), LineSeparator | ParagraphSeparator)
}

/// A name for people and logs: `C=IT, O=…, CN=…`. Whatever the certificate holds, the result is
/// one line without control characters, and no value can be read as two (RFC 4514 §2.4).
#[must_use]
pub fn display_name(name: &Name) -> String {
    let Name::RdnSequence(relative) = name;
    let mut shown = String::new();
    for attribute in relative.iter().flat_map(|rdn| rdn.to_vec()) {
        if !shown.is_empty() {
            shown.push_str(", ");
        }
        match short_name(&attribute.r#type) {
            Some(short) => shown.push_str(short),
            None => shown.push_str(&attribute.r#type.to_string()),
        }
        shown.push('=');
        escape_into(&mut shown, &string_content(attribute.value.as_bytes()));
    }
    if shown.is_empty() { "(empty name)".to_owned() } else { shown }
}

fn escape_into(shown: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => shown.extend(['\\', character]),
            seen if !is_unseen(seen) => shown.push(seen),
            unseen => shown.extend(unseen.escape_unicode()),
        }
    }
}

fn short_name(kind: &Oid) -> Option<&'static str> {
    [
        (oid::COMMON_NAME, "CN"),
        (oid::COUNTRY_NAME, "C"),
        (oid::ORGANIZATION_NAME, "O"),
        (oid::ORGANIZATIONAL_UNIT, "OU"),
        (oid::SURNAME, "SN"),
        (oid::GIVEN_NAME, "GN"),
        (oid::PSEUDONYM, "pseudonym"),
        (oid::SERIAL_NUMBER, "serialNumber"),
        (oid::ORGANIZATION_IDENTIFIER, "organizationIdentifier"),
    ]
    .into_iter()
    .find_map(|(known, short)| (known == kind).then_some(short))
}

/// The characters of a DirectoryString; other types and encodings lose what is not UTF-8.
fn string_content(der: &[u8]) -> String {
    let content = match der {
        [_, length, rest @ ..] if *length < 0x80 => rest,
        [_, 0x81, _, rest @ ..] => rest,
        other => other,
    };
    String::from_utf8_lossy(content).into_owned()
}

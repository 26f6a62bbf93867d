//! Distinguished names: made from their parts, and shown to people (RFC 5280 §4.1.2.4).

use crate::oid;
use rasn::types::{Any, Oid, PrintableString, SetOf};
use rasn_pkix::{AttributeTypeAndValue, Name, RelativeDistinguishedName};

/// The subject of a certificate that this service issues.
///
/// EN 319 422 §6.2 asks for countryName, organizationName and a commonName unique to the unit;
/// organizationIdentifier is recommended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    /// countryName: two capital letters (ISO 3166).
    pub country: String,
    /// organizationName: 1 to 64 characters.
    pub organization: String,
    /// organizationIdentifier, such as `VATIT-12345678901` (EN 319 412-1 §5.1.4).
    pub organization_identifier: Option<String>,
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
    /// One of the other attributes.
    #[error("{attribute} {value:?}: must be 1 to 64 characters, none of them a control character")]
    Text {
        /// The attribute's name in X.520.
        attribute: &'static str,
        /// The value given.
        value: String,
    },
}

impl DistinguishedName {
    /// The name as it stands in a certificate.
    ///
    /// # Errors
    /// [`NameError`] for the first part that X.520 does not allow.
    pub fn to_name(&self) -> Result<Name, NameError> {
        let mut attributes = vec![
            country(&self.country)?,
            text(oid::ORGANIZATION_NAME, "organizationName", &self.organization)?,
        ];
        if let Some(identifier) = &self.organization_identifier {
            let kind = "organizationIdentifier";
            attributes.push(text(oid::ORGANIZATION_IDENTIFIER, kind, identifier)?);
        }
        attributes.push(text(oid::COMMON_NAME, "commonName", &self.common_name)?);
        let relative =
            |attribute| RelativeDistinguishedName::from(SetOf::from_vec(vec![attribute]));
        Ok(Name::RdnSequence(attributes.into_iter().map(relative).collect()))
    }
}

// RFC 5280 A.1: "X520countryName ::= PrintableString (SIZE (2))".
fn country(value: &str) -> Result<AttributeTypeAndValue, NameError> {
    let refused = || NameError::Country(value.to_owned());
    if value.len() != 2 || !value.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(refused());
    }
    let text = PrintableString::from_bytes(value.as_bytes()).map_err(|_| refused())?;
    let value = rasn::der::encode(&text).map_err(|_| refused())?;
    Ok(AttributeTypeAndValue { r#type: oid::COUNTRY_NAME.into(), value: Any::new(value) })
}

// RFC 5280 §4.1.2.4: CAs "MUST use either the PrintableString or UTF8String encoding".
fn text(
    kind: &Oid,
    attribute: &'static str,
    value: &str,
) -> Result<AttributeTypeAndValue, NameError> {
    let refused = || NameError::Text { attribute, value: value.to_owned() };
    // RFC 5280 A.1: ub-common-name and ub-organization-name are 64.
    let length = value.chars().count();
    if length == 0 || length > 64 || value.chars().any(char::is_control) {
        return Err(refused());
    }
    let value = rasn::der::encode(&value.to_owned()).map_err(|_| refused())?;
    Ok(AttributeTypeAndValue { r#type: kind.into(), value: Any::new(value) })
}

/// A name for people and logs: `C=IT, O=…, CN=…`. Whatever the certificate holds, the result is
/// one line without control characters.
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
        shown.extend(string_content(attribute.value.as_bytes()).escape_debug());
    }
    if shown.is_empty() { "(empty name)".to_owned() } else { shown }
}

fn short_name(kind: &Oid) -> Option<&'static str> {
    [
        (oid::COMMON_NAME, "CN"),
        (oid::COUNTRY_NAME, "C"),
        (oid::ORGANIZATION_NAME, "O"),
        (oid::ORGANIZATIONAL_UNIT, "OU"),
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

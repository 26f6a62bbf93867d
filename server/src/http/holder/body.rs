//! Bodies of a holder's requests: JSON objects, said to be JSON.
//!
//! A page of another site can make a browser send a form or plain text without asking; it cannot
//! send `application/json` (Fetch standard, CORS-safelisted request-header). So the media type is
//! asked for even where nobody has to be logged in.

use super::problem::refused;
use crate::http::body::{LIMIT, Member, check_media_type, member, object, read_within};
use crate::http::problem::Problem;
use crate::service::Service;
use accounts::holders::OperationId;
use actix_web::HttpRequest;
use actix_web::web::Payload;
use chrono::{DateTime, Utc};
use serde::de::value::{self, StringDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::Deref;
use zeroize::Zeroizing;

/// Reads a JSON object of at most 16 KiB. Whoever asks is known before, where that is needed.
pub(crate) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
) -> Result<T, Problem> {
    json_within(request, payload, service, LIMIT).await
}

/// As [`json`], for a body of at most `limit` bytes.
pub(crate) async fn json_within<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    limit: usize,
) -> Result<T, Problem> {
    check_media_type(request, "application/json")?;
    let bytes = read_within(request, payload, limit, service.limits.body_timeout).await?;
    object(&bytes)
}

/// A password, a PIN, a code: wiped when it is not needed any more, and never printed.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, to be kept on.
    pub(crate) fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A word of an enumeration. One that is not known breaks a rule of its field, as a number that
/// cannot be one does; the body is not broken by it.
#[derive(Clone, Debug)]
pub(crate) enum Word<T> {
    /// It is one of the words.
    Known(T),
    /// It is another; with what is allowed.
    Unknown(String),
}

impl<T> Word<T> {
    /// The value of the word in `field`.
    pub(crate) fn known(self, field: &'static str) -> Result<T, Problem> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(reason) => {
                let detail = format!("{field} is not allowed: {reason}");
                Err(refused("invalid-field", detail, Some(field), Some("one-of")))
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::of)
    }
}

impl<'de, T: Deserialize<'de>> Word<T> {
    /// A text that may be one of the words.
    pub(crate) fn of(text: String) -> Self {
        let word: StringDeserializer<value::Error> = text.into_deserializer();
        T::deserialize(word).map_or_else(|error| Self::Unknown(error.to_string()), Self::Known)
    }
}

/// An instant of a request, RFC 3339; with the name of its field where it is none.
pub(crate) fn instant(field: &'static str, text: &str) -> Result<DateTime<Utc>, Problem> {
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| {
        let detail =
            format!("{field} is not allowed: use an instant of RFC 3339, as in {AN_INSTANT}");
        refused("invalid-field", detail, Some(field), Some("rfc-3339"))
    })
}

/// What an instant looks like.
pub(crate) const AN_INSTANT: &str = "2027-01-31T12:00:00Z";

/// A one-time code that was typed, and the operation that it was asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct OneTimeCode {
    /// `operation` of the answer that told that a code was sent: 32 digits 0-9 a-f.
    operation: String,
    /// The six digits.
    #[schema(value_type = String, format = Password, example = "123456")]
    pub(crate) code: Secret,
}

impl<'de> Deserialize<'de> for OneTimeCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member(deserializer)
    }
}

impl Member for OneTimeCode {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl OneTimeCode {
    /// The operation, when it is one at all.
    pub(crate) fn operation(&self) -> Result<OperationId, Problem> {
        self.operation.parse().map_err(|error: accounts::holders::BadId| Problem::Invalid {
            field: "otp.operation".to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{OneTimeCode, Problem, Secret, Word};

    #[test]
    fn a_secret_is_not_printed() {
        let code = r#"{"operation":"00","code":"123456"}"#;
        let code: OneTimeCode = serde_json::from_str(code).unwrap();
        assert_eq!(&*code.code, "123456");
        assert!(!format!("{code:?}").contains("123456"));
        let refused = code.operation().unwrap_err().to_string();
        assert!(refused.starts_with("otp.operation: "), "{refused}");
    }

    #[test]
    fn a_word_that_is_not_known_breaks_a_rule_of_its_field() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Colour {
            LightRed,
            Blue,
        }
        let known: Word<Colour> = serde_json::from_str("\"light-red\"").unwrap();
        assert_eq!(known.known("colour").unwrap(), Colour::LightRed);
        let unknown: Word<Colour> = serde_json::from_str("\"green\"").unwrap();
        let Problem::Refused(refused) = unknown.known("colour").unwrap_err() else { panic!() };
        assert_eq!((refused.field, refused.rule), (Some("colour"), Some("one-of")));
        assert!(refused.detail.contains("`light-red` or `blue`"), "{}", refused.detail);
        assert!(serde_json::from_str::<Word<Colour>>("7").is_err());
        let other: Word<Colour> = serde_json::from_str("\"blue\"").unwrap();
        assert_eq!(other.known("colour").unwrap(), Colour::Blue);
    }

    #[test]
    fn what_nobody_asked_for_is_refused() {
        let more = r#"{"operation":"00","code":"1","holder":"h-1"}"#;
        assert!(serde_json::from_str::<OneTimeCode>(more).is_err());
        assert!(serde_json::from_str::<Secret>("12345678").is_err(), "a PIN is a text");
    }
}

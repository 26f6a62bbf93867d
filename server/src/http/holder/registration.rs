//! `POST /api/v1/registrations`: somebody who is not known yet asks for an account.
//!
//! The answer is the same whether the address has an account, has asked before, or is new: only
//! the mail to that address says it (ASVS 5.0, 6.3.8).

use super::body::{Secret, Word};
use super::problem::holder as problem;
use super::{answer, body, reachable};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::credential::CredentialKind;
use accounts::holders::registration::{EnvelopePassphrase, NewRegistration};
use accounts::holders::{FieldRule, HolderError, Language};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::NaiveDate;
use serde::Deserialize;

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(request_registration))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let ask = web::post().to(request_registration);
    config.service(resource("/api/v1/registrations", "POST", [ask]));
}

/// Who is to be registered.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    given_name: String,
    surname: String,
    /// An Italian fiscal code, or a country and a number as in `DE-12345678901`.
    #[schema(example = "RSSMRA85T10A562S")]
    fiscal_code: String,
    /// As in `1985-12-10`.
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Option<String>,
    /// The e-mail address, which becomes the user ID.
    email: String,
    /// The mobile number that one-time codes go to, with its country code.
    #[schema(example = "+39 347 123 4567")]
    phone: String,
    /// What opens the envelope: 8 to 127 characters.
    #[schema(value_type = Option<String>, format = Password)]
    passphrase: Option<Secret>,
    /// The fiscal code in capitals opens the envelope, in the place of a passphrase.
    #[serde(default)]
    fiscal_code_as_passphrase: bool,
    #[schema(value_type = Kind)]
    kind: Word<Kind>,
    /// Of mails and pages: `en` or `it`.
    language: String,
}

/// How a credential signs.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Every signature with PIN and one-time code.
    Remote,
    /// Unattended, by a system that the holder has linked.
    Automatic,
}

impl Registration {
    /// The same as `accounts` wants it; the rules of the fields are checked there.
    pub(crate) fn read(self) -> Result<NewRegistration, Problem> {
        let bad = |field, rule| problem(HolderError::BadField { field, rule });
        let passphrase = match (self.passphrase, self.fiscal_code_as_passphrase) {
            (Some(own), false) => EnvelopePassphrase::Own(own.into_inner()),
            (None, true) => EnvelopePassphrase::FiscalCode,
            // One of the two, so that nobody wonders which one opens the envelope.
            _ => return Err(bad("passphrase", FieldRule::Passphrase)),
        };
        let date = |text: String| NaiveDate::parse_from_str(&text, "%Y-%m-%d");
        let birth_date = self.birth_date.map(date).transpose();
        Ok(NewRegistration {
            given_name: self.given_name,
            surname: self.surname,
            fiscal_code: self.fiscal_code,
            birth_date: birth_date.map_err(|_| bad("birth_date", FieldRule::BirthDate))?,
            email: self.email,
            phone: self.phone,
            passphrase,
            kind: match self.kind.known("kind")? {
                Kind::Remote => CredentialKind::Remote,
                Kind::Automatic => CredentialKind::Automatic,
            },
            language: Language::parse("language", &self.language).map_err(problem)?,
        })
    }
}

/// Asks for an account. An operator looks at the request; the answer says nothing of the address.
#[utoipa::path(post, path = "/api/v1/registrations", tag = "joining",
    operation_id = "request_registration", request_body = Registration,
    responses((status = 202, body = answer::Received), (status = 400, body = ProblemBody),
        (status = 415, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(crate) async fn request_registration(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    reachable(&service)?;
    let wanted: Registration = body::json(&request, payload, &service).await?;
    let (new, from, now) = (wanted.read()?, caller_address(&request), service.clock.now());
    service.holders.request_registration(new, from, now).await.map_err(problem)?;
    Ok(answer::accepted())
}

//! `/api/v1/passwords/…` and `/api/v1/holder/password`: the rules while somebody types, the first
//! password with its link, another one by knowing the current.

use super::body::Secret;
use super::problem::holder as problem;
use super::{access, answer, body};
use crate::http::caller::caller_address;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::service::Service;
use accounts::holders::TypedTwice;
use accounts::holders::password::RuleOutcome;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(check_password, set_first_password, change_password))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/passwords/check", "POST", [web::post().to(check_password)]))
        .service(resource("/api/v1/passwords/first", "POST", [web::post().to(set_first_password)]))
        .service(resource("/api/v1/holder/password", "POST", [web::post().to(change_password)]));
}

/// A password that somebody is typing.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    /// The link of the invitation or the recovery; not with a login.
    #[schema(value_type = Option<String>, format = Password)]
    token: Option<Secret>,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// The rules, in the order in which they are shown.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

/// A rule, and whether the password meets it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Rule {
    /// Stable name.
    #[schema(example = "min-length")]
    rule: &'static str,
    met: bool,
    /// What to do.
    text: &'static str,
}

impl From<RuleOutcome> for Rule {
    fn from(RuleOutcome { rule, met }: RuleOutcome) -> Self {
        Self { rule: rule.name(), met, text: rule.text() }
    }
}

/// Tells which rules a password meets, while it is typed.
#[utoipa::path(post, path = "/api/v1/passwords/check", tag = "joining",
    operation_id = "check_password", request_body = Typed,
    responses((status = 200, body = Rules), (status = 401, body = ProblemBody),
        (status = 410, body = ProblemBody)), security((), ("holder" = [])))]
pub(crate) async fn check_password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    // Who is logged in needs no link. Whoever has neither is told so before the body is read.
    let access = match request.headers().contains_key(AUTHORIZATION) {
        true => Some(access::own_password(&request, &service).await?),
        false => None,
    };
    let Typed { token, password } = body::json(&request, payload, &service).await?;
    let now = service.clock.now();
    let rules = match (access, token) {
        (Some(access), None) => service.holders.check_password(access.holder, &password),
        (None, Some(token)) => service.holders.check_password_with_link(&token, &password, now),
        (None, None) => return Err(Problem::HolderUnauthorized),
        (Some(_), Some(_)) => {
            let reason = "send the link or the token of a login, and not both".to_owned();
            return Err(Problem::Invalid { field: "token".to_owned(), reason });
        }
    };
    let rules = rules.map_err(problem)?.into_iter().map(Rule::from).collect();
    Ok(answer::ok(&Rules { rules }))
}

/// The first password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstPassword {
    /// The link of the invitation.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
}

/// Sets the first password with the link of the invitation: the account is active.
#[utoipa::path(post, path = "/api/v1/passwords/first", tag = "joining",
    operation_id = "set_first_password", request_body = FirstPassword,
    responses((status = 204), (status = 410, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(crate) async fn set_first_password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let FirstPassword { token, password, repeat } = body::json(&request, payload, &service).await?;
    let typed = TypedTwice { new: &password, repeat: &repeat };
    let now = service.clock.now();
    service.holders.set_first_password(&token, &typed, now).await.map_err(problem)?;
    Ok(answer::done())
}

/// Another password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(crate) struct Change {
    #[schema(value_type = String, format = Password)]
    current: Secret,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// The same again.
    #[schema(value_type = String, format = Password)]
    repeat: Secret,
}

/// Changes the password. Every other session of the holder ends.
#[utoipa::path(post, path = "/api/v1/holder/password", tag = "holder",
    operation_id = "change_password", request_body = Change,
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "The current password is not right", body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn change_password(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::own_password(&request, &service).await?;
    let Change { current, password, repeat } = body::json(&request, payload, &service).await?;
    let typed = TypedTwice { new: &password, repeat: &repeat };
    let (from, now) = (caller_address(&request), service.clock.now());
    let changed = service.holders.change_own_password(&access, &current, &typed, from, now).await;
    changed.map_err(problem)?;
    service.lock_dead_keys(Some(access.holder)).await;
    Ok(answer::done())
}

//! `POST /api/v1/links`: what the page of a mailed link shows before anything is done with it.
//!
//! The link stands behind the `#` of the mailed address, where no server and no log sees it; the
//! page sends it in a body.

use super::body::Secret;
use super::problem::holder as problem;
use super::{answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::{LinkView, question};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show_link))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/api/v1/links", "POST", [web::post().to(show_link)]));
}

/// A link out of a mail.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkToken {
    /// What stands behind the `#` of the mailed address.
    #[schema(value_type = String, format = Password)]
    pub(super) token: Secret,
}

/// A link that is live.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Link {
    /// What it is for: `set-password`, `recover-password`, `confirm-user-id`,
    /// `confirm-notice-email` or `cancel-phone-change`.
    purpose: &'static str,
    /// The user ID, masked.
    #[schema(example = "a…@example.org")]
    user_id: String,
    /// The number that one-time codes go to, masked.
    phone: String,
    /// Whether one-time codes come from an authenticator app.
    totp: bool,
    /// The secret question that has to be answered still, or null.
    question: Option<AskedQuestion>,
    ends_at: String,
}

/// A secret question: one of the list, or the holder's own words.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AskedQuestion {
    /// By its name in `/api/v1/questions`.
    Listed(String),
    /// In the holder's own words.
    Own(String),
}

impl From<String> for AskedQuestion {
    fn from(text: String) -> Self {
        if question::LISTED.contains(&text.as_str()) { Self::Listed(text) } else { Self::Own(text) }
    }
}

impl From<LinkView> for Link {
    fn from(view: LinkView) -> Self {
        Self {
            purpose: view.purpose.word(),
            user_id: view.user_id,
            phone: view.phone,
            totp: view.totp,
            question: view.question.map(AskedQuestion::from),
            ends_at: rfc3339(view.ends_at),
        }
    }
}

/// Shows what a link is for. Nothing is used up.
#[utoipa::path(post, path = "/api/v1/links", tag = "joining", operation_id = "show_link",
    request_body = LinkToken,
    responses((status = 200, body = Link),
        (status = 410, description = "Unknown, used, replaced or over", body = ProblemBody)))]
pub(crate) async fn show_link(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let LinkToken { token } = body::json(&request, payload, &service).await?;
    let view = service.holders.link(&token, service.clock.now()).map_err(problem)?;
    Ok(answer::ok(&Link::from(view)))
}

//! Mails and short messages to holders: what became of them. What they say is sealed, and whom
//! they go to is the holder's: neither is shown.

use super::accounts::{invalid, place, query};
use super::holders::parse;
use super::registrations::operator;
use super::{Reason, admitted, fresh};
use crate::http::auth;
use crate::http::holder::problem::holder as problem;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::stamp_account::rfc3339;
use crate::http::{GET, get, resource};
use crate::service::Service;
use ::accounts::holders::MessageId;
use ::accounts::holders::messages::{Delivery, MessageState, MessageView};
use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_messages, messages_of, retry_message))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let retry = web::post().to(retry_message);
    config
        .service(resource("/api/v1/admin/messages", GET, [get(list_messages)]))
        .service(resource("/api/v1/admin/messages/{message}/retry", "POST", [retry]))
        .service(resource("/api/v1/admin/holders/{holder}/messages", GET, [get(messages_of)]));
}

/// A mail or a short message.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Message {
    /// Identifier, as in `m-1`.
    id: String,
    /// Whose it is, or null for somebody who is not a holder.
    holder: Option<String>,
    /// `mail` or `sms`.
    channel: &'static str,
    /// What it tells, as in `password-changed`.
    kind: String,
    language: &'static str,
    /// `queued`, `sent`, `delivered` or `failed`.
    state: &'static str,
    created_at: String,
    changed_at: String,
    tries: u32,
    /// When it is tried next, or null when it is not.
    next_try_at: Option<String>,
    /// The gateway that has taken it, or null.
    gateway: Option<String>,
    /// Why the last try failed, or null.
    last_error: Option<String>,
    /// Whether it can be sent again.
    can_retry: bool,
}

impl From<MessageView> for Message {
    fn from(view: MessageView) -> Self {
        Self {
            id: view.id.to_string(),
            holder: view.holder.map(|holder| holder.to_string()),
            channel: match view.delivery {
                Delivery::Mail => "mail",
                Delivery::Sms => "sms",
            },
            kind: view.kind,
            language: view.language.code(),
            state: view.state.word(),
            created_at: rfc3339(view.created_at),
            changed_at: rfc3339(view.changed_at),
            tries: view.tries,
            next_try_at: view.next_try_at.map(rfc3339),
            gateway: view.gateway,
            last_error: view.last_error,
            can_retry: view.can_retry,
        }
    }
}

/// Which messages.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagesQuery {
    /// The last message of the page before.
    after: Option<String>,
    /// 1 to 1000.
    limit: Option<usize>,
    /// `queued`, `sent`, `delivered` or `failed`.
    state: Option<String>,
}

/// Messages, oldest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MessageList {
    messages: Vec<Message>,
    /// `after` of the next page, or null. With a `state`, a page can be empty and have a next one.
    next: Option<String>,
}

/// Lists messages, a page at a time.
#[utoipa::path(get, path = "/api/v1/admin/messages", tag = "administration of holders",
    params(MessagesQuery),
    responses((status = 200, body = MessageList), (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn list_messages(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let page: MessagesQuery = query(&request)?;
    let (after, limit) = place::<MessageId>(page.after.as_deref(), page.limit)?;
    let state = page.state.map(|word| {
        let known = MessageState::ALL.into_iter().find(|state| state.word() == word);
        known.ok_or_else(|| invalid("state", "use queued, sent, delivered or failed"))
    });
    let (state, now) = (state.transpose()?, service.clock.now());
    let page = service.holders.messages(after, limit, state, now).map_err(problem)?;
    let messages = page.messages.into_iter().map(Message::from).collect();
    let next = page.next.map(|next| next.to_string());
    Ok(fresh(HttpResponse::Ok(), &MessageList { messages, next }))
}

/// Lists the messages of a holder.
#[utoipa::path(get, path = "/api/v1/admin/holders/{holder}/messages",
    tag = "administration of holders", params(("holder" = String, Path)),
    responses((status = 200, body = MessageList), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody)), security(("admin" = [])))]
pub(crate) async fn messages_of(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    auth::administrator(&request, &service)?;
    let id = parse(&id)?;
    // A holder who is not there has no messages, which is not the same as none yet.
    service.holders.holder(id).map_err(problem)?;
    let messages = service.holders.messages_of(id, service.clock.now()).map_err(problem)?;
    let messages = messages.into_iter().map(Message::from).collect();
    Ok(fresh(HttpResponse::Ok(), &MessageList { messages, next: None }))
}

/// Sends a message again that could not be delivered.
#[utoipa::path(post, path = "/api/v1/admin/messages/{message}/retry",
    tag = "administration of holders", params(("message" = String, Path)), request_body = Reason,
    responses((status = 200, body = Message), (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)),
    security(("admin" = [])))]
pub(crate) async fn retry_message(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let _reason: Reason = admitted(&request, payload, &service).await?;
    let id: MessageId = crate::http::holder::id(&id, "message with this identifier")?;
    let now = service.clock.now();
    service.holders.retry_message(id, operator(), now).await.map_err(problem)?;
    let view = service.holders.message(id, now).map_err(problem)?;
    Ok(fresh(HttpResponse::Ok(), &Message::from(view)))
}

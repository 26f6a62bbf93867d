//! `/api/v1/holder`: what the account is, and what its holder chooses freely.

use super::body::Word;
use super::problem::holder as problem;
use super::{access, answer, body};
use crate::http::fault::stamp_problem;
use crate::http::get;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::resource;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::credential::{CredentialView, State};
use accounts::holders::renewal::RENEWAL_WINDOW;
use accounts::holders::{HolderId, HolderView, Language, SignatureNotices};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show_holder, choose_preferences))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    let choose = web::patch().to(choose_preferences);
    config.service(resource("/api/v1/holder", "GET, HEAD", [get(show_holder)])).service(resource(
        "/api/v1/holder/preferences",
        "PATCH",
        [choose],
    ));
}

/// An account, as its holder sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Holder {
    /// Identifier, as in `h-1`.
    id: String,
    /// The e-mail address that the holder logs in with.
    user_id: String,
    given_name: String,
    surname: String,
    fiscal_code: String,
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Option<String>,
    /// The number that one-time codes go to.
    phone: String,
    /// Where notices about signatures go, or null when they go to the user ID.
    notice_email: Option<String>,
    /// `en` or `it`.
    language: &'static str,
    /// `invited` or `active`.
    status: &'static str,
    /// `daily-summary`, `each` or `none`.
    notices: &'static str,
    /// Whether one-time codes come from an authenticator app.
    totp: bool,
    question_set: bool,
    must_change_password: bool,
    /// The linked timestamp account, or null.
    stamp_account: Option<LinkedStampAccount>,
    credentials: Vec<ShortCredential>,
    /// The certificate that has to be renewed first, or null when none has to be soon.
    renewal_notice: Option<RenewalNotice>,
}

/// What a session sees that has to replace its password first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FirstLogin {
    /// Identifier, as in `h-1`.
    id: String,
    /// `en` or `it`.
    language: &'static str,
    /// True: nothing else can be done before the password is replaced.
    must_change_password: bool,
}

/// The account, or what is told of it before the first password is replaced.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    Whole(Box<Holder>),
    First(FirstLogin),
}

/// A linked timestamp account.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LinkedStampAccount {
    id: String,
    name: String,
}

/// A signing credential, in a list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ShortCredential {
    id: String,
    /// `remote` or `automatic`.
    kind: &'static str,
    /// `awaiting-activation`, `active`, `suspended`, `pin-locked`, `revoked` or `expired`.
    state: &'static str,
    /// The end of its certificate, or null before there is one.
    not_after: Option<String>,
    /// The serial number of its certificate, hex, or null before there is one.
    serial: Option<String>,
    /// The end of a suspension, or null when it lasts until it is lifted, or is none.
    suspended_until: Option<String>,
    /// Who suspended it: `holder`, `emergency-code` or `operator`; or null.
    suspended_by: Option<&'static str>,
}

/// A certificate that ends soon.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RenewalNotice {
    credential: String,
    /// Renew it before this instant.
    until: String,
}

impl From<&CredentialView> for ShortCredential {
    fn from(view: &CredentialView) -> Self {
        let (until, by) = match view.state {
            State::Suspended { until, cause, .. } => (until, Some(cause.word())),
            _ => (None, None),
        };
        Self {
            id: view.id.to_string(),
            kind: view.kind.word(),
            state: view.state.word(),
            not_after: view.not_after.map(rfc3339),
            serial: view.serial.clone(),
            suspended_until: until.and_then(DateTime::from_timestamp_millis).map(rfc3339),
            suspended_by: by,
        }
    }
}

/// Everything that the account of a holder is.
async fn shown(service: &Service, id: HolderId, now: DateTime<Utc>) -> Result<Holder, Problem> {
    let view = service.holders.holder(id).map_err(problem)?;
    let credentials = service.holders.credentials_of(id, now).map_err(problem)?;
    let HolderView { user_id, given_name, surname, fiscal_code, phone, notice_email, .. } = view;
    Ok(Holder {
        id: id.to_string(),
        user_id,
        given_name,
        surname,
        fiscal_code,
        birth_date: view.birth_date.map(|date| date.to_string()),
        phone,
        notice_email,
        language: view.language.code(),
        status: view.status.word(),
        notices: view.notices.word(),
        totp: view.totp,
        question_set: view.question_set,
        must_change_password: view.must_change_password,
        stamp_account: linked(service, id, now).await?,
        credentials: credentials.iter().map(ShortCredential::from).collect(),
        renewal_notice: renewal_notice(&credentials, now),
    })
}

/// The timestamp account that a holder has linked.
async fn linked(
    service: &Service,
    id: HolderId,
    now: DateTime<Utc>,
) -> Result<Option<LinkedStampAccount>, Problem> {
    let Some(linked) = service.holders.linked_stamp_account(id).map_err(problem)? else {
        return Ok(None);
    };
    let view = service.ledger.view(linked, now).await.map_err(stamp_problem)?;
    Ok(Some(LinkedStampAccount { id: linked.to_string(), name: view.name }))
}

/// The certificate in use that ends first, when that is soon.
fn renewal_notice(credentials: &[CredentialView], now: DateTime<Utc>) -> Option<RenewalNotice> {
    let in_use = credentials
        .iter()
        .filter(|one| matches!(one.state, State::Active | State::PinLocked))
        .filter_map(|one| Some((one.not_after?, one.id)));
    let (until, id) = in_use.min()?;
    (until - now <= RENEWAL_WINDOW)
        .then(|| RenewalNotice { credential: id.to_string(), until: rfc3339(until) })
}

/// Shows the account. A session that has to replace its password first is told that, and nothing
/// of what is kept: its password went through somebody else's hands.
#[utoipa::path(get, path = "/api/v1/holder", tag = "holder", operation_id = "show_holder",
    responses((status = 200, body = Shown), (status = 401, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn show_holder(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::known(&request, &service).await?;
    access::by_person(&access)?;
    if access.must_change_password {
        let view = service.holders.holder(access.holder).map_err(problem)?;
        let (id, language) = (access.holder.to_string(), view.language.code());
        let told = FirstLogin { id, language, must_change_password: true };
        return Ok(answer::ok(&Shown::First(told)));
    }
    let whole = shown(&service, access.holder, service.clock.now()).await?;
    Ok(answer::ok(&Shown::Whole(Box::new(whole))))
}

/// What a holder chooses; what is left out stays as it is.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preferences {
    /// `en` or `it`.
    language: Option<String>,
    #[schema(value_type = Option<Notices>)]
    notices: Option<Word<Notices>>,
}

/// Which notices about signatures are sent.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Notices {
    /// One a day, when there were signatures.
    DailySummary,
    /// One for each.
    Each,
    None,
}

impl From<Notices> for SignatureNotices {
    fn from(notices: Notices) -> Self {
        match notices {
            Notices::DailySummary => Self::DailySummary,
            Notices::Each => Self::Each,
            Notices::None => Self::None,
        }
    }
}

/// Chooses the language and the notices. The notices are chosen by a session that may do what
/// matters most, and every address is told.
#[utoipa::path(patch, path = "/api/v1/holder/preferences", tag = "holder",
    operation_id = "choose_preferences", request_body = Preferences,
    responses((status = 200, body = Holder), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn choose_preferences(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::session(&request, &service).await?;
    let wanted: Preferences = body::json(&request, payload, &service).await?;
    if wanted.notices.is_some() {
        // Who signs unseen would begin by silencing them.
        access.needs_password().map_err(problem)?;
    }
    // Read before anything is written: one of two choices would be half of what was asked for.
    let language = wanted.language.map(|code| Language::parse("language", &code)).transpose();
    let notices = wanted.notices.map(|word| word.known("notices")).transpose()?;
    let (language, now) = (language.map_err(problem)?, service.clock.now());
    if let Some(language) = language {
        service.holders.set_language(access.holder, language, now).await.map_err(problem)?;
    }
    if let Some(notices) = notices {
        let chosen = service.holders.set_notices(access.holder, notices.into(), now).await;
        chosen.map_err(problem)?;
    }
    Ok(answer::ok(&shown(&service, access.holder, now).await?))
}

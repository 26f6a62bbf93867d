//! The secret question: which ones there are, setting one, removing it.
//!
//! It is asked besides the one-time code when a password is forgotten, and opens nothing alone.

use super::body::{OneTimeCode, Secret};
use super::links::AskedQuestion;
use super::problem::holder as problem;
use super::proof::{self, Act};
use super::{access, answer, body};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{GET, get, resource};
use crate::service::Service;
use accounts::holders::otp::{Change, OtpVerified, Purpose};
use accounts::holders::question::{LISTED, Question};
use accounts::holders::sessions::Access;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

/// What this room says of itself.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_questions, set_question, remove_question))]
pub(super) struct Described;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/api/v1/questions", GET, [get(list_questions)])).service(resource(
        "/api/v1/holder/question",
        "PUT, DELETE",
        [web::put().to(set_question), web::delete().to(remove_question)],
    ));
}

/// The words of [`LISTED`], in its order: English, Italian.
const WORDS: [(&str, &str); LISTED.len()] = [
    ("What was the name of your first teacher?", "Come si chiamava il suo primo insegnante?"),
    ("In which street did you live as a child?", "In quale via abitava da piccolo?"),
    ("What was the name of your first pet?", "Come si chiamava il suo primo animale domestico?"),
    ("Who was your best friend as a child?", "Chi era il suo migliore amico d'infanzia?"),
    ("Which book do you like best?", "Qual è il suo libro preferito?"),
    ("Where was your grandmother born?", "Dove è nata sua nonna?"),
];

/// The questions to choose from.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Questions {
    questions: Vec<ListedQuestion>,
}

/// A question to choose.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ListedQuestion {
    /// Its name, for `{"listed": …}`.
    id: &'static str,
    /// In English.
    en: &'static str,
    /// In Italian.
    it: &'static str,
}

/// Lists the questions to choose from.
#[utoipa::path(get, path = "/api/v1/questions", tag = "joining", operation_id = "list_questions",
    responses((status = 200, body = Questions)))]
pub(crate) async fn list_questions() -> HttpResponse {
    let questions = LISTED.into_iter().zip(WORDS);
    let questions = questions.map(|(id, (en, it))| ListedQuestion { id, en, it }).collect();
    answer::ok(&Questions { questions })
}

/// A question and its answer.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewQuestion {
    question: AskedQuestion,
    /// 3 to 100 characters. Upper and lower case do not matter, nor do blanks around it or
    /// more than one in a row.
    #[schema(value_type = String, format = Password)]
    answer: Secret,
    /// Asked for with the purpose `change-question` and the change `set`.
    otp: OneTimeCode,
}

/// Sets the secret question, in the place of the one that there is.
#[utoipa::path(put, path = "/api/v1/holder/question", tag = "holder",
    operation_id = "set_question", request_body = NewQuestion,
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 422, body = ProblemBody)), security(("holder" = [])))]
pub(crate) async fn set_question(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::full_session(&request, &service).await?;
    let wanted: NewQuestion = body::json(&request, payload, &service).await?;
    let question = match wanted.question {
        AskedQuestion::Listed(name) => Question::Listed(name),
        AskedQuestion::Own(words) => Question::Own(words),
    };
    // Before the code is used up: whoever mistypes does not have to ask for another one.
    question.check(&wanted.answer).map_err(problem)?;
    let now = service.clock.now();
    let act = Act::Change(Purpose::ChangeQuestion, Change::Set);
    let proof = proof::verify_in_room(&service, &access, &act, &wanted.otp, now).await?;
    let set = service.holders.set_question(access.holder, &question, &wanted.answer, proof, now);
    set.await.map_err(problem)?;
    Ok(answer::done())
}

/// A one-time code and nothing else.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeAlone {
    pub(super) otp: OneTimeCode,
}

/// What a session and a one-time code are enough for: who asks, and the code used up.
pub(super) async fn by_code(
    request: &HttpRequest,
    payload: Payload,
    service: &Service,
    (purpose, change): (Purpose, Change),
) -> Result<(Access, OtpVerified), Problem> {
    let access = access::full_session(request, service).await?;
    let CodeAlone { otp } = body::json(request, payload, service).await?;
    let (act, now) = (Act::Change(purpose, change), service.clock.now());
    let proof = proof::verify(service, &access, &act, &otp, now).await?;
    Ok((access, proof))
}

/// Removes the secret question.
#[utoipa::path(delete, path = "/api/v1/holder/question", tag = "holder",
    operation_id = "remove_question", request_body = CodeAlone,
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 409, description = "There is none", body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn remove_question(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let what = (Purpose::ChangeQuestion, Change::Remove);
    let (access, proof) = by_code(&request, payload, &service, what).await?;
    let now = service.clock.now();
    service.holders.remove_question(access.holder, proof, now).await.map_err(problem)?;
    Ok(answer::done())
}

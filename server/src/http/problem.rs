//! The one place where a fault becomes an HTTP answer: `application/problem+json` (RFC 9457).
//!
//! A problem's text is for the client. What an operator needs to know goes to the log, never here.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The media type of a problem (RFC 9457 §3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What a holder's client has to send (RFC 6750 §3).
const HOLDER: HeaderValue = HeaderValue::from_static("Bearer realm=\"marca-holder\"");

/// Every answer that is not the one asked for, and not a protocol rejection of RFC 3161.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No credentials, or wrong ones: both look the same.
    Unauthorized,
    /// Wrong or missing administration token.
    AdminUnauthorized,
    /// No token of a holder's session or device, or one that is over: both look the same.
    HolderUnauthorized,
    /// Only for callers on the same machine, or with the administration token.
    Forbidden,
    /// Too many failed tries for this name.
    TooManyTries {
        /// When to try again.
        retry_after: Duration,
    },
    /// Nothing here, or not the caller's own.
    NotFound {
        /// What was looked for, in words.
        what: &'static str,
    },
    /// The resource is there, the method is not.
    MethodNotAllowed {
        /// The `Allow` header.
        allow: &'static str,
    },
    /// The body is of another media type, or encoded.
    UnsupportedMediaType {
        /// The one that is taken.
        expected: &'static str,
    },
    /// The body is larger than the limit.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body ended before it was complete, or was broken on the way.
    BrokenBody,
    /// A value of the request is not acceptable.
    Invalid {
        /// Where: a field, a parameter, or `body`.
        field: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The state of the account or lot does not allow it.
    Conflict {
        /// Why, and what to do.
        reason: String,
    },
    /// Too much to do: try again.
    Busy,
    /// A status was changed for good, and the revocation list that says so is not there yet.
    Unpublished {
        /// What happened, and what comes.
        reason: String,
    },
    /// The service cannot do this now; the log says why.
    Unavailable,
    /// A fault of the service; the log says which.
    Internal,
    /// What a holder asked for is refused: a row of [`super::holder::problem`].
    Refused(Box<Refused>),
}

/// A refusal with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The stable name.
    pub(crate) slug: &'static str,
    /// The same for every problem of the name.
    pub(crate) title: &'static str,
    /// What happened and what to do.
    pub(crate) detail: String,
    /// The field at fault, where there is one.
    pub(crate) field: Option<&'static str>,
    /// The rule that it breaks, where there is one.
    pub(crate) rule: Option<&'static str>,
    /// When to try again, where waiting helps.
    pub(crate) retry_after: Option<Duration>,
}

/// The body of a problem.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemBody {
    /// Stable name of the problem, as a URN.
    #[serde(rename = "type")]
    #[schema(example = "urn:marca:problem:unauthorized")]
    kind: String,
    /// The same for every problem of the type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, where, and what to do.
    detail: String,
    /// The field at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The rule that the field breaks, by its stable name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
}

impl Problem {
    /// Stable name and title.
    fn name(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized => ("unauthorized", "Credentials are needed"),
            Self::AdminUnauthorized => ("admin-unauthorized", "The administration token is needed"),
            Self::HolderUnauthorized => ("unauthorized-holder", "A login is needed"),
            Self::Forbidden => ("forbidden", "Not from here"),
            Self::TooManyTries { .. } => ("too-many-tries", "Too many failed tries"),
            Self::NotFound { .. } => ("not-found", "Not found"),
            Self::MethodNotAllowed { .. } => ("method-not-allowed", "Method not allowed"),
            Self::UnsupportedMediaType { .. } => ("media-type", "Unsupported media type"),
            Self::TooLarge { .. } => ("too-large", "The request is too large"),
            Self::BodyTimeout => ("body-timeout", "The request did not arrive in time"),
            Self::BrokenBody => ("broken-body", "The request did not arrive whole"),
            Self::Invalid { .. } => ("invalid", "A value is not acceptable"),
            Self::Conflict { .. } => ("conflict", "The state does not allow it"),
            Self::Busy => ("busy", "Too much to do"),
            Self::Unpublished { .. } => ("unpublished", "Done, and not published yet"),
            Self::Unavailable => ("unavailable", "Not available now"),
            Self::Internal => ("internal", "A fault of the service"),
            Self::Refused(refused) => (refused.slug, refused.title),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized => "Send HTTP Basic with the stamp account's name and password, or \
                `Authorization: Bearer` with an API key, or use /tsa/key/{api_key}; what was sent \
                is not valid."
                .to_owned(),
            Self::AdminUnauthorized => {
                "Send `Authorization: Bearer` with the content of the admin-token file in the data \
                 directory."
                    .to_owned()
            }
            Self::HolderUnauthorized => "Send `Authorization: Bearer` with the token of a login \
                or of a linked device; what was sent is not valid or not valid any more. Log in \
                again."
                .to_owned(),
            Self::Forbidden => "This is answered to callers on the same machine, or with the \
                administration token."
                .to_owned(),
            Self::TooManyTries { retry_after } => format!(
                "Wait {} s before the next try with this name. API keys are not affected.",
                seconds(*retry_after)
            ),
            Self::NotFound { what } => format!("There is no {what}."),
            Self::MethodNotAllowed { allow } => format!("Use {allow}."),
            Self::UnsupportedMediaType { expected } => {
                format!("Send the body as {expected}, without a Content-Encoding.")
            }
            Self::TooLarge { limit } => format!("The body may have {limit} bytes at the most."),
            Self::BodyTimeout => "The body did not arrive in time; send it again.".to_owned(),
            Self::BrokenBody => "The body ended early or was broken; send it again.".to_owned(),
            Self::Invalid { field, reason } => format!("{field}: {reason}"),
            Self::Conflict { reason } | Self::Unpublished { reason } => reason.clone(),
            Self::Busy => "The service has too much to do; try again in a moment. Nothing was \
                taken."
                .to_owned(),
            Self::Unavailable => {
                "The service cannot do this now; try again later. Nothing was taken.".to_owned()
            }
            Self::Internal => "Something went wrong inside; the operator's log has it.".to_owned(),
            Self::Refused(refused) => refused.detail.clone(),
        }
    }

    fn add_headers(&self, answer: &mut HttpResponseBuilder) {
        match self {
            // RFC 7617 §2.1: charset announces UTF-8.
            Self::Unauthorized => answer.insert_header((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"marca\", charset=\"UTF-8\""),
            )),
            Self::AdminUnauthorized => answer.insert_header((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"marca-admin\""),
            )),
            Self::HolderUnauthorized => answer.insert_header((header::WWW_AUTHENTICATE, HOLDER)),
            Self::MethodNotAllowed { allow } => answer.insert_header((header::ALLOW, *allow)),
            Self::TooManyTries { retry_after } => {
                answer.insert_header((header::RETRY_AFTER, seconds(*retry_after)))
            }
            Self::BodyTimeout | Self::Busy => answer.insert_header((header::RETRY_AFTER, 1)),
            Self::Unpublished { .. } => answer.insert_header((header::RETRY_AFTER, 60)),
            Self::Unavailable => answer.insert_header((header::RETRY_AFTER, 10)),
            Self::Refused(refused) => refused.add_headers(answer),
            _ => answer,
        };
        // What is left of such a body is not worth reading.
        if matches!(self, Self::TooLarge { .. } | Self::BodyTimeout | Self::BrokenBody) {
            answer.force_close();
        }
    }
}

impl Refused {
    fn add_headers<'a>(&self, answer: &'a mut HttpResponseBuilder) -> &'a mut HttpResponseBuilder {
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate
        // header field".
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, HOLDER));
        }
        if let Some(wait) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds(wait)));
        }
        answer
    }
}

/// Whole seconds, rounded up, so that a client that waits as told is not too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::AdminUnauthorized | Self::HolderUnauthorized => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody | Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Busy | Self::Unpublished { .. } | Self::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(refused) => refused.status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (name, title) = self.name();
        let status = self.status_code();
        let body = ProblemBody {
            kind: format!("urn:marca:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail(),
            field: match self {
                Self::Invalid { field, .. } => Some(field.clone()),
                Self::Refused(refused) => refused.field.map(str::to_owned),
                _ => None,
            },
            rule: match self {
                Self::Refused(refused) => refused.rule,
                _ => None,
            },
        };
        let mut answer = HttpResponse::build(status);
        self.add_headers(&mut answer);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        answer.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        // The body is made of strings and one number: it always serializes.
        answer.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

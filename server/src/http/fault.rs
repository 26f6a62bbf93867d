//! The one mapping from the accounts' refusals to problems.

use super::problem::Problem;
use accounts::credentials::CredentialError;
use accounts::stamps::StampError;
use store::StoreError;

/// What the client may know of a refusal of the stamp ledger.
pub(crate) fn stamp_problem(error: StampError) -> Problem {
    match error {
        StampError::BadValue { field, value, allowed } => Problem::Invalid {
            field: field.to_owned(),
            reason: format!("\"{value}\" is not allowed; use {allowed}"),
        },
        StampError::BadName(error) => {
            Problem::Invalid { field: "name".to_owned(), reason: error.to_string() }
        }
        StampError::UnknownAccount { .. } => Problem::NotFound { what: "stamp account" },
        StampError::UnknownLot { .. } => Problem::NotFound { what: "lot of this account" },
        StampError::UnknownSerial { .. } => Problem::NotFound { what: "token of this account" },
        StampError::NameTaken { .. }
        | StampError::WrongStatus { .. }
        | StampError::LotClosed { .. }
        | StampError::LotExpired { .. }
        | StampError::LotEmpty { .. }
        | StampError::AlreadyRefunded { .. } => Problem::Conflict { reason: error.to_string() },
        StampError::Store(error) => store_problem(&error),
        error => {
            tracing::error!(%error, "the books refuse an act");
            Problem::Internal
        }
    }
}

/// What the client may know of a refusal of the credentials.
pub(crate) fn credential_problem(error: CredentialError) -> Problem {
    match error {
        CredentialError::BadPassword => invalid("password", &error),
        CredentialError::BadLabel(_) => invalid("label", &error),
        CredentialError::BadKey => invalid("api_key", &error),
        CredentialError::UnknownAccount { .. } | CredentialError::UnknownAccountId(_) => {
            Problem::NotFound { what: "stamp account" }
        }
        CredentialError::UnknownKey { .. } => Problem::NotFound { what: "API key of this account" },
        CredentialError::UnknownCertificate(_) => {
            Problem::NotFound { what: "client certificate of this account" }
        }
        CredentialError::TooManyKeys(_)
        | CredentialError::PrefixTaken(_)
        | CredentialError::CertificateTaken(_) => Problem::Conflict { reason: error.to_string() },
        CredentialError::Busy => Problem::Busy,
        CredentialError::Store(error) => store_problem(&error),
        error => {
            tracing::error!(%error, "credentials");
            Problem::Internal
        }
    }
}

fn invalid(field: &str, error: &CredentialError) -> Problem {
    Problem::Invalid { field: field.to_owned(), reason: error.to_string() }
}

/// What the client may know of a refusal of the store.
pub(super) fn store_problem(error: &StoreError) -> Problem {
    if matches!(error, StoreError::Busy) {
        return Problem::Busy;
    }
    tracing::error!(%error, "the store");
    Problem::Unavailable
}

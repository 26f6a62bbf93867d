//! The one mapping from the refusals of the domain to problems.

use super::problem::Problem;
use accounts::credentials::CredentialError;
use accounts::stamps::StampError;
use authority::AuthorityError;
use authority::units::UnitError;
use certs::IssueError;
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
        StampError::UnknownAccount { .. } => {
            Problem::NotFound { what: "stamp account of this name or identifier" }
        }
        StampError::UnknownLot { .. } => Problem::NotFound { what: "such lot in this account" },
        StampError::UnknownSerial { .. } => {
            Problem::NotFound { what: "token of this serial number in this account" }
        }
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
            Problem::NotFound { what: "stamp account of this name or identifier" }
        }
        CredentialError::UnknownKey { .. } => {
            Problem::NotFound { what: "such API key of this account" }
        }
        CredentialError::UnknownCertificate(_) => {
            Problem::NotFound { what: "such client certificate of this account" }
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

/// What the client may know of a refusal of the built-in CA.
pub(crate) fn authority_problem(error: AuthorityError) -> Problem {
    match error {
        AuthorityError::UnknownCa { .. } => Problem::NotFound { what: "CA of this name" },
        AuthorityError::UnknownCertificate { .. } => {
            Problem::NotFound { what: "certificate of this serial number" }
        }
        AuthorityError::Illegal { .. } => Problem::Conflict { reason: error.to_string() },
        AuthorityError::Act { field, allowed } => {
            Problem::Invalid { field: field.to_owned(), reason: format!("use {allowed}") }
        }
        AuthorityError::Issue(IssueError::Name(_)) => {
            Problem::Invalid { field: "subject".to_owned(), reason: error.to_string() }
        }
        AuthorityError::Unpublished { .. } => {
            tracing::error!(%error, "the built-in CA");
            Problem::Unpublished { reason: error.to_string() }
        }
        AuthorityError::Store(error) => store_problem(&error),
        error => {
            tracing::error!(%error, "the built-in CA");
            Problem::Unavailable
        }
    }
}

/// What the client may know of a refusal of the units.
pub(crate) fn unit_problem(error: UnitError) -> Problem {
    match error {
        UnitError::UnknownUnit { .. } => {
            Problem::NotFound { what: "time-stamping unit of this name" }
        }
        UnitError::UnknownGeneration { .. } => {
            Problem::NotFound { what: "such generation of this unit" }
        }
        UnitError::Setting { field, reason, .. } => {
            Problem::Invalid { field: field.to_owned(), reason }
        }
        UnitError::Certificate { faults, .. } => {
            // What is only worth knowing would hide what forbids it.
            let forbids = |fault: &&certs::TsuFault| fault.severity() == certs::Severity::Error;
            let faults = faults.iter().filter(forbids).map(ToString::to_string);
            // The field says it already.
            let once =
                |fault: String| fault.strip_prefix("chain: ").map(str::to_owned).unwrap_or(fault);
            let faults: Vec<_> = faults.map(once).collect();
            Problem::Invalid { field: "chain".to_owned(), reason: faults.join("; ") }
        }
        UnitError::Pem { reason, .. } => Problem::Invalid { field: "chain".to_owned(), reason },
        UnitError::UnitExists { .. }
        | UnitError::NoGeneration { .. }
        | UnitError::Waiting { .. }
        | UnitError::Illegal { .. }
        | UnitError::Needed { .. }
        | UnitError::NotBuiltIn { .. }
        | UnitError::NotOurs { .. }
        | UnitError::NoHsm { .. }
        | UnitError::WrongKey { .. }
        | UnitError::NotGood { .. }
        | UnitError::StrangeKey { .. }
        | UnitError::KeyNotFound { .. }
        | UnitError::CompanionOffersLess { .. }
        | UnitError::CompanionPaired { .. } => Problem::Conflict { reason: error.to_string() },
        UnitError::Authority(error) => authority_problem(*error),
        UnitError::Store(error) => store_problem(&error),
        error => {
            tracing::error!(%error, "the units");
            Problem::Unavailable
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

#[cfg(test)]
mod tests {
    use super::unit_problem;
    use authority::units::UnitError;
    use certs::TsuFault;

    #[test]
    fn a_fault_of_the_chain_is_called_so_once() {
        let faults = vec![TsuFault::ChainTooLong { limit: 3 }];
        let error = UnitError::Certificate { unit: "out".to_owned(), generation: 1, faults };
        let told = unit_problem(error).to_string();
        assert_eq!(told, "chain: more than 3 certificates lie between the unit and a root");
    }
}

//! The certificates of holders, issued by the built-in CA: the port of `accounts::holders`, served
//! by [`authority`].
//!
//! Of the name, the fiscal code stands in the subject's serialNumber in the form of ETSI EN
//! 319 412-1 §5.1.3: `TIN`, the country, a hyphen, the code.

use crate::service::HOLDERS;
use accounts::holders::credential::{
    CertificateIssuer, CertificateRequest, CertificateStatus, CredentialKind, IssuedCertificate,
    IssuerFault, RevocationCause,
};
use accounts::holders::pin::CodeRefusal;
use accounts::holders::{CredentialId, HolderError, HolderId};
use authority::{Act, Authority, AuthorityError, CertificateQuery, Status, StatusWord};
use certs::{DistinguishedName, EndKind, EndProfile, RevocationReason, Serial};
use chrono::{DateTime, TimeDelta, Utc};
use openssl::pkey::PKey;

/// The CA of holders' certificates. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub(crate) struct HolderCa {
    authority: Authority,
    validity: TimeDelta,
}

impl HolderCa {
    pub(super) fn new(authority: Authority, validity: TimeDelta) -> Self {
        Self { authority, validity }
    }

    /// Takes name and DER out of all certificates of a holder. Each has to be revoked or past its
    /// end.
    pub(super) async fn erase(
        &self,
        holder: HolderId,
        operator: &str,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        let by = Act::new(operator, "the erasure of its holder");
        match self.authority.erase_subjects(&name_of(holder), &by, now).await {
            Ok(_) => Ok(()),
            Err(AuthorityError::StillValid { .. }) => Err(HolderError::IllegalTransition {
                machine: "a certificate of this holder",
                state: "neither revoked nor past its end",
                event: "be erased",
            }),
            Err(AuthorityError::Store(error)) => Err(error.into()),
            Err(error) => Err(CodeRefusal::IssuerFailed { fault: told(error) }.into()),
        }
    }

    /// How a certificate stands in CRL and OCSP; `None` when this CA has not issued it.
    pub(super) fn status(&self, serial: &str) -> Option<Status> {
        self.authority.status(&serial.parse().ok()?)
    }
}

/// A certificate that was issued for a holder's credential.
pub(super) struct OfCredential {
    pub(super) holder: HolderId,
    pub(super) credential: CredentialId,
}

impl HolderCa {
    /// Whose certificate it is, by what the registry keeps of its issuing; `None` for one that no
    /// activation or renewal asked for.
    pub(super) fn credential_of(
        &self,
        serial: &Serial,
        now: DateTime<Utc>,
    ) -> Option<OfCredential> {
        let by = self.authority.show(serial, now).ok()??.issued_by;
        let holder = by.actor.strip_prefix("holder ")?.parse().ok()?;
        let credential = by.reason.strip_prefix("credential ")?.parse().ok()?;
        Some(OfCredential { holder, credential })
    }

    /// How a certificate stands, in the words of the holders.
    pub(super) fn standing(&self, serial: &Serial) -> Option<CertificateStatus> {
        Some(match self.authority.status(serial)? {
            Status::Good => CertificateStatus::Good,
            Status::Held { until, .. } => CertificateStatus::Suspended { until },
            Status::Revoked { reason, .. } => CertificateStatus::Revoked(cause(reason)),
        })
    }
}

impl CertificateIssuer for HolderCa {
    async fn issue(
        &self,
        request: CertificateRequest,
        now: DateTime<Utc>,
    ) -> Result<IssuedCertificate, IssuerFault> {
        let kind = match request.kind {
            CredentialKind::Remote => EndKind::HolderRemote,
            CredentialKind::Automatic => EndKind::HolderAutomatic,
        };
        let mut profile = EndProfile::new(kind, Vec::new());
        profile.validity = self.validity;
        let key = PKey::public_key_from_der(&request.public_key).map_err(fault)?;
        let by = Act::new(&name_of(request.holder), &reason_of(request.credential));
        let subject = subject(&request);
        let issued = self.authority.issue(HOLDERS, &profile, &subject, &key, &by, now).await;
        let issued = issued.map_err(told)?;
        let (serial, not_after) = (issued.serial.to_string(), issued.not_after);
        Ok(IssuedCertificate { der: issued.der, serial, not_after })
    }

    async fn issued_for(
        &self,
        credential: CredentialId,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, IssuerFault> {
        let authority = self.authority.clone();
        // Only after an activation that was cut off: the whole list is looked through.
        let search = move || issued_for(&authority, &reason_of(credential), since);
        tokio::task::spawn_blocking(search).await.map_err(fault)?.map_err(told)
    }

    async fn set_status(
        &self,
        serial: &str,
        status: CertificateStatus,
        now: DateTime<Utc>,
    ) -> Result<(), IssuerFault> {
        let serial: Serial = serial.parse().map_err(fault)?;
        let stands = self.authority.status(&serial);
        let stands = stands.ok_or_else(|| fault(format!("{serial} is not registered")))?;
        let by = Act::service("the state of its credential");
        let changed = match (status, stands) {
            (CertificateStatus::Good, Status::Held { .. }) => {
                self.authority.reactivate(&serial, &by, now).await
            }
            (CertificateStatus::Suspended { until }, Status::Good) => {
                self.authority.suspend(&serial, until, &by, now).await
            }
            (CertificateStatus::Suspended { until }, Status::Held { until: before, .. })
                if until != before =>
            {
                self.authority.suspend(&serial, until, &by, now).await
            }
            (CertificateStatus::Revoked(cause), Status::Good | Status::Held { .. }) => {
                self.authority.revoke(&serial, reason(cause), None, &by, now).await
            }
            // It stands so already; or it was revoked, which is final.
            (
                CertificateStatus::Good | CertificateStatus::Suspended { .. },
                Status::Good | Status::Held { .. },
            )
            | (_, Status::Revoked { .. }) => return Ok(()),
        };
        match changed {
            Ok(_) => Ok(()),
            // The change is durable and OCSP tells it; the list is the authority's to try again.
            Err(error @ AuthorityError::Unpublished { .. }) => {
                tracing::error!(%serial, %error, "a holder's certificate is not on the list yet");
                Ok(())
            }
            Err(AuthorityError::Illegal { .. }) if self.has_expired(&serial, now) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
}

/// Who stands in the registry as the one to whom a certificate was issued.
fn name_of(holder: HolderId) -> String {
    format!("holder {holder}")
}

/// What stands in the registry as the reason of a certificate.
fn reason_of(credential: CredentialId) -> String {
    format!("credential {credential}")
}

/// The certificates that were issued for this reason and are not revoked.
fn issued_for(
    authority: &Authority,
    reason: &str,
    since: DateTime<Utc>,
) -> Result<Vec<String>, AuthorityError> {
    let ca = Some(HOLDERS.to_owned());
    let mut query = CertificateQuery { after: 0, limit: 1_000, ca, status: None };
    let mut found = Vec::new();
    // The registry knows whole seconds.
    let since = DateTime::from_timestamp(since.timestamp(), 0).unwrap_or(since);
    loop {
        let page = authority.list(&query, since)?;
        for certificate in page.certificates {
            let (serial, status) = (certificate.serial, certificate.status);
            if certificate.issued_at < since || matches!(status, Status::Revoked { .. }) {
                continue;
            }
            let details = authority.show(&serial, since)?;
            if details.is_some_and(|details| details.issued_by.reason == reason) {
                found.push(serial.to_string());
            }
        }
        match page.next {
            Some(next) => query.after = next,
            None => return Ok(found),
        }
    }
}

impl HolderCa {
    /// Of a certificate past its end there is nothing left to tell.
    fn has_expired(&self, serial: &Serial, now: DateTime<Utc>) -> bool {
        let shown = self.authority.show(serial, now).ok().flatten();
        shown.is_some_and(|shown| {
            shown.certificate.expired || shown.certificate.word() == StatusWord::Expired
        })
    }
}

/// The subject: a natural person, also of an unattended credential, which signs for its holder.
fn subject(request: &CertificateRequest) -> DistinguishedName {
    // A fiscal code of another country begins with it; one without is Italian.
    let (country, number) = match request.fiscal_code.split_once('-') {
        Some((country, number)) => (country, number),
        None => ("IT", request.fiscal_code.as_str()),
    };
    DistinguishedName::natural_person(
        country,
        &request.given_name,
        &request.surname,
        &format!("TIN{country}-{number}"),
    )
}

const fn reason(cause: RevocationCause) -> RevocationReason {
    match cause {
        RevocationCause::Cessation => RevocationReason::CessationOfOperation,
        // Who guessed at the codes may have come by the envelope.
        RevocationCause::KeyCompromise | RevocationCause::CodesExhausted => {
            RevocationReason::KeyCompromise
        }
        RevocationCause::AffiliationChanged => RevocationReason::AffiliationChanged,
        RevocationCause::Superseded => RevocationReason::Superseded,
        RevocationCause::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
    }
}

/// The other way round, for what an operator revoked in the registry.
const fn cause(reason: RevocationReason) -> RevocationCause {
    match reason {
        RevocationReason::KeyCompromise | RevocationReason::CaCompromise => {
            RevocationCause::KeyCompromise
        }
        RevocationReason::AffiliationChanged => RevocationCause::AffiliationChanged,
        RevocationReason::Superseded => RevocationCause::Superseded,
        RevocationReason::PrivilegeWithdrawn => RevocationCause::PrivilegeWithdrawn,
        // A hold is no revocation: the authority knows no such.
        RevocationReason::CessationOfOperation | RevocationReason::CertificateHold => {
            RevocationCause::Cessation
        }
    }
}

fn told(error: AuthorityError) -> IssuerFault {
    tracing::error!(%error, "the CA of holders' certificates");
    fault(error)
}

fn fault(error: impl std::fmt::Display) -> IssuerFault {
    IssuerFault { reason: error.to_string() }
}

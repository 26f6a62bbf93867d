//! Stamps for signatures: the port of `signing`, served by issuing and the stamp accounts.
//!
//! The stamp of a signature is one like any other: held from the account, issued by the default
//! unit, recorded with its debit in one transaction, and to be fetched again by whoever owns the
//! account.

use crate::metrics::Metrics;
use crate::service::stamp_port::StampPort;
use accounts::StampAccountId;
use chrono::{DateTime, Utc};
use signing::{Stamp, StampFault, Stamper};
use tsa::{HeldStamp, HeldToken, Issuer, Outcome, RejectReason};

/// Issuing, as signing sees it.
pub(crate) struct SignatureStamper<'a> {
    pub(crate) issuer: &'a Issuer<StampPort>,
    pub(crate) metrics: &'a Metrics,
}

impl Stamper for SignatureStamper<'_> {
    type Account = StampAccountId;
    type Reservation = HeldStamp<StampPort>;

    // Issuing asks its own clock, which it trusts or does not.
    async fn reserve(
        &self,
        account: &StampAccountId,
        _now: DateTime<Utc>,
    ) -> Result<HeldStamp<StampPort>, StampFault> {
        self.issuer.hold(account).await.map_err(|reason| self.refused(reason))
    }

    async fn stamp(
        &self,
        reservation: HeldStamp<StampPort>,
        imprint: [u8; 32],
        _now: DateTime<Utc>,
    ) -> Result<Stamp, StampFault> {
        let issued = self.issuer.issue_held(reservation, &imprint).await;
        let HeldToken { token, serial, companion, remaining } =
            issued.map_err(|reason| self.refused(reason))?;
        self.metrics.answered(&Outcome::Granted { serial, remaining, repeated: false, companion });
        Ok(Stamp { token, serial, remaining })
    }
}

impl SignatureStamper<'_> {
    /// Counted like the refusal of a request.
    fn refused(&self, reason: RejectReason) -> StampFault {
        self.metrics.answered(&reason.into());
        match reason {
            RejectReason::NoStamps => StampFault::NoStamps,
            RejectReason::AccountNotActive => StampFault::AccountNotActive,
            reason => {
                tracing::error!(reason = reason.label(), "a signature cannot be stamped");
                StampFault::Unavailable
            }
        }
    }
}

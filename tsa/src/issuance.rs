//! The issuing of one token, from the octets of the request to those of the reply.
//!
//! The same eight steps, with what a failure in each of them costs, are in `docs/ISSUANCE.md`. The
//! rule that they keep: no token leaves before its record and its debit are durable together, and
//! nothing is debited without a token that can be fetched again.

mod issuer;
mod outcome;

pub use issuer::{Issuer, IssuerError, IssuerSettings, NotReady, ReplyError};
pub use outcome::{Outcome, Reply};

use crate::failure::{RejectReason, Rejection};
use crate::ledger::{Ledger, Refusal, Reserved, TokenRecord};
use crate::request::{self, Accepted};
use crate::serial::serial;
use crate::token::{PreparedToken, SignFailure, SignedToken, TokenContents};
use crate::tsu::Tsu;
use chrono::DateTime;
use std::sync::Arc;
use tracing::{error, warn};

impl<L: Ledger> Issuer<L> {
    /// Answers a request of `caller`, who has been authenticated, with a token of the unit `unit`
    /// (or of the default one), for one stamp.
    ///
    /// The future may be dropped at any moment: until the commit has begun, the stamp is given
    /// back; from then on it is the ledger's to finish, and the token can be fetched again.
    pub async fn issue(&self, caller: &L::Caller, unit: Option<&str>, request_der: &[u8]) -> Reply {
        match self.issue_or_reject(caller, unit, request_der).await {
            Ok(reply) => reply,
            Err(rejection) => Reply::rejected(&rejection),
        }
    }

    async fn issue_or_reject(
        &self,
        caller: &L::Caller,
        unit: Option<&str>,
        request_der: &[u8],
    ) -> Result<Reply, Rejection> {
        let unit = self.unit(unit).ok_or(RejectReason::UnknownUnit)?;

        // 1. Parse, inspect, accept. A refusal is free.
        let request = request::parse(request_der)?.inspect()?.accept(unit)?;

        // 2. Time. Without a clock that can be trusted nothing is begun.
        let now_ms = self.time_in_use_of(unit)?;

        // 3. Reserve one stamp, in memory. From here on, leaving gives it back.
        let reserved = self.ledger().reserve(caller, request.retry_key(), now_ms).await;
        let reservation = match reserved.map_err(refused)? {
            Reserved::Fresh(reservation) => reservation,
            Reserved::Existing { record, remaining } => {
                return self.repeat(&record, remaining, request.cert_req());
            }
        };

        // 4. Prepare the TSTInfo with its time and its serial number. The clock is read again: the
        //    stamp may have been waited for.
        let prepared = self.prepare(&request, unit)?;

        // 5. Sign, and 6. verify, on this thread or on one of the signer's.
        let signed = self.sign(prepared, now_ms).await?;

        // 7. Commit: debit and record, durable together, in one transaction.
        let record = record_of(&signed, unit, &request);
        let committed = self.ledger().commit(reservation, record).await.map_err(refused)?;

        // 8. Answer.
        let token = signed.der(request.cert_req());
        Ok(Reply::granted(&token, signed.serial(), committed.remaining))
    }

    /// The time now, if the unit may sign at it.
    fn time_in_use_of(&self, unit: &Tsu) -> Result<i64, RejectReason> {
        let now_ms = self.time().now(unit.accuracy()).map_err(|error| {
            warn!(%error, "no token: time");
            RejectReason::Clock
        })?;
        check_use(unit, now_ms)?;
        Ok(now_ms)
    }

    fn prepare(
        &self,
        request: &Accepted<'_, '_>,
        unit: &Arc<Tsu>,
    ) -> Result<PreparedToken, RejectReason> {
        let gen_time_ms = self.time().gen_time(unit.accuracy()).map_err(|error| {
            warn!(%error, "stamp given back: time");
            RejectReason::Clock
        })?;
        check_use(unit, gen_time_ms)?;
        let serial = serial(gen_time_ms, self.random()).map_err(|error| {
            error!(%error, "stamp given back: serial number");
            RejectReason::Randomness
        })?;
        let contents = TokenContents::answering(request, serial, gen_time_ms);
        PreparedToken::new(Arc::clone(unit), &contents).ok_or(RejectReason::Clock)
    }

    async fn sign(
        &self,
        prepared: PreparedToken,
        now_ms: i64,
    ) -> Result<SignedToken, RejectReason> {
        let unit = Arc::clone(prepared.unit());
        let signed = match self.signers() {
            Some(pool) if unit.is_slow() => pool.sign(prepared).await,
            _ => prepared.sign(),
        };
        signed.inspect(|_| unit.note_success()).map_err(|failure| {
            if let SignFailure::Busy = failure {
                return RejectReason::Busy;
            }
            unit.note_failure(now_ms);
            error!(error = %failure, "stamp given back: signature");
            match failure {
                SignFailure::DoesNotVerify { .. } => RejectReason::SignatureCheck,
                _ => RejectReason::Signing,
            }
        })
    }

    /// The token of an equal request that was answered before, for no stamp.
    fn repeat(
        &self,
        record: &TokenRecord,
        remaining: u64,
        cert_req: bool,
    ) -> Result<Reply, Rejection> {
        let reply = self.token_reply(&record.token, &record.tsu, cert_req).map_err(|error| {
            error!(%error, "a stored token cannot be sent again");
            RejectReason::StoredToken
        })?;
        Ok(Reply::repeated(reply, record.serial, remaining))
    }
}

fn check_use(unit: &Tsu, now_ms: i64) -> Result<(), RejectReason> {
    let now = DateTime::from_timestamp_millis(now_ms).ok_or(RejectReason::Clock)?;
    unit.usable_at(now).map_err(|fault| {
        error!(unit = unit.id(), %fault, "no token: unit");
        RejectReason::UnitNotUsable
    })
}

fn record_of(signed: &SignedToken, unit: &Tsu, request: &Accepted<'_, '_>) -> TokenRecord {
    TokenRecord {
        serial: signed.serial(),
        gen_time_ms: signed.gen_time_ms(),
        tsu: unit.id().to_owned(),
        token: signed.der(false),
        retry_key: request.retry_key(),
    }
}

fn refused(refusal: Refusal) -> Rejection {
    match refusal {
        Refusal::NoStamps => RejectReason::NoStamps,
        Refusal::AccountNotActive => RejectReason::AccountNotActive,
        Refusal::Busy => RejectReason::Busy,
        Refusal::Unavailable(reason) => {
            error!(%reason, "no token: ledger");
            RejectReason::Ledger
        }
    }
    .into()
}

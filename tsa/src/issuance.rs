//! The issuing of one token, from the octets of the request to those of the reply.
//!
//! The same eight steps, with what a failure in each of them costs, are in `docs/ISSUANCE.md`. The
//! rule that they keep: no token leaves before its record and its debit are durable together, and
//! nothing is debited without a token that can be fetched again.
//!
//! A unit may have a companion. Then the same steps make two tokens over the same imprint, policy,
//! nonce and genTime, each with its own serial number and by its own key, for one stamp: both are
//! signed and recorded together, or neither is.

mod held;
mod issuer;
mod outcome;
mod units;

pub use held::{HeldStamp, HeldToken};
pub use issuer::{Issuer, IssuerError, IssuerSettings, NotReady, ReplyError, UnitReadiness};
pub use outcome::{Outcome, Reply};

use crate::failure::{RejectReason, Rejection};
use crate::ledger::{Companion, Ledger, Refusal, Reserved, TokenRecord};
use crate::request::{self, Accepted};
use crate::serial::{Serial, serial};
use crate::signer::Signing;
use crate::token::{PreparedToken, SignFailure, SignedToken, TokenContents};
use crate::tsu::Tsu;
use chrono::DateTime;
use std::sync::Arc;
use tracing::{error, warn};
use units::Place;

/// A token that is durable with its debit.
struct Made {
    signed: SignedToken,
    /// Its own serial number, and its companion's.
    serials: (Serial, Option<Serial>),
    /// Stamps that remain in the account.
    remaining: u64,
}

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
        let place = self.place(unit)?;
        let unit = place.unit();

        // 1. Parse, inspect, accept. A refusal is free.
        let request = request::parse(request_der)?.inspect()?.accept(unit)?;
        let companion = place.companion()?;

        // 2. Time. Without a clock that can be trusted nothing is begun.
        let now_ms = self.time_in_use_of(unit, companion)?;

        // 3. Reserve one stamp, in memory. From here on, leaving gives it back.
        let reserved = self.ledger().reserve(caller, request.retry_key(), now_ms).await;
        let reservation = match reserved.map_err(refused)? {
            Reserved::Fresh(reservation) => reservation,
            Reserved::Existing { record, remaining } => {
                return self.repeat(&record, remaining, request.cert_req());
            }
        };

        let made = self.make(&place, &request, now_ms, reservation).await?;

        // 8. Answer.
        let token = made.signed.der(request.cert_req());
        Ok(Reply::granted(&token, made.serials, made.remaining))
    }

    /// Steps 4 to 7: from a stamp that is held to a token that is durable with its debit.
    async fn make(
        &self,
        place: &Place,
        request: &Accepted<'_, '_>,
        now_ms: i64,
        reservation: L::Reservation,
    ) -> Result<Made, Rejection> {
        let (unit, companion) = (place.unit(), place.companion()?);

        // 4. Prepare the TSTInfo with its time and its serial number. The clock is read again: the
        //    stamp may have been waited for.
        let gen_time_ms = self.gen_time(unit, companion)?;
        let prepared = self.prepare(request, unit, gen_time_ms)?;
        let second = companion.map(|unit| self.prepare(request, unit, gen_time_ms)).transpose()?;

        // 5. Sign, and 6. verify, on this thread or on one of the signer's. The companion begins:
        //    a slow one is on its thread while this one signs.
        let second = second.map(|prepared| self.begin_to_sign(prepared));
        let signed = ended(unit, now_ms, self.begin_to_sign(prepared)).await?;
        let second = match companion.zip(second) {
            Some((companion, signing)) => Some(ended(companion, now_ms, signing).await?),
            None => None,
        };

        // 7. Commit: debit and record, durable together, in one transaction.
        let record = record_of(&signed, second.as_ref(), request.retry_key());
        let serials = (record.serial, serial_of_companion(&record));
        let committed = self.ledger().commit(reservation, record).await.map_err(refused)?;
        Ok(Made { signed, serials, remaining: committed.remaining })
    }

    /// The time now, if the unit and its companion may sign at it.
    fn time_in_use_of(
        &self,
        unit: &Tsu,
        companion: Option<&Arc<Tsu>>,
    ) -> Result<i64, RejectReason> {
        let now_ms = self.time().now(units::accuracy(unit, companion)).map_err(|error| {
            warn!(%error, "no token: time");
            RejectReason::Clock
        })?;
        check_use(unit, companion, now_ms)?;
        Ok(now_ms)
    }

    /// The time of the token, or of both of a pair.
    fn gen_time(&self, unit: &Tsu, companion: Option<&Arc<Tsu>>) -> Result<i64, RejectReason> {
        let gen_time_ms =
            self.time().gen_time(units::accuracy(unit, companion)).map_err(|error| {
                warn!(%error, "stamp given back: time");
                RejectReason::Clock
            })?;
        check_use(unit, companion, gen_time_ms)?;
        Ok(gen_time_ms)
    }

    fn prepare(
        &self,
        request: &Accepted<'_, '_>,
        unit: &Arc<Tsu>,
        gen_time_ms: i64,
    ) -> Result<PreparedToken, RejectReason> {
        let serial = serial(gen_time_ms, self.random()).map_err(|error| {
            error!(%error, "stamp given back: serial number");
            RejectReason::Randomness
        })?;
        let contents = TokenContents::answering(request, serial, gen_time_ms);
        PreparedToken::new(Arc::clone(unit), &contents).ok_or(RejectReason::Clock)
    }

    /// Signs a quick token at once, and has a slow one signed on another thread.
    fn begin_to_sign(&self, prepared: PreparedToken) -> Signing {
        match self.signers() {
            Some(pool) if prepared.unit().is_slow() => pool.begin(prepared),
            _ => Signing::Done(prepared.sign()),
        }
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
        Ok(Reply::repeated(reply, (record.serial, serial_of_companion(record)), remaining))
    }
}

fn check_use(unit: &Tsu, companion: Option<&Arc<Tsu>>, now_ms: i64) -> Result<(), RejectReason> {
    let now = DateTime::from_timestamp_millis(now_ms).ok_or(RejectReason::Clock)?;
    for unit in std::iter::once(unit).chain(companion.map(Arc::as_ref)) {
        unit.usable_at(now).map_err(|fault| {
            error!(unit = unit.id(), %fault, "no token: unit");
            RejectReason::UnitNotUsable
        })?;
    }
    Ok(())
}

/// The end of a signature, which is also news of its key.
async fn ended(unit: &Tsu, now_ms: i64, signing: Signing) -> Result<SignedToken, RejectReason> {
    let signed = signing.end().await;
    signed.inspect(|_| unit.note_success()).map_err(|failure| {
        if let SignFailure::Busy = failure {
            return RejectReason::Busy;
        }
        unit.note_failure(now_ms, &failure);
        error!(error = %failure, "stamp given back: signature");
        match failure {
            SignFailure::DoesNotVerify { .. } => RejectReason::SignatureCheck,
            _ => RejectReason::Signing,
        }
    })
}

fn record_of(
    signed: &SignedToken,
    companion: Option<&SignedToken>,
    retry_key: Option<[u8; 32]>,
) -> TokenRecord {
    TokenRecord {
        serial: signed.serial(),
        gen_time_ms: signed.gen_time_ms(),
        tsu: signed.unit().id().to_owned(),
        token: signed.der(false),
        retry_key,
        companion: companion.map(|companion| Companion {
            serial: companion.serial(),
            tsu: companion.unit().id().to_owned(),
            token: companion.der(false),
        }),
    }
}

fn serial_of_companion(record: &TokenRecord) -> Option<Serial> {
    record.companion.as_ref().map(|companion| companion.serial)
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

//! Where issuing meets the accounts: the ledger port of `tsa`, served by `accounts::stamps`.

use accounts::StampAccountId;
use accounts::stamps::{
    CompanionToken, NewToken, Refused, Reservation, Reserved, StampLedger, StoredToken,
};
use chrono::DateTime;
use tsa::ledger::{Committed, Companion, Ledger, Refusal, TokenRecord};

/// The stamp accounts, as issuing sees them.
#[derive(Clone)]
pub(crate) struct StampPort(pub(crate) StampLedger);

impl Ledger for StampPort {
    type Caller = StampAccountId;
    type Reservation = Reservation;

    async fn reserve(
        &self,
        caller: &StampAccountId,
        retry_key: Option<[u8; 32]>,
        now_ms: i64,
    ) -> Result<tsa::ledger::Reserved<Reservation>, Refusal> {
        let now = DateTime::from_timestamp_millis(now_ms)
            .ok_or_else(|| Refusal::Unavailable(format!("{now_ms} ms is no time")))?;
        match self.0.reserve(*caller, retry_key, now).await.map_err(refusal)? {
            Reserved::Fresh(reservation) => Ok(tsa::ledger::Reserved::Fresh(reservation)),
            Reserved::Existing { token, remaining } => {
                Ok(tsa::ledger::Reserved::Existing { record: record(token), remaining })
            }
        }
    }

    async fn commit(
        &self,
        reservation: Reservation,
        record: TokenRecord,
    ) -> Result<Committed, Refusal> {
        let TokenRecord { serial, gen_time_ms, tsu, token, retry_key, companion } = record;
        let companion =
            companion.map(|Companion { serial, tsu, token }| CompanionToken { serial, tsu, token });
        let token = NewToken { serial, gen_time_ms, tsu, token, retry_key, companion };
        let committed = self.0.commit(reservation, token).await.map_err(refusal)?;
        Ok(Committed { remaining: committed.remaining })
    }
}

fn record(stored: StoredToken) -> TokenRecord {
    TokenRecord {
        serial: stored.serial,
        gen_time_ms: stored.gen_time_ms,
        tsu: stored.tsu,
        token: stored.token,
        retry_key: stored.retry_key,
        companion: stored.companion.map(|CompanionToken { serial, tsu, token }| Companion {
            serial,
            tsu,
            token,
        }),
    }
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::NoStamps => Refusal::NoStamps,
        Refused::NotActive(_) => Refusal::AccountNotActive,
        Refused::Busy => Refusal::Busy,
        refused => Refusal::Unavailable(refused.to_string()),
    }
}

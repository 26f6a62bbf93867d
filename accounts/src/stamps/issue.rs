//! Taking a stamp for a token: hold, then debit and record together.

use super::cell::{Cell, Reservation, Step};
use super::draft::{Change, Detail, Draft};
use super::error::{Refused, StampError};
use super::model::{Committed, CompanionToken, NewToken, StoredToken};
use super::records::{CompanionFields, EntryKind, GlobalRecord, SerialRecord, Status, TokenFields};
use super::retry::fingerprint;
use super::tables::{GLOBAL, GLOBAL_KEY, SERIAL};
use super::{Inner, StampLedger};
use crate::StampAccountId;
use crate::encoding::{decode, encode};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use store::{Job, StoreError, Transaction};
use tokio::sync::oneshot;

/// What a request for a stamp gives.
#[derive(Debug)]
pub enum Reserved {
    /// A stamp is held.
    Fresh(Reservation),
    /// The same request was answered before: its token, for no stamp.
    Existing {
        /// The token.
        token: StoredToken,
        /// What remains now.
        remaining: u64,
    },
}

impl StampLedger {
    /// Holds one stamp of an account, or finds the token of the same request.
    ///
    /// With a `retry_key` (which stands for everything that makes a request the same), a request
    /// under way with the same key is waited for; if it fails, this one goes on as a fresh one.
    /// A token of the same key inside the window is the answer also when no stamps are left.
    pub async fn reserve(
        &self,
        id: StampAccountId,
        retry_key: Option<[u8; 32]>,
        now: DateTime<Utc>,
    ) -> Result<Reserved, Refused> {
        let inner = &self.0;
        let at = now.timestamp_millis();
        let cell = inner.loaded(id)?.ok_or(Refused::UnknownAccount(id))?;
        let mut not = None;
        loop {
            match cell.begin(retry_key, not, &inner.retries, at)? {
                Step::Held(reservation) => return Ok(Reserved::Fresh(reservation)),
                Step::UnderWay(end) => end.await,
                Step::Repeats(entry) => match inner.repeated(id, entry, retry_key, at)? {
                    Some(token) => {
                        return Ok(Reserved::Existing { token, remaining: cell.remaining(at) });
                    }
                    // The fingerprint was that of another key, or of a token past the window.
                    None => not = Some(entry),
                },
            }
        }
    }

    /// Debits the held stamp and keeps the token, or both of a pair, in one durable transaction.
    /// When this returns `Ok`, all of it is on disk. On any error, or when the caller goes away
    /// before the job has been queued, the stamp is given back.
    ///
    /// The lot is decided again from durable state: when the held one was voided or swept
    /// meanwhile, the next one in draw order pays.
    pub async fn commit(
        &self,
        reservation: Reservation,
        token: NewToken,
    ) -> Result<Committed, Refused> {
        debug_assert_eq!(reservation.retry_key, token.retry_key, "the key given to reserve");
        let (answer, outcome) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        let debit = Debit { inner, reservation, token: Some(token), result: None, answer };
        self.0.store.submit(Box::new(debit))?;
        outcome.await.unwrap_or(Err(Refused::Store(StoreError::Closed)))
    }
}

impl Inner {
    /// The token of `entry`, when it answers a request with `retry_key` at `at`.
    fn repeated(
        &self,
        id: StampAccountId,
        entry: u64,
        retry_key: Option<[u8; 32]>,
        at: i64,
    ) -> Result<Option<StoredToken>, StoreError> {
        let token = self.stored_token(id, entry)?;
        Ok(token.filter(|token| {
            token.retry_key == retry_key && self.retries.within(token.gen_time_ms, at)
        }))
    }
}

/// The job that pays for one token.
struct Debit {
    inner: Arc<Inner>,
    reservation: Reservation,
    token: Option<NewToken>,
    result: Option<Result<Paid, Refused>>,
    answer: oneshot::Sender<Result<Committed, Refused>>,
}

/// What the transaction did.
struct Paid {
    change: Change,
    entry: u64,
    gen_time: i64,
    log_index: u64,
}

impl Job for Debit {
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let token = self.token.take().ok_or(StoreError::Closed)?;
        match pay(tx, &self.reservation, token) {
            Err(Refused::Store(error)) => return Err(error),
            result => self.result = Some(result),
        }
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { inner, reservation, result, answer, .. } = *self;
        let closed = Err(Refused::Store(StoreError::Closed));
        let result = outcome.map_err(Refused::from).and_then(|()| result.unwrap_or(closed));
        let reply = result.map(|paid| {
            let mut newest = inner.last_gen_time.lock();
            *newest = (*newest).max(Some(paid.gen_time));
            drop(newest);
            let token = (paid.entry, paid.gen_time);
            let remaining = Cell::settle(reservation, paid.change, &inner.retries, token);
            Committed { remaining, log_index: paid.log_index }
        });
        // The asker may have gone away: the token is paid for and can be fetched again.
        drop(answer.send(reply));
    }
}

/// The transaction: everything is read again, all is checked, then all is written.
fn pay(
    tx: &mut dyn Transaction,
    reservation: &Reservation,
    token: NewToken,
) -> Result<Paid, Refused> {
    let account = reservation.account();
    let mut draft = Draft::open(tx, account, reservation.at).map_err(refused)?;
    if draft.account().status != Status::Active {
        return Err(Refused::NotActive(draft.account().status));
    }
    check_serials(tx, &token)?;
    let at = draft.at();
    let held = draft.lot(tx, reservation.lot).map_err(refused)?;
    // I5: inside [effective_at, expires_at) at the time of the entry.
    let lot = if held.usable(at) && held.available > 0 {
        reservation.lot
    } else {
        // This is the writer's thread: everybody waits for what is read here.
        let known = reservation.cell.lots_with_stamps(at);
        let next = draft.next_lot(tx, &known)?.ok_or(Refused::NoStamps)?;
        draft.lot(tx, next).map_err(refused)?;
        next
    };
    let mut global = read_global(tx)?;
    let log_index = global.tokens;
    let tokens = 1 + u64::from(token.companion.is_some());
    global.tokens = log_index.checked_add(tokens).ok_or(Refused::Arithmetic(account))?;
    global.last_gen_time = global.last_gen_time.max(Some(token.gen_time_ms));

    let NewToken { serial, gen_time_ms: gen_time, tsu, token: der, retry_key, companion } = token;
    let token = Some(TokenFields { gen_time, tsu, der, retry_key, log_index });
    let second = companion.as_ref().map(|companion| companion.serial);
    let companion = companion.map(|CompanionToken { serial, tsu, token: der }| CompanionFields {
        serial,
        tsu,
        der,
    });
    let detail = Detail { by: None, serial: Some(serial), token, companion };
    let entry = draft.post(EntryKind::Use, lot, 1, detail).map_err(refused)?;
    let retry = retry_key.as_ref().map(|key| fingerprint(account, key));
    let record = SerialRecord { account: account.number(), entry, retry, refunded_by: None };
    draft.set_serial(serial, record);
    if let Some(second) = second {
        draft.set_serial(second, SerialRecord { retry: None, ..record });
    }
    let change = draft.write(tx);
    tx.put(GLOBAL, GLOBAL_KEY, &encode(&global, 32));
    Ok(Paid { change, entry, gen_time, log_index })
}

/// I13: a repeated serial number would overwrite where the first token is.
fn check_serials(tx: &dyn Transaction, token: &NewToken) -> Result<(), Refused> {
    let second = token.companion.as_ref().map(|companion| companion.serial);
    for serial in std::iter::once(token.serial).chain(second) {
        if tx.get(SERIAL, &serial)?.is_some() {
            return Err(Refused::SerialRepeats(hex::encode(serial)));
        }
    }
    match second {
        Some(second) if second == token.serial => Err(Refused::SerialRepeats(hex::encode(second))),
        _ => Ok(()),
    }
}

pub(super) fn read_global(tx: &dyn Transaction) -> Result<GlobalRecord, StoreError> {
    match tx.get(GLOBAL, GLOBAL_KEY)? {
        Some(bytes) => decode(GLOBAL, GLOBAL_KEY, &bytes),
        None => Ok(GlobalRecord::default()),
    }
}

/// The words of the books in those of a request for a stamp.
fn refused(error: StampError) -> Refused {
    match error {
        StampError::Store(error) => Refused::from(error),
        StampError::UnknownAccount { account } => Refused::UnknownAccount(account),
        StampError::Arithmetic { account, .. } => Refused::Arithmetic(account),
        // A lot that was held and is not there: the account has been changed by other hands.
        _ => Refused::NoStamps,
    }
}

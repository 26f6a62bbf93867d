//! What an administrator does to accounts and lots. Each act is an entry that says who and why.

use super::StampLedger;
use super::draft::{Detail, Draft};
use super::error::StampError;
use super::issue::read_global;
use super::model::{AccountView, Act, LotId, LotView, NewLot};
use super::records::{EntryKind, EntryRecord, LotRecord, SerialRecord, Status};
use super::tables::{ENTRY, GLOBAL, GLOBAL_KEY, NAME, SERIAL, inner_key};
use crate::encoding::{damaged, decode, encode};
use crate::{AccountName, StampAccountId};
use chrono::{DateTime, Utc};
use store::{Job, StoreError, Transaction};
use tokio::sync::oneshot;

impl StampLedger {
    /// Opens an account with no stamps.
    pub async fn create(
        &self,
        name: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        let name = AccountName::parse(name)?;
        by.check()?;
        let (by, at) = (by.clone(), now.timestamp_millis());
        let work = move |tx: &mut dyn Transaction| {
            let key = name.as_str().as_bytes();
            if tx.get(NAME, key)?.is_some() {
                return Err(StampError::NameTaken { name: name.to_string() });
            }
            let mut global = read_global(tx)?;
            let id = StampAccountId::new(global.next_account);
            let what = "number of accounts";
            let next = global.next_account.checked_add(1);
            global.next_account = next.ok_or(StampError::Arithmetic { account: id, what })?;
            let mut draft = Draft::create(id, name.to_string(), at);
            draft.note(EntryKind::Open, &by)?;
            draft.write(tx);
            tx.put(NAME, key, &id.number().to_be_bytes());
            tx.put(GLOBAL, GLOBAL_KEY, &encode(&global, 32));
            Ok(id)
        };
        let id = self.act(Box::new(work), |_| {}).await?;
        self.0.view(id, at)
    }

    /// Adds a lot to an account that is not closed.
    pub async fn grant(
        &self,
        id: StampAccountId,
        lot: NewLot,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<LotView, StampError> {
        lot.check(now)?;
        let by = by.clone();
        let quantity = lot.quantity;
        self.change(id, &by.clone(), now, move |tx, draft| {
            needs_open(draft, id)?;
            let number = draft.add_lot(new_record(lot, draft.at()))?;
            draft.post(EntryKind::Grant, number, quantity, detail(&by))?;
            let record = draft.lot(tx, number)?;
            Ok(LotView::new(number, record))
        })
        .await
    }

    /// Gives the stamp of a token back into its own lot, once. One stamp paid for both tokens of a
    /// pair: `serial` may be either's, and it comes back once.
    ///
    /// Refused when the lot has expired or is closed: the stamp could not be used again.
    pub async fn refund(
        &self,
        id: StampAccountId,
        serial: [u8; 16],
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<LotView, StampError> {
        let by = by.clone();
        self.change(id, &by.clone(), now, move |tx, draft| {
            needs_open(draft, id)?;
            // I10: what was given back before is decided here, inside the transaction.
            let Used { lot, serials } = used_stamp(tx, id, serial)?;
            let at = draft.at();
            let target = draft.lot(tx, lot)?;
            if target.closed {
                return Err(StampError::LotClosed { account: id, lot: LotId::new(lot) });
            }
            if target.expired_at(at) {
                return Err(StampError::LotExpired { account: id, lot: LotId::new(lot) });
            }
            let first = serials.first().map(|(serial, _)| *serial);
            let detail = Detail { serial: first, ..detail(&by) };
            let entry = draft.post(EntryKind::Refund, lot, 1, detail)?;
            for (serial, record) in serials {
                draft.set_serial(serial, SerialRecord { refunded_by: Some(entry), ..record });
            }
            let target = draft.lot(tx, lot)?;
            Ok(LotView::new(lot, target))
        })
        .await
    }

    /// Takes back what is left of a lot, and closes the lot.
    pub async fn void(
        &self,
        id: StampAccountId,
        lot: LotId,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<LotView, StampError> {
        let by = by.clone();
        self.change(id, &by.clone(), now, move |tx, draft| {
            let (account, at, number) = (id, draft.at(), lot.number());
            let target = draft.lot(tx, number)?;
            if target.closed {
                return Err(StampError::LotClosed { account, lot });
            }
            if target.expired_at(at) {
                return Err(StampError::LotExpired { account, lot });
            }
            if target.available == 0 {
                return Err(StampError::LotEmpty { account, lot });
            }
            // I10: all that is available now, decided inside the transaction.
            void_rest(tx, draft, number, &by)?;
            let target = draft.lot(tx, number)?;
            Ok(LotView::new(number, target))
        })
        .await
    }

    /// Stops an active account from issuing.
    pub async fn suspend(
        &self,
        id: StampAccountId,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        let step = (Status::Active, EntryKind::Suspend, Status::Suspended);
        self.set_status(id, step, "it has to be active", by, now).await
    }

    /// Lets a suspended account issue again.
    pub async fn reactivate(
        &self,
        id: StampAccountId,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        let step = (Status::Suspended, EntryKind::Reactivate, Status::Active);
        self.set_status(id, step, "it has to be suspended", by, now).await
    }

    /// Closes an account for good. What is left in its lots is voided, or expires when its time
    /// has come, by entries of the same transaction.
    pub async fn close(
        &self,
        id: StampAccountId,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        let by = by.clone();
        self.change(id, &by.clone(), now, move |tx, draft| {
            needs_open(draft, id)?;
            for (number, lot) in draft.all_lots(tx)? {
                if lot.available == 0 {
                    continue;
                }
                if lot.expired_at(draft.at()) {
                    super::expiry::expire_rest(tx, draft, number, &by)?;
                } else {
                    void_rest(tx, draft, number, &by)?;
                }
            }
            draft.set_status(Status::Closed);
            draft.note(EntryKind::Close, &by)?;
            Ok(())
        })
        .await?;
        self.0.view(id, now.timestamp_millis())
    }

    async fn set_status(
        &self,
        id: StampAccountId,
        (from, kind, to): (Status, EntryKind, Status),
        needed: &'static str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<AccountView, StampError> {
        let by = by.clone();
        self.change(id, &by.clone(), now, move |_, draft| {
            let status = draft.account().status;
            if status != from {
                return Err(StampError::WrongStatus { account: id, status, needed });
            }
            draft.set_status(to);
            draft.note(kind, &by)?;
            Ok(())
        })
        .await?;
        self.0.view(id, now.timestamp_millis())
    }

    /// Runs `work` on a draft of the account in one transaction and writes the draft when `work`
    /// succeeds; what is durable is then told to the account in memory. `work` itself cannot
    /// write, so that a refusal half-way leaves nothing behind.
    pub(super) async fn change<T, F>(
        &self,
        id: StampAccountId,
        by: &Act,
        now: DateTime<Utc>,
        work: F,
    ) -> Result<T, StampError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Transaction, &mut Draft) -> Result<T, StampError> + Send + 'static,
    {
        by.check()?;
        let at = now.timestamp_millis();
        // Taken before the job is queued, so that the change finds the cell that is in use.
        let cell = self.0.cache.cell(id);
        let work = move |tx: &mut dyn Transaction| {
            let mut draft = Draft::open(tx, id, at)?;
            let value = work(tx, &mut draft)?;
            Ok((value, Some(draft.write(tx))))
        };
        let outcome = self.act(Box::new(work), move |(_, change)| {
            if let Some(change) = change.take() {
                cell.apply(change);
            }
        });
        Ok(outcome.await?.0)
    }

    /// Runs `work` in one transaction; when it is durable, `durable` runs on the writer's thread,
    /// in the order of the journal.
    async fn act<T: Send + 'static>(
        &self,
        work: Work<T>,
        durable: impl FnOnce(&mut T) + Send + 'static,
    ) -> Result<T, StampError> {
        let (answer, outcome) = oneshot::channel();
        let job = ActJob { work: Some(work), durable, result: None, answer };
        self.0.store.submit(Box::new(job))?;
        outcome.await.unwrap_or(Err(StampError::Store(StoreError::Closed)))
    }
}

type Work<T> = Box<dyn FnOnce(&mut dyn Transaction) -> Result<T, StampError> + Send>;

struct ActJob<T, D> {
    work: Option<Work<T>>,
    durable: D,
    result: Option<Result<T, StampError>>,
    answer: oneshot::Sender<Result<T, StampError>>,
}

impl<T: Send, D: FnOnce(&mut T) + Send> Job for ActJob<T, D> {
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        match work(tx) {
            Ok(value) => self.result = Some(Ok(value)),
            Err(StampError::Store(error)) => return Err(error),
            // A refusal is an answer, not an error of the store; nothing was written before it.
            Err(refusal) => self.result = Some(Err(refusal)),
        }
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { durable, result, answer, .. } = *self;
        let closed = Err(StampError::Store(StoreError::Closed));
        let result = outcome.map_err(StampError::from).and_then(|()| result.unwrap_or(closed));
        let result = result.map(|mut value| {
            durable(&mut value);
            value
        });
        // The asker may have gone away; what was done stands.
        drop(answer.send(result));
    }
}

fn needs_open(draft: &Draft, account: StampAccountId) -> Result<(), StampError> {
    let status = draft.account().status;
    if status == Status::Closed {
        let needed = "open a new account instead";
        return Err(StampError::WrongStatus { account, status, needed });
    }
    Ok(())
}

fn detail(by: &Act) -> Detail<'_> {
    Detail { by: Some(by), ..Detail::default() }
}

fn new_record(lot: NewLot, at: i64) -> LotRecord {
    LotRecord {
        quantity: lot.quantity,
        available: 0,
        used: 0,
        expired: 0,
        voided: 0,
        category: lot.category,
        priority: lot.priority,
        created_at: at,
        effective_at: lot.effective_at.timestamp_millis(),
        expires_at: lot.expires_at.map(|end| end.timestamp_millis()),
        unit_price: lot.unit_price,
        vat_rate: lot.vat_rate,
        order: lot.order,
        last_entry: 0,
        closed: false,
    }
}

/// A stamp that was used and not given back.
struct Used {
    /// Where it came from.
    lot: u64,
    /// The token that it paid for, or the two of a pair, the first one first.
    serials: Vec<([u8; 16], SerialRecord)>,
}

/// The stamp of `serial`, when it was not given back before.
fn used_stamp(
    tx: &dyn Transaction,
    account: StampAccountId,
    serial: [u8; 16],
) -> Result<Used, StampError> {
    let text = || hex::encode(serial);
    let unknown = || StampError::UnknownSerial { account, serial: text() };
    let record = read_serial(tx, serial)?.ok_or_else(unknown)?;
    if record.account != account.number() {
        return Err(unknown());
    }
    if let Some(entry) = record.refunded_by {
        return Err(StampError::AlreadyRefunded { serial: text(), entry });
    }
    let key = inner_key(account, record.entry);
    let lost = || damaged(ENTRY, &key, "the entry of a token is missing, or has no lot");
    let bytes = tx.get(ENTRY, &key)?.ok_or_else(lost)?;
    let entry: EntryRecord = decode(ENTRY, &key, &bytes)?;
    let mut serials = Vec::with_capacity(2);
    for serial in entry.serials() {
        serials.push((serial, read_serial(tx, serial)?.ok_or_else(lost)?));
    }
    Ok(Used { lot: entry.lot.ok_or_else(lost)?, serials })
}

fn read_serial(tx: &dyn Transaction, serial: [u8; 16]) -> Result<Option<SerialRecord>, StoreError> {
    tx.get(SERIAL, &serial)?.map(|bytes| decode(SERIAL, &serial, &bytes)).transpose()
}

/// Voids what a lot has left, and closes it.
fn void_rest(
    tx: &dyn Transaction,
    draft: &mut Draft,
    number: u64,
    by: &Act,
) -> Result<(), StampError> {
    let lot = draft.lot(tx, number)?;
    let (rest, end) = (lot.available, lot.expires_at);
    lot.closed = true;
    draft.post(EntryKind::Void, number, rest, detail(by))?;
    if let Some(end) = end {
        draft.settle_expiry(end, number);
    }
    Ok(())
}

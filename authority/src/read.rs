//! Looking into the registry: certificates one by one and in pages, and the CAs.

use crate::encoding::{damaged, decode, instant};
use crate::model::{
    Act, AuthorityFacts, Certificate, CertificateDetails, CertificatePage, CertificateQuery,
    HistoryEntry, Profile,
};
use crate::records::{CertificateRecord, ChangeRecord, StandingRecord};
use crate::registry::Inner;
use crate::status::{Change, Status, StatusWord};
use crate::tables::{CERTIFICATE, CHANGE, DER, STANDING, SerialKey, certificate_key, change_key};
use crate::{Authority, AuthorityError};
use certs::Serial;
use chrono::{DateTime, Utc};
use std::ops::Bound;
use std::sync::Arc;
use store::{Order, StoreError};

/// The most certificates of a page.
const MOST_AT_ONCE: usize = 1_000;

/// The most certificates that are looked at for one page.
const MOST_READ: usize = 10_000;

/// How many rows are read at a time.
const BATCH: usize = 256;

impl Authority {
    /// How a certificate stands, from memory; `None` when it was not issued here.
    #[must_use]
    pub fn status(&self, serial: &Serial) -> Option<Status> {
        self.0.standings.get(SerialKey::of(serial)).map(|standing| standing.status)
    }

    /// How the certificate with this DER stands; `None` when it is not one of this registry, even
    /// if it has the serial number of one that is.
    ///
    /// # Errors
    /// [`AuthorityError::Store`].
    pub fn status_of(&self, der: &[u8]) -> Result<Option<Status>, AuthorityError> {
        let serial = certs::check::parse(der).ok().and_then(|parsed| Serial::of(&parsed));
        let Some(serial) = serial else { return Ok(None) };
        let Some(status) = self.status(&serial) else { return Ok(None) };
        let (store, key) = (&*self.0.store, SerialKey::of(&serial));
        let Some(bytes) = store.get(STANDING, &key.0)? else { return Ok(None) };
        let standing: StandingRecord = decode(STANDING, &key.0, &bytes)?;
        let registered = store.get(DER, &certificate_key(standing.certificate))?;
        Ok((registered.as_deref() == Some(der)).then_some(status))
    }

    /// A certificate with its DER and its history; `None` when it was not issued here.
    ///
    /// # Errors
    /// [`AuthorityError::Store`].
    pub fn show(
        &self,
        serial: &Serial,
        now: DateTime<Utc>,
    ) -> Result<Option<CertificateDetails>, AuthorityError> {
        let (store, key) = (&*self.0.store, SerialKey::of(serial));
        let Some(bytes) = store.get(STANDING, &key.0)? else { return Ok(None) };
        let standing: StandingRecord = decode(STANDING, &key.0, &bytes)?;
        let number = standing.certificate;
        let row = certificate_key(number);
        let missing = |table| damaged(table, &row, "a row of a certificate is missing");
        let bytes = store.get(CERTIFICATE, &row)?.ok_or_else(|| missing(CERTIFICATE))?;
        let record: CertificateRecord = decode(CERTIFICATE, &row, &bytes)?;
        let der = store.get(DER, &row)?.ok_or_else(|| missing(DER))?;
        let issued_by = Act::new(&record.actor, &record.reason);
        let (fingerprint, status) = (record.fingerprint, standing.status(STANDING, &key.0)?);
        let certificate = self.0.view(number, record, status, now)?;
        let history = self.0.history(number)?;
        Ok(Some(CertificateDetails { certificate, der, fingerprint, issued_by, history }))
    }

    /// The certificates that a query asks for. One call reads a bounded number of rows: follow
    /// [`CertificatePage::next`] to the end.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownCa`], [`AuthorityError::Store`].
    pub fn list(
        &self,
        query: &CertificateQuery,
        now: DateTime<Utc>,
    ) -> Result<CertificatePage, AuthorityError> {
        let limit = if query.limit == 0 { MOST_AT_ONCE } else { query.limit.min(MOST_AT_ONCE) };
        let ca = query.ca.as_ref().map(|id| self.0.find(id).map(|ca| ca.number)).transpose()?;
        match query.status {
            Some(word @ (StatusWord::Suspended | StatusWord::Revoked)) => {
                self.0.listed_page(word, ca, query.after, limit, now)
            }
            word => self.0.page(word, ca, query.after, limit, now),
        }
    }

    /// The CAs and what they have published.
    ///
    /// # Errors
    /// [`AuthorityError::Store`].
    pub fn authorities(&self) -> Result<Vec<AuthorityFacts>, AuthorityError> {
        let facts = |ca: &Arc<crate::registry::Ca>| {
            let certificate = ca.authority.certificate();
            Ok(AuthorityFacts {
                id: ca.id().to_owned(),
                subject: certs::display_name(ca.authority.subject()),
                not_before: certificate.not_before(),
                not_after: certificate.not_after(),
                crl: ca.crl.load_full(),
                issued: ca.read_record(&*self.0.store)?.issued,
                responder: ca.responding.load().as_ref().map(|found| found.facts()),
            })
        };
        self.0.cas.iter().map(facts).collect()
    }
}

impl Inner {
    /// A certificate as it is shown.
    pub(crate) fn view(
        &self,
        number: u64,
        record: CertificateRecord,
        status: Status,
        now: DateTime<Utc>,
    ) -> Result<Certificate, StoreError> {
        let row = certificate_key(number);
        let time = |ms| instant(CERTIFICATE, &row, ms);
        let profile: Profile = record
            .profile
            .parse()
            .map_err(|_| damaged(CERTIFICATE, &row, "a profile that nobody knows"))?;
        let not_after = time(record.not_after)?;
        // A CA that is no longer configured keeps its certificates, and its number.
        let ca = self.numbered(record.ca).map(|ca| ca.id().to_owned());
        Ok(Certificate {
            number,
            serial: serial(&record, &row)?,
            ca: ca.unwrap_or_else(|| format!("number {}", record.ca)),
            profile,
            not_before: time(record.not_before)?,
            issued_at: time(record.at)?,
            subject: record.subject,
            erased_at: record.erased_at.map(time).transpose()?,
            not_after,
            status,
            expired: now > not_after,
        })
    }

    fn history(&self, number: u64) -> Result<Vec<HistoryEntry>, StoreError> {
        let (from, to) = (change_key(number, 0), change_key(number, u32::MAX));
        let (from, to) = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        let rows = self.store.scan(CHANGE, from, to, Order::Ascending, usize::MAX)?;
        let entry = |(key, bytes): &(Vec<u8>, Vec<u8>)| {
            let record: ChangeRecord = decode(CHANGE, key, bytes)?;
            let (change, at) = record.change(CHANGE, key)?;
            let (until, reason, invalidity) = match change {
                Change::Suspend { until } => (until, None, None),
                Change::Reactivate => (None, None, None),
                Change::Revoke { reason, invalidity } => (None, Some(reason), invalidity),
            };
            let by = Act { actor: record.actor, reason: record.why };
            Ok(HistoryEntry { at, change: change.word(), until, reason, invalidity, by })
        };
        rows.iter().map(entry).collect()
    }

    /// A page from the rows of certificates.
    fn page(
        &self,
        word: Option<StatusWord>,
        ca: Option<u16>,
        mut after: u64,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<CertificatePage, AuthorityError> {
        let mut certificates = Vec::new();
        let mut read = 0;
        loop {
            let (from, to) = (certificate_key(after), certificate_key(u64::MAX));
            let (from, to) = (Bound::Excluded(&from[..]), Bound::Included(&to[..]));
            let rows = self.store.scan(CERTIFICATE, from, to, Order::Ascending, BATCH)?;
            let is_last = rows.len() < BATCH;
            for (key, bytes) in rows {
                if certificates.len() == limit || read == MOST_READ {
                    return Ok(CertificatePage { certificates, next: Some(after) });
                }
                let wrong = |_| damaged(CERTIFICATE, &key, "a malformed key");
                after = u64::from_be_bytes(key.as_slice().try_into().map_err(wrong)?);
                read += 1;
                let record: CertificateRecord = decode(CERTIFICATE, &key, &bytes)?;
                if ca.is_some_and(|ca| ca != record.ca) {
                    continue;
                }
                let certificate = self.standing_view(after, record, now)?;
                if word.is_none_or(|word| word == certificate.word()) {
                    certificates.push(certificate);
                }
            }
            if is_last {
                return Ok(CertificatePage { certificates, next: None });
            }
        }
    }

    /// A page of those that are suspended or revoked, which are in memory.
    fn listed_page(
        &self,
        word: StatusWord,
        ca: Option<u16>,
        after: u64,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<CertificatePage, AuthorityError> {
        let mut numbers = self.standings.pick(|of, _, listed| {
            let fits = ca.is_none_or(|ca| ca == of)
                && listed.status.word() == word
                && listed.certificate > after;
            fits.then_some(listed.certificate)
        });
        numbers.sort_unstable();
        let more = numbers.len() > limit;
        numbers.truncate(limit);
        let next = numbers.last().copied().filter(|_| more);
        let mut certificates = Vec::with_capacity(numbers.len());
        for number in numbers {
            let row = certificate_key(number);
            let missing = || damaged(CERTIFICATE, &row, "a row of a certificate is missing");
            let bytes = self.store.get(CERTIFICATE, &row)?.ok_or_else(missing)?;
            let record: CertificateRecord = decode(CERTIFICATE, &row, &bytes)?;
            let certificate = self.standing_view(number, record, now)?;
            // It may have been changed since it was picked.
            if certificate.word() == word {
                certificates.push(certificate);
            }
        }
        Ok(CertificatePage { certificates, next })
    }

    fn standing_view(
        &self,
        number: u64,
        record: CertificateRecord,
        now: DateTime<Utc>,
    ) -> Result<Certificate, StoreError> {
        let key = SerialKey::of(&serial(&record, &certificate_key(number))?);
        let status = self.standings.get(key).map_or(Status::Good, |standing| standing.status);
        self.view(number, record, status, now)
    }
}

/// The serial number in a record.
pub(crate) fn serial(record: &CertificateRecord, row: &[u8]) -> Result<Serial, StoreError> {
    let wrong = |_| damaged(CERTIFICATE, row, "no serial number");
    Serial::from_bytes(&record.serial).map_err(wrong)
}

/// As an instant is stored: in milliseconds, which have no leap second.
pub(crate) fn whole_milliseconds(instant: DateTime<Utc>) -> DateTime<Utc> {
    // Never missing: the milliseconds are those of an instant.
    DateTime::from_timestamp_millis(instant.timestamp_millis()).unwrap_or(instant)
}

/// As the dates of a change are stored.
pub(crate) fn change_in_milliseconds(change: Change) -> Change {
    match change {
        Change::Suspend { until } => Change::Suspend { until: until.map(whole_milliseconds) },
        Change::Reactivate => Change::Reactivate,
        Change::Revoke { reason, invalidity } => {
            Change::Revoke { reason, invalidity: invalidity.map(whole_milliseconds) }
        }
    }
}

//! Reading: units and generations as they are shown. Nothing here writes.

use super::error::UnitError;
use super::model::{CertificateFacts, Generation, Unit, UnitSettings};
use super::records::{CertificateRecord, GenerationRecord, UnitRecord};
use super::registry::{Inner, UnitRegistry};
use super::tables::{
    CHOICE, DEFAULT_KEY, GENERATION, UNIT, generation_key, generation_number, generation_prefix,
};
use crate::encoding::{damaged, decode, instant};
use certs::{KeyKind, Serial};
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Row, StoreError, Transaction};

/// More units than this are not expected, nor more generations of one.
const PAGE: usize = 10_000;

impl UnitRegistry {
    /// All units, in the order of their identifiers.
    ///
    /// # Errors
    /// [`UnitError::Store`]
    pub fn list(&self) -> Result<Vec<Unit>, UnitError> {
        self.0.list()
    }

    /// One unit.
    ///
    /// # Errors
    /// [`UnitError::UnknownUnit`], [`UnitError::Store`].
    pub fn show(&self, id: &str) -> Result<Unit, UnitError> {
        self.0.show(id)
    }

    /// The unit for requests that name none: the first one that there was, until another is
    /// chosen.
    ///
    /// # Errors
    /// [`UnitError::Store`]
    pub fn default_unit(&self) -> Result<Option<String>, UnitError> {
        Ok(self.0.default_unit()?)
    }
}

impl Inner {
    pub(super) fn list(&self) -> Result<Vec<Unit>, UnitError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let rows = self.store.scan(UNIT, all.0, all.1, Order::Ascending, PAGE)?;
        let default = self.default_unit()?;
        rows.into_iter().map(|row| self.unit(row, default.as_deref())).collect()
    }

    pub(super) fn show(&self, id: &str) -> Result<Unit, UnitError> {
        self.find(id)?.ok_or_else(|| UnitError::UnknownUnit { unit: id.to_owned() })
    }

    pub(super) fn find(&self, id: &str) -> Result<Option<Unit>, UnitError> {
        let Some(bytes) = self.store.get(UNIT, id.as_bytes())? else { return Ok(None) };
        let default = self.default_unit()?;
        self.unit((id.as_bytes().to_vec(), bytes), default.as_deref()).map(Some)
    }

    pub(super) fn default_unit(&self) -> Result<Option<String>, StoreError> {
        self.store.get(CHOICE, DEFAULT_KEY)?.map(default_of).transpose()
    }

    fn unit(&self, (key, value): Row, default: Option<&str>) -> Result<Unit, UnitError> {
        let record: UnitRecord = decode(UNIT, &key, &value)?;
        let id = text(UNIT, &key)?;
        let generations = self.records(&id)?;
        let show = |(number, record): &(u32, GenerationRecord)| shown(&id, *number, record);
        Ok(Unit {
            is_default: default == Some(id.as_str()),
            created_at: instant(UNIT, &key, record.created_at)?,
            generations: generations.iter().map(show).collect::<Result<_, StoreError>>()?,
            settings: settings_of(&id, record)?,
        })
    }

    /// The generations of a unit as they are stored, the oldest first.
    pub(super) fn records(&self, id: &str) -> Result<Vec<(u32, GenerationRecord)>, StoreError> {
        let (from, to) = range(id);
        let (from, to) = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        generations(self.store.scan(GENERATION, from, to, Order::Ascending, PAGE)?)
    }

    /// The record of one of them.
    pub(super) fn record(&self, id: &str, number: u32) -> Result<GenerationRecord, UnitError> {
        let key = generation_key(id, number);
        let bytes = self.store.get(GENERATION, &key)?;
        let unknown = || UnitError::UnknownGeneration { unit: id.to_owned(), generation: number };
        Ok(decode(GENERATION, &key, &bytes.ok_or_else(unknown)?)?)
    }
}

/// The generations of a unit inside a transaction.
pub(super) fn records_in(
    tx: &dyn Transaction,
    id: &str,
) -> Result<Vec<(u32, GenerationRecord)>, StoreError> {
    let (from, to) = range(id);
    let (from, to) = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
    generations(tx.scan(GENERATION, from, to, Order::Ascending, PAGE)?)
}

/// The default unit inside a transaction.
pub(super) fn default_in(tx: &dyn Transaction) -> Result<Option<String>, StoreError> {
    tx.get(CHOICE, DEFAULT_KEY)?.map(default_of).transpose()
}

fn default_of(bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| damaged(CHOICE, DEFAULT_KEY, "no identifier of a unit"))
}

fn range(id: &str) -> (Vec<u8>, Vec<u8>) {
    (generation_prefix(id), generation_key(id, u32::MAX))
}

fn generations(rows: Vec<Row>) -> Result<Vec<(u32, GenerationRecord)>, StoreError> {
    let read = |(key, value): Row| {
        let number = generation_number(&key)
            .ok_or_else(|| damaged(GENERATION, &key, "a key of the wrong length"))?;
        Ok((number, decode(GENERATION, &key, &value)?))
    };
    rows.into_iter().map(read).collect()
}

fn text(table: store::Table, key: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(key.to_vec()).map_err(|_| damaged(table, key, "no identifier of a unit"))
}

pub(super) fn kind_of(table: store::Table, key: &[u8], name: &str) -> Result<KeyKind, StoreError> {
    name.parse().map_err(|_| damaged(table, key, "no kind of key"))
}

pub(super) fn settings_of(id: &str, record: UnitRecord) -> Result<UnitSettings, StoreError> {
    Ok(UnitSettings {
        id: id.to_owned(),
        key: kind_of(UNIT, id.as_bytes(), &record.key)?,
        key_store: record.key_store,
        padding: record.padding,
        policies: record.policies,
        accuracy_ms: record.accuracy_ms,
        certificates: record.certificates,
        verify_one_in: record.verify_one_in,
        companion: record.companion,
        certified_by: record.certified_by,
        rollover: record.rollover,
    })
}

/// A generation as it is shown.
pub(super) fn shown(
    id: &str,
    number: u32,
    record: &GenerationRecord,
) -> Result<Generation, StoreError> {
    let key = generation_key(id, number);
    let at = |ms: i64| instant(GENERATION, &key, ms);
    let certificate = record.certificate.as_ref().map(|record| facts(&key, record)).transpose()?;
    Ok(Generation {
        number,
        label: record.label.clone(),
        key_store: record.key_store,
        kind: kind_of(GENERATION, &key, &record.kind)?,
        padding: record.padding,
        state: record.state,
        certificate,
        made_at: at(record.made_at)?,
        certified_at: record.certified_at.map(at).transpose()?,
        activate_at: record.activate_at.map(at).transpose()?,
        activated_at: record.activated_at.map(at).transpose()?,
        retired_at: record.retired_at.map(at).transpose()?,
        destroyed_at: record.destroyed_at.map(at).transpose()?,
    })
}

fn facts(key: &[u8], record: &CertificateRecord) -> Result<CertificateFacts, StoreError> {
    let parsed = certs::check::parse(&record.der)
        .map_err(|error| damaged(GENERATION, key, &error.to_string()))?;
    let chain =
        std::iter::once(record.der.as_slice()).chain(record.chain.iter().map(|der| der.as_slice()));
    let serial = Serial::of(&parsed)
        .map_or_else(|| parsed.serial_number().to_string(), |serial| serial.to_string());
    Ok(CertificateFacts {
        serial,
        subject: certs::display_name(parsed.subject()),
        not_before: instant(GENERATION, key, record.not_before)?,
        not_after: instant(GENERATION, key, record.not_after)?,
        key_use_until: instant(GENERATION, key, record.end().0)?,
        ca: record.ca.clone(),
        chain_pem: certs::pem::bundle(chain),
    })
}

impl CertificateRecord {
    /// When a key stops with this certificate, in milliseconds, and what ends then.
    pub(super) fn end(&self) -> (i64, super::model::EndOf) {
        use super::model::EndOf;
        let ends = [
            self.key_not_after.map(|end| (end, EndOf::KeyUse)),
            Some((self.not_after, EndOf::Certificate)),
            self.issuers_not_after.map(|end| (end, EndOf::Issuer)),
        ];
        let first = ends.into_iter().flatten().min_by_key(|(end, _)| *end);
        first.unwrap_or((self.not_after, EndOf::Certificate))
    }

    /// The last instant at which a key may sign with it.
    pub(super) fn last_use(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.end().0)
    }
}

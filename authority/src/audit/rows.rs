//! The rows of the registry that one transaction wrote, read.

use super::{Fault, Operation};
use crate::encoding::{damaged, decode};
use crate::records::{
    AuthorityRecord, CertificateRecord, ChangeRecord, GlobalRecord, StandingRecord,
};
use crate::tables::{
    AUTHORITY, CERTIFICATE, CHANGE, DER, GLOBAL, GLOBAL_KEY, STANDING, SerialKey, split_change_key,
};
use std::collections::BTreeMap;
use store::{StoreError, Table};

/// The rows of one transaction.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    pub(super) authorities: BTreeMap<u16, AuthorityRecord>,
    pub(super) certificates: BTreeMap<u64, CertificateRecord>,
    pub(super) ders: BTreeMap<u64, &'a [u8]>,
    pub(super) standings: BTreeMap<SerialKey, StandingRecord>,
    /// By certificate and number of the change.
    pub(super) changes: BTreeMap<(u64, u32), ChangeRecord>,
    pub(super) global: Option<GlobalRecord>,
    /// Whether the audit trail got an event.
    pub(super) has_event: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn read(&mut self, transaction: u64, operation: Operation<'a>) -> Result<(), Fault> {
        let Operation { table, key, value } = operation;
        if table == trail::tables::EVENT.number() {
            self.has_event |= value.is_some();
            return Ok(());
        }
        let known = [AUTHORITY, CERTIFICATE, DER, STANDING, CHANGE, GLOBAL];
        let Some(table) = known.into_iter().find(|known| known.number() == table) else {
            return Ok(());
        };
        let Some(value) = value else {
            let (table, key) = (table.name(), hex::encode(key));
            return Err(Fault::Removed { transaction, table, key });
        };
        self.put(table, key, value)
            .map_err(|error| Fault::Unreadable { transaction, what: error.to_string() })
    }

    fn put(&mut self, table: Table, key: &[u8], value: &'a [u8]) -> Result<(), StoreError> {
        let wrong = || damaged(table, key, "a malformed key");
        let number = || key.try_into().map(u64::from_be_bytes).map_err(|_| wrong());
        if table == AUTHORITY {
            let ca = key.try_into().map_err(|_| wrong())?;
            self.authorities.insert(u16::from_be_bytes(ca), decode(table, key, value)?);
        } else if table == CERTIFICATE {
            self.certificates.insert(number()?, decode(table, key, value)?);
        } else if table == DER {
            self.ders.insert(number()?, value);
        } else if table == STANDING {
            let serial = SerialKey(key.try_into().map_err(|_| wrong())?);
            let record: StandingRecord = decode(table, key, value)?;
            record.status(table, key)?;
            self.standings.insert(serial, record);
        } else if table == CHANGE {
            let key_of = split_change_key(key).ok_or_else(wrong)?;
            self.changes.insert(key_of, decode(table, key, value)?);
        } else {
            if key != GLOBAL_KEY {
                return Err(wrong());
            }
            self.global = Some(decode(table, key, value)?);
        }
        Ok(())
    }
}

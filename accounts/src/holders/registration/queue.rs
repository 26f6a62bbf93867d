//! The queue of requests that wait for an operator: how long it is, and who fills it.
//!
//! A row by address says that somebody waits; a count says how many do. Who asks without being
//! known can invent addresses, so a network has a share of the places: the /24 of an IPv4 address,
//! the /48 of an IPv6 one, which is what a customer gets of a provider. It is kept as a keyed hash
//! for as long as the request waits. On loopback there is no network to count: it is a proxy on the
//! same machine, behind which everybody is one; that proxy has to limit by address itself.

use super::by_email;
use super::record::RegistrationRecord;
use crate::holders::counters::{WAITING_REQUESTS, count, set_count};
use crate::holders::registration::{load, save};
use crate::holders::tables::{COUNTER, REGISTRATION};
use crate::holders::{HolderError, Inner, RegistrationId};
use std::net::IpAddr;
use store::Transaction;

/// A network may have this part of all places.
const PART: usize = 20;
/// And never less than this: an office with one address registers its people in a day.
const LEAST: usize = 20;

/// A keyed hash of the network of a request.
pub(super) type Source = [u8; 16];

/// The network of a request; `None` where there is none to count.
pub(super) fn source(inner: &Inner, from: IpAddr) -> Result<Option<Source>, HolderError> {
    let network = match from.to_canonical() {
        address if address.is_loopback() => return Ok(None),
        IpAddr::V4(address) => address.octets()[..3].to_vec(),
        IpAddr::V6(address) => address.octets()[..6].to_vec(),
    };
    // Under the oldest version, so that a count stays in its place when a version is added.
    let pepper = &inner.pepper;
    let mac = pepper.mac_under(pepper.oldest(), "network of a request", &[&network])?;
    let mut source = Source::default();
    source.copy_from_slice(&mac[..16]);
    Ok(Some(source))
}

/// Refuses one more request when the queue is full, or the share of its network.
pub(super) fn needs_room(
    inner: &Inner,
    tx: &dyn Transaction,
    source: Option<Source>,
) -> Result<(), HolderError> {
    let most = inner.settings.most_requests;
    let share = (most / PART).max(LEAST).min(most);
    let of_source = source.map_or(Ok(0), |source| count(tx, &place(source)))?;
    if count(tx, WAITING_REQUESTS)? >= most as u64 || of_source >= share as u64 {
        return Err(HolderError::Busy);
    }
    Ok(())
}

/// A new request waits from now on.
pub(super) fn enter(
    tx: &mut dyn Transaction,
    (id, email): (RegistrationId, &str),
    source: Option<Source>,
) -> Result<(), HolderError> {
    tx.put(REGISTRATION, &by_email(email), &id.key());
    let waiting = count(tx, WAITING_REQUESTS)?;
    set_count(tx, WAITING_REQUESTS, waiting + 1);
    let Some(source) = source else { return Ok(()) };
    let of_source = count(tx, &place(source))?;
    set_count(tx, &place(source), of_source + 1);
    let mut record = load(tx, id)?;
    record.source = Some(source.into());
    save(tx, id, &record);
    Ok(())
}

/// The request waits no more, if it did. The record is the caller's to save.
pub(super) fn leave(
    tx: &mut dyn Transaction,
    (id, email): (RegistrationId, &str),
    record: &mut RegistrationRecord,
) -> Result<(), HolderError> {
    if let Some(source) = record.source.take() {
        let key = place(*source);
        match count(tx, &key)?.saturating_sub(1) {
            0 => tx.delete(COUNTER, &key),
            left => set_count(tx, &key, left),
        }
    }
    // One that an operator made has no row; that of the address may be another's.
    if tx.get(REGISTRATION, &by_email(email))?.as_deref() == Some(&id.key()[..]) {
        tx.delete(REGISTRATION, &by_email(email));
        let waiting = count(tx, WAITING_REQUESTS)?;
        set_count(tx, WAITING_REQUESTS, waiting.saturating_sub(1));
    }
    Ok(())
}

/// `net`, network: 19 bytes, a length that no other count has.
fn place(source: Source) -> [u8; 19] {
    let mut key = [0; 19];
    key[..3].copy_from_slice(b"net");
    key[3..].copy_from_slice(&source);
    key
}

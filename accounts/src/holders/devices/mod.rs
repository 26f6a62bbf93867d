//! Linked devices: a holder's phones, and systems that sign automatically.
//!
//! A device is linked in a session with a one-time code. It gets a token for its requests, and
//! leaves a public key with which it signs what it approves. A system may come in with a client
//! certificate in the place of a token, and may be bound to some credentials. Unlinking is at once:
//! the token is dead in the next request. A device that was not used for long is unlinked by a
//! timer, and all of them are when the holder is blocked or closed.
//!
//! A new password unlinks nothing, whether the old one was changed or recovered: a device is an
//! authenticator of its own, and its link took a one-time code. Every address of the holder is
//! told of both, and the list of devices shows what to unlink.

mod key;
mod record;
mod terms;

pub(crate) use key::is_signed;
pub(crate) use record::DeviceRecord;
pub use terms::DeviceTerms;

use super::bearer::{self, Owner, SecretToken, TokenDigest};
use super::fields::FieldRule;
use super::history::{HistoryEntry, HistoryKind};
use super::holder::{HolderStatus, notify};
use super::job::Round;
use super::messages::Template;
use super::otp::{OtpVerified, Purpose};
use super::sessions::{Access, AccessKind};
use super::tables::DEVICE;
use super::{
    Actor, CredentialId, DeviceId, HolderError, HolderId, Holders, Inner, credential, fields,
    history, holder, sessions,
};
use crate::encoding::decode;
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::net::IpAddr;
use std::ops::Bound;
use store::{Order, Transaction};

/// What a device's token begins with.
pub(crate) const PREFIX: &str = "md_";

/// What a device is. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum DeviceKind {
    /// A phone in the hand of its holder: it may approve.
    #[n(0)]
    Phone,
    /// A machine that signs automatically: it approves nothing.
    #[n(1)]
    System,
}

impl DeviceKind {
    /// Reads `phone` or `system`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, HolderError> {
        match text {
            "phone" => Ok(Self::Phone),
            "system" => Ok(Self::System),
            _ => Err(FieldRule::DeviceKind.broken_by(field)),
        }
    }

    /// A stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::System => "system",
        }
    }
}

/// A device to be linked.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What its holder calls it: 1 to 200 characters.
    pub name: String,
    /// What its link allows.
    pub terms: DeviceTerms,
}

impl NewDevice {
    /// Checks name and terms, before a one-time code is used up for them.
    pub fn check(&self) -> Result<(), HolderError> {
        fields::line("name", &self.name)?;
        self.terms.check()
    }
}

/// A device as its holder and operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// The identifier.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// DER of SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// When it was used, to the minute.
    pub last_used_at: DateTime<Utc>,
    /// The IP address that it was linked from.
    pub from: String,
    /// SHA-256 of the client certificate that it comes in with, when it has no token.
    pub certificate: Option<[u8; 32]>,
    /// The credentials that a system may use; `None` is all.
    pub credentials: Option<Vec<CredentialId>>,
}

/// A device with its token, which is not seen again.
#[derive(Debug)]
pub struct LinkedDevice {
    /// What the device shows with each request; none when it comes in with a certificate.
    pub token: Option<SecretToken>,
    /// The device.
    pub view: DeviceView,
}

impl Holders {
    /// Links a device, with a one-time code for [`Purpose::LinkDevice`] bound to
    /// [`DeviceTerms::bound`]. Every address of the holder is told.
    ///
    /// # Errors
    /// [`HolderError::NoSession`] and [`HolderError::StepUpNeeded`] for an access that may not;
    /// [`HolderError::TooManyDevices`], [`HolderError::CertificateTaken`], an unknown credential;
    /// and what is wrong with the name or the key.
    pub async fn link_device(
        &self,
        access: &Access,
        new: NewDevice,
        proof: OtpVerified,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<LinkedDevice, HolderError> {
        access.session()?;
        access.needs_full()?;
        let name = fields::line("name", &new.name)?;
        let (terms, from) = (new.terms, from.to_string());
        terms.check()?;
        let (id, operation) = (access.holder, proof.operation());
        proof.consume(id, operation, Purpose::LinkDevice, &terms.bound())?;
        self.transact(move |inner, tx| {
            let owner = holder::load(tx, id)?;
            if owner.status != HolderStatus::Active {
                return Err(HolderError::NotLoggedIn);
            }
            let most = inner.settings.most_devices;
            if all_of(tx, id)?.len() >= most {
                return Err(HolderError::TooManyDevices { most });
            }
            terms.check_with(id, |credential| credential::load(tx, credential))?;
            let record = record_of(inner, id, (name, terms, from), now);
            let (token, place) = match &record.certificate {
                Some(certificate) => (None, terms::place(certificate)),
                None => {
                    let token = SecretToken::generate(inner, PREFIX);
                    let digest = token.digest();
                    (Some(token), digest)
                }
            };
            // The certificate comes to the service from many: it says by itself whose it is.
            if record::load(tx, &place)?.is_some() {
                return Err(HolderError::CertificateTaken);
            }
            record::save(tx, &place, &record);
            let entry = HistoryEntry::new(HistoryKind::DeviceLinked, Actor::Holder(id));
            let entry = entry.with("device", &record.name).with("kind", record.kind.word());
            history::append(tx, id, &entry, now)?;
            let template =
                Template::DeviceLinked { device: record.name.clone(), at: record.linked_at };
            notify(inner, tx, id, &owner, &template, now)?;
            Ok(LinkedDevice { token, view: view(record) })
        })
        .await
    }

    /// The devices of a holder, the one that was linked first first.
    pub fn devices(&self, id: HolderId) -> Result<Vec<DeviceView>, HolderError> {
        let store = self.store();
        let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
            store.scan(DEVICE, from, to, Order::Ascending, limit)
        };
        let mut views = Vec::new();
        for digest in bearer::of_holder(scan, DEVICE, id)? {
            // It may have been unlinked since the scan.
            if let Some(bytes) = store.get(DEVICE, &digest)? {
                views.push(view(decode(DEVICE, &digest, &bytes)?));
            }
        }
        views.sort_by_key(|view| (view.linked_at, view.id));
        Ok(views)
    }

    /// Unlinks a device of a holder at once. Every address of the holder is told.
    ///
    /// # Errors
    /// [`HolderError::UnknownDevice`].
    pub async fn unlink_device(
        &self,
        id: HolderId,
        device: DeviceId,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |inner, tx| {
            let owner = Owner { holder: id, id: *device.as_bytes() };
            let digest = bearer::find(tx, DEVICE, owner)?.ok_or(HolderError::UnknownDevice)?;
            let record = record::load(tx, &digest)?.ok_or(HolderError::UnknownDevice)?;
            unlink(inner, tx, &record, actor, now)
        })
        .await
    }

    /// What a device's token stands for, and when it was used last.
    pub(super) fn device_access(&self, token: &str) -> Result<(Access, i64), HolderError> {
        self.device_at(bearer::digest(token))
    }

    /// The same for a client certificate, which TLS has verified; SHA-256 of its DER.
    pub(super) fn certified_access(
        &self,
        certificate: &[u8; 32],
    ) -> Result<(Access, i64), HolderError> {
        self.device_at(terms::place(certificate))
    }

    fn device_at(&self, digest: TokenDigest) -> Result<(Access, i64), HolderError> {
        let bytes = self.store().get(DEVICE, &digest)?.ok_or(HolderError::NotLoggedIn)?;
        let device: DeviceRecord = decode(DEVICE, &digest, &bytes)?;
        if self.holder_record(device.holder())?.status != HolderStatus::Active {
            return Err(HolderError::NotLoggedIn);
        }
        Ok((Access::of_device(&device, digest), device.last_used_at))
    }

    /// Whether the token of a device with this digest opens anything.
    pub(super) fn device_lives(&self, digest: &TokenDigest) -> Result<bool, HolderError> {
        let Some(bytes) = self.store().get(DEVICE, digest)? else { return Ok(false) };
        let device: DeviceRecord = decode(DEVICE, digest, &bytes)?;
        Ok(self.holder_record(device.holder())?.status == HolderStatus::Active)
    }

    /// Notes that a device is used; one that was unlinked meanwhile stays so.
    pub(super) async fn note_device(
        &self,
        digest: TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<(), HolderError> {
        self.transact(move |_, tx| {
            let mut device = record::load(tx, &digest)?.ok_or(HolderError::NotLoggedIn)?;
            device.last_used_at = device.last_used_at.max(now.timestamp_millis());
            record::save(tx, &digest, &device);
            Ok(())
        })
        .await
    }

    /// Unlinks devices that were not used for long; part of [`Holders::sessions_tick`].
    pub(super) async fn devices_tick(&self, now: DateTime<Utc>) -> Result<usize, HolderError> {
        let (mut round, mut after) = (Round::default(), b"h".to_vec());
        let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
            self.store().scan(DEVICE, from, to, Order::Ascending, limit)
        };
        loop {
            let page = bearer::page(scan, DEVICE, &after)?;
            let Some(last) = page.last else { return round.end() };
            after = last;
            for digest in page.digests {
                round.note(self.unlink_unused(digest, now).await);
            }
        }
    }

    async fn unlink_unused(
        &self,
        digest: TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<usize, HolderError> {
        // Read first: most of them are used.
        let Some(bytes) = self.store().get(DEVICE, &digest)? else { return Ok(0) };
        let device: DeviceRecord = decode(DEVICE, &digest, &bytes)?;
        if !device.is_unused(&self.inner().settings, now) {
            return Ok(0);
        }
        let unused = move |inner: &Inner, tx: &mut dyn Transaction| {
            let Some(record) = record::load(tx, &digest)? else { return Ok(0) };
            if !record.is_unused(&inner.settings, now) {
                return Ok(0);
            }
            unlink(inner, tx, &record, Actor::Service, now)?;
            Ok(1)
        };
        self.transact(unused).await
    }
}

impl Access {
    fn of_device(device: &DeviceRecord, reference: TokenDigest) -> Self {
        Self {
            holder: device.holder(),
            what: match device.kind {
                DeviceKind::Phone => AccessKind::Device(device.id()),
                DeviceKind::System => AccessKind::System(device.id()),
            },
            reference,
            limited: false,
            by_qr: false,
            must_change_password: false,
            stepped_up_until: None,
            credentials: device.credentials(),
        }
    }
}

fn record_of(
    inner: &Inner,
    holder: HolderId,
    (name, terms, from): (String, DeviceTerms, String),
    now: DateTime<Utc>,
) -> DeviceRecord {
    let at = now.timestamp_millis();
    let credentials =
        terms.credentials.map(|ids| ids.iter().map(|id| (*id.as_bytes()).into()).collect());
    DeviceRecord {
        id: *inner.draw(|random| DeviceId::generate(random)).as_bytes(),
        holder: holder.number(),
        name,
        kind: terms.kind,
        public_key: terms.public_key,
        linked_at: at,
        last_used_at: at,
        from,
        certificate: terms.certificate.map(Into::into),
        credentials,
    }
}

fn unlink(
    inner: &Inner,
    tx: &mut dyn Transaction,
    record: &DeviceRecord,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<(), HolderError> {
    let id = record.holder();
    bearer::remove(tx, DEVICE, record.owner())?;
    if record.kind == DeviceKind::Phone {
        sessions::end_by_qr(tx, id)?;
    }
    let entry = HistoryEntry::new(HistoryKind::DeviceUnlinked, actor);
    history::append(tx, id, &entry.with("device", &record.name), now)?;
    let template =
        Template::DeviceUnlinked { device: record.name.clone(), at: now.timestamp_millis() };
    let owner = holder::load(tx, id)?;
    notify(inner, tx, id, &owner, &template, now)
}

/// The device of an access, in a transaction.
pub(crate) fn of_access(
    tx: &dyn Transaction,
    access: &Access,
) -> Result<DeviceRecord, HolderError> {
    access.device()?;
    record::load(tx, &access.reference)?.ok_or(HolderError::NotLoggedIn)
}

/// Unlinks all devices of a holder, without a word: what they end with has its own.
pub(crate) fn unlink_all(tx: &mut dyn Transaction, id: HolderId) -> Result<(), HolderError> {
    for record in all_of(tx, id)? {
        bearer::remove(tx, DEVICE, record.owner())?;
    }
    Ok(())
}

/// Deletes up to `limit` devices of a holder, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    bearer::erase(tx, DEVICE, holder, limit)
}

fn all_of(tx: &dyn Transaction, id: HolderId) -> Result<Vec<DeviceRecord>, HolderError> {
    let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, limit| {
        tx.scan(DEVICE, from, to, Order::Ascending, limit)
    };
    let mut devices = Vec::new();
    for digest in bearer::of_holder(scan, DEVICE, id)? {
        devices.extend(record::load(tx, &digest)?);
    }
    Ok(devices)
}

fn view(record: DeviceRecord) -> DeviceView {
    DeviceView {
        id: record.id(),
        kind: record.kind,
        linked_at: crate::stamps::instant(record.linked_at),
        last_used_at: crate::stamps::instant(record.last_used_at),
        certificate: record.certificate.map(|sha256| *sha256),
        credentials: record.credentials(),
        name: record.name,
        public_key: record.public_key,
        from: record.from,
    }
}

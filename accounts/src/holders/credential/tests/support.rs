//! A holder, an envelope, and an issuer that notes what it is told.

use crate::credentials::Argon2Cost;
use crate::holders::credential::*;
use crate::holders::history::{HistoryKind, HistoryQuery};
use crate::holders::holder::{HolderRecord, HolderStatus, save as save_holder};
use crate::holders::keys::{KeyMaker, SoftwareKeys};
use crate::holders::messages::MessageRecord;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{EnvelopeAddresses, NewPin, NextSheet, PinVerified};
use crate::holders::tables::{HOLDER_BY_EMAIL, MESSAGE};
use crate::holders::{
    Actor, CredentialId, HolderError, HolderId, HolderSettings, Holders, Language, OperationId,
    Pepper, Room, SignatureNotices, SigningKeyKind,
};
use crate::testing::{MapStore, TestRandom, block_on};
use chrono::{DateTime, TimeDelta, Utc};
use envelope::{Codes, EmergencyCode, Pin, Puk};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Order, Store};
use tokio::sync::Notify;

pub(crate) const HOLDER: HolderId = HolderId::new(1);
pub(crate) const USER: &str = "ada@example.org";
/// Who sends emergency codes.
pub(crate) const GUESSER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const NEW_PIN: &str = "27182845";
pub(crate) const OTHER_PIN: &str = "16180339";

/// Holders over an empty store in a map.
pub(crate) fn holders() -> Holders {
    open(&MapStore::new(), 1)
}

fn open(store: &Arc<MapStore>, seed: u64) -> Holders {
    open_under(store, seed, 1, Arc::new(SoftwareKeys))
}

/// With this version of the pepper and no other.
fn open_under(store: &Arc<MapStore>, seed: u64, version: u16, keys: Arc<dyn KeyMaker>) -> Holders {
    let settings = HolderSettings {
        argon2: Argon2Cost::for_tests(1),
        concurrent_checks: 4,
        ..HolderSettings::default()
    };
    let pepper = Pepper::parse(&format!("{version} {}", "01ab".repeat(16))).unwrap();
    let (store, random) = (Arc::clone(store) as Arc<dyn Store>, TestRandom::new(seed));
    Holders::open_with(store, settings, pepper, keys, random).unwrap()
}

/// One holder with an envelope that waits.
pub(crate) struct Bench {
    pub(crate) store: Arc<MapStore>,
    pub(crate) holders: Holders,
    pub(crate) codes: Codes,
    pub(crate) id: CredentialId,
    pub(crate) issuer: Issuer,
}

impl Bench {
    /// A credential that waits for its activation.
    pub(crate) fn waiting() -> Self {
        Self::waiting_with(Arc::new(SoftwareKeys))
    }

    /// The same, with keys of somebody else.
    pub(crate) fn waiting_with(keys: Arc<dyn KeyMaker>) -> Self {
        let store = MapStore::new();
        let holders = open_under(&store, 1, 1, keys);
        block_on(holders.transact(|_, tx| {
            save_holder(tx, HOLDER, &record(USER));
            tx.put(HOLDER_BY_EMAIL, USER.as_bytes(), &HOLDER.key());
            Ok(())
        }))
        .unwrap();
        let codes = Codes::generate(&mut TestRandom::new(7));
        let new = NewCredential {
            holder: HOLDER,
            kind: CredentialKind::Remote,
            key_kind: SigningKeyKind::P256,
        };
        let by = Actor::Operator("operator".to_owned());
        let id = block_on(holders.create_credential(new, &codes, by, at(0))).unwrap();
        Self { store, holders, codes, id, issuer: Issuer::default() }
    }

    /// An active credential with [`NEW_PIN`].
    pub(crate) fn active() -> Self {
        let bench = Self::waiting();
        bench.activate(NEW_PIN).unwrap();
        bench
    }

    /// A process that starts again over the same store.
    pub(crate) fn restarted(&self) -> Holders {
        open(&self.store, 2)
    }

    /// The same with keys of somebody else.
    pub(crate) fn restarted_with(&self, keys: Arc<dyn KeyMaker>) -> Holders {
        open_under(&self.store, 2, 1, keys)
    }

    /// The same with a newer version of the pepper in front, and at another cost.
    pub(crate) fn with_a_newer_pepper(&self) -> Holders {
        let settings = HolderSettings {
            argon2: Argon2Cost::for_tests(2),
            concurrent_checks: 4,
            ..HolderSettings::default()
        };
        let text = format!("1 {}\n2 {}\n", "01ab".repeat(16), "02cd".repeat(16));
        let (pepper, random) = (Pepper::parse(&text).unwrap(), TestRandom::new(4));
        Holders::open(Arc::clone(&self.store) as Arc<dyn Store>, settings, pepper, random).unwrap()
    }

    /// The same with a pepper file from which the version of all that is stored is gone.
    pub(crate) fn without_its_pepper(&self) -> Holders {
        open_under(&self.store, 3, 2, Arc::new(SoftwareKeys))
    }

    /// Waits until no computation is under way: a process that ends in one pulls OpenSSL from
    /// under it.
    pub(crate) fn wait_for_computations(&self) {
        let inner = self.holders.inner();
        block_on(inner.workshop.at_rest(&inner.settings));
    }

    pub(crate) fn activate(&self, new: &str) -> Result<(), HolderError> {
        let codes = (self.envelope_pin(), self.puk());
        self.activate_with(codes, new)
    }

    pub(crate) fn activate_with(&self, codes: (Pin, Puk), new: &str) -> Result<(), HolderError> {
        let otp = self.otp(Purpose::Activate);
        let new = NewPin { pin: new, repeat: new };
        let place = (HOLDER, self.id);
        block_on(self.holders.activate(place, codes, new, self.in_room(otp), &self.issuer, at(1)))
    }

    pub(crate) fn envelope_pin(&self) -> Pin {
        Pin::parse(self.codes.pin.as_ref().unwrap().expose()).unwrap()
    }

    pub(crate) fn puk(&self) -> Puk {
        Puk::parse(self.codes.puk.expose()).unwrap()
    }

    pub(crate) fn emergency_code(&self) -> EmergencyCode {
        EmergencyCode::parse(self.codes.emergency_code.expose()).unwrap()
    }

    pub(crate) fn otp(&self, purpose: Purpose) -> OtpVerified {
        OtpVerified::for_tests(HOLDER, OperationId::new([4; 16]), purpose, binding(self.id))
    }

    /// A right one-time code, with the place that was had before it was used up.
    pub(crate) fn in_room(&self, otp: OtpVerified) -> (OtpVerified, Room) {
        (otp, self.holders.room().unwrap())
    }

    pub(crate) fn try_pin(&self, pin: &str) -> Result<PinVerified, HolderError> {
        let pin = Pin::parse(pin).unwrap();
        block_on(verify(&self.holders, (HOLDER, self.id), pin, at(10)))
    }

    pub(crate) fn unlock(&self, puk: Puk, new: &str) -> Result<(), HolderError> {
        let (new, otp) = (NewPin { pin: new, repeat: new }, self.otp(Purpose::UnlockPin));
        let sheet = NextSheet { passphrase: None, addresses: addresses() };
        block_on(self.holders.unlock_pin(
            (HOLDER, self.id),
            puk,
            new,
            sheet,
            self.in_room(otp),
            at(20),
        ))
    }

    pub(crate) fn change(&self, current: &str, new: &str) -> Result<(), HolderError> {
        let (new, otp) = (NewPin { pin: new, repeat: new }, self.otp(Purpose::ChangePin));
        let current = Pin::parse(current).unwrap();
        block_on(self.holders.change_pin(
            (HOLDER, self.id),
            current,
            new,
            self.in_room(otp),
            at(20),
        ))
    }

    pub(crate) fn suspend(&self, until: Option<DateTime<Utc>>) -> Result<(), HolderError> {
        let otp = self.otp(Purpose::Suspend);
        block_on(self.holders.suspend((HOLDER, self.id), until, otp, &self.issuer, at(30)))
    }

    pub(crate) fn by_code(&self, user: &str, code: EmergencyCode) -> Result<(), HolderError> {
        let act = self.holders.suspend_by_code(user, code, GUESSER, &self.issuer, at(30));
        block_on(act).map(drop)
    }

    pub(crate) fn view(&self) -> CredentialView {
        self.holders.credential(HOLDER, self.id, at(40)).unwrap()
    }

    pub(crate) fn state(&self) -> State {
        self.view().state
    }

    pub(crate) fn history(&self) -> Vec<HistoryKind> {
        let page = self.holders.history(HOLDER, &HistoryQuery::default()).unwrap();
        page.entries.into_iter().map(|entry| entry.kind).collect()
    }

    /// The kinds of the messages that wait, in their order.
    pub(crate) fn messages(&self) -> Vec<String> {
        let all = Bound::Unbounded;
        let rows = self.store.scan(MESSAGE, all, all, Order::Ascending, 1_000).unwrap();
        let kind = |(_, bytes): (Vec<u8>, Vec<u8>)| {
            minicbor::decode::<MessageRecord>(&bytes).unwrap().kind
        };
        rows.into_iter().filter(|(key, _)| key.len() == 8).map(kind).collect()
    }
}

/// Tries a PIN in a place of its own.
pub(crate) async fn verify(
    holders: &Holders,
    place: (HolderId, CredentialId),
    pin: Pin,
    now: DateTime<Utc>,
) -> Result<PinVerified, HolderError> {
    let room = holders.room()?;
    holders.verify_pin(&room, place, pin, now).await
}

pub(crate) fn addresses() -> EnvelopeAddresses {
    EnvelopeAddresses {
        portal: "https://sign.example.org".to_owned(),
        suspension: "https://sign.example.org/suspend".to_owned(),
        support: None,
    }
}

/// A holder with a password and a birth date.
pub(crate) fn record(email: &str) -> HolderRecord {
    HolderRecord {
        status: HolderStatus::Active,
        created_at: at(0).timestamp_millis(),
        email: email.to_owned(),
        given_name: "Ada".to_owned(),
        surname: "Lovelace".to_owned(),
        fiscal_code: "LVLDAA15T50H501X".to_owned(),
        // 1985-03-27.
        birth_date: Some(5_564),
        phone: "+390612345678".to_owned(),
        notice_email: None,
        language: Language::En,
        notices: SignatureNotices::Each,
        password: None,
        question: None,
        totp: false,
        closed_at: None,
        erased_at: None,
        registration: None,
        former_emails: None,
    }
}

/// So many seconds after the beginning of the tests' time.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// What was told, and issuing that can fail.
#[derive(Default)]
pub(crate) struct Issuer {
    pub(crate) told: Mutex<Vec<CertificateStatus>>,
    pub(crate) requests: Mutex<Vec<CertificateRequest>>,
    /// Serial numbers of what was revoked.
    pub(crate) revoked: Mutex<Vec<String>>,
    pub(crate) away: AtomicBool,
    /// News of a good certificate waits for `release`.
    pub(crate) holds_good: AtomicBool,
    pub(crate) release: Notify,
}

impl Issuer {
    fn fault(&self) -> Result<(), IssuerFault> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(IssuerFault { reason: "away".to_owned() }),
            false => Ok(()),
        }
    }
}

impl CertificateIssuer for Issuer {
    async fn issue(
        &self,
        request: CertificateRequest,
        now: DateTime<Utc>,
    ) -> Result<IssuedCertificate, IssuerFault> {
        self.fault()?;
        let mut requests = self.requests.lock();
        let der = [b"certificate of ".as_slice(), &request.public_key].concat();
        requests.push(request);
        let serial = format!("{:02x}", requests.len());
        Ok(IssuedCertificate { der, serial, not_after: now + TimeDelta::days(1_095) })
    }

    async fn issued_for(
        &self,
        credential: CredentialId,
        _: DateTime<Utc>,
    ) -> Result<Vec<String>, IssuerFault> {
        self.fault()?;
        let requests = self.requests.lock();
        let of = |(_, request): &(usize, &CertificateRequest)| request.credential == credential;
        let serials = (1..).zip(requests.iter()).filter(of).map(|(n, _)| format!("{n:02x}"));
        Ok(serials.collect())
    }

    async fn set_status(
        &self,
        serial: &str,
        status: CertificateStatus,
        _: DateTime<Utc>,
    ) -> Result<(), IssuerFault> {
        self.fault()?;
        if status == CertificateStatus::Good && self.holds_good.load(Ordering::SeqCst) {
            self.release.notified().await;
        }
        if matches!(status, CertificateStatus::Revoked(_)) {
            self.revoked.lock().push(serial.to_owned());
        }
        self.told.lock().push(status);
        Ok(())
    }
}

//! A whole service in a directory of its own, and a holder with an active credential.

use crate::config::Config;
use crate::service::{HolderPin, Service, credential_reference};
use accounts::StampAccountId;
use accounts::holders::credential::{CredentialKind, NewCredential, binding};
use accounts::holders::devices::{DeviceKind, DeviceTerms, NewDevice};
use accounts::holders::history::{HistoryKind, HistoryQuery};
use accounts::holders::messages::{Delivery, Template};
use accounts::holders::otp::{OtpRequest, OtpVerified, Purpose};
use accounts::holders::pin::NewPin;
use accounts::holders::registration::{EnvelopePassphrase, NewRegistration};
use accounts::holders::sessions::Access;
use accounts::holders::{Actor, CredentialId, HolderId, Language, SigningKeyKind, TypedTwice};
use accounts::stamps::{Act, Category, NewLot};
use chrono::{DateTime, TimeDelta, Utc};
use envelope::{Codes, Pin, Puk};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use signing::{Granted, HashesToSign, SignatureAlgorithm};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(super) const PIN: &str = "27182845";
const PASSWORD: &str = "Tramontana7.lenta";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}

/// A service, and one holder who is logged in.
pub(super) struct House {
    pub(super) service: Service,
    pub(super) holder: HolderId,
    pub(super) credential: CredentialId,
    pub(super) access: Access,
    pub(super) codes: Codes,
    /// Goes on with each one-time code, so that none comes too soon after another.
    now: Mutex<DateTime<Utc>>,
    _directory: TempDir,
}

impl House {
    /// With a credential that waits for its activation.
    pub(super) async fn waiting(kind: CredentialKind, key: SigningKeyKind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::default_in(directory.path()).unwrap();
        config.holders.memory_kib = 19_456;
        config.holders.passes = 2;
        config.data.min_free_mib = 0;
        let delivery = crate::delivery::Delivery::new(&config).unwrap();
        let service = Service::opened(&config, delivery).await.unwrap();
        service.pki.authority().tick(service.clock.now()).await;
        let now = service.clock.now();
        let (holder, access) = log_in(&service, now).await;
        let codes = Codes::generate(&mut crate::random::SystemRandom.seeded());
        let (new, by) = (NewCredential { holder, kind, key_kind: key }, Actor::Service);
        let made = service.holders.create_credential(new, &codes, by, now).await;
        let (credential, now) = (made.unwrap(), Mutex::new(now));
        Self { service, holder, credential, access, codes, now, _directory: directory }
    }

    /// With an active one.
    pub(super) async fn active(kind: CredentialKind, key: SigningKeyKind) -> Self {
        let house = Self::waiting(kind, key).await;
        house.activate().await;
        house
    }

    pub(super) async fn activate(&self) {
        let pin = Pin::parse(self.codes.pin.as_ref().unwrap().expose()).unwrap();
        let puk = Puk::parse(self.codes.puk.expose()).unwrap();
        let otp = self.otp(Purpose::Activate, binding(self.credential)).await;
        let new = NewPin { pin: PIN, repeat: PIN };
        let (place, ca) = (self.place(), &self.service.holder_ca);
        let holders = &self.service.holders;
        holders.activate(place, (pin, puk), new, otp, ca, self.now()).await.unwrap();
    }

    pub(super) fn place(&self) -> (HolderId, CredentialId) {
        (self.holder, self.credential)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    /// Minutes later.
    pub(super) fn wait(&self, minutes: i64) {
        *self.now.lock().unwrap() += TimeDelta::minutes(minutes);
    }

    /// A one-time code, asked for, read on the phone and typed.
    pub(super) async fn otp(&self, purpose: Purpose, bound: [u8; 32]) -> OtpVerified {
        // Nobody gets a code every minute all day.
        self.wait(7);
        let (holders, now) = (&self.service.holders, self.now());
        let asked = OtpRequest::new(purpose, bound);
        let asked = holders.begin_otp(self.holder, asked, now).await.unwrap();
        let texts = holders.claim_messages(Delivery::Sms, "test", 10, now).await.unwrap();
        let code = texts.into_iter().rev().find_map(|text| match text.template {
            Template::OtpCode { code, .. } => Some(code),
            _ => None,
        });
        let (code, operation) = (code.unwrap(), asked.operation);
        holders.verify_otp(self.holder, operation, &code, purpose, bound, now).await.unwrap()
    }

    pub(super) async fn pin(&self) -> HolderPin {
        let typed = Pin::parse(PIN).unwrap();
        self.service.verify_pin(self.place(), typed, self.now()).await.unwrap()
    }

    pub(super) fn what(&self, algorithm: SignatureAlgorithm, texts: &[&str]) -> HashesToSign {
        let digest = |text: &&str| match algorithm.digest() {
            signing::DigestAlgorithm::Sha256 => openssl::sha::sha256(text.as_bytes()).to_vec(),
            signing::DigestAlgorithm::Sha384 => openssl::sha::sha384(text.as_bytes()).to_vec(),
            _ => openssl::sha::sha512(text.as_bytes()).to_vec(),
        };
        let hashes = texts.iter().map(digest).collect();
        HashesToSign::new(credential_reference(self.credential), algorithm, hashes).unwrap()
    }

    /// PIN and code for these hashes.
    pub(super) async fn authorise(&self, what: &HashesToSign) -> Granted {
        let bound = self.service.signing.binding(&self.access, what);
        let otp = self.otp(Purpose::Sign, bound).await;
        let pin = self.pin().await;
        let (signing, what) = (&self.service.signing, what.clone());
        signing.authorize(&self.access, what, pin, otp, self.now()).await.unwrap()
    }

    /// A device of the holder, linked with a key of its own.
    pub(super) async fn link(&self, kind: DeviceKind) -> Access {
        self.link_for(kind, None).await
    }

    /// The same, bound to these credentials.
    pub(super) async fn link_for(
        &self,
        kind: DeviceKind,
        credentials: Option<Vec<CredentialId>>,
    ) -> Access {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let terms = DeviceTerms::new(kind, key.public_key_to_der().unwrap());
        let terms = DeviceTerms { credentials, ..terms };
        let otp = self.otp(Purpose::LinkDevice, terms.bound()).await;
        let (holders, new) =
            (&self.service.holders, NewDevice { name: "a device".to_owned(), terms });
        // The session has not been used for as long as the tests' codes took.
        let access = self.access.clone();
        let linked = holders.link_device(&access, new, otp, HOME, self.now()).await.unwrap();
        holders.access(linked.token.unwrap().expose(), self.now()).await.unwrap()
    }

    /// A stamp account with so many stamps.
    pub(super) async fn stamps(&self, stamps: u64) -> StampAccountId {
        let (ledger, now) = (&self.service.ledger, self.service.clock.now());
        let by = Act::new("test", "a test");
        let account = ledger.create("ada", &by, now).await.unwrap().id;
        if stamps > 0 {
            let lot = NewLot::plain(stamps, Category::Test, now);
            ledger.grant(account, lot, &by, now).await.unwrap();
        }
        account
    }

    /// Stamps that remain, and those that were used.
    pub(super) async fn balance(&self, account: StampAccountId) -> (u64, u64) {
        let view = self.service.ledger.view(account, self.service.clock.now()).await.unwrap();
        assert_eq!(view.reserved, 0, "a stamp is still held");
        (view.remaining, view.used)
    }

    /// How often something happened, by the holder's history.
    pub(super) fn happened(&self, kind: HistoryKind) -> usize {
        let query = HistoryQuery { kinds: vec![kind], ..HistoryQuery::default() };
        self.service.holders.history(self.holder, &query).unwrap().entries.len()
    }

    /// The certificate, DER.
    pub(super) fn certificate(&self) -> Vec<u8> {
        let view = self.service.holders.credential(self.holder, self.credential, self.now());
        view.unwrap().certificate.unwrap()
    }
}

/// Registered, invited, with a password, and in.
async fn log_in(service: &Service, now: DateTime<Utc>) -> (HolderId, Access) {
    let holders = &service.holders;
    let new = NewRegistration {
        given_name: "Ada".to_owned(),
        surname: "Rossi".to_owned(),
        fiscal_code: "RSSMRA85T10A562S".to_owned(),
        birth_date: None,
        email: "ada@example.org".to_owned(),
        phone: "+39 347 123 4567".to_owned(),
        passphrase: EnvelopePassphrase::Own(Zeroizing::new("una frase lunga".to_owned())),
        kind: CredentialKind::Remote,
        language: Language::It,
    };
    let operator = Actor::Operator("test".to_owned());
    let (registration, holder) = holders.register(new, operator.clone(), now).await.unwrap();
    service.invite(registration, false, operator, now).await.unwrap();
    let mails = holders.claim_messages(Delivery::Mail, "test", 10, now).await.unwrap();
    let token = mails.into_iter().find_map(|mail| match mail.template {
        Template::EnvelopeReady { token, .. } => Some(token),
        _ => None,
    });
    let typed = TypedTwice { new: PASSWORD, repeat: PASSWORD };
    holders.set_first_password(&token.unwrap(), &typed, now).await.unwrap();
    let login = holders.login("ada@example.org", PASSWORD, HOME, now).await.unwrap();
    let opened = holders.open_session(&login, HOME, "test", now).await.unwrap();
    (holder, holders.access(opened.token.expose(), now).await.unwrap())
}

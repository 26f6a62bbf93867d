//! A root, an issuing CA and a registry over them in a store in memory; keys that can be told to
//! fail; and readers of lists and answers that are not this project's own.

use crate::audit::{Checker, Fault, Operation, Report};
use crate::{Act, Authority, AuthorityCa, AuthorityError, Issued, ResponderKey, Settings};
use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, EndKind, EndProfile, KeyBackend, KeyError,
    KeyKind, RevocationReason, Serial, SignatureScheme, SigningKey, SoftwareKey,
};
use chrono::{DateTime, Duration, Utc};
use openssl::pkey::{PKey, Public};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use store::disk::{Disk, MemoryDisk};
use store::journal::Reader;
use store::{MemoryStore, Settings as StoreSettings, Store};

pub(crate) const URL: &str = "http://ca.example";

/// Seconds after 2026-11-22 10:00:00 UTC.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_341_600 + seconds, 0).unwrap()
}

pub(crate) fn admin() -> &'static Act {
    static ADMIN: LazyLock<Act> = LazyLock::new(|| Act::new("admin", "a test"));
    &ADMIN
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A key that does not sign while it is told so.
#[derive(Debug)]
pub(crate) struct Fragile {
    key: SoftwareKey,
    pub(crate) broken: Arc<AtomicBool>,
}

impl SigningKey for Fragile {
    fn kind(&self) -> KeyKind {
        self.key.kind()
    }

    fn scheme(&self) -> SignatureScheme {
        self.key.scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        self.key.public_key()
    }

    fn in_device(&self) -> bool {
        false
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(KeyError::Signing("the device is away".to_owned()));
        }
        self.key.sign(message)
    }
}

/// Keys in memory; they outlive a restart of the registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    keys: Arc<Mutex<BTreeMap<String, Arc<Fragile>>>>,
    pub(crate) broken: Arc<AtomicBool>,
    /// No key is made or opened while this is true.
    pub(crate) locked: Arc<AtomicBool>,
    pub(crate) made: Arc<AtomicU32>,
}

impl Keys {
    pub(crate) fn labels(&self) -> Vec<String> {
        self.keys.lock().keys().cloned().collect()
    }

    fn unlocked(&self) -> Result<(), KeyError> {
        match self.locked.load(Ordering::SeqCst) {
            true => Err(KeyError::Signing("the device is locked".to_owned())),
            false => Ok(()),
        }
    }

    pub(crate) fn forget(&self) {
        self.keys.lock().clear();
    }
}

impl KeyBackend for Keys {
    fn generate(&self, label: &str, kind: KeyKind) -> Result<Arc<dyn SigningKey>, KeyError> {
        self.unlocked()?;
        let key = SoftwareKey::generate(label, kind)?;
        let key = Arc::new(Fragile { key, broken: self.broken.clone() });
        self.keys.lock().insert(label.to_owned(), key.clone());
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(key)
    }

    fn open(&self, label: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
        self.unlocked()?;
        match self.keys.lock().get(label) {
            Some(key) => Ok(key.clone()),
            None => Err(KeyError::Label { label: label.to_owned() }),
        }
    }

    fn contains(&self, label: &str) -> Result<bool, KeyError> {
        Ok(self.keys.lock().contains_key(label))
    }

    fn destroy(&self, label: &str) -> Result<(), KeyError> {
        self.keys.lock().remove(label);
        Ok(())
    }
}

/// Everything that outlives a restart.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) disk: MemoryDisk,
    pub(crate) root: CertificateAuthority,
    pub(crate) issuing: CertificateAuthority,
    pub(crate) keys: Keys,
    /// The issuing CA's key does not sign while this is true.
    pub(crate) broken: Arc<AtomicBool>,
    pub(crate) settings: Settings,
}

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) authority: Authority,
}

pub(crate) fn random(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn machine(name: &str) -> DistinguishedName {
    DistinguishedName {
        country: "IT".to_owned(),
        organization: Some("Example".to_owned()),
        common_name: name.to_owned(),
        ..DistinguishedName::default()
    }
}

pub(crate) fn key() -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("test", KeyKind::P256).unwrap())
}

impl Site {
    pub(crate) fn new() -> Self {
        let (broken, mut rng) = (Arc::new(AtomicBool::new(false)), random(1));
        let profile = CaProfile::root(machine("Example Root"));
        let root =
            CertificateAuthority::create_root(&profile, key(), URL, at(-100), &mut rng).unwrap();
        let fragile = SoftwareKey::generate("issuing", KeyKind::P256).unwrap();
        let fragile = Arc::new(Fragile { key: fragile, broken: broken.clone() });
        let profile = CaProfile::issuing("issuing", machine("Example Issuing CA"));
        let issuing = root.create_issuing(&profile, fragile, at(-100), &mut rng).unwrap();
        let (disk, keys) = (MemoryDisk::new(), Keys::default());
        Self { disk, root, issuing, keys, broken, settings: Settings::default() }
    }

    pub(crate) fn cas(&self) -> Vec<AuthorityCa> {
        let responder = |name: &str| ResponderKey::Delegated {
            backend: Arc::new(self.keys.clone()),
            kind: KeyKind::P256,
            subject: machine(name),
        };
        vec![
            AuthorityCa { ca: self.issuing.clone(), responder: responder("OCSP issuing") },
            AuthorityCa { ca: self.root.clone(), responder: responder("OCSP root") },
        ]
    }

    /// Opens the registry, without a first tick.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Result<World, AuthorityError> {
        let (store, _) = MemoryStore::open(&self.disk, &StoreSettings::small()).unwrap();
        let store = Arc::new(store);
        let shared: Arc<dyn Store> = store.clone();
        // Two starts never draw the same numbers.
        let seed = 1_000 + self.disk.operations();
        let authority = Authority::open(shared, self.cas(), self.settings, random(seed), now)?;
        Ok(World { site: self.clone(), store, authority })
    }
}

/// A registry that runs, with its lists and responders made at second 0.
pub(crate) fn world() -> World {
    world_with(Settings::default())
}

pub(crate) fn world_with(settings: Settings) -> World {
    let world = Site { settings, ..Site::new() }.open(at(0)).unwrap();
    let ticked = block_on(world.authority.tick(at(0)));
    assert!(ticked.failures.is_empty(), "{:?}", ticked.failures);
    world
}

impl World {
    /// Closes the store and opens everything again.
    pub(crate) fn restart(self, now: DateTime<Utc>) -> Self {
        let Self { site, store, authority } = self;
        drop(authority);
        store.close().unwrap();
        site.open(now).unwrap()
    }

    pub(crate) fn issue(&self, seconds: i64) -> Issued {
        self.issue_as(EndKind::TlsClient, seconds)
    }

    pub(crate) fn issue_as(&self, kind: EndKind, seconds: i64) -> Issued {
        block_on(self.try_issue(kind, seconds)).unwrap()
    }

    pub(crate) async fn try_issue(
        &self,
        kind: EndKind,
        seconds: i64,
    ) -> Result<Issued, AuthorityError> {
        let (profile, subject) = (EndProfile::new(kind, Vec::new()), machine("client 1"));
        let key = key();
        self.authority
            .issue("issuing", &profile, &subject, key.public_key(), admin(), at(seconds))
            .await
    }

    pub(crate) fn suspend(&self, serial: &Serial, seconds: i64) -> u64 {
        let changed = self.authority.suspend(serial, None, admin(), at(seconds));
        block_on(changed).unwrap().crl_number
    }

    pub(crate) fn reactivate(&self, serial: &Serial, seconds: i64) -> u64 {
        let changed = self.authority.reactivate(serial, admin(), at(seconds));
        block_on(changed).unwrap().crl_number
    }

    pub(crate) fn revoke(&self, serial: &Serial, seconds: i64) -> u64 {
        let reason = RevocationReason::KeyCompromise;
        let changed = self.authority.revoke(serial, reason, None, admin(), at(seconds));
        block_on(changed).unwrap().crl_number
    }

    pub(crate) fn journal(&self) -> Journal {
        let disk: Arc<dyn Disk> = Arc::new(self.store.disk().clone());
        let reader = Reader::on(disk).unwrap();
        Journal(reader.map(|transaction| transaction.unwrap().operations).collect())
    }

    /// Audits the registry and the trail.
    pub(crate) fn audit(&self) -> Report {
        let mut trail = trail::Checker::new();
        for (index, transaction) in self.journal().0.iter().enumerate() {
            trail.feed(index as u64 + 1, transaction.iter().map(operation));
        }
        trail.finish().unwrap();
        self.journal().audit().unwrap()
    }

    /// The actions in the trail, in their order.
    pub(crate) fn events(&self) -> Vec<trail::Recorded> {
        let store: Arc<dyn Store> = self.store.clone();
        let trail = trail::Trail::open(store).unwrap();
        trail.page(&trail::Query::default()).unwrap().events
    }
}

/// The operations of each transaction, to be changed at will.
#[derive(Clone)]
pub(crate) struct Journal(pub(crate) Vec<Vec<store::journal::Operation>>);

impl Journal {
    pub(crate) fn audit(&self) -> Result<Report, Vec<Fault>> {
        let mut checker = Checker::new();
        for (index, transaction) in self.0.iter().enumerate() {
            checker.feed(index as u64 + 1, transaction.iter().map(operation));
        }
        checker.finish()
    }
}

fn operation(operation: &store::journal::Operation) -> Operation<'_> {
    let store::journal::Operation { table, key, value } = operation;
    Operation { table: *table, key, value: value.as_deref() }
}

/// What OpenSSL reads.
pub(crate) mod outside {
    use super::*;
    use openssl::asn1::{Asn1Time, Asn1TimeRef};
    use openssl::hash::MessageDigest;
    use openssl::ocsp::{
        OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus,
    };
    use openssl::stack::Stack;
    use openssl::x509::store::X509StoreBuilder;
    use openssl::x509::{CrlReason, ReasonCode, X509, X509Crl};

    /// A certificate on a list: its reason's number, and when it was revoked, in seconds.
    pub(crate) type OnList = BTreeMap<String, (i64, DateTime<Utc>)>;

    fn time(time: &Asn1TimeRef) -> DateTime<Utc> {
        let epoch = Asn1Time::from_unix(0).unwrap();
        let since = epoch.diff(time).unwrap();
        DateTime::from_timestamp(i64::from(since.days) * 86_400 + i64::from(since.secs), 0).unwrap()
    }

    /// Reads a list, verifies its signature, and gives what is on it.
    pub(crate) fn list(der: &[u8], ca: &CertificateAuthority) -> OnList {
        let crl = X509Crl::from_der(der).unwrap();
        assert!(crl.verify(ca.key().public_key()).unwrap(), "the list's signature");
        let Some(revoked) = crl.get_revoked() else { return OnList::new() };
        let entry = |one: &openssl::x509::X509RevokedRef| {
            let serial = one.serial_number().to_bn().unwrap().to_hex_str().unwrap();
            let (critical, reason) = one.extension::<ReasonCode>().unwrap().unwrap();
            assert!(!critical);
            let at = time(one.revocation_date());
            (serial.to_lowercase(), (reason.get_i64().unwrap(), at))
        };
        revoked.iter().map(entry).collect()
    }

    /// A request for certificates of `ca`; with a nonce when asked for.
    pub(crate) fn request(
        ca: &CertificateAuthority,
        certificates: &[&[u8]],
        nonce: bool,
    ) -> Vec<u8> {
        let mut request = OcspRequest::new().unwrap();
        for der in certificates {
            request.add_id(id(ca, der)).unwrap();
        }
        if nonce {
            // OpenSSL's binding has no nonce; the extension is put behind the request list.
            return with_nonce(&request.to_der().unwrap());
        }
        request.to_der().unwrap()
    }

    fn id(ca: &CertificateAuthority, der: &[u8]) -> OcspCertId {
        let subject = X509::from_der(der).unwrap();
        let issuer = X509::from_der(ca.certificate_der()).unwrap();
        OcspCertId::from_cert(MessageDigest::sha1(), &subject, &issuer).unwrap()
    }

    /// OCSPRequest ::= SEQUENCE { TBSRequest ::= SEQUENCE { requestList, [2] extensions } }
    fn with_nonce(request: &[u8]) -> Vec<u8> {
        let sequence = |content: &[u8]| {
            let mut der = vec![0x30, 0x82];
            der.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            der.extend(content);
            der
        };
        // id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2, with eight octets.
        let nonce = hex::decode("a21b3019301706092b0601050507300102040a0408a1a2a3a4a5a6a7a8");
        let tbs = content(content(request));
        sequence(&sequence(&[tbs, &nonce.unwrap()].concat()))
    }

    /// What is in a DER value.
    fn content(der: &[u8]) -> &[u8] {
        let long = usize::from(der[1]);
        if long < 0x80 { &der[2..2 + long] } else { &der[2 + (long & 0x7f)..] }
    }

    /// What a signed answer says of one certificate: 0 good, 1 revoked with reason and date, 2
    /// unknown.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Said {
        Good,
        Revoked(i32, DateTime<Utc>),
        Unknown,
    }

    /// Verifies an answer as a client does, with the CA's certificate alone, and reads it.
    pub(crate) fn answer(ca: &CertificateAuthority, der: &[u8], certificate: &[u8]) -> Said {
        let issuer = X509::from_der(ca.certificate_der()).unwrap();
        let response = OcspResponse::from_der(der).unwrap();
        assert_eq!(response.status(), OcspResponseStatus::SUCCESSFUL);
        let basic = response.basic().unwrap();
        let mut trusted = X509StoreBuilder::new().unwrap();
        trusted.add_cert(issuer.clone()).unwrap();
        // The clock of these tests is not that of the machine.
        let flags = openssl::x509::verify::X509VerifyFlags::NO_CHECK_TIME
            | openssl::x509::verify::X509VerifyFlags::PARTIAL_CHAIN;
        trusted.set_flags(flags).unwrap();
        let mut others = Stack::new().unwrap();
        others.push(issuer).unwrap();
        basic.verify(&others, &trusted.build(), OcspFlag::empty()).expect("the answer's signature");
        said(&basic, &id(ca, certificate))
    }

    fn said(basic: &openssl::ocsp::OcspBasicResponseRef, id: &OcspCertId) -> Said {
        let status = basic.find_status(id).unwrap();
        match status.status {
            OcspCertStatus::GOOD => Said::Good,
            OcspCertStatus::UNKNOWN => Said::Unknown,
            _ => {
                let text = status.revocation_time.unwrap().to_string();
                let at = chrono::NaiveDateTime::parse_from_str(&text, "%b %e %H:%M:%S %Y GMT");
                Said::Revoked(status.reason.as_raw(), at.unwrap().and_utc())
            }
        }
    }

    pub(crate) const HOLD: i64 = CrlReason::CERTIFICATE_HOLD.as_raw() as i64;
    pub(crate) const COMPROMISE: i64 = CrlReason::KEY_COMPROMISE.as_raw() as i64;
}

/// How a test asks: a CA's OCSP answer about one certificate, without a nonce.
impl World {
    pub(crate) fn ask(&self, certificate: &[u8], seconds: i64) -> outside::Said {
        let request = outside::request(&self.site.issuing, &[certificate], false);
        let answer = self.authority.ocsp(&request, at(seconds));
        outside::answer(&self.site.issuing, &answer.der, certificate)
    }

    /// What is on the issuing CA's newest list.
    pub(crate) fn list(&self) -> outside::OnList {
        outside::list(&self.authority.crl("issuing").unwrap().der, &self.site.issuing)
    }
}

/// A day, for settings.
pub(crate) fn days(days: i64) -> Duration {
    Duration::days(days)
}

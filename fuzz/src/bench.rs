//! An issuer with one unit, its clock standing still, and one account that never runs dry.

use certs::cmp::{self, Enrollment, MacAlgorithm, Protection};
use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, KeyKind, SigningKey, SoftwareKey,
    TsuProfile,
};
use chrono::{DateTime, Utc};
use openssl::x509::X509;
use rand::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use tsa::ledger::{Committed, Ledger, Refusal, Reserved, TokenRecord};
use tsa::serial::{RandomNotAvailable, RandomSource};
use tsa::time::{Instant, TimeNotAvailable, TimeSource};
use tsa::verify::Trust;
use tsa::{
    Accuracy, ChainPolicy, HashAlgorithm, Issuer, IssuerSettings, Policies, PolicyId, Reply, Tsu,
    TsuSettings, VerifyPolicy,
};

/// The unit's identifier.
pub const UNIT: &str = "main";
/// The policies of the unit, the default one first.
pub const POLICIES: [&str; 2] = ["0.4.0.2023.1.1", "1.3.6.1.4.1.99999.2"];

/// 1 March 2026, noon: when the certificates were made.
#[must_use]
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_366_400, 0).expect("a date of this century")
}

/// Everything that a request meets behind HTTP.
pub struct Bench {
    /// The issuer.
    pub issuer: Issuer<Counter>,
    /// The certificates of unit, issuing CA and root.
    pub certificates: [Vec<u8>; 3],
    /// The issuing CA.
    pub ca: CertificateAuthority,
    key: Arc<dyn SigningKey>,
}

impl Default for Bench {
    fn default() -> Self {
        let mut random = Repeatable::default();
        let url = "https://tsa.example";
        let root = CaProfile::root(name("Prova Root"));
        let root = CertificateAuthority::create_root(&root, key(), url, noon(), &mut random);
        let root = root.expect("a profile of our own");
        let issuing = CaProfile::issuing("tsa-ca", name("Prova Issuing"));
        let issuing = root.create_issuing(&issuing, key(), noon(), &mut random);
        let issuing = issuing.expect("a profile of our own");
        let key = key();
        let policies = POLICIES.map(|text| text.parse::<PolicyId>().expect("a policy"));
        let profile =
            TsuProfile::new(name("Prova TSU"), policies.each_ref().map(|p| p.oid().into()).into());
        let leaf = issuing.issue_tsu(&profile, key.public_key(), noon(), &mut random);
        let leaf = leaf.expect("a profile of our own");
        let certificates =
            [leaf, issuing.certificate_der().to_vec(), root.certificate_der().to_vec()];
        let issuer = issuer(&certificates, Arc::clone(&key), policies);
        Self { issuer, certificates, ca: issuing, key }
    }
}

impl Bench {
    /// The answer to a request, and how many stamps it took.
    pub fn issue(&self, request: &[u8]) -> (Reply, u64) {
        let ledger = self.issuer.ledger();
        let before = ledger.taken.load(Ordering::Relaxed);
        let reply = ready(self.issuer.issue(&(), None, request));
        (reply, ledger.taken.load(Ordering::Relaxed) - before)
    }

    /// What a client of this issuer trusts.
    #[must_use]
    pub fn trust(&self) -> Trust {
        let [_, issuing, root] = self.certificates.each_ref().map(|der| X509::from_der(der));
        Trust {
            roots: vec![root.expect("a certificate of our own")],
            certificates: vec![issuing.expect("a certificate of our own")],
        }
    }

    /// A request for a certificate for the unit's key, PKCS#10.
    #[must_use]
    pub fn csr(&self) -> Vec<u8> {
        let made = certs::csr::build(&*self.key, &name("Prova TSU"), certs::csr::Wanted::Tsu);
        made.expect("a key and a name of our own")
    }

    /// An enrolment with an outside CA, at the point where its answer is awaited, and the message
    /// that was sent: protected with a signature, or with a secret.
    #[must_use]
    pub fn enrollment(&self, signed: bool) -> (Enrollment, Vec<u8>) {
        let [leaf, issuing, _] = self.certificates.clone();
        let key = Arc::clone(&self.key);
        let protection = match signed {
            true => Protection::Signature { key, certificate: leaf, chain: vec![issuing] },
            false => Protection::Secret {
                reference: b"marca".to_vec(),
                secret: b"not a secret".to_vec().into(),
                algorithm: MacAlgorithm::PasswordBasedMac,
            },
        };
        let request = cmp::Request {
            csr: self.csr(),
            protection,
            trusted: vec![self.certificates[2].clone()],
            recipient: None,
            implicit_confirm: false,
        };
        let begun = Enrollment::p10cr(request, noon(), &mut Repeatable::default());
        begun.expect("a request of our own")
    }

    /// The faults of a certificate in the place of the unit's.
    pub fn check(&self, leaf: &[u8]) -> Result<(), usize> {
        let [_, issuing, root] = &self.certificates;
        let (chain, roots) = ([issuing.clone()], [root.clone()]);
        let checked = certs::check_tsu(leaf, &chain, &roots, self.key.public_key(), noon());
        checked.map(drop).map_err(|faults| faults.len())
    }
}

fn issuer(
    [leaf, issuing, root]: &[Vec<u8>; 3],
    key: Arc<dyn SigningKey>,
    [default, other]: [PolicyId; 2],
) -> Issuer<Counter> {
    let (chain, roots) = ([issuing.clone()], [root.clone()]);
    let certificate = certs::check_tsu(leaf, &chain, &roots, key.public_key(), noon());
    let unit = Tsu::new(TsuSettings {
        id: UNIT.to_owned(),
        key,
        certificate: certificate.expect("a certificate of our own"),
        policies: Policies::new(default, vec![other]),
        accuracy: Accuracy::SECOND,
        hashes: HashAlgorithm::ALL.to_vec(),
        chain: ChainPolicy::LeafOnly,
        verify: VerifyPolicy { one_in: 0 },
    });
    let unit = unit.expect("settings of our own");
    let settings = IssuerSettings::new(Arc::new(Repeatable::default()));
    let issuer = Issuer::new(Counter::default(), vec![unit], UNIT, Arc::new(Still), settings);
    issuer.expect("one unit")
}

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::organization("IT", "Prova S.p.A.", common_name)
}

fn key() -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("fuzz", KeyKind::P256).expect("a key"))
}

/// Runs a future that never waits: the ledger is in memory, and the key signs on this thread.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing in here waits"),
    }
}

/// A ledger that counts.
#[derive(Debug, Default)]
pub struct Counter {
    taken: AtomicU64,
}

impl Ledger for Counter {
    type Caller = ();
    type Reservation = ();

    async fn reserve(&self, _: &(), _: Option<[u8; 32]>, _: i64) -> Result<Reserved<()>, Refusal> {
        Ok(Reserved::Fresh(()))
    }

    async fn commit(&self, _: (), _: TokenRecord) -> Result<Committed, Refusal> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(Committed { remaining: 1 })
    }
}

/// A clock that stands still, a day after the certificates were made.
struct Still;

impl TimeSource for Still {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        Ok(Instant { unix_ms: noon().timestamp_millis() + 86_400_123, error_us: 0 })
    }
}

/// The same octets on every run: SHA-256 over a counter. Not secret at all.
#[derive(Default)]
struct Repeatable(AtomicU64);

impl Repeatable {
    fn octets(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.0.fetch_add(1, Ordering::Relaxed);
            let block = openssl::sha::sha256(&counter.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

impl RandomSource for Repeatable {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        self.octets(buffer);
        Ok(())
    }
}

impl TryRng for Repeatable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.octets(&mut octets);
        Ok(u32::from_be_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.octets(&mut octets);
        Ok(u64::from_be_bytes(octets))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.octets(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Repeatable {}

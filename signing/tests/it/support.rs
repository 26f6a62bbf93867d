//! A house with proofs that tests may make, authorisations in memory, and a stamper.
//!
//! The store keeps each authorisation as its bytes, so that every test is one of the record too.

use chrono::{DateTime, TimeDelta, Utc};
use marca_signing::*;
use openssl::pkey::{PKey, Private};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

pub(crate) const HOLDER: HolderRef = HolderRef(12);
pub(crate) const CREDENTIAL: CredentialRef = CredentialRef([7; 16]);
pub(crate) const OTHER_CREDENTIAL: CredentialRef = CredentialRef([8; 16]);
pub(crate) const ES256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

/// Names the proofs below.
#[derive(Debug)]
pub(crate) struct House;
pub(crate) struct Access(pub(crate) AccessFacts);
pub(crate) struct Pin(pub(crate) PinFacts);
pub(crate) struct Otp(pub(crate) OtpFacts);
pub(crate) struct System(pub(crate) SystemFacts);

impl Factors for House {
    type Access = Access;
    type Pin = Pin;
    type Otp = Otp;
    type System = System;
    fn access(access: &Access) -> AccessFacts {
        access.0
    }
    fn pin(pin: Pin) -> PinFacts {
        pin.0
    }
    fn otp(otp: Otp) -> OtpFacts {
        otp.0
    }
    fn system(system: &System) -> SystemFacts {
        system.0
    }
}

/// Authorisations in memory. Cloning it gives another handle.
#[derive(Clone, Default)]
pub(crate) struct Kept(pub(crate) Arc<KeptInner>);

#[derive(Default)]
pub(crate) struct KeptInner {
    rows: Mutex<HashMap<SadKey, Vec<u8>>>,
    pub(crate) standings: Mutex<HashMap<CredentialRef, Standing>>,
    pub(crate) history: Mutex<Vec<NoteKind>>,
    acts: AtomicUsize,
    /// The act with this number, from 1, does not reach the disk.
    fails_at: AtomicUsize,
    /// What is kept here does not read any more.
    broken: Mutex<Option<SadKey>>,
}

impl Kept {
    pub(crate) fn set(&self, credential: CredentialRef, state: CredentialState, epoch: u64) {
        self.0.standings.lock().unwrap().insert(credential, Standing { state, epoch });
    }
    /// Lets the act after `passed` more of them fail.
    pub(crate) fn fail_after(&self, passed: usize) {
        let now = self.0.acts.load(Ordering::SeqCst);
        self.0.fails_at.store(now + passed + 1, Ordering::SeqCst);
    }
    pub(crate) fn damage(&self, sad: SadKey) {
        *self.0.broken.lock().unwrap() = Some(sad);
    }
    pub(crate) fn history(&self) -> Vec<NoteKind> {
        self.0.history.lock().unwrap().clone()
    }
    pub(crate) fn authorisation(&self, sad: SadKey) -> Option<Authorisation> {
        self.0.rows.lock().unwrap().get(&sad).map(|bytes| minicbor::decode(bytes).unwrap())
    }
    fn run<T>(
        &self,
        place: Place,
        act: impl FnOnce(&mut Entry) -> Result<T, SignError>,
    ) -> Result<T, SignError> {
        if *self.0.broken.lock().unwrap() == Some(place.sad) {
            return Err(SignError::Unavailable { reason: "it does not read".to_owned() });
        }
        let mut rows = self.0.rows.lock().unwrap();
        let standing = self.0.standings.lock().unwrap().get(&place.credential).copied();
        let authorisation = rows.get(&place.sad).map(|bytes| minicbor::decode(bytes).unwrap());
        let mut entry = Entry { authorisation, standing, notes: Vec::new() };
        let value = act(&mut entry)?;
        if self.0.acts.fetch_add(1, Ordering::SeqCst) + 1 == self.0.fails_at.load(Ordering::SeqCst)
        {
            return Err(SignError::Unavailable { reason: "the disk is gone".to_owned() });
        }
        match entry.authorisation {
            Some(kept) => rows.insert(place.sad, minicbor::to_vec(kept).unwrap()),
            None => rows.remove(&place.sad),
        };
        self.0.history.lock().unwrap().extend(entry.notes.into_iter().map(|note| note.kind));
        Ok(value)
    }
}

impl Authorisations for Kept {
    fn act<T, A>(
        &self,
        place: Place,
        _: DateTime<Utc>,
        act: A,
    ) -> impl Future<Output = Result<T, SignError>> + Send
    where
        T: Send + 'static,
        A: FnOnce(&mut Entry) -> Result<T, SignError> + Send + 'static,
    {
        ready(self.run(place, act))
    }

    fn expired(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>, SignError>> + Send {
        let rows = self.0.rows.lock().unwrap();
        let places = rows.iter().filter_map(|(sad, bytes)| {
            let kept: Authorisation = minicbor::decode(bytes).unwrap();
            let place = Place { sad: *sad, credential: kept.credential() };
            (kept.expires_at() < now).then_some(place)
        });
        let mut places: Vec<_> = places.collect();
        let broken = *self.0.broken.lock().unwrap();
        places.sort_by_key(|place| Some(place.sad) != broken);
        places.truncate(limit);
        ready(Ok(places))
    }
}

/// A key that counts its uses, and fails when it is told to.
pub(crate) struct Counted {
    pub(crate) key: PKey<Private>,
    pub(crate) uses: AtomicUsize,
    pub(crate) fails: bool,
}

impl HolderKey for Counted {
    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        self.key.fits(algorithm)
    }
    fn sign_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, KeyFault> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        if self.fails {
            return Err(KeyFault::Device("unplugged".to_owned()));
        }
        self.key.sign_digest(algorithm, digest)
    }
}

pub(crate) fn ec_key() -> PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| PKey::ec_gen("prime256v1").unwrap()).clone()
}

/// A house with one holder, one session and one active credential.
pub(crate) struct Bench {
    pub(crate) signing: Signing<House, Kept>,
    pub(crate) kept: Kept,
    pub(crate) access: Access,
    pub(crate) system: System,
    pub(crate) key: Arc<Counted>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_key(ec_key(), false)
    }

    pub(crate) fn with_key(key: PKey<Private>, fails: bool) -> Self {
        let settings = Settings { unlocked_keys: 4, ..Settings::default() };
        Self::with(settings, key, fails)
    }

    pub(crate) fn with(settings: Settings, key: PKey<Private>, fails: bool) -> Self {
        let kept = Kept::default();
        kept.set(CREDENTIAL, CredentialState::Active, 3);
        let random = StdRng::seed_from_u64(4);
        Self {
            signing: Signing::new(settings, kept.clone(), random),
            kept,
            access: Access(AccessFacts { holder: HOLDER, access: AccessRef([1; 32]) }),
            system: System(SystemFacts {
                holder: HOLDER,
                credential: CREDENTIAL,
                access: AccessRef([2; 32]),
            }),
            key: Arc::new(Counted { key, uses: AtomicUsize::new(0), fails }),
        }
    }

    pub(crate) fn pin(&self) -> Pin {
        Pin(PinFacts {
            holder: HOLDER,
            credential: CREDENTIAL,
            kind: CredentialKind::Automatic,
            epoch: 3,
            key: Arc::clone(&self.key) as Arc<dyn HolderKey>,
        })
    }

    pub(crate) fn otp(&self, what: &HashesToSign) -> Otp {
        let bound = self.signing.binding(&self.access, what);
        Otp(OtpFacts { holder: HOLDER, bound })
    }

    pub(crate) fn authorize(&self, what: &HashesToSign) -> Granted {
        let (pin, otp) = (self.pin(), self.otp(what));
        run(self.signing.authorize(&self.access, what.clone(), pin, otp, at(0))).unwrap()
    }

    pub(crate) fn sign(
        &self,
        granted: &Granted,
        what: &HashesToSign,
        seconds: i64,
    ) -> Result<Vec<Vec<u8>>, SignError> {
        run(self.signing.sign(By::Access(&self.access), &granted.sad, what, at(seconds)))
    }

    pub(crate) fn uses(&self) -> usize {
        self.key.uses.load(Ordering::SeqCst)
    }
}

/// So many seconds after the beginning of the tests' time.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// One hash for each byte.
pub(crate) fn hashes(fill: &[u8]) -> HashesToSign {
    let hashes = fill.iter().map(|byte| vec![*byte; 32]).collect();
    HashesToSign::new(CREDENTIAL, ES256, hashes).unwrap()
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Stamps that are counted; a reservation that is dropped comes back.
#[derive(Default)]
pub(crate) struct Stamps {
    pub(crate) left: Arc<AtomicU64>,
    pub(crate) imprints: Mutex<Vec<[u8; 32]>>,
    pub(crate) fails: bool,
    /// How many were asked for.
    pub(crate) asked: AtomicUsize,
    /// While the token of this number is made, from 0, the credential is suspended.
    pub(crate) suspends: Option<(usize, Kept)>,
}

pub(crate) struct Reservation(Option<Arc<AtomicU64>>);

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Stamper for Stamps {
    type Account = ();
    type Reservation = Reservation;

    async fn reserve(&self, (): &(), _: DateTime<Utc>) -> Result<Reservation, StampFault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let take = |left: u64| left.checked_sub(1);
        let order = Ordering::SeqCst;
        self.left.fetch_update(order, order, take).map_err(|_| StampFault::NoStamps)?;
        Ok(Reservation(Some(Arc::clone(&self.left))))
    }

    async fn stamp(
        &self,
        mut held: Reservation,
        imprint: [u8; 32],
        _: DateTime<Utc>,
    ) -> Result<Stamp, StampFault> {
        if self.fails {
            return Err(StampFault::Unavailable);
        }
        held.0 = None;
        let mut imprints = self.imprints.lock().unwrap();
        if let Some((_, kept)) = self.suspends.as_ref().filter(|(at, _)| *at == imprints.len()) {
            kept.set(CREDENTIAL, CredentialState::Suspended, 4);
        }
        imprints.push(imprint);
        let remaining = self.left.load(Ordering::SeqCst);
        Ok(Stamp { token: imprint.to_vec(), serial: [9; 16], remaining })
    }
}

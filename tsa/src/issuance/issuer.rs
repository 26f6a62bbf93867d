//! The issuer as it is set up: its units, its clock, its threads and its ledger. The units may be
//! replaced while it issues.

use super::units::{Place, UnitSet};
use crate::failure::RejectReason;
use crate::ledger::Ledger;
use crate::response;
use crate::serial::RandomSource;
use crate::signer::SignerPool;
use crate::time::{Accuracy, TimeGuard, TimeNotAvailable, TimeSource};
use crate::token::{CertificateSet, signer_of, with_certificates};
use crate::tsu::{KeyChange, Tsu};
use arc_swap::ArcSwap;
use certs::TsuFault;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};

/// Issues tokens: all units, their clock and the ledger that pays.
pub struct Issuer<L: Ledger> {
    ledger: L,
    /// Read for every request: no lock, and no allocation.
    units: ArcSwap<UnitSet>,
    /// Held while the units are replaced: two that replace them at once would start two pools, or
    /// forget what one of them knew of a key.
    replacing: Mutex<()>,
    time: TimeGuard,
    random: Arc<dyn RandomSource>,
    /// Started with the first slow unit.
    signers: OnceLock<SignerPool>,
    signer_threads: usize,
    signer_queue: usize,
}

/// What an issuer needs besides its units and its ledger.
pub struct IssuerSettings {
    /// Cryptographically secure randomness for serial numbers.
    pub random: Arc<dyn RandomSource>,
    /// genTime of the last token that is in the ledger, if there is any.
    pub last_gen_time_ms: Option<i64>,
    /// Threads for signatures that take long or block.
    pub signer_threads: usize,
    /// Signatures that may wait for one of these threads.
    pub signer_queue: usize,
    /// Certificates that signed tokens of the past, besides those of the units: such a token can
    /// still be sent with its certificates.
    pub retired: Vec<CertificateSet>,
}

impl IssuerSettings {
    /// Two threads, 256 waiting, no token issued before, no unit retired.
    #[must_use]
    pub fn new(random: Arc<dyn RandomSource>) -> Self {
        Self {
            random,
            last_gen_time_ms: None,
            signer_threads: 2,
            signer_queue: 256,
            retired: Vec::new(),
        }
    }
}

/// Why an issuer cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Two units with one identifier.
    #[error("there are two units {id:?}: give each an identifier of its own")]
    DuplicateUnit {
        /// The identifier.
        id: String,
    },
    /// The default unit is not among the units.
    #[error(
        "the default unit {id:?} is not among the units; name one of those that are configured"
    )]
    UnknownDefaultUnit {
        /// The identifier.
        id: String,
    },
    /// A unit is to sign beside itself.
    #[error("unit {id:?} names itself as its companion; name another unit, or none")]
    OwnCompanion {
        /// The identifier.
        id: String,
    },
    /// A request that the unit accepts could not be answered by its companion.
    #[error(
        "unit {id:?} offers {lacks}, and its companion {companion:?} does not; let it offer it"
    )]
    CompanionOffersLess {
        /// The unit's identifier.
        id: String,
        /// The companion's.
        companion: String,
        /// The policy or the hash algorithm that it lacks.
        lacks: String,
    },
    /// A thread could not be started.
    #[error("cannot start the signing threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// Why no token could be issued now.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// No time.
    #[error(transparent)]
    Clock(#[from] TimeNotAvailable),
    /// There is no default unit: none was named, or the one that was has no certificate yet.
    #[error("no unit is active; activate one, and make it the default one")]
    NoUnit,
    /// A unit is outside of its period of use.
    #[error("unit {unit}: {fault}")]
    Certificate {
        /// The unit's identifier.
        unit: String,
        /// The bound that is crossed.
        fault: TsuFault,
    },
    /// A unit's key has just failed, or its device does not answer.
    #[error(
        "unit {unit}: the key failed in the last seconds, or cannot be reached; see the log for \
         the reason"
    )]
    Key {
        /// The unit's identifier.
        unit: String,
    },
    /// A unit of a pair is alone.
    #[error(
        "unit {unit}: its companion {companion} is not active; activate it, or name no companion"
    )]
    Companion {
        /// The unit's identifier.
        unit: String,
        /// The companion's.
        companion: String,
    },
}

/// Whether a unit could issue.
#[derive(Clone, Debug)]
pub struct UnitReadiness {
    /// The unit's identifier.
    pub unit: String,
    /// Whether it serves the requests that name no unit.
    pub is_default: bool,
    /// The first reason why not.
    pub ready: Result<(), NotReady>,
}

/// Why a stored token cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// Not a token as they are stored.
    #[error("the stored octets are not a token without certificates")]
    NotAToken,
    /// No unit has the certificate that its signature names.
    #[error(
        "the token was signed by unit {unit:?} with a certificate that is not configured any more; \
         name it among the retired ones"
    )]
    UnknownCertificate {
        /// The unit's identifier in the record.
        unit: String,
    },
}

impl<L: Ledger> Issuer<L> {
    /// Sets an issuer up. `default_unit` is the identifier of the unit for requests that name none;
    /// without it, such a request gets no token.
    ///
    /// # Errors
    /// [`IssuerError`]
    pub fn new<'a>(
        ledger: L,
        units: Vec<Tsu>,
        default_unit: impl Into<Option<&'a str>>,
        time: Arc<dyn TimeSource>,
        settings: IssuerSettings,
    ) -> Result<Self, IssuerError> {
        let units = UnitSet::new(units, default_unit.into(), settings.retired, None)?;
        let issuer = Self {
            ledger,
            units: ArcSwap::from_pointee(units),
            replacing: Mutex::new(()),
            time: TimeGuard::new(time, settings.last_gen_time_ms),
            random: settings.random,
            signers: OnceLock::new(),
            signer_threads: settings.signer_threads.max(1),
            signer_queue: settings.signer_queue,
        };
        issuer.start_signers(&issuer.units.load())?;
        Ok(issuer)
    }

    /// Puts these units in the place of all there are, with the certificates of units that sign no
    /// more. A request that is under way ends with the unit that it began with.
    ///
    /// What is known of the failures of a unit's key stays known while it has that key.
    ///
    /// # Errors
    /// [`IssuerError`]; then everything is as before.
    pub fn replace_units<'a>(
        &self,
        units: Vec<Tsu>,
        default_unit: impl Into<Option<&'a str>>,
        retired: Vec<CertificateSet>,
    ) -> Result<(), IssuerError> {
        let _one_at_a_time = self.replacing.lock();
        let before = self.units.load();
        let units = UnitSet::new(units, default_unit.into(), retired, Some(&before))?;
        self.start_signers(&units)?;
        self.units.store(Arc::new(units));
        Ok(())
    }

    /// Starts the signing threads with the first unit that needs them; they stay.
    fn start_signers(&self, units: &UnitSet) -> Result<(), IssuerError> {
        if units.has_slow() && self.signers.get().is_none() {
            let pool = SignerPool::start(self.signer_threads, self.signer_queue)?;
            // Only one thread at a time comes here, so there is none yet.
            drop(self.signers.set(pool));
        }
        Ok(())
    }

    /// A TimeStampResp with a token from its record.
    ///
    /// With certificates it is byte for byte the reply that was first sent to a request with
    /// certReq TRUE, as long as the unit's choice of certificates is the same; without, to one
    /// with certReq FALSE. The certificate is found by what the signature names, not by the unit's
    /// identifier, which outlives a renewal.
    ///
    /// # Errors
    /// [`ReplyError`]
    pub fn token_reply(
        &self,
        record_token: &[u8],
        tsu: &str,
        with: bool,
    ) -> Result<Vec<u8>, ReplyError> {
        let sid = signer_of(record_token).map_err(|_| ReplyError::NotAToken)?;
        if !with {
            return Ok(response::granted(record_token));
        }
        let units = self.units.load();
        let certificates = units
            .certificates(sid)
            .ok_or_else(|| ReplyError::UnknownCertificate { unit: tsu.to_owned() })?;
        let token = with_certificates(record_token, certificates.field())
            .map_err(|_| ReplyError::NotAToken)?;
        Ok(response::granted(&token))
    }

    /// Whether a token could be issued now by the default unit (with its companion, when it has
    /// one), as far as that can be told without issuing one.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn readiness(&self) -> Result<(), NotReady> {
        let units = self.units.load();
        self.readiness_of(units.default_place().ok_or(NotReady::NoUnit)?)
    }

    /// The same of every unit, in the order of their identifiers.
    ///
    /// # Errors
    /// [`NotReady::Clock`], which holds for all of them.
    pub fn unit_readiness(&self) -> Result<Vec<UnitReadiness>, NotReady> {
        self.trusted_now(Accuracy::COARSEST)?;
        let units = self.units.load();
        let default = units.default_place().map(|place| place.unit().id());
        let readiness = |unit: &Arc<Tsu>| {
            let place = units.find(Some(unit.id())).ok()?;
            let (unit, ready) = (unit.id().to_owned(), self.readiness_of(place));
            Some(UnitReadiness { is_default: default == Some(&*unit), unit, ready })
        };
        Ok(units.units().iter().filter_map(readiness).collect())
    }

    fn readiness_of(&self, place: &Place) -> Result<(), NotReady> {
        place.readiness(self.trusted_now(place.accuracy())?)
    }

    fn trusted_now(&self, accuracy: Accuracy) -> Result<DateTime<Utc>, NotReady> {
        let out_of_range = || TimeNotAvailable { reason: RejectReason::Clock.text().to_owned() };
        Ok(DateTime::from_timestamp_millis(self.time.now(accuracy)?).ok_or_else(out_of_range)?)
    }

    /// Asks every key that is in a device whether it is there, and tells what has changed since it
    /// was asked before. Until a lost key answers again, or signs, its unit is not ready.
    ///
    /// This blocks for as long as the devices do. It makes no signature: RFC 3161 §2.3 reserves
    /// the key for tokens.
    pub fn probe_units(&self) -> Vec<KeyChange> {
        self.units().iter().filter_map(|unit| unit.probe()).collect()
    }

    /// The units, in the order of their identifiers.
    pub fn units(&self) -> Vec<Arc<Tsu>> {
        self.units.load().units()
    }

    /// The unit for requests that name none.
    pub fn default_unit(&self) -> Option<Arc<Tsu>> {
        self.units.load().default_place().map(|place| Arc::clone(place.unit()))
    }

    /// The ledger that pays.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// The unit of a request, kept for as long as the request takes.
    pub(super) fn place(&self, id: Option<&str>) -> Result<Arc<Place>, RejectReason> {
        // The guard is given back at once: a thread has few of them that cost nothing, and a
        // request may wait long.
        self.units.load().find(id).cloned()
    }

    pub(super) fn time(&self) -> &TimeGuard {
        &self.time
    }

    pub(super) fn random(&self) -> &dyn RandomSource {
        &*self.random
    }

    pub(super) fn signers(&self) -> Option<&SignerPool> {
        self.signers.get()
    }
}

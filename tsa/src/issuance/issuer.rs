//! The issuer as it is set up: its units, its clock, its threads and its ledger.

use crate::failure::RejectReason;
use crate::ledger::Ledger;
use crate::response;
use crate::serial::RandomSource;
use crate::signer::SignerPool;
use crate::time::{TimeGuard, TimeNotAvailable, TimeSource};
use crate::token::{CertificateSet, signer_of, with_certificates};
use crate::tsu::Tsu;
use certs::TsuFault;
use chrono::DateTime;
use std::collections::HashMap;
use std::sync::Arc;

/// After a key has failed, the service does not call itself ready for so long, or until it works.
const KEY_FAILURE_WINDOW_MS: i64 = 10_000;

/// Issues tokens: all units, their clock and the ledger that pays.
pub struct Issuer<L: Ledger> {
    ledger: L,
    units: HashMap<String, Arc<Tsu>>,
    default_unit: Arc<Tsu>,
    time: TimeGuard,
    random: Arc<dyn RandomSource>,
    signers: Option<SignerPool>,
    retired: Vec<CertificateSet>,
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
    /// The default unit is outside of its period of use.
    #[error("unit {unit}: {fault}")]
    Certificate {
        /// The unit's identifier.
        unit: String,
        /// The bound that is crossed.
        fault: TsuFault,
    },
    /// The default unit's key has just failed.
    #[error("unit {unit}: the key failed in the last seconds; see the log for the reason")]
    Key {
        /// The unit's identifier.
        unit: String,
    },
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
    /// Sets an issuer up. `default_unit` is the identifier of the unit for requests that name none.
    ///
    /// # Errors
    /// [`IssuerError`]
    pub fn new(
        ledger: L,
        units: Vec<Tsu>,
        default_unit: &str,
        time: Arc<dyn TimeSource>,
        settings: IssuerSettings,
    ) -> Result<Self, IssuerError> {
        let mut by_id = HashMap::with_capacity(units.len());
        for unit in units {
            let id = unit.id().to_owned();
            if by_id.insert(id.clone(), Arc::new(unit)).is_some() {
                return Err(IssuerError::DuplicateUnit { id });
            }
        }
        let unknown = || IssuerError::UnknownDefaultUnit { id: default_unit.to_owned() };
        let default_unit = by_id.get(default_unit).cloned().ok_or_else(unknown)?;
        let signers = match by_id.values().any(|unit| unit.is_slow()) {
            true => Some(SignerPool::start(settings.signer_threads.max(1), settings.signer_queue)?),
            false => None,
        };
        Ok(Self {
            ledger,
            units: by_id,
            default_unit,
            time: TimeGuard::new(time, settings.last_gen_time_ms),
            random: settings.random,
            signers,
            retired: settings.retired,
        })
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
        let of_units = self.units.values().map(|unit| unit.template().certificates());
        let certificates = of_units
            .chain(&self.retired)
            .find(|certificates| certificates.sid() == sid)
            .ok_or_else(|| ReplyError::UnknownCertificate { unit: tsu.to_owned() })?;
        let token = with_certificates(record_token, certificates.field())
            .map_err(|_| ReplyError::NotAToken)?;
        Ok(response::granted(&token))
    }

    /// Whether a token could be issued now, as far as that can be told without issuing one.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn readiness(&self) -> Result<(), NotReady> {
        let unit = &self.default_unit;
        let now_ms = self.time.now(unit.accuracy())?;
        let now = DateTime::from_timestamp_millis(now_ms)
            .ok_or_else(|| TimeNotAvailable { reason: RejectReason::Clock.text().to_owned() })?;
        let id = || unit.id().to_owned();
        unit.usable_at(now).map_err(|fault| NotReady::Certificate { unit: id(), fault })?;
        if unit.failed_since(now_ms, KEY_FAILURE_WINDOW_MS) {
            return Err(NotReady::Key { unit: id() });
        }
        Ok(())
    }

    /// The units, in no particular order.
    pub fn units(&self) -> impl Iterator<Item = &Tsu> {
        self.units.values().map(Arc::as_ref)
    }

    /// The ledger that pays.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    pub(super) fn unit(&self, id: Option<&str>) -> Option<&Arc<Tsu>> {
        id.map_or(Some(&self.default_unit), |id| self.units.get(id))
    }

    pub(super) fn time(&self) -> &TimeGuard {
        &self.time
    }

    pub(super) fn random(&self) -> &dyn RandomSource {
        &*self.random
    }

    pub(super) fn signers(&self) -> Option<&SignerPool> {
        self.signers.as_ref()
    }
}

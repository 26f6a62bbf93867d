//! The units that an issuer has at a moment, and which of them sign together.
//!
//! A set is made, checked, and put in the place of the one before it as a whole: a request sees one
//! set or the other, and one that is under way ends with the unit that it began with.

use super::issuer::{IssuerError, NotReady};
use crate::failure::RejectReason;
use crate::time::Accuracy;
use crate::token::{CertificateSet, SignerId};
use crate::tsu::Tsu;
use certs::TsuFault;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::Arc;

/// After a key has failed, the unit does not call itself ready for so long, or until it works.
const KEY_FAILURE_WINDOW_MS: i64 = 10_000;

/// All units of a moment.
pub(super) struct UnitSet {
    places: HashMap<String, Arc<Place>>,
    default: Option<Arc<Place>>,
    retired: Vec<CertificateSet>,
}

/// A unit, and the one that signs beside it.
pub(super) struct Place {
    unit: Arc<Tsu>,
    companion: Companion,
}

enum Companion {
    None,
    Unit(Arc<Tsu>),
    /// The unit names one that is not there: half of a pair is not what was promised.
    Missing(String),
}

impl UnitSet {
    /// Checks and joins `units`. What is known of a key's failures is taken over from `before` for
    /// a unit whose key is the same.
    pub(super) fn new(
        units: Vec<Tsu>,
        default_unit: Option<&str>,
        retired: Vec<CertificateSet>,
        before: Option<&Self>,
    ) -> Result<Self, IssuerError> {
        let mut by_id: HashMap<String, Arc<Tsu>> = HashMap::with_capacity(units.len());
        for unit in units {
            if let Some(known) = before.and_then(|before| before.places.get(unit.id())) {
                unit.take_over_health(&known.unit);
            }
            let id = unit.id().to_owned();
            if by_id.insert(id.clone(), Arc::new(unit)).is_some() {
                return Err(IssuerError::DuplicateUnit { id });
            }
        }
        let place = |unit: &Arc<Tsu>| {
            let companion = companion_of(unit, &by_id)?;
            Ok((unit.id().to_owned(), Arc::new(Place { unit: Arc::clone(unit), companion })))
        };
        let places = by_id.values().map(place).collect::<Result<HashMap<_, _>, IssuerError>>()?;
        let unknown = |id: &str| IssuerError::UnknownDefaultUnit { id: id.to_owned() };
        let default = default_unit
            .map(|id| places.get(id).cloned().ok_or_else(|| unknown(id)))
            .transpose()?;
        Ok(Self { places, default, retired })
    }

    /// The unit of a request: the one it names, or the default one.
    pub(super) fn find(&self, id: Option<&str>) -> Result<&Arc<Place>, RejectReason> {
        match id {
            Some(id) => self.places.get(id).ok_or(RejectReason::UnknownUnit),
            None => self.default.as_ref().ok_or(RejectReason::UnitNotUsable),
        }
    }

    /// Whether any signature here has to be made on a thread of its own.
    pub(super) fn has_slow(&self) -> bool {
        self.places.values().any(|place| place.unit.is_slow())
    }

    /// The units in the order of their identifiers.
    pub(super) fn units(&self) -> Vec<Arc<Tsu>> {
        let mut units: Vec<_> = self.places.values().map(|place| Arc::clone(&place.unit)).collect();
        units.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        units
    }

    /// The unit for requests that name none.
    pub(super) fn default_place(&self) -> Option<&Arc<Place>> {
        self.default.as_ref()
    }

    /// The certificates of the signer that a token names, of today or of the past.
    pub(super) fn certificates(&self, sid: SignerId<'_>) -> Option<&CertificateSet> {
        let of_units = self.places.values().map(|place| place.unit.template().certificates());
        of_units.chain(&self.retired).find(|certificates| certificates.sid() == sid)
    }
}

fn companion_of(unit: &Tsu, units: &HashMap<String, Arc<Tsu>>) -> Result<Companion, IssuerError> {
    let Some(name) = unit.companion() else { return Ok(Companion::None) };
    let Some(companion) = units.get(name) else {
        return Ok(Companion::Missing(name.to_owned()));
    };
    let (id, name) = (unit.id().to_owned(), name.to_owned());
    if id == name {
        return Err(IssuerError::OwnCompanion { id });
    }
    // Both answer one request: what the unit accepts, its companion has to accept too.
    let policy = unit.policies().iter().find(|own| companion.policies().find(own.oid()).is_none());
    if let Some(policy) = policy {
        let lacks = format!("policy {policy}");
        return Err(IssuerError::CompanionOffersLess { id, companion: name, lacks });
    }
    let hash = unit.hashes().iter().find(|own| !companion.hashes().contains(own));
    if let Some(hash) = hash {
        let lacks = hash.to_string();
        return Err(IssuerError::CompanionOffersLess { id, companion: name, lacks });
    }
    Ok(Companion::Unit(Arc::clone(companion)))
}

impl Place {
    /// The unit itself.
    pub(super) fn unit(&self) -> &Arc<Tsu> {
        &self.unit
    }

    /// The unit that signs beside it, if it is one of a pair.
    ///
    /// # Errors
    /// [`RejectReason::UnitNotUsable`] when it names one that is not there.
    pub(super) fn companion(&self) -> Result<Option<&Arc<Tsu>>, RejectReason> {
        match &self.companion {
            Companion::None => Ok(None),
            Companion::Unit(companion) => Ok(Some(companion)),
            Companion::Missing(companion) => {
                tracing::error!(unit = self.unit.id(), companion, "no token: no companion");
                Err(RejectReason::UnitNotUsable)
            }
        }
    }

    /// What the clock has to keep for its tokens.
    pub(super) fn accuracy(&self) -> Accuracy {
        match &self.companion {
            Companion::Unit(companion) => accuracy(&self.unit, Some(companion)),
            Companion::None | Companion::Missing(_) => self.unit.accuracy(),
        }
    }

    /// Whether the unit, and its companion when it has one, could sign at `now`.
    pub(super) fn readiness(&self, now: DateTime<Utc>) -> Result<(), NotReady> {
        ready(&self.unit, now)?;
        match &self.companion {
            Companion::None => Ok(()),
            Companion::Unit(companion) => ready(companion, now),
            Companion::Missing(companion) => Err(NotReady::Companion {
                unit: self.unit.id().to_owned(),
                companion: companion.clone(),
            }),
        }
    }
}

/// The finest accuracy that the tokens of a unit and its companion will state.
pub(super) fn accuracy(unit: &Tsu, companion: Option<&Arc<Tsu>>) -> Accuracy {
    companion.map_or(unit.accuracy(), |companion| unit.accuracy().min(companion.accuracy()))
}

fn ready(unit: &Tsu, now: DateTime<Utc>) -> Result<(), NotReady> {
    let id = || unit.id().to_owned();
    unit.usable_at(now).map_err(|fault: TsuFault| NotReady::Certificate { unit: id(), fault })?;
    if unit.key_lost() || unit.failed_since(now.timestamp_millis(), KEY_FAILURE_WINDOW_MS) {
        return Err(NotReady::Key { unit: id() });
    }
    Ok(())
}

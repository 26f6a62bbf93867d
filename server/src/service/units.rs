//! Where the registry of the units meets issuing: the units of the configuration are brought into
//! it, and whatever it says of keys and certificates is what stamps from then on.

use super::pki::{self, ISSUING, PkiError};
use super::{Keys, OpenError, Pki, Service};
use crate::config::{self, Config, TsuConfig};
use authority::units::{
    ActiveUnit, CertifiedBy, Generation, KeyStore, Padding, Plan, RegistrySettings, Rollover,
    TokenCertificates, Unit, UnitError, UnitRegistry, UnitSettings,
};
use authority::{Act, Profile};
use certs::{EndKind, TsuCertificate};
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tsa::token::CertificateSet;

/// Opens the registry. Nothing is made yet.
pub(super) fn open(
    config: &Config,
    store: &Arc<dyn Store>,
    keys: &Keys,
    pki: &Pki,
) -> Result<UnitRegistry, OpenError> {
    let mut roots: Vec<Vec<u8>> = Vec::new();
    roots.extend(pki.certificate("root").map(<[u8]>::to_vec));
    let more = config.data.directory.join("pki").join("roots.pem");
    if more.exists() {
        roots.extend(pki::read_certificates(&more)?);
    }
    let settings = RegistrySettings {
        ca: Some(ISSUING.to_owned()),
        subject: pki::subject(&config.ca, &config.ca.organization),
        roots,
    };
    let authority = Some(pki.authority().clone());
    Ok(UnitRegistry::open(Arc::clone(store), keys.stores(), authority, settings)?)
}

/// Brings a unit of the configuration into the registry: made, adopted with the key and the
/// certificate that are there, or brought up to date.
pub(super) async fn configure(
    unit: &TsuConfig,
    data: &Path,
    registry: &UnitRegistry,
    pki: &Pki,
    now: DateTime<Utc>,
) -> Result<Unit, OpenError> {
    let by = Act::service("the configuration");
    let path = data.join("pki").join(format!("tsu-{}.pem", unit.id));
    let existing =
        match path.exists() {
            true => Some(std::fs::read(&path).map_err(|error| PkiError::File {
                path: path.clone(),
                reason: error.to_string(),
            })?),
            false => None,
        };
    let unit = registry.configure(settings(unit)?, existing.as_deref(), &by, now).await?;
    if existing.is_some()
        && let Some(leaf) = pki::read_certificates(&path)?.first()
    {
        // A certificate from before the registry. One of an outside CA is refused, and stays out.
        let profile = Profile::End(EndKind::Tsu);
        let registered = pki.authority().register(ISSUING, leaf, profile, &by, now).await;
        if let Err(error) = registered {
            tracing::debug!(unit = unit.settings.id, %error, "not a certificate of our own");
        }
    }
    Ok(unit)
}

/// The settings of a unit, as the registry has them.
fn settings(unit: &TsuConfig) -> Result<UnitSettings, OpenError> {
    let mut settings = UnitSettings::new(&unit.id, unit.key.parse()?, unit.policies.clone());
    settings.key_store = match unit.key_store {
        config::KeyStore::File => KeyStore::File,
        config::KeyStore::Hsm => KeyStore::Hsm,
    };
    settings.padding = match unit.padding {
        config::Padding::Pkcs1 => Padding::Pkcs1,
        config::Padding::Pss => Padding::Pss,
    };
    settings.certificates = match unit.certificates {
        config::Certificates::Leaf => TokenCertificates::Leaf,
        config::Certificates::Full => TokenCertificates::Full,
    };
    settings.certified_by = match unit.certified_by {
        config::CertifiedBy::BuiltIn => CertifiedBy::BuiltIn,
        config::CertifiedBy::Outside => CertifiedBy::Outside,
    };
    settings.rollover = match unit.certified_by {
        config::CertifiedBy::BuiltIn => {
            Some(Rollover { prepare_days: unit.prepare_days, activate_days: unit.activate_days })
        }
        config::CertifiedBy::Outside => None,
    };
    settings.accuracy_ms = unit.accuracy_ms;
    settings.verify_one_in = unit.verify_one_in;
    settings.companion = unit.companion.clone();
    Ok(settings)
}

/// Units that should sign and cannot, by their identifiers, and why.
pub(crate) type UnitFaults = Vec<(String, String)>;

/// What the issuer is given.
pub(super) struct Stamping {
    pub(super) units: Vec<tsa::Tsu>,
    pub(super) default_unit: Option<String>,
    pub(super) retired: Vec<CertificateSet>,
    /// Units that should sign and cannot, and why.
    pub(super) faults: UnitFaults,
}

/// The plan of the registry, as the issuer wants it. What cannot sign is told in the log and left
/// out: one unit with a fault must not stop the others.
pub(super) fn stamping(plan: Plan) -> Stamping {
    let faults = plan.faults.into_iter().map(|(unit, fault)| (unit, fault.to_string()));
    let mut faults: UnitFaults = faults.collect();
    let mut units = Vec::with_capacity(plan.active.len());
    for active in plan.active {
        let (id, generation) = (active.settings.id.clone(), active.generation);
        for warning in active.certificate.warnings() {
            tracing::debug!(unit = %id, generation, "{warning}");
        }
        match build(active) {
            Ok(unit) => units.push(unit),
            Err(reason) => {
                let fault = format!("unit {id}, key {generation}: {reason}");
                faults.push((id, fault));
            }
        }
    }
    for (_, fault) in &faults {
        tracing::error!(fault, "a unit cannot sign");
    }
    let mut retired = Vec::with_capacity(plan.retired.len());
    for old in plan.retired {
        let others: &[Vec<u8>] = match old.certificates {
            TokenCertificates::Leaf => &[],
            TokenCertificates::Full => &old.chain,
        };
        match CertificateSet::new(&old.der, others) {
            Ok(set) => retired.push(set),
            Err(error) => tracing::error!(%error, "a retired certificate cannot be used"),
        }
    }
    let there = |id: &String| units.iter().any(|unit| unit.id() == id);
    let default_unit = plan.default_unit.filter(there);
    Stamping { units, default_unit, retired, faults }
}

fn build(active: ActiveUnit) -> Result<tsa::Tsu, String> {
    let ActiveUnit { settings, key, certificate, .. } = active;
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut policies = Vec::with_capacity(settings.policies.len());
    for policy in &settings.policies {
        policies.push(policy.parse::<tsa::PolicyId>().map_err(|error| words(&error))?);
    }
    if policies.is_empty() {
        return Err("it offers no policy".to_owned());
    }
    let default = policies.remove(0);
    let unit = tsa::Tsu::new(tsa::TsuSettings {
        id: settings.id,
        key,
        certificate,
        policies: tsa::Policies::new(default, policies),
        accuracy: tsa::Accuracy::from_micros(u64::from(settings.accuracy_ms) * 1000)
            .map_err(|error| words(&error))?,
        hashes: tsa::HashAlgorithm::ALL.to_vec(),
        chain: match settings.certificates {
            TokenCertificates::Leaf => tsa::ChainPolicy::LeafOnly,
            TokenCertificates::Full => tsa::ChainPolicy::Full,
        },
        verify: tsa::VerifyPolicy { one_in: settings.verify_one_in },
    });
    let unit = unit.map_err(|error| words(&error))?;
    Ok(match settings.companion {
        Some(companion) => unit.paired_with(&companion),
        None => unit,
    })
}

impl Service {
    /// Makes a unit. With the built-in CA it is certified and stamps when this returns.
    pub(crate) async fn make_unit(
        &self,
        settings: UnitSettings,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let (id, certified_by) = (settings.id.clone(), settings.certified_by);
        self.units.create(settings, by, now).await?;
        if certified_by == CertifiedBy::BuiltIn {
            self.units.certify(&id, None, by, now).await?;
            self.units.activate(&id, None, None, by, now).await?;
        }
        Ok(())
    }

    /// Makes the next key of a unit. With the built-in CA it is certified when this returns.
    pub(crate) async fn new_unit_key(
        &self,
        id: &str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        let certified_by = self.units.show(id)?.settings.certified_by;
        let number = match (self.units.new_key(id, by, now).await, certified_by) {
            // A key whose certificate failed the last time is taken up again.
            (Err(UnitError::Waiting { generation, .. }), CertifiedBy::BuiltIn) => generation,
            (made, CertifiedBy::Outside) => return made,
            (made, CertifiedBy::BuiltIn) => made?.number,
        };
        self.units.certify(id, Some(number), by, now).await
    }

    /// Makes the units of the configuration whose device was away at the start.
    pub(super) async fn configure_pending(&self, now: DateTime<Utc>) {
        let pending = std::mem::take(&mut *self.pending.lock());
        for unit in pending {
            let data = self.disk.directory();
            match configure(&unit, data, &self.units, &self.pki, now).await {
                Ok(_unit) => {
                    tracing::info!(unit = unit.id, "unit made");
                }
                Err(error) => {
                    tracing::debug!(unit = unit.id, %error, "a unit cannot be made yet");
                    self.pending.lock().push(unit);
                }
            }
        }
    }

    /// Why units that should sign cannot, as it was when the registry was last looked at.
    pub(crate) fn unit_faults(&self) -> UnitFaults {
        self.unit_faults.lock().clone()
    }

    /// The units of the configuration that could not be made yet.
    pub(crate) fn pending_units(&self) -> Vec<String> {
        self.pending.lock().iter().map(|unit| unit.id.clone()).collect()
    }

    /// Puts every change of the registry into effect before whoever made it hears of it, and
    /// before a key that was in use is destroyed.
    pub(crate) fn follow_units(self: &Arc<Self>) {
        let service = Arc::downgrade(self);
        self.units.watch(move |now| {
            if let Some(service) = service.upgrade() {
                service.use_units(now);
            }
        });
    }

    /// Lets issuing go on with what the registry has now. What cannot be used leaves what was in
    /// use before, and is in the log.
    pub(crate) fn use_units(&self, now: DateTime<Utc>) {
        // Held until the units are replaced: an older plan never follows a newer one.
        let mut shown = self.unit_faults.lock();
        let plan = match self.units.plan(now) {
            Ok(plan) => plan,
            Err(error) => return tracing::error!(%error, "the units cannot be read"),
        };
        let Stamping { units, default_unit, retired, faults } = stamping(plan);
        *shown = faults;
        if let Err(error) = self.issuer.replace_units(units, default_unit.as_deref(), retired) {
            tracing::error!(%error, "the units cannot be used together; the ones before stay");
        }
    }

    /// The end of each unit that stamps: of its certificate, or of the use of its key.
    pub(crate) fn unit_ends(&self) -> Vec<(String, DateTime<Utc>)> {
        let units = self.issuer.units();
        units.iter().map(|unit| (unit.id().to_owned(), end(unit.certificate()))).collect()
    }
}

fn end(certificate: &TsuCertificate) -> DateTime<Utc> {
    let usage = certificate.private_key_usage_not_after();
    usage.map_or(certificate.not_after(), |usage| usage.min(certificate.not_after()))
}

//! What the issuer of tokens needs: the units that sign, and the certificates of those that did.

use super::error::UnitError;
use super::keys::public_key;
use super::model::{ActiveUnit, Plan, RetiredCertificate, Unit};
use super::records::{CertificateRecord, GenerationRecord};
use super::registry::{Inner, UnitRegistry};
use super::state::State;
use crate::Status;
use certs::{TsuCertificate, check_tsu};
use chrono::{DateTime, Utc};

impl UnitRegistry {
    /// The units that can sign, with their keys, and the certificates of the past. A key in a file
    /// is opened; one in a device is looked for when it is first used.
    ///
    /// A unit whose period of use has ended is among the active ones: the issuer refuses with it
    /// and says why. One that has no key any more, or whose certificate (or that of a CA above it)
    /// is suspended or revoked, is among the faults. Call it again whenever the status of a
    /// certificate changes: a unit whose certificate is reactivated comes back.
    ///
    /// # Errors
    /// [`UnitError::Store`]
    pub fn plan(&self, now: DateTime<Utc>) -> Result<Plan, UnitError> {
        let mut plan = Plan::default();
        for unit in self.0.list()? {
            self.0.add(&unit, &mut plan, now)?;
        }
        plan.drop_unequal_pairs();
        let default = self.default_unit()?;
        plan.default_unit =
            default.filter(|id| plan.active.iter().any(|active| active.settings.id == *id));
        Ok(plan)
    }
}

impl Inner {
    fn add(&self, unit: &Unit, plan: &mut Plan, now: DateTime<Utc>) -> Result<(), UnitError> {
        let settings = &unit.settings;
        for (number, record) in self.records(&settings.id)? {
            let Some(certificate) = &record.certificate else { continue };
            let mut active = false;
            if record.state == State::Active {
                match self.active(&settings.id, number, &record, certificate, now) {
                    Ok((key, certificate)) => {
                        let settings = settings.clone();
                        let generation = number;
                        plan.active.push(ActiveUnit { settings, generation, key, certificate });
                        active = true;
                    }
                    Err(fault) => plan.faults.push((settings.id.clone(), fault)),
                }
            }
            // Also of one that cannot sign now: what it has signed can be fetched.
            if !active && record.activated_at.is_some() {
                plan.retired.push(RetiredCertificate {
                    der: certificate.der.clone(),
                    chain: certificate.chain.iter().map(|der| der.to_vec()).collect(),
                    certificates: settings.certificates,
                });
            }
        }
        Ok(())
    }

    fn active(
        &self,
        id: &str,
        number: u32,
        record: &GenerationRecord,
        certificate: &CertificateRecord,
        now: DateTime<Utc>,
    ) -> Result<(std::sync::Arc<dyn certs::SigningKey>, TsuCertificate), UnitError> {
        self.good(id, number, certificate)?;
        let chain: Vec<Vec<u8>> = certificate.chain.iter().map(|der| der.to_vec()).collect();
        let roots = [certificate.root.clone()];
        let public = public_key(id, record)?;
        // Checked at an instant at which it may be valid: whether it is now is asked for every
        // token, and a unit that has ended is to say so rather than to be unknown.
        let first = DateTime::from_timestamp_millis(certificate.not_before).unwrap_or(now);
        let last = certificate.last_use().unwrap_or(now).max(first);
        let at = now.clamp(first, last);
        let checked = check_tsu(&certificate.der, &chain, &roots, &public, at);
        let checked = checked.map_err(|faults| UnitError::Certificate {
            unit: id.to_owned(),
            generation: number,
            faults,
        })?;
        Ok((self.key(id, record)?, checked))
    }

    /// Whether the registry of certificates says nothing against the generation's certificate and
    /// those above it. Of a certificate from outside only its issuer knows.
    pub(super) fn good(
        &self,
        id: &str,
        number: u32,
        certificate: &CertificateRecord,
    ) -> Result<(), UnitError> {
        let Some(authority) = &self.authority else { return Ok(()) };
        let own = std::iter::once((true, certificate.der.as_slice()));
        let above = certificate.chain.iter().map(|der| (false, der.as_slice()));
        for (is_own, der) in own.chain(above) {
            let word = match authority.status_of(der)? {
                None | Some(Status::Good) => continue,
                Some(status) => status.word(),
            };
            let (unit, generation) = (id.to_owned(), number);
            let whose = match is_own {
                true => "its certificate".to_owned(),
                false => format!("the certificate of {}", subject(der)),
            };
            return Err(UnitError::NotGood { unit, generation, whose, status: word });
        }
        Ok(())
    }
}

fn subject(der: &[u8]) -> String {
    let parsed = certs::check::parse(der);
    parsed.map_or_else(|_| "a CA".to_owned(), |parsed| certs::display_name(parsed.subject()))
}

impl Plan {
    /// Takes out the units whose companion could not answer what they accept. One whose companion
    /// is not there stays: the issuer refuses with it and says why.
    fn drop_unequal_pairs(&mut self) {
        let fault = |unit: &ActiveUnit| {
            let name = unit.settings.companion.as_ref()?;
            let companion = self.active.iter().find(|other| other.settings.id == *name)?;
            let lacks = |policy: &&String| !companion.settings.policies.contains(*policy);
            let policy = unit.settings.policies.iter().find(lacks)?.clone();
            let (unit, companion) = (unit.settings.id.clone(), name.clone());
            Some((unit.clone(), UnitError::CompanionOffersLess { unit, companion, policy }))
        };
        let faults: Vec<_> = self.active.iter().filter_map(fault).collect();
        for (unit, fault) in faults {
            self.active.retain(|active| active.settings.id != unit);
            self.faults.push((unit, fault));
        }
    }
}

//! Keys get their certificates: from the CA in here, or from one outside.

use super::bundle;
use super::create::append;
use super::error::UnitError;
use super::keys::public_key;
use super::model::{CertifiedBy, Generation, UnitSettings};
use super::records::{CertificateRecord, GenerationRecord};
use super::registry::{
    Inner, UnitRegistry, event, read_generation, step, subject_of_generation, write_generation,
};
use super::state::{State, Step};
use crate::Act;
use certs::check::parse;
use certs::csr::{self, Wanted};
use certs::{DistinguishedName, EndKind, EndProfile, check_tsu};
use chrono::{DateTime, Utc};
use trail::{Category, Event};

/// RFC 5280 appendix A.1: ub-common-name.
const LONGEST_COMMON_NAME: usize = 64;

/// A certificate that passed the check, ready to be kept.
pub(super) struct Certified {
    pub(super) record: CertificateRecord,
    subject: String,
    serial: String,
}

impl UnitRegistry {
    /// A certificate request (PKCS#10, PEM) for the newest generation that has not begun, or for
    /// the one named. It may block on the device that has the key.
    ///
    /// # Errors
    /// [`UnitError::NoGeneration`], [`UnitError::Illegal`]; what the key says.
    pub fn csr(&self, id: &str, generation: Option<u32>) -> Result<String, UnitError> {
        let number = self.0.waiting(id, generation)?;
        let record = self.0.record(id, number)?;
        // Only before it signs: what an active key signs are tokens and nothing else (RFC 3161
        // §2.3, EN 319 421 TIS-7.7.1-08).
        self.0.may((id, number), &record, Step::Certify)?;
        let key = self.0.key(id, &record)?;
        let request = csr::build(&*key, &self.0.subject(id, number), Wanted::Tsu);
        let request = request.map_err(|error| UnitError::Request { unit: id.to_owned(), error })?;
        Ok(csr::to_pem(&request))
    }

    /// Has the CA in here certify the newest generation that has not begun, or the one named.
    ///
    /// # Errors
    /// [`UnitError::NotBuiltIn`], [`UnitError::NoGeneration`], [`UnitError::Illegal`],
    /// [`UnitError::Authority`].
    pub async fn certify(
        &self,
        id: &str,
        generation: Option<u32>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let number = self.0.waiting(id, generation)?;
        let unit = self.0.show(id)?;
        self.0.certify(&unit.settings, number, by, now).await?;
        self.0.generation(id, number)
    }

    /// Takes a certificate from outside with its chain (PEM, in any order), for the newest
    /// generation that has not begun or the one named, when nothing is wrong with it.
    ///
    /// A root in the bundle is trusted for this generation: who imports it says so, and the audit
    /// trail names it.
    ///
    /// # Errors
    /// [`UnitError::Certificate`] with every fault; [`UnitError::Pem`],
    /// [`UnitError::NoGeneration`], [`UnitError::Illegal`].
    pub async fn import(
        &self,
        id: &str,
        generation: Option<u32>,
        chain_pem: &[u8],
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Generation, UnitError> {
        by.check()?;
        let _one_at_a_time = self.0.acts.lock().await;
        let number = self.0.waiting(id, generation)?;
        let record = self.0.record(id, number)?;
        self.0.may((id, number), &record, Step::Certify)?;
        let certified = self.0.checked(id, (number, &record), chain_pem, now)?;
        self.0.keep(id, number, certified, "certificate-imported", by, now).await?;
        self.0.generation(id, number)
    }
}

impl Inner {
    /// The generation that is meant: the one named, or the newest that has not begun.
    pub(super) fn waiting(&self, id: &str, generation: Option<u32>) -> Result<u32, UnitError> {
        let unit = self.show(id)?;
        if let Some(number) = generation {
            return Ok(number);
        }
        unit.waiting().map(|waiting| waiting.number).ok_or_else(|| UnitError::NoGeneration {
            unit: id.to_owned(),
            wanted: "has still to begin",
            needed: "make a new key first",
        })
    }

    /// Whether the step could be taken, before anything is done for it.
    pub(super) fn may(
        &self,
        (id, number): (&str, u32),
        record: &GenerationRecord,
        wanted: Step,
    ) -> Result<State, UnitError> {
        let illegal = |why| UnitError::Illegal { unit: id.to_owned(), generation: number, why };
        record.state.after(wanted).map_err(illegal)
    }

    pub(super) async fn certify(
        &self,
        settings: &UnitSettings,
        number: u32,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let id = &settings.id;
        let outside = || UnitError::NotBuiltIn { unit: id.clone() };
        if settings.certified_by == CertifiedBy::Outside {
            return Err(outside());
        }
        let (Some(authority), Some(ca)) = (&self.authority, &self.settings.ca) else {
            return Err(outside());
        };
        let record = self.record(id, number)?;
        self.may((id, number), &record, Step::Certify)?;
        let key = public_key(id, &record)?;
        let profile = EndProfile::new(EndKind::Tsu, settings.policy_ids()?);
        let subject = self.subject(id, number);
        let issued = authority.issue(ca, &profile, &subject, &key, by, now).await?;
        let issuer = authority.ca(ca).map(|ca| ca.certificate_der().to_vec());
        let chain: Vec<Vec<u8>> = issuer.into_iter().collect();
        let certified = self.check(id, (number, &record), &issued.der, &chain, &[], now)?;
        self.keep(id, number, certified, "unit-certified", by, now).await
    }

    /// What is to be kept of a chain from outside, if nothing is wrong with it.
    pub(super) fn checked(
        &self,
        id: &str,
        (number, record): (u32, &GenerationRecord),
        chain_pem: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Certified, UnitError> {
        let pem = |reason: String| UnitError::Pem { unit: id.to_owned(), reason };
        let all = certs::pem::certificates(chain_pem).map_err(|error| pem(error.to_string()))?;
        let key = public_key(id, record)?;
        let bundle = bundle::split(all, &key);
        self.check(id, (number, record), &bundle.leaf, &bundle.chain, &bundle.roots, now)
    }

    fn check(
        &self,
        id: &str,
        (number, record): (u32, &GenerationRecord),
        leaf: &[u8],
        chain: &[Vec<u8>],
        more_roots: &[Vec<u8>],
        now: DateTime<Utc>,
    ) -> Result<Certified, UnitError> {
        let key = public_key(id, record)?;
        let roots: Vec<Vec<u8>> = self.settings.roots.iter().chain(more_roots).cloned().collect();
        let certificate = check_tsu(leaf, chain, &roots, &key, now).map_err(|faults| {
            UnitError::Certificate { unit: id.to_owned(), generation: number, faults }
        })?;
        let above = certificate.chain().iter().map(Vec::as_slice);
        let ends = above.clone().chain([certificate.root()]).filter_map(|der| {
            parse(der).ok().map(|certificate| certificate.not_after().timestamp_millis())
        });
        let issuer = certificate.chain().first().map_or(certificate.root(), Vec::as_slice);
        let record = CertificateRecord {
            der: certificate.der().to_vec(),
            chain: above.clone().map(|der| der.to_vec().into()).collect(),
            root: certificate.root().to_vec(),
            ca: self.ca_of(issuer),
            not_before: certificate.not_before().timestamp_millis(),
            not_after: certificate.not_after().timestamp_millis(),
            key_not_after: certificate
                .private_key_usage_not_after()
                .map(|end| end.timestamp_millis()),
            issuers_not_after: ends.min(),
        };
        let subject = certs::display_name(certificate.subject());
        let serial = certificate.serial_number().to_string();
        Ok(Certified { record, subject, serial })
    }

    /// The CA in here that has this certificate.
    fn ca_of(&self, issuer: &[u8]) -> Option<String> {
        let authority = self.authority.as_ref()?;
        let ids = authority.ca_ids().into_iter();
        ids.into_iter().find(|id| {
            authority.ca(id).is_some_and(|authority| authority.certificate_der() == issuer)
        })
    }

    async fn keep(
        &self,
        id: &str,
        number: u32,
        certified: Certified,
        action: &'static str,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), UnitError> {
        let subject = subject_of_generation(id, number);
        let told = certified.described(event(Category::Certificate, action, by, subject));
        let id = id.to_owned();
        self.transact(move |tx| {
            let mut record = read_generation(tx, &id, number)?;
            step((&id, number), &mut record, Step::Certify, now)?;
            record.certificate = Some(certified.record);
            write_generation(tx, &id, number, &record);
            append(tx, &[told], now)
        })
        .await
    }

    /// The name of a generation: another one for each, as EN 319 422 §6.2 wants of units.
    pub(super) fn subject(&self, id: &str, number: u32) -> DistinguishedName {
        let base = &self.settings.subject;
        let suffix = match number {
            1 => format!("TSU {id}"),
            number => format!("TSU {id} {number}"),
        };
        let organization = base.organization.as_deref().unwrap_or_default();
        let long = format!("{organization} {suffix}");
        let common_name = match long.chars().count() <= LONGEST_COMMON_NAME {
            true => long.trim_start().to_owned(),
            false => suffix,
        };
        DistinguishedName { common_name, ..base.clone() }
    }
}

impl Certified {
    /// The event with what the certificate says.
    pub(super) fn described(&self, event: Event) -> Event {
        let instant = |ms: i64| {
            DateTime::from_timestamp_millis(ms).map(|at| at.to_rfc3339()).unwrap_or_default()
        };
        let event = event
            .with("subject", &self.subject)
            .with("serial", &self.serial)
            .with("not_before", instant(self.record.not_before))
            .with("not_after", instant(self.record.not_after))
            .with("sha256", hex::encode(openssl::sha::sha256(&self.record.der)))
            .with("root_sha256", hex::encode(openssl::sha::sha256(&self.record.root)));
        match self.record.key_not_after {
            Some(end) => event.with("key_use_until", instant(end)),
            None => event,
        }
    }
}

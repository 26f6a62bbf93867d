//! Certificates come into the registry: issued here, or made before the registry was there.
//!
//! The order of issuing: the CA signs; the certificate is registered in one transaction that
//! checks its serial number; when that is durable the certificate leaves. A process that ends
//! between leaves a signature that nobody has.

use crate::encoding::{decode, encode};
use crate::model::{Act, Issued, Profile, Registered};
use crate::records::{CertificateRecord, GlobalRecord, StandingRecord};
use crate::registry::{Ca, Inner, blocking};
use crate::status::Status;
use crate::tables::{CERTIFICATE, DER, GLOBAL, GLOBAL_KEY, STANDING, SerialKey, certificate_key};
use crate::{Authority, AuthorityError, job};
use certs::check::ParsedCertificate;
use certs::{DistinguishedName, EndKind, EndProfile, Serial};
use chrono::{DateTime, Utc};
use openssl::pkey::{PKey, Public};
use std::sync::Arc;
use store::Transaction;
use trail::{Category, Event};

/// How often a serial number is drawn anew when it is taken. Of 126 random bits, never.
const TRIES: usize = 3;

/// A certificate that is to be registered.
pub(crate) struct NewCertificate {
    pub(crate) ca: Arc<Ca>,
    pub(crate) serial: Serial,
    pub(crate) der: Vec<u8>,
    pub(crate) profile: Profile,
    pub(crate) subject: String,
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) not_after: DateTime<Utc>,
    /// It was not made by this registry.
    pub(crate) imported: bool,
    /// It is that of the CA's responder, over the key of this generation; `true` when the key was
    /// made for it.
    pub(crate) responder: Option<(u32, bool)>,
}

/// What came of registering.
#[derive(Debug)]
pub(crate) enum Entered {
    /// The number that it got.
    New(u64),
    /// The same certificate was there.
    Known,
}

impl Authority {
    /// Issues a certificate over `public_key`. It is registered, durably, when this returns.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownCa`]; [`AuthorityError::Issue`] when the profile, the subject or
    /// the key is refused or the CA's key does not sign; [`AuthorityError::Store`].
    pub async fn issue(
        &self,
        ca: &str,
        profile: &EndProfile,
        subject: &DistinguishedName,
        public_key: &PKey<Public>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Issued, AuthorityError> {
        by.check()?;
        let ca = Arc::clone(self.0.find(ca)?);
        let order = Order { profile, subject, public_key, responder: None };
        self.0.issue(&ca, order, by, now).await
    }

    /// Takes a certificate into the registry that this CA issued before there was one. Once is
    /// enough; every further time does nothing.
    ///
    /// # Errors
    /// [`AuthorityError::Foreign`] when it is not a certificate that this CA issued,
    /// [`AuthorityError::SerialTaken`] when another one has its serial number.
    pub async fn register(
        &self,
        ca: &str,
        der: &[u8],
        profile: Profile,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Registered, AuthorityError> {
        by.check()?;
        let ca = Arc::clone(self.0.find(ca)?);
        let foreign = |reason: &str| AuthorityError::Foreign {
            ca: ca.id().to_owned(),
            reason: reason.to_owned(),
        };
        let parsed = certs::check::parse(der).map_err(|error| foreign(&error.to_string()))?;
        checked(&parsed, &ca).map_err(foreign)?;
        let serial = Serial::of(&parsed).ok_or_else(|| {
            foreign("its serial number is not one to twenty octets of a positive number")
        })?;
        let entered = self.0.enter(
            NewCertificate {
                ca,
                serial: serial.clone(),
                der: der.to_vec(),
                profile,
                subject: certs::display_name(parsed.subject()),
                not_before: parsed.not_before(),
                not_after: parsed.not_after(),
                imported: true,
                responder: None,
            },
            by,
            now,
        );
        Ok(Registered { serial, new: matches!(entered.await?, Entered::New(_)) })
    }
}

/// What is to be issued.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) profile: &'a EndProfile,
    pub(crate) subject: &'a DistinguishedName,
    pub(crate) public_key: &'a PKey<Public>,
    pub(crate) responder: Option<(u32, bool)>,
}

impl Inner {
    pub(crate) async fn issue(
        self: &Arc<Self>,
        ca: &Arc<Ca>,
        order: Order<'_>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Issued, AuthorityError> {
        let mut tries = 1;
        loop {
            match self.try_issue(ca, order, by, now).await {
                Err(AuthorityError::SerialTaken { .. }) if tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_issue(
        self: &Arc<Self>,
        ca: &Arc<Ca>,
        order: Order<'_>,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Issued, AuthorityError> {
        let (signer, profile, subject) =
            (Arc::clone(ca), order.profile.clone(), order.subject.clone());
        let (public_key, mut random) = (order.public_key.clone(), self.random());
        let sign =
            move || signer.authority.issue(&profile, &subject, &public_key, now, &mut random);
        let issued = blocking(sign).await??;
        let parsed = certs::check::parse(&issued.der).map_err(|error| AuthorityError::Foreign {
            ca: ca.id().to_owned(),
            reason: error.to_string(),
        })?;
        let new = NewCertificate {
            ca: Arc::clone(ca),
            serial: issued.serial.clone(),
            der: issued.der.clone(),
            profile: order.profile.kind.into(),
            subject: certs::display_name(parsed.subject()),
            not_before: issued.not_before,
            not_after: issued.not_after,
            imported: false,
            responder: order.responder,
        };
        let Entered::New(number) = self.enter(new, by, now).await? else {
            return Err(AuthorityError::SerialTaken { serial: issued.serial });
        };
        let certs::IssuedCertificate { der, serial, not_before, not_after, .. } = issued;
        Ok(Issued { number, serial, der, not_before, not_after })
    }

    /// Registers a certificate in one transaction.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        new: NewCertificate,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Entered, AuthorityError> {
        let (key, ca) = (SerialKey::of(&new.serial), new.ca.number);
        let (by, inner) = (by.clone(), Arc::clone(self));
        let work = move |tx: &mut dyn Transaction| new.write(tx, &by, now);
        let durable = move |entered: &Entered| {
            if let Entered::New(_) = entered {
                inner.standings.insert(key, ca, 0, None);
            }
        };
        job::run(&*self.store, work, durable).await
    }
}

impl NewCertificate {
    fn write(
        &self,
        tx: &mut dyn Transaction,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<Entered, AuthorityError> {
        let key = SerialKey::of(&self.serial);
        if let Some(bytes) = tx.get(STANDING, &key.0)? {
            let standing: StandingRecord = decode(STANDING, &key.0, &bytes)?;
            let is_same =
                tx.get(DER, &certificate_key(standing.certificate))? == Some(self.der.clone());
            return if is_same && self.imported && standing.ca == self.ca.number {
                Ok(Entered::Known)
            } else {
                Err(AuthorityError::SerialTaken { serial: self.serial.clone() })
            };
        }
        let mut global: GlobalRecord = match tx.get(GLOBAL, GLOBAL_KEY)? {
            Some(bytes) => decode(GLOBAL, GLOBAL_KEY, &bytes)?,
            None => GlobalRecord::default(),
        };
        let mut authority = self.ca.record(tx)?;
        global.certificates += 1;
        authority.issued += 1;
        let number = global.certificates;
        if let Some((generation, _)) = self.responder {
            authority.responder = Some(number);
            authority.responder_key = generation;
        }
        let standing = StandingRecord::new(number, self.ca.number, 0, Status::Good);
        tx.put(CERTIFICATE, &certificate_key(number), &encode(&self.record(by, now)));
        tx.put(DER, &certificate_key(number), &self.der);
        tx.put(STANDING, &key.0, &encode(&standing));
        tx.put(GLOBAL, GLOBAL_KEY, &encode(&global));
        self.ca.put_record(tx, &authority);
        self.append_events(tx, by, now)?;
        Ok(Entered::New(number))
    }

    fn record(&self, by: &Act, now: DateTime<Utc>) -> CertificateRecord {
        CertificateRecord {
            serial: self.serial.as_bytes().to_vec(),
            ca: self.ca.number,
            profile: self.profile.name().to_owned(),
            subject: self.subject.clone(),
            not_before: self.not_before.timestamp_millis(),
            not_after: self.not_after.timestamp_millis(),
            at: now.timestamp_millis(),
            actor: by.actor.clone(),
            reason: by.reason.clone(),
            fingerprint: openssl::sha::sha256(&self.der),
            imported: self.imported,
            erased_at: None,
        }
    }

    fn append_events(
        &self,
        tx: &mut dyn Transaction,
        by: &Act,
        now: DateTime<Utc>,
    ) -> Result<(), AuthorityError> {
        if let Some((generation, true)) = self.responder {
            let subject = format!("ocsp responder {}", self.ca.id());
            let event = Event::success(Category::Key, "key-made", &*by.actor, subject);
            trail::append(tx, &event.with("generation", generation), now)?;
        }
        let action = if self.imported { "certificate-registered" } else { "certificate-issued" };
        let subject = format!("certificate {}", self.serial);
        let mut event = Event::success(Category::Certificate, action, &*by.actor, subject)
            .with("ca", self.ca.id())
            .with("profile", self.profile)
            .with("until", self.not_after.to_rfc3339())
            .with("sha256", hex::encode(openssl::sha::sha256(&self.der)));
        if !self.is_of_a_person() {
            event = event.with("name", &self.subject);
        }
        if !by.reason.is_empty() {
            event = event.with("reason", &by.reason);
        }
        trail::append(tx, &event, now)?;
        Ok(())
    }

    /// Whether the subject is a person. Nothing in the trail can ever be erased, so it names no
    /// one: serial number and fingerprint lead to the certificate.
    fn is_of_a_person(&self) -> bool {
        matches!(self.profile, Profile::End(EndKind::HolderRemote | EndKind::HolderAutomatic))
    }
}

/// Whether the CA issued this certificate; the error says why it did not.
fn checked(certificate: &ParsedCertificate, ca: &Ca) -> Result<(), &'static str> {
    if certificate.subject() == certificate.issuer() {
        return Err("it is self-issued: a root has no issuer that could revoke it");
    }
    if certificate.issuer() != ca.authority.subject() {
        return Err("another CA is named as its issuer");
    }
    if !certificate.is_signed_by(ca.authority.key().public_key()) {
        return Err("its signature is not one of this CA's key");
    }
    Ok(())
}

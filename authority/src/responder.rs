//! Who signs the OCSP answers of a CA: a key of its own under a short-lived certificate that the
//! CA issues and the timer renews (RFC 6960 §4.2.2.2), or the CA's own key.

use crate::encoding::{damaged, decode};
use crate::issue::Order;
use crate::model::{Act, ResponderFacts, ResponderKey};
use crate::records::{AuthorityRecord, CertificateRecord};
use crate::registry::{Ca, Inner, blocking};
use crate::status::Status;
use crate::tables::{CERTIFICATE, DER, SerialKey, certificate_key};
use crate::{AuthorityError, read};
use certs::ocsp::Responder;
use certs::{EndKind, EndProfile, KeyBackend, KeyKind, Serial, SigningKey};
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;

/// A responder that can answer.
#[derive(Debug)]
pub(crate) struct Responding {
    pub(crate) responder: Responder,
    /// The certificate; `None` when the CA answers itself.
    pub(crate) serial: Option<Serial>,
    /// When it is to be renewed.
    renew_at: DateTime<Utc>,
    pub(crate) in_device: bool,
}

impl Responding {
    pub(crate) fn serial_key(&self) -> Option<SerialKey> {
        self.serial.as_ref().map(SerialKey::of)
    }

    pub(crate) fn facts(&self) -> ResponderFacts {
        ResponderFacts { serial: self.serial.clone(), not_after: self.responder.not_after() }
    }
}

impl Inner {
    /// Takes up the responder that the CA had before a restart. One that cannot be used is left
    /// to the timer, which makes another.
    pub(crate) fn resume_responder(
        &self,
        ca: &Ca,
        now: DateTime<Utc>,
    ) -> Result<(), AuthorityError> {
        let responding = match &ca.responder_key {
            ResponderKey::Direct => Some(direct(ca)?),
            ResponderKey::Delegated { backend, .. } => self.delegated_before(ca, &**backend)?,
        };
        let usable = responding
            .filter(|found| found.responder.usable_at(now) && self.is_good(found.serial.as_ref()));
        ca.responding.store(usable.map(Arc::new));
        Ok(())
    }

    fn delegated_before(
        &self,
        ca: &Ca,
        backend: &dyn KeyBackend,
    ) -> Result<Option<Responding>, AuthorityError> {
        let record = ca.read_record(&*self.store)?;
        let Some(number) = record.responder else { return Ok(None) };
        let key = certificate_key(number);
        let missing = |table| damaged(table, &key, "the responder's certificate is missing");
        let bytes = self.store.get(CERTIFICATE, &key)?.ok_or_else(|| missing(CERTIFICATE))?;
        let facts: CertificateRecord = decode(CERTIFICATE, &key, &bytes)?;
        let der = self.store.get(DER, &key)?.ok_or_else(|| missing(DER))?;
        let serial = read::serial(&facts, &key)?;
        let not_before = crate::encoding::instant(CERTIFICATE, &key, facts.not_before)?;
        // The device of the key may be away: it is looked for when there is something to sign.
        let public = certs::check::parse(&der).ok().and_then(|parsed| parsed.public_key());
        let public = public.ok_or_else(|| damaged(DER, &key, "a certificate without a key"))?;
        let signing = backend.open_known(&label(ca.id(), record.responder_key), public);
        let made = signing.map_err(|error| error.to_string()).and_then(|signing| {
            delegated(ca, &der, serial, not_before, signing).map_err(|error| error.to_string())
        });
        if let Err(reason) = &made {
            tracing::warn!(ca = ca.id(), reason, "the OCSP responder cannot be taken up again");
        }
        Ok(made.ok())
    }

    /// Gives the CA a responder whose certificate is not past its half, and is good. Returns the
    /// serial number of a new certificate. A CA in its last day gets none any more.
    pub(crate) async fn renew_responder(
        self: &Arc<Self>,
        ca: &Arc<Ca>,
        now: DateTime<Utc>,
    ) -> Result<Option<Serial>, AuthorityError> {
        let ResponderKey::Delegated { backend, kind, subject } = &ca.responder_key else {
            return Ok(None);
        };
        let _renewing = ca.renewing.lock().await;
        if ca.responding.load().is_none() {
            // Its key may have been away, and be there again.
            let (inner, ca) = (Arc::clone(self), Arc::clone(ca));
            blocking(move || inner.resume_responder(&ca, now)).await??;
        }
        let left = (ca.authority.not_after() - now).num_days();
        if left < 1 || self.is_fresh(ca, now) {
            return Ok(None);
        }
        let record = ca.read_record(&*self.store)?;
        let generation = self.generation(&record, ca)?;
        let (signing, is_new) = open_key(ca.id(), generation, backend, *kind).await?;

        let mut profile = EndProfile::new(EndKind::OcspResponder, Vec::new());
        profile.validity = self.settings.responder_validity.min(Duration::days(left));
        let order = Order {
            profile: &profile,
            subject,
            public_key: signing.public_key(),
            responder: Some((generation, is_new)),
        };
        let by = Act::service("the OCSP responder needs a certificate");
        let issued = self.issue(ca, order, &by, now).await?;
        let serial = issued.serial.clone();
        let made = delegated(ca, &issued.der, serial.clone(), issued.not_before, signing)?;
        ca.responding.store(Some(Arc::new(made)));
        // Answers under the old certificate are valid, but end with it.
        self.answers.clear();
        Ok(Some(serial))
    }

    /// Whether the CA's responder needs nothing: it is good, and half of its time is left.
    fn is_fresh(&self, ca: &Ca, now: DateTime<Utc>) -> bool {
        ca.responding.load().as_ref().is_some_and(|current| {
            current.responder.usable_at(now)
                && now < current.renew_at
                && self.is_good(current.serial.as_ref())
        })
    }

    fn is_good(&self, serial: Option<&Serial>) -> bool {
        self.may_answer(serial.map(SerialKey::of))
    }

    /// Whether answers under this certificate may be given; `None`: the CA answers itself.
    pub(crate) fn may_answer(&self, responder: Option<SerialKey>) -> bool {
        let Some(responder) = responder else { return true };
        let standing = self.standings.get(responder);
        standing.is_some_and(|standing| standing.status == Status::Good)
    }

    /// Takes out the responders with this certificate, which is not good any more. Clients do not
    /// ask whether it is (id-pkix-ocsp-nocheck). Gives the numbers of their CAs.
    pub(crate) fn silence(&self, responder: SerialKey) -> Vec<u16> {
        let has_it = |ca: &&Arc<Ca>| {
            let current = ca.responding.load_full();
            current.is_some_and(|current| current.serial_key() == Some(responder))
        };
        let silenced: Vec<&Arc<Ca>> = self.cas.iter().filter(has_it).collect();
        for ca in &silenced {
            ca.responding.store(None);
            self.answers.clear();
        }
        silenced.into_iter().map(|ca| ca.number).collect()
    }

    /// The generation of the key for the next certificate: a new one after the certificate before
    /// was suspended or revoked, because nobody can tell clients of a bad responder otherwise.
    fn generation(&self, record: &AuthorityRecord, ca: &Ca) -> Result<u32, AuthorityError> {
        let Some(number) = record.responder else { return Ok(record.responder_key) };
        let key = certificate_key(number);
        let missing = || damaged(CERTIFICATE, &key, "the responder's certificate is missing");
        let bytes = self.store.get(CERTIFICATE, &key)?.ok_or_else(missing)?;
        let before: CertificateRecord = decode(CERTIFICATE, &key, &bytes)?;
        if self.is_good(Some(&read::serial(&before, &key)?)) {
            return Ok(record.responder_key);
        }
        tracing::warn!(ca = ca.id(), "the OCSP responder gets a new key");
        Ok(record.responder_key.saturating_add(1))
    }
}

/// The key of a generation: opened, or made. Tells whether it was made.
async fn open_key(
    ca: &str,
    generation: u32,
    backend: &Arc<dyn KeyBackend>,
    kind: KeyKind,
) -> Result<(Arc<dyn SigningKey>, bool), AuthorityError> {
    let (label, backend) = (label(ca, generation), Arc::clone(backend));
    let open = move || match backend.contains(&label)? {
        true => Ok((backend.open(&label)?, false)),
        false => Ok((backend.generate(&label, kind)?, true)),
    };
    let opened: Result<_, certs::KeyError> = blocking(open).await?;
    opened.map_err(|error| AuthorityError::ResponderKey { ca: ca.to_owned(), error })
}

fn label(ca: &str, generation: u32) -> String {
    match generation {
        1 => format!("ocsp-{ca}"),
        _ => format!("ocsp{generation}-{ca}"),
    }
}

fn direct(ca: &Ca) -> Result<Responding, AuthorityError> {
    let responder = Responder::direct(&ca.authority)
        .map_err(|fault| AuthorityError::Responder { ca: ca.id().to_owned(), fault })?;
    let renew_at = responder.not_after();
    let in_device = ca.authority.key().in_device();
    Ok(Responding { responder, serial: None, renew_at, in_device })
}

fn delegated(
    ca: &Ca,
    der: &[u8],
    serial: Serial,
    not_before: DateTime<Utc>,
    signing: Arc<dyn SigningKey>,
) -> Result<Responding, AuthorityError> {
    let in_device = signing.in_device();
    let responder = Responder::delegated(&ca.authority, der, signing)
        .map_err(|fault| AuthorityError::Responder { ca: ca.id().to_owned(), fault })?;
    let renew_at = not_before + (responder.not_after() - not_before) / 2;
    Ok(Responding { responder, serial: Some(serial), renew_at, in_device })
}

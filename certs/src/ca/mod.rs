//! The certificate authority: a root, the CAs under it, and the end certificates that they issue
//! (time-stamping units, holders, OCSP responders, TLS clients).
//!
//! What belongs into each kind of certificate is data ([`CaProfile`], [`EndProfile`]); this file
//! checks that the wish can be granted, `extension` writes the extensions, `build` puts the
//! TBSCertificate together and has it signed. The time and the serial numbers' randomness come in
//! from outside. Standards: RFC 5280; for a TSU also RFC 3161 §2.3 and EN 319 422 §6; for holders
//! EN 319 412-2 and 412-3; for a responder RFC 6960 §4.2.2.2.

pub(crate) mod build;
mod error;
pub(crate) mod extension;
pub(crate) mod profile;

pub use error::IssueError;
pub use profile::{CaProfile, EndKind, EndProfile, TsuProfile, UnknownProfile};

use crate::check::{self, ParsedCertificate};
use crate::key::SigningKey;
use crate::name::DistinguishedName;
use crate::ocsp::IssuerId;
use crate::serial::Serial;
use build::{Issuer, Order};
use chrono::{DateTime, Utc};
use openssl::pkey::{PKey, Public};
use rand::CryptoRng;
use rasn_pkix::Name;
use std::fmt;
use std::sync::Arc;

/// A certificate authority: its certificate, its key, and where it publishes.
#[derive(Clone)]
pub struct CertificateAuthority {
    id: String,
    base_url: String,
    key: Arc<dyn SigningKey>,
    certificate: Arc<ParsedCertificate>,
    issuer_id: Arc<IssuerId>,
}

/// A certificate that has just been signed.
///
/// It is made before anybody knows its serial number: whoever keeps the register of certificates
/// writes it down durably, and only then lets the certificate leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its serial number: 16 octets, 126 of their bits random.
    pub serial: Serial,
    /// The first instant of its validity.
    pub not_before: DateTime<Utc>,
    /// The last instant of its validity.
    pub not_after: DateTime<Utc>,
}

impl CertificateAuthority {
    /// Makes a root: a self-signed CA certificate that begins now.
    ///
    /// `base_url` is where the service is reached, such as `https://tsa.example`; certificates
    /// issued later point to `{base_url}/pki/{id}.crl`, `{base_url}/pki/{id}.crt` and
    /// `{base_url}/ocsp`.
    ///
    /// # Errors
    /// [`IssueError`] when the profile cannot be granted or the key does not sign.
    pub fn create_root(
        profile: &CaProfile,
        key: Arc<dyn SigningKey>,
        base_url: &str,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, IssueError> {
        let base_url = checked_url(base_url)?;
        checked_id(&profile.id)?;
        let subject = profile.subject.to_name()?;
        let validity = build::validity(now, profile.validity)?;
        let extensions = extension::for_ca(profile, key.public_key(), None)?;
        let issuer = Issuer { name: subject.clone(), key: key.as_ref() };
        let order = Order { subject, public_key: key.public_key(), validity, extensions };
        let der = build::certificate(&issuer, order, rng)?.der;
        Self::assemble(&profile.id, &der, key, base_url)
    }

    /// Makes a CA under this one. It publishes at the same base URL.
    ///
    /// # Errors
    /// [`IssueError`] when the profile cannot be granted, this CA's certificate is not valid for
    /// as long, or the key does not sign.
    pub fn create_issuing(
        &self,
        profile: &CaProfile,
        key: Arc<dyn SigningKey>,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, IssueError> {
        checked_id(&profile.id)?;
        let validity = build::validity(now, profile.validity)?;
        self.covers(validity)?;
        let subject = self.other_name(&profile.subject)?;
        let extensions = extension::for_ca(profile, key.public_key(), Some(self))?;
        let order = Order { subject, public_key: key.public_key(), validity, extensions };
        let der = build::certificate(&self.issuer(), order, rng)?.der;
        Self::assemble(&profile.id, &der, key, self.base_url.clone())
    }

    /// Issues an end certificate over `public_key`. Whether its owner has the private half is for
    /// the caller to know; [`crate::csr::parse`] proves it.
    ///
    /// # Errors
    /// [`IssueError`] when the profile cannot be granted to this subject, this CA's certificate is
    /// not valid for as long, the key is none to certify ([`crate::check_public_key`]), or the CA's
    /// key does not sign.
    pub fn issue(
        &self,
        profile: &EndProfile,
        subject: &DistinguishedName,
        public_key: &PKey<Public>,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<IssuedCertificate, IssueError> {
        crate::check_public_key(public_key)?;
        let validity = build::validity(now, profile.validity)?;
        self.covers(validity)?;
        if profile.kind.shape().person {
            subject.check_natural_or_legal()?;
        }
        let subject = self.other_name(subject)?;
        let extensions = extension::for_end(profile, public_key, validity, self)?;
        build::certificate(&self.issuer(), Order { subject, public_key, validity, extensions }, rng)
    }

    /// Issues the certificate of a time-stamping unit over `public_key`; returns it in DER.
    ///
    /// # Errors
    /// Those of [`issue`](Self::issue).
    pub fn issue_tsu(
        &self,
        profile: &TsuProfile,
        public_key: &PKey<Public>,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, IssueError> {
        let issued = self.issue(&profile.to_end(), &profile.subject, public_key, now, rng)?;
        Ok(issued.der)
    }

    /// A CA made earlier, from its certificate and its key.
    ///
    /// # Errors
    /// [`IssueError::Damaged`] when the certificate cannot be read, [`IssueError::WrongKey`] when
    /// the key is not the certificate's.
    pub fn load(
        id: &str,
        certificate_der: &[u8],
        key: Arc<dyn SigningKey>,
        base_url: &str,
    ) -> Result<Self, IssueError> {
        checked_id(id)?;
        Self::assemble(id, certificate_der, key, checked_url(base_url)?)
    }

    /// The name in URLs and files: `root`, or the name of the issuing CA.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The CA's own certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &ParsedCertificate {
        &self.certificate
    }

    /// The hashes by which OCSP requests name this CA.
    #[must_use]
    pub fn issuer_id(&self) -> &IssuerId {
        &self.issuer_id
    }

    /// The CA's name.
    #[must_use]
    pub fn subject(&self) -> &Name {
        self.certificate.subject()
    }

    /// The last instant at which the CA's certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.certificate.not_after()
    }

    /// The CA's key: what CRLs and OCSP answers are signed with.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        &self.key
    }

    fn assemble(
        id: &str,
        der: &[u8],
        key: Arc<dyn SigningKey>,
        base_url: String,
    ) -> Result<Self, IssueError> {
        let certificate =
            check::parse(der).map_err(|error| IssueError::Damaged { id: id.to_owned(), error })?;
        if !certificate.public_key().is_some_and(|own| own.public_eq(key.public_key())) {
            return Err(IssueError::WrongKey { id: id.to_owned() });
        }
        let issuer_id = Arc::new(IssuerId::of(&certificate)?);
        Ok(Self { id: id.to_owned(), base_url, key, certificate: Arc::new(certificate), issuer_id })
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer { name: self.subject().clone(), key: self.key.as_ref() }
    }

    /// The name of somebody else than this CA.
    fn other_name(&self, subject: &DistinguishedName) -> Result<Name, IssueError> {
        let subject = subject.to_name()?;
        if subject == *self.subject() {
            return Err(IssueError::SameName { subject: crate::display_name(&subject) });
        }
        Ok(subject)
    }

    /// A certificate must not begin before its issuer's or live longer: a verifier would stop
    /// accepting it the day the issuer's runs out, without anybody having been told.
    fn covers(&self, validity: build::Period) -> Result<(), IssueError> {
        let (own_start, own_end) = (self.certificate.not_before(), self.certificate.not_after());
        if validity.not_before < own_start || validity.not_after > own_end {
            return Err(IssueError::OutlivesIssuer {
                issuer: self.id.clone(),
                wanted: validity.not_after,
                from: own_start,
                until: own_end,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("id", &self.id)
            .field("base_url", &self.base_url)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn checked_url(url: &str) -> Result<String, IssueError> {
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
    if rest.is_some_and(plain) {
        Ok(url.to_owned())
    } else {
        Err(IssueError::BaseUrl { url: url.to_owned() })
    }
}

fn checked_id(id: &str) -> Result<(), IssueError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
        return Err(IssueError::Id { id: id.to_owned() });
    }
    Ok(())
}

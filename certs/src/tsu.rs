//! The certificate of a time-stamping unit after it has passed the check: what a CMS signer needs.

use crate::check::{ParsedCertificate, Path, TsuFault};
use crate::key::KeyKind;
use chrono::{DateTime, Utc};
use rasn::types::Integer;
use rasn_pkix::Name;

/// A checked certificate of a time-stamping unit. Only [`crate::check_tsu`] makes one.
#[derive(Debug)]
pub struct TsuCertificate {
    certificate: ParsedCertificate,
    kind: KeyKind,
    validity: TsuValidity,
    path: Path,
    sha256: [u8; 32],
    warnings: Vec<TsuFault>,
}

impl TsuCertificate {
    pub(crate) fn new(
        certificate: ParsedCertificate,
        kind: KeyKind,
        validity: TsuValidity,
        path: Path,
        warnings: Vec<TsuFault>,
    ) -> Self {
        let sha256 = openssl::sha::sha256(certificate.der());
        Self { certificate, kind, validity, path, sha256, warnings }
    }

    pub(crate) fn kind_of(certificate: &ParsedCertificate) -> Option<KeyKind> {
        certificate.public_key().and_then(|key| KeyKind::of(&key).ok())
    }

    /// Whether a token may be issued at `now`: five comparisons, meant for every token.
    ///
    /// # Errors
    /// The first reason why not: the certificate's validity, the private key usage period, or the
    /// validity of a CA above.
    pub fn usable_at(&self, now: DateTime<Utc>) -> Result<(), TsuFault> {
        if let Some(fault) = self.validity.faults_at(now).next() {
            return Err(fault);
        }
        match &self.path.not_after {
            Some((not_before, not_after, which)) if now > *not_after => {
                Err(TsuFault::IssuerNotValid {
                    which: which.clone(),
                    not_before: *not_before,
                    not_after: *not_after,
                    now,
                })
            }
            _ => Ok(()),
        }
    }

    /// The certificate in DER, byte for byte as it was given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// SHA-256 of [`der`](Self::der): certHash of an ESSCertIDv2 (RFC 5035 §4).
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The issuer's name, for CMS issuerAndSerialNumber.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        self.certificate.issuer()
    }

    /// The serial number, for CMS issuerAndSerialNumber.
    #[must_use]
    pub fn serial_number(&self) -> &Integer {
        self.certificate.serial_number()
    }

    /// The unit's name: what `TSTInfo.tsa` may hold (RFC 3161 §2.4.2).
    #[must_use]
    pub fn subject(&self) -> &Name {
        self.certificate.subject()
    }

    /// The kind of the unit's key.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// The first instant of the certificate's validity.
    #[must_use]
    pub fn not_before(&self) -> DateTime<Utc> {
        self.validity.not_before
    }

    /// The last instant of the certificate's validity.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.validity.not_after
    }

    /// The last instant at which the key may sign (privateKeyUsagePeriod.notAfter), if limited.
    #[must_use]
    pub fn private_key_usage_not_after(&self) -> Option<DateTime<Utc>> {
        self.validity.key_not_after
    }

    /// The CAs between the unit and the root in DER, the unit's issuer first; without the root,
    /// which a verifier has to have anyway.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.path.intermediates
    }

    /// The root that the chain leads to, in DER.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.path.root
    }

    /// What could be better about the certificate; worth a line in the log at start-up.
    #[must_use]
    pub fn warnings(&self) -> &[TsuFault] {
        &self.warnings
    }
}

/// The instants between which a unit may issue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TsuValidity {
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) not_after: DateTime<Utc>,
    pub(crate) key_not_before: Option<DateTime<Utc>>,
    pub(crate) key_not_after: Option<DateTime<Utc>>,
}

impl TsuValidity {
    /// Every reason why no token may be issued at `now`. No allocation when there is none.
    ///
    /// RFC 5280 §4.1.2.5: the validity runs "from notBefore through notAfter, inclusive".
    pub(crate) fn faults_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = TsuFault> {
        let Self { not_before, not_after, key_not_before, key_not_after } = *self;
        let key_start = key_not_before.filter(|start| now < *start);
        let key_end = key_not_after.filter(|end| now > *end);
        [
            (now < not_before).then_some(TsuFault::NotYetValid { not_before, now }),
            (now > not_after).then_some(TsuFault::Expired { not_after, now }),
            key_start.map(|not_before| TsuFault::KeyUsagePeriodNotBegun { not_before, now }),
            key_end.map(|not_after| TsuFault::KeyUsagePeriodEnded { not_after, now }),
        ]
        .into_iter()
        .flatten()
    }
}

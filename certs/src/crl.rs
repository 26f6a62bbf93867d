//! Certificate revocation lists: full ones, version 2, signed by the CA whose certificates they
//! list (RFC 5280 §5).
//!
//! An entry is encoded once, when its certificate is revoked, and kept by the caller as an
//! [`EncodedEntry`]; a list is then put together by copying, however long it is. There is no
//! issuingDistributionPoint: RFC 5280 §5.2.5 has it for lists that cover only a part of what a CA
//! issued, and these cover everything.

use crate::ca::{CertificateAuthority, IssueError, build, extension};
use crate::der;
use crate::key::KeyError;
use crate::oid;
use crate::revocation::RevocationReason;
use crate::serial::Serial;
use chrono::{DateTime, Datelike, SubsecRound, Utc};
use rasn::Encode;
use rasn::types::{GeneralizedTime, Integer};
use rasn_pkix::Extension;
use std::ops::RangeInclusive;

/// One certificate that is revoked or suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// When the CA revoked or suspended it.
    pub revoked_at: DateTime<Utc>,
    /// Why.
    pub reason: RevocationReason,
    /// Since when it is known or suspected to be invalid, when that is earlier (RFC 5280 §5.3.2).
    pub invalidity: Option<DateTime<Utc>>,
}

/// An entry as it stands in a list: about 50 octets, to be kept from one list to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEntry {
    serial: Serial,
    der: Box<[u8]>,
}

/// Why a list is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// A certificate stands in the list twice.
    #[error("the certificate {serial} stands in the revocation list twice: pass each entry once")]
    Repeated {
        /// Its serial number.
        serial: Serial,
    },
    /// The list would end before it begins.
    #[error(
        "a revocation list from {this_update} to {next_update} is valid for no time: give a later \
         nextUpdate"
    )]
    Period {
        /// Start of the list.
        this_update: DateTime<Utc>,
        /// When the next list is there at the latest.
        next_update: DateTime<Utc>,
    },
    /// The CA's key does not sign.
    #[error("the revocation list cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// A part could not be encoded.
    #[error(transparent)]
    Encoding(#[from] IssueError),
}

impl EncodedEntry {
    /// Encodes an entry.
    ///
    /// # Errors
    /// [`IssueError::Encoding`] for a date that cannot be written.
    pub fn new(entry: &CrlEntry) -> Result<Self, IssueError> {
        // RFC 5280 §5.3.1: the reason code is a non-critical extension, ENUMERATED.
        let reason = der::value(der::ENUMERATED, &[&[entry.reason.code()]]);
        let mut extensions = encoded(&raw_extension(oid::CRL_REASON, reason), REASON)?;
        if let Some(since) = entry.invalidity {
            // RFC 5280 §5.3.2: "GeneralizedTime", always.
            let since: GeneralizedTime = since.trunc_subsecs(0).fixed_offset();
            let since = extension::extension(oid::INVALIDITY_DATE, false, &since)?;
            extensions.extend(encoded(&since, "the invalidity date")?);
        }
        for date in [Some(entry.revoked_at), entry.invalidity].into_iter().flatten() {
            if !WRITABLE.contains(&date.year()) {
                return Err(IssueError::Date { year: date.year() });
            }
        }
        let revoked_at = time(entry.revoked_at)?;
        let extensions = der::value(der::SEQUENCE, &[&extensions]);
        let parts = [entry.serial.to_der(), revoked_at, extensions];
        let der = der::value(der::SEQUENCE, &parts.each_ref().map(Vec::as_slice));
        Ok(Self { serial: entry.serial.clone(), der: der.into() })
    }

    /// The serial number of the certificate.
    #[must_use]
    pub fn serial(&self) -> &Serial {
        &self.serial
    }
}

/// Makes the list of everything that `ca` has revoked or suspended; returns it in DER.
///
/// `number` rises from list to list (RFC 5280 §5.2.3: "a monotonically increasing sequence
/// number"); the caller keeps it. The entries may come in any order and leave in that of their
/// serial numbers, so that the same state gives the same list.
///
/// # Errors
/// [`CrlError`] when two entries are for one certificate, the list would be valid for no time, or
/// the CA's key does not sign.
pub fn build<'a>(
    ca: &CertificateAuthority,
    number: u64,
    this_update: DateTime<Utc>,
    next_update: DateTime<Utc>,
    entries: impl IntoIterator<Item = &'a EncodedEntry>,
) -> Result<Vec<u8>, CrlError> {
    let (this_update, next_update) = (this_update.trunc_subsecs(0), next_update.trunc_subsecs(0));
    if next_update <= this_update {
        return Err(CrlError::Period { this_update, next_update });
    }
    let algorithm = encoded(&ca.key().scheme().signature_algorithm(), "the signature algorithm")?;
    let extensions = [
        encoded(&extension::authority_key_identifier(ca)?, "the authority key identifier")?,
        encoded(
            &extension::extension(oid::CRL_NUMBER, false, &Integer::from(number))?,
            "the CRL number",
        )?,
    ];
    let extensions = der::value(der::SEQUENCE, &extensions.each_ref().map(Vec::as_slice));
    let tbs = der::value(
        der::SEQUENCE,
        &[
            // Version 2 is written as 1.
            &der::positive_integer(&[1]),
            &algorithm,
            &encoded(ca.subject(), "the CA's name")?,
            &time(this_update)?,
            &time(next_update)?,
            &revoked(entries)?,
            &der::value(der::explicit(0), &[&extensions]),
        ],
    );
    let signature = build::sign(ca.key().as_ref(), &tbs)?;
    Ok(der::value(der::SEQUENCE, &[&tbs, &algorithm, &der::bit_string(&signature)]))
}

/// The field revokedCertificates.
fn revoked<'a>(entries: impl IntoIterator<Item = &'a EncodedEntry>) -> Result<Vec<u8>, CrlError> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_unstable_by(|a, b| a.serial.cmp(&b.serial));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].serial == pair[1].serial) {
        return Err(CrlError::Repeated { serial: pair[0].serial.clone() });
    }
    // RFC 5280 §5.1.2.6: "When there are no revoked certificates, the revoked certificates list
    // MUST be absent."
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&[u8]> = entries.into_iter().map(|entry| &*entry.der).collect();
    Ok(der::value(der::SEQUENCE, &parts))
}

/// Years of a date: RFC 5280 §4.1.2.5 begins in 1950, and GeneralizedTime has four digits.
const WRITABLE: RangeInclusive<i32> = 1950..=9999;

const REASON: &str = "the reason code";

fn raw_extension(id: &rasn::types::Oid, value: Vec<u8>) -> Extension {
    Extension { extn_id: id.into(), critical: false, extn_value: value.into() }
}

/// RFC 5280 §5.1.2.4: UTCTime through the year 2049, GeneralizedTime after, as in certificates.
fn time(instant: DateTime<Utc>) -> Result<Vec<u8>, IssueError> {
    encoded(&build::time(instant.trunc_subsecs(0)), "a date")
}

fn encoded<T: Encode>(value: &T, what: &'static str) -> Result<Vec<u8>, IssueError> {
    rasn::der::encode(value).map_err(|error| build::unencodable(what, &error))
}

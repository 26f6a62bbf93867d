//! Puts a TBSCertificate together, has it signed, and wraps both (RFC 5280 §4.1).

use super::{IssueError, IssuedCertificate};
use crate::key::{KeyError, SigningKey};
use crate::serial::Serial;
use chrono::{DateTime, Datelike, Duration, SubsecRound, Utc};
use openssl::pkey::{PKey, Public};
use rand::CryptoRng;
use rasn::types::{BitString, Integer};
use rasn_pkix::{
    Certificate, Extension, Extensions, Name, SubjectPublicKeyInfo, TbsCertificate, Time, Validity,
    Version,
};

/// Who signs.
pub(super) struct Issuer<'a> {
    pub(super) name: Name,
    pub(super) key: &'a dyn SigningKey,
}

/// What is to be certified.
pub(super) struct Order<'a> {
    pub(super) subject: Name,
    pub(super) public_key: &'a PKey<Public>,
    pub(super) validity: Period,
    pub(super) extensions: Vec<Extension>,
}

/// First and last instant of a certificate, both included, in whole seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

/// Certificates end here: further away is a mistake, and years have four digits.
const LONGEST_VALIDITY_DAYS: i64 = 36_500;

/// From `now`, cut to the second, for `length`.
pub(super) fn validity(now: DateTime<Utc>, length: Duration) -> Result<Period, IssueError> {
    let not_before = now.trunc_subsecs(0);
    let refused = IssueError::Validity { days: length.num_days(), from: not_before };
    if !(1..=LONGEST_VALIDITY_DAYS).contains(&length.num_days()) {
        return Err(refused);
    }
    match not_before.checked_add_signed(length) {
        Some(not_after) if not_after.year() <= 9999 => Ok(Period { not_before, not_after }),
        _ => Err(refused),
    }
}

/// Signs a certificate.
pub(super) fn certificate(
    issuer: &Issuer<'_>,
    order: Order<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<IssuedCertificate, IssueError> {
    let (serial, serial_number) = serial_number(rng)?;
    let algorithm = issuer.key.scheme().signature_algorithm();
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number,
        signature: algorithm.clone(),
        issuer: issuer.name.clone(),
        validity: Validity {
            not_before: time(order.validity.not_before),
            not_after: time(order.validity.not_after),
        },
        subject: order.subject,
        subject_public_key_info: public_key_info(order.public_key)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(Extensions::from(order.extensions)),
    };
    let message =
        rasn::der::encode(&tbs).map_err(|error| unencodable("the TBSCertificate", &error))?;
    let signature = sign(issuer.key, &message)?;
    let certificate = Certificate {
        tbs_certificate: tbs,
        signature_algorithm: algorithm,
        signature_value: BitString::from_slice(&signature),
    };
    let der =
        rasn::der::encode(&certificate).map_err(|error| unencodable("the certificate", &error))?;
    let Period { not_before, not_after } = order.validity;
    Ok(IssuedCertificate { der, serial, not_before, not_after })
}

/// Signs what is going to be published. What a device returns is looked at first: a certificate, a
/// list or an answer with a wrong signature would be believed to be ours, and by nobody.
pub(crate) fn sign(key: &dyn SigningKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(message)?;
    let good = || key.scheme().verify(key.public_key(), message, &signature).unwrap_or(false);
    if key.in_device() && !good() {
        let what = "the device returned a signature that does not verify with its public key";
        return Err(KeyError::Signing(what.to_owned()));
    }
    Ok(signature)
}

/// A key as it stands in a certificate.
pub(crate) fn public_key_info(key: &PKey<Public>) -> Result<SubjectPublicKeyInfo, IssueError> {
    let what = "the public key";
    let der = key
        .public_key_to_der()
        .map_err(|error| IssueError::Encoding { what, reason: error.to_string() })?;
    rasn::der::decode(&der)
        .map_err(|error| IssueError::Encoding { what, reason: error.to_string() })
}

pub(crate) fn unencodable(what: &'static str, error: &rasn::error::EncodeError) -> IssueError {
    IssueError::Encoding { what, reason: error.to_string() }
}

/// 16 random bytes, positive, never zero.
///
/// RFC 5280 §4.1.2.2: "The serial number MUST be a positive integer"; "Conforming CAs MUST NOT use
/// serialNumber values longer than 20 octets."
fn serial_number(rng: &mut dyn CryptoRng) -> Result<(Serial, Integer), IssueError> {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    // The top bit is the sign; the next one is set so that every serial has the same length.
    bytes[0] = (bytes[0] & 0b0111_1111) | 0b0100_0000;
    let serial = Serial::from_bytes(&bytes).map_err(|error| IssueError::Encoding {
        what: "the serial number",
        reason: error.to_string(),
    })?;
    Ok((serial, Integer::from(u128::from_be_bytes(bytes))))
}

/// RFC 5280 §4.1.2.5: "CAs conforming to this profile MUST always encode certificate validity
/// dates through the year 2049 as UTCTime; certificate validity dates in 2050 or later MUST be
/// encoded as GeneralizedTime."
pub(crate) fn time(instant: DateTime<Utc>) -> Time {
    if (1950..2050).contains(&instant.year()) {
        Time::Utc(instant)
    } else {
        Time::General(instant.fixed_offset())
    }
}

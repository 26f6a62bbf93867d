//! A certificate's serial number as a value of its own: what is stored, listed in a CRL and asked
//! for by OCSP (RFC 5280 §4.1.2.2).

use crate::check::ParsedCertificate;
use crate::der;
use rasn::types::Integer;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// RFC 5280 §4.1.2.2: "Conforming CAs MUST NOT use serialNumber values longer than 20 octets."
const LONGEST: usize = 20;

/// A positive serial number of at most 20 octets. The order is that of the numbers.
///
/// Shown and read as hexadecimal digits, two for each octet, without a prefix.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Serial(Vec<u8>);

/// Why something is not a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// Zero, or no digits at all.
    #[error("a serial number is greater than zero")]
    Zero,
    /// More than 20 octets, the sign's bit included.
    #[error("a serial number has at most {LONGEST} octets (RFC 5280 §4.1.2.2)")]
    TooLong,
    /// Something else than hexadecimal digits.
    #[error("a serial number is written in hexadecimal digits, such as 4a0f")]
    NotHex,
}

impl Serial {
    /// From the octets of the number, the highest first; zeros in front are dropped.
    ///
    /// # Errors
    /// [`SerialError`] when the number is zero or too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SerialError> {
        let start = bytes.iter().position(|byte| *byte != 0).ok_or(SerialError::Zero)?;
        let bytes = &bytes[start..];
        // An octet with its top bit set needs one more in front, for the sign.
        let encoded = bytes.len() + usize::from(bytes[0] >= 0x80);
        if encoded > LONGEST { Err(SerialError::TooLong) } else { Ok(Self(bytes.to_vec())) }
    }

    /// The serial number of a certificate; `None` when it is negative, zero or too long. The CA of
    /// this crate makes no such numbers.
    #[must_use]
    pub fn of(certificate: &ParsedCertificate) -> Option<Self> {
        Self::from_integer(certificate.serial_number())
    }

    /// The octets of the number, the highest first, without zeros in front.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_integer(number: &Integer) -> Option<Self> {
        match rasn::der::encode(number).ok()?.as_slice() {
            // The short form of the length is enough for 20 octets; the top bit is the sign.
            [0x02, 1..=0x7f, content @ ..] if content.first().is_some_and(|it| *it < 0x80) => {
                Self::from_bytes(content).ok()
            }
            _ => None,
        }
    }

    /// The DER encoding of the INTEGER.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        der::positive_integer(&self.0)
    }
}

impl PartialOrd for Serial {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Serial {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without zeros in front the longer number is the greater one.
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SerialError::NotHex);
        }
        let digits = text.trim_start_matches('0');
        if digits.len() > 2 * LONGEST {
            return Err(SerialError::TooLong);
        }
        let padded =
            if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
        let octet = |pair: &[u8]| pair.iter().fold(0, |value, digit| value << 4 | nibble(*digit));
        let bytes: Vec<u8> = padded.as_bytes().chunks(2).map(octet).collect();
        Self::from_bytes(&bytes)
    }
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

//! Serial numbers: unique over the life of the TSA, without any stored state.
//!
//! RFC 3161 §2.4.2: "It MUST be unique for each TimeStampToken issued by a given TSA (i.e., the TSA
//! name and serial number identify a unique TimeStampToken). It should be noted that the property
//! MUST be preserved even after a possible interruption (e.g., crash) of the service." A counter
//! would be repeated by a backup that is put back; time and 80 random bits are not.

/// A serial number: 16 octets, big-endian, positive. The first six are milliseconds since the Unix
/// epoch, so that they sort by time; the other ten are random. **Used in stored state.**
pub type Serial = [u8; 16];

/// The first millisecond that does not fit: the 47 bits below the sign reach to the year 6429.
pub const END_OF_TIME_MS: i64 = 1 << 47;

/// A cryptographically secure source of random octets.
pub trait RandomSource: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`RandomNotAvailable`]: then nothing may be issued.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable>;
}

/// The source of randomness failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("randomness is not available: {reason}")]
pub struct RandomNotAvailable {
    /// For the log and the operator.
    pub reason: String,
}

/// Makes the serial number of a token of this time.
///
/// `unix_ms` must be at least 0 and below [`END_OF_TIME_MS`]; [`crate::time::TimeGuard`] gives no
/// other. Two tokens of the same millisecond collide with a probability of 2^-80.
///
/// # Errors
/// [`RandomNotAvailable`]
pub fn serial(unix_ms: i64, random: &dyn RandomSource) -> Result<Serial, RandomNotAvailable> {
    debug_assert!((0..END_OF_TIME_MS).contains(&unix_ms));
    let mut serial = [0; 16];
    serial[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
    random.fill(&mut serial[6..])?;
    Ok(serial)
}

#[cfg(test)]
mod tests;

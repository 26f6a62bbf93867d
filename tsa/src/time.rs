//! Time as a token needs it: read through a trait, never going back, with its accuracy.

use crate::serial::END_OF_TIME_MS;
use chrono::{DateTime, Datelike, Timelike, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds since the Unix epoch (UTC), with the bound of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub unix_ms: i64,
    /// The clock was no further from UTC, in microseconds; what the milliseconds cut off is not in
    /// it. Zero from a clock that nobody measures.
    pub error_us: u64,
}

/// What a time loses at most when it is cut to milliseconds.
const TRUNCATION_US: u64 = 1_000;

/// A source of time may have none to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time is not available: {reason}")]
pub struct TimeNotAvailable {
    /// For the log and the operator.
    pub reason: String,
}

/// A clock. The only one that reads the machine's is in the server.
pub trait TimeSource: Send + Sync {
    /// The time now, or why there is none that can be trusted.
    fn now(&self) -> Result<Instant, TimeNotAvailable>;
}

/// The clock of the tokens: it never shows less than it has shown in a token.
///
/// A clock that was put back has lied once, before or now; until it has caught up, no token can be
/// true and in order, so there is none. Safe to use from many threads; it never blocks.
pub struct TimeGuard {
    source: Arc<dyn TimeSource>,
    /// genTime of the last token, in milliseconds.
    last: AtomicI64,
}

impl TimeGuard {
    /// `last_issued` is the genTime of the last token that was issued before, if there is any: it
    /// comes from the ledger and makes the promise hold across restarts.
    #[must_use]
    pub fn new(source: Arc<dyn TimeSource>, last_issued: Option<i64>) -> Self {
        Self { source, last: AtomicI64::new(last_issued.unwrap_or(0)) }
    }

    /// The time now, in milliseconds since the Unix epoch, for everything but a token. It is as
    /// exact as `accuracy` says: EN 319 421 clause 7.7.2, no token while the clock is out of the
    /// accuracy that the token states.
    ///
    /// # Errors
    /// [`TimeNotAvailable`]: the source has none, it is not as exact as that, or it is behind the
    /// last token.
    pub fn now(&self, accuracy: Accuracy) -> Result<i64, TimeNotAvailable> {
        // The last genTime is read before the clock. The other way round, a thread that was
        // interrupted in between would take its neighbour's token for one from the future.
        let last = self.last.load(Ordering::Acquire);
        let Instant { unix_ms: now, error_us } = self.source.now()?;
        let asked_us = accuracy.as_micros();
        if error_us.saturating_add(TRUNCATION_US) > asked_us {
            let reason = format!(
                "the clock may be off by {error_us} us, and the milliseconds of a token cut off \
                 {TRUNCATION_US} us, which is more than the accuracy of {asked_us} us"
            );
            return Err(TimeNotAvailable { reason });
        }
        if !(0..END_OF_TIME_MS).contains(&now) {
            let reason = format!("the clock shows {now} ms since 1970, which no token can carry");
            return Err(TimeNotAvailable { reason });
        }
        if now < last {
            let behind = last - now;
            let reason = format!("the clock is {behind} ms behind the last token");
            return Err(TimeNotAvailable { reason });
        }
        Ok(now)
    }

    /// The genTime of a token that is made now. From here on no token has an earlier one.
    ///
    /// # Errors
    /// [`TimeNotAvailable`], as for [`TimeGuard::now`].
    pub fn gen_time(&self, accuracy: Accuracy) -> Result<i64, TimeNotAvailable> {
        let now = self.now(accuracy)?;
        // Another thread may have read the same clock later and come here earlier. Its time has
        // passed too, so it is as true as ours, and it keeps the order.
        Ok(now.max(self.last.fetch_max(now, Ordering::AcqRel)))
    }
}

/// How far genTime may be from UTC. RFC 3161 §2.4.2:
///
/// ```text
/// Accuracy ::= SEQUENCE {
///       seconds        INTEGER              OPTIONAL,
///       millis     [0] INTEGER  (1..999)    OPTIONAL,
///       micros     [1] INTEGER  (1..999)    OPTIONAL  }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accuracy {
    micros: u64,
}

/// An accuracy that a token cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an accuracy of {micros} microseconds: it must be 1 microsecond to 1 hour")]
pub struct BadAccuracy {
    /// What was asked for.
    pub micros: u64,
}

impl Accuracy {
    /// One second: what EN 319 421 TIS-7.7.2-03 demands at least.
    pub const SECOND: Self = Self { micros: 1_000_000 };

    /// One hour: the coarsest there is.
    pub(crate) const COARSEST: Self = Self { micros: 3_600_000_000 };

    /// From microseconds, between one and those of an hour.
    ///
    /// # Errors
    /// [`BadAccuracy`] outside of it. Zero would say that there is no error at all.
    pub fn from_micros(micros: u64) -> Result<Self, BadAccuracy> {
        if (1..=Self::COARSEST.micros).contains(&micros) {
            Ok(Self { micros })
        } else {
            Err(BadAccuracy { micros })
        }
    }

    /// In microseconds.
    #[must_use]
    pub fn as_micros(self) -> u64 {
        self.micros
    }

    /// Seconds, millis and micros as the structure has them. RFC 3161 §2.4.2: "If either seconds,
    /// millis or micros is missing, then a value of zero MUST be taken for the missing field", and
    /// a zero is outside of (1..999), so zeros are left out.
    #[must_use]
    pub fn parts(self) -> [Option<u16>; 3] {
        let part = |value: u64| (value != 0).then_some(value as u16);
        let millis = self.micros / 1000;
        [part(millis / 1000), part(millis % 1000), part(self.micros % 1000)]
    }
}

/// Writes a GeneralizedTime's characters: at most `YYYYMMDDhhmmss.sssZ`.
///
/// RFC 3161 §2.4.2: "The ASN.1 GeneralizedTime syntax can include fraction-of-second details. [...]
/// the encoding MUST terminate with a "Z" [...] The decimal point element, if present, MUST be the
/// point option ".". The fractional-seconds elements, if present, MUST omit all trailing 0's; if
/// the elements correspond to 0, they MUST be wholly omitted, and the decimal point element also
/// MUST be omitted." Midnight is 000000 of the day that begins.
///
/// `None` outside of the years 1970 to 6429.
pub(crate) fn generalized_time(unix_ms: i64) -> Option<GeneralizedTimeText> {
    if !(0..END_OF_TIME_MS).contains(&unix_ms) {
        return None;
    }
    let time = DateTime::<Utc>::from_timestamp_millis(unix_ms)?;
    let mut text = GeneralizedTimeText { characters: [0; 19], length: 0 };
    text.digits(time.year_ce().1, 4);
    for two in [time.month(), time.day(), time.hour(), time.minute(), time.second()] {
        text.digits(two, 2);
    }
    let fraction = (unix_ms % 1000) as u32;
    if fraction != 0 {
        text.push(b'.');
        text.digits(fraction, 3);
        while text.as_bytes().ends_with(b"0") {
            text.length -= 1;
        }
    }
    text.push(b'Z');
    Some(text)
}

/// Characters of a GeneralizedTime.
pub(crate) struct GeneralizedTimeText {
    characters: [u8; 19],
    length: usize,
}

impl GeneralizedTimeText {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.characters[..self.length]
    }

    fn push(&mut self, character: u8) {
        self.characters[self.length] = character;
        self.length += 1;
    }

    fn digits(&mut self, value: u32, count: u32) {
        for position in (0..count).rev() {
            self.push(b'0' + (value / 10u32.pow(position) % 10) as u8);
        }
    }
}

#[cfg(test)]
mod tests;

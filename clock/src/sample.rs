//! One answer of a time server, as what it says about the steady clock.

/// Readings and the wire format are cut to microseconds on the way, four times for one sample.
const ROUNDING_US: u64 = 4;

/// A leap second that is announced. RFC 5905 §7.3, figure 9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leap {
    /// "no warning"
    #[default]
    None,
    /// "last minute of the day has 61 seconds"
    Insert,
    /// "last minute of the day has 59 seconds"
    Delete,
}

impl Leap {
    /// As it stands in a status: `none`, `insert` or `delete`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Insert => "insert",
            Self::Delete => "delete",
        }
    }
}

/// An answer. It speaks of the steady clock, so a wall clock that jumps does not spoil it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it came, on the steady clock, in microseconds.
    pub(crate) at_us: i64,
    /// UTC less the steady clock, in microseconds, as the server had it.
    pub(crate) ahead_us: i64,
    /// The way there and back.
    pub(crate) delay_us: u64,
    /// The server's own way to its reference clock and back.
    pub(crate) root_delay_us: u64,
    /// What the server knows of its own error.
    pub(crate) root_dispersion_us: u64,
    /// The exponent of two of the server's precision in seconds.
    pub(crate) precision: i8,
    pub(crate) stratum: u8,
    pub(crate) leap: Leap,
}

impl Sample {
    /// How wrong `ahead_us` may be now, for all causes together: the root distance of RFC 5905
    /// §11.2. Half of the way, all dispersions, and PHI, which is the oscillator's here, for every
    /// second since.
    pub(crate) fn root_distance_us(&self, now_us: i64, drift_ppm: u32) -> u64 {
        let delay = self.delay_us.saturating_add(self.root_delay_us).div_ceil(2);
        let age = now_us.saturating_sub(self.at_us).unsigned_abs();
        delay
            .saturating_add(self.root_dispersion_us)
            .saturating_add(precision_us(self.precision))
            .saturating_add(ROUNDING_US)
            .saturating_add(drift_us(age, drift_ppm))
    }
}

/// How far an oscillator may have run away in `age_us`, rounded up.
pub(crate) fn drift_us(age_us: u64, drift_ppm: u32) -> u64 {
    age_us.saturating_mul(u64::from(drift_ppm)).div_ceil(1_000_000)
}

/// RFC 5905 §7.3: the precision of the server's clock, as the exponent of a power of two seconds.
fn precision_us(exponent: i8) -> u64 {
    match exponent {
        ..=-20 => 1,
        -19..=0 => 1_000_000 >> exponent.unsigned_abs(),
        // More than a second: whoever says so is not to be used.
        1.. => 1_000_000 << u32::from(exponent.unsigned_abs()).min(20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_distance_has_every_part() {
        let sample = Sample {
            at_us: 5_000_000,
            ahead_us: 0,
            delay_us: 2_001,
            root_delay_us: 10_000,
            root_dispersion_us: 700,
            precision: -10,
            stratum: 2,
            leap: Leap::None,
        };
        // (2001 + 10000) / 2 up, + 700 + 976 (2^-10 s) + 4, and 15 us for each second since.
        let fresh = 6_001 + 700 + 976 + 4;
        assert_eq!(sample.root_distance_us(5_000_000, 15), fresh);
        assert_eq!(sample.root_distance_us(15_000_000, 15), fresh + 150);
        assert_eq!(sample.root_distance_us(5_000_001, 15), fresh + 1);
        assert_eq!(
            sample.root_distance_us(i64::MAX, u32::MAX),
            u64::MAX.div_ceil(1_000_000) + fresh
        );
    }

    #[test]
    fn precisions_are_powers_of_two() {
        let cases =
            [(-128, 1), (-20, 1), (-10, 976), (-1, 500_000), (0, 1_000_000), (1, 2_000_000)];
        for (exponent, us) in cases {
            assert_eq!(precision_us(exponent), us, "{exponent}");
        }
        assert_eq!(precision_us(127), 1_000_000 << 20);
    }
}

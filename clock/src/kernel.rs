//! The second witness: what the kernel says of its own clock (`adjtimex`, read only).
//!
//! The NTP daemon of the machine tells the kernel how well it steers, and the kernel counts the
//! error up while nobody does. It measures nothing itself: its word is the daemon's. So it is held
//! against the quorum, it can announce a leap second, and it can be required; it never makes a bad
//! clock good.

use crate::sample::Leap;

/// Who reads it.
pub trait Kernel: Send + Sync {
    /// What it says now.
    fn read(&self) -> KernelStatus;
}

/// What the kernel says.
#[derive(Clone, Debug, PartialEq)]
pub enum KernelStatus {
    /// Nothing: it may not be asked (in some containers), or it is not Linux.
    Absent {
        /// Why.
        reason: String,
    },
    /// What it was told, and what it counted since.
    Present {
        /// Somebody steers the clock and vouches for it (not STA_UNSYNC).
        synchronised: bool,
        /// The largest error, in microseconds; grows by 500 ppm while nobody steers.
        max_error_us: u64,
        /// The expected error, in microseconds.
        estimated_error_us: u64,
        /// By how much the oscillator's rate is corrected, in parts per million.
        frequency_ppm: f64,
        /// A leap second that is scheduled (STA_INS, STA_DEL).
        leap: Leap,
        /// TAI less UTC in seconds; 0 if nobody has told it.
        tai_offset_s: i32,
    },
}

impl KernelStatus {
    /// Whether it calls its clock synchronised.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        matches!(self, Self::Present { synchronised: true, .. })
    }

    /// The leap second that it will insert or delete.
    #[must_use]
    pub fn leap(&self) -> Leap {
        match self {
            Self::Present { leap, .. } => *leap,
            Self::Absent { .. } => Leap::None,
        }
    }
}

/// The kernel of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKernel;

#[cfg(target_os = "linux")]
impl Kernel for SystemKernel {
    fn read(&self) -> KernelStatus {
        // `modes` is zero, so nothing is changed, and no privilege is needed.
        let mut timex = rtime_clock::adjtime::Timex::new();
        if let Err(error) = rtime_clock::adjtime::adjtimex(&mut timex) {
            return KernelStatus::Absent { reason: format!("adjtimex: {error}") };
        }
        let timex = timex.0;
        from_fields(timex.status, timex.maxerror, timex.esterror, timex.freq, timex.tai)
    }
}

#[cfg(not(target_os = "linux"))]
impl Kernel for SystemKernel {
    fn read(&self) -> KernelStatus {
        KernelStatus::Absent { reason: "only a Linux kernel is asked".to_owned() }
    }
}

/// The fields as adjtimex(2) documents them. STA_INS, STA_DEL and STA_UNSYNC are bits of `status`;
/// the errors are in microseconds; the frequency is "scaled ppm", with 16 bits of fraction.
fn from_fields(
    status: i32,
    max_error: i64,
    estimated_error: i64,
    frequency: i64,
    tai_offset_s: i32,
) -> KernelStatus {
    const STA_INS: i32 = 0x0010;
    const STA_DEL: i32 = 0x0020;
    const STA_UNSYNC: i32 = 0x0040;
    let leap = match (status & STA_INS != 0, status & STA_DEL != 0) {
        (true, _) => Leap::Insert,
        (false, true) => Leap::Delete,
        (false, false) => Leap::None,
    };
    KernelStatus::Present {
        synchronised: status & STA_UNSYNC == 0,
        max_error_us: max_error.max(0).unsigned_abs(),
        estimated_error_us: estimated_error.max(0).unsigned_abs(),
        frequency_ppm: frequency as f64 / 65_536.0,
        leap,
        tai_offset_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_as_documented() {
        let KernelStatus::Present { synchronised, leap, frequency_ppm, max_error_us, .. } =
            from_fields(0x2001, 16_000, 250, -655_360, 37)
        else {
            unreachable!()
        };
        assert!(synchronised);
        assert_eq!((leap, max_error_us), (Leap::None, 16_000));
        assert!((frequency_ppm + 10.0).abs() < 1e-9);
        assert_eq!(from_fields(0x10, 0, 0, 0, 0).leap(), Leap::Insert);
        assert_eq!(from_fields(0x20, 0, 0, 0, 0).leap(), Leap::Delete);
        assert!(!from_fields(0x40, 16_000_000, 0, 0, 0).is_synchronised());
    }

    /// Whatever this machine allows: an answer, or a reason.
    #[test]
    fn this_kernel_answers_or_says_why_not() {
        match SystemKernel.read() {
            KernelStatus::Absent { reason } => assert!(!reason.is_empty()),
            KernelStatus::Present { frequency_ppm, .. } => assert!(frequency_ppm.abs() <= 500.0),
        }
    }
}

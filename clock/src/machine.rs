//! What the machine gives: its clocks, and random numbers. The only room that reads a clock.
//!
//! The wall clock tells the time and can be set by anybody who may. The other clock cannot be set;
//! it tells only how much time has passed. They are read together, so that one can be held against
//! the other.

use rustix::time::{ClockId, clock_gettime};

/// Both clocks, read together: the wall clock at some instant between two of the steady one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Microseconds on the steady clock, before the wall clock was read.
    pub before_us: i64,
    /// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub wall_us: i64,
    /// Microseconds on the steady clock, after the wall clock was read. A thread that was
    /// interrupted in between comes back to a larger one, and knows by it that it was away.
    pub after_us: i64,
}

impl Reading {
    /// How long the reading took, in microseconds: the wall clock is known no better than that.
    #[must_use]
    pub fn width_us(&self) -> i64 {
        self.after_us.saturating_sub(self.before_us).max(0)
    }
}

/// A wall clock with a steady one beside it.
pub trait Clocks: Send + Sync {
    /// Reads both.
    fn read(&self) -> Reading;
}

impl<C: Clocks + ?Sized> Clocks for std::sync::Arc<C> {
    fn read(&self) -> Reading {
        (**self).read()
    }
}

/// Random numbers that nobody can guess: NTP requests carry one, and only the server that was
/// asked can send it back.
pub trait NonceSource: Send + Sync {
    /// Another one.
    fn nonce(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync> NonceSource for F {
    fn nonce(&self) -> u64 {
        self()
    }
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClocks {
    steady: ClockId,
}

impl SystemClocks {
    /// With the clock since boot beside the wall clock, which goes on while the machine sleeps, as
    /// the wall clock does. It follows every correction of the clock's rate, so it tells jumps and
    /// nothing else.
    #[must_use]
    pub fn boot() -> Self {
        Self { steady: ClockId::Boottime }
    }

    /// With the bare oscillator beside the wall clock: no daemon can slew it, so a wall clock that
    /// is steered away from the truth shows against it. It stops while the machine sleeps, and
    /// that shows as a jump, as it must: what tells the time after a sleep is a battery clock with
    /// whole seconds.
    #[must_use]
    pub fn raw() -> Self {
        Self { steady: ClockId::MonotonicRaw }
    }
}

impl Clocks for SystemClocks {
    fn read(&self) -> Reading {
        let before_us = micros(self.steady);
        let wall_us = micros(ClockId::Realtime);
        Reading { before_us, wall_us, after_us: micros(self.steady) }
    }
}

fn micros(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_of_the_machine_go_forward() {
        for clocks in [SystemClocks::boot(), SystemClocks::raw()] {
            let (first, second) = (clocks.read(), clocks.read());
            assert!(0 < first.before_us && first.before_us <= first.after_us);
            assert!(first.after_us <= second.before_us);
            // After 2020: the machine that tests has some idea of the time.
            assert!(first.wall_us > 1_577_836_800_000_000);
        }
    }
}

//! The process's randomness: the only place that draws it.

use rand::rngs::{StdRng, ThreadRng};
use rand::{Rng, SeedableRng};
use tsa::serial::{RandomNotAvailable, RandomSource};

/// ChaCha12, seeded and reseeded by the operating system, one generator a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRandom;

impl SystemRandom {
    /// This thread's generator.
    #[expect(clippy::disallowed_methods, reason = "this is the place that draws randomness")]
    pub(crate) fn generator(self) -> ThreadRng {
        rand::rng()
    }

    /// A generator of its own, that can go to another thread.
    pub(crate) fn seeded(self) -> StdRng {
        StdRng::from_rng(&mut self.generator())
    }
}

impl RandomSource for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        self.generator().fill_bytes(buffer);
        Ok(())
    }
}

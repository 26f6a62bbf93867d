//! The process's randomness: the only place that draws it.

use rand::Rng;
use rand::rngs::ThreadRng;
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
}

impl RandomSource for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        self.generator().fill_bytes(buffer);
        Ok(())
    }
}

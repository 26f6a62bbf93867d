//! Serial numbers are positive, short enough, in order of time, and never the same.

use super::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64.
struct Seeded(AtomicU64);

impl RandomSource for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

struct Filled(u8);

impl RandomSource for Filled {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomNotAvailable> {
        buffer.fill(self.0);
        Ok(())
    }
}

struct Broken;

impl RandomSource for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomNotAvailable> {
        Err(RandomNotAvailable { reason: "no entropy".to_owned() })
    }
}

/// R10, RFC 3161 §2.4.2: "It MUST be unique for each TimeStampToken issued by a given TSA". Two
/// million in one millisecond: as if all of a day's tokens fell into it.
#[test]
fn millions_of_one_millisecond_are_different() {
    let random = Seeded(AtomicU64::new(3));
    let mut seen = HashSet::with_capacity(2_000_000);
    for _ in 0..2_000_000 {
        assert!(seen.insert(serial(1_772_366_400_123, &random).unwrap()));
    }
}

/// R10, R25: users "MUST be ready to accommodate integers up to 160 bits"; ours are positive and
/// have at most 16 contents octets.
#[test]
fn every_serial_number_is_positive_and_has_at_most_sixteen_octets() {
    for (unix_ms, fill) in
        [(0, 0xFF), (1, 0), (1_772_366_400_123, 0x80), (END_OF_TIME_MS - 1, 0xFF)]
    {
        let serial = serial(unix_ms, &Filled(fill)).unwrap();
        assert_eq!(serial[0] & 0x80, 0);
        assert_ne!(serial, [0; 16]);
        let mut der = Vec::new();
        crate::der::unsigned_integer(&mut der, &serial);
        assert!((3..=18).contains(&der.len()), "{der:02x?}");
        assert_eq!(der[2] & 0x80, 0, "negative: {der:02x?}");
    }
}

/// The first six octets are the milliseconds, so that records sort by time.
#[test]
fn serial_numbers_sort_by_time() {
    let random = Seeded(AtomicU64::new(5));
    let of = |unix_ms| serial(unix_ms, &random).unwrap();
    assert_eq!(of(0x0102_0304_0506)[..6], [1, 2, 3, 4, 5, 6]);
    for unix_ms in 1_772_366_400_000..1_772_366_401_000 {
        assert!(of(unix_ms) < of(unix_ms + 1));
    }
}

/// Without randomness nothing is issued.
#[test]
fn no_randomness_is_an_error() {
    assert!(serial(1, &Broken).is_err());
}

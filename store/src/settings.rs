//! What may be adjusted, and the limits that may not.

use crate::disk::SECTOR;
use std::time::Duration;

/// Settings of a store. [`Settings::default`] is meant for production.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Length of a journal segment in bytes: 8 KiB to 1 GiB. Existing segments keep theirs.
    pub segment_bytes: u64,
    /// How many jobs may wait; one more gets [`crate::StoreError::Busy`].
    pub queue: usize,
    /// Memory for the index's pages, in bytes.
    pub index_cache_bytes: u64,
    /// How many of the journal's newest bytes are verified in full before the store is open.
    /// Older ones are verified by [`crate::maintenance::check()`].
    pub verify_at_start_bytes: u64,
    /// How long a group waits for more jobs, at most, when several callers were seen to commit at
    /// the same time: larger groups need fewer syncs. A lone caller never waits. Zero turns it off.
    pub gather: Duration,
    /// Changed keys that make the indexer start at once.
    pub index_batch_keys: usize,
    /// How long a change waits for the indexer at most.
    pub index_delay: Duration,
    /// Changed keys in memory at which the writer waits for the indexer.
    pub overlay_keys: usize,
    /// Free bytes that are left to the index: below them no new segment is prepared, and below half
    /// of them the store is [`crate::StoreError::Full`] at once, before the index meets a full
    /// disk.
    pub keep_free_bytes: u64,
    /// How often the disk is asked for its free bytes.
    pub space_check: Duration,
    /// A file of this length is kept, and given up when a full store has to be closed.
    pub reserve_bytes: u64,
    /// How often a full disk is asked again.
    pub full_retry: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 32 << 20,
            queue: 4096,
            index_cache_bytes: 16 << 20,
            verify_at_start_bytes: 256 << 20,
            gather: Duration::from_micros(200),
            index_batch_keys: 16 << 10,
            index_delay: Duration::from_millis(250),
            overlay_keys: 64 << 10,
            keep_free_bytes: 64 << 20,
            space_check: Duration::from_millis(200),
            reserve_bytes: 4 << 20,
            full_retry: Duration::from_millis(500),
        }
    }
}

impl Settings {
    /// For stores in memory: small segments, nothing kept free.
    #[must_use]
    pub fn small() -> Self {
        Self {
            segment_bytes: 64 << 10,
            keep_free_bytes: 0,
            space_check: Duration::ZERO,
            reserve_bytes: 0,
            full_retry: Duration::from_millis(1),
            ..Self::default()
        }
    }

    /// The length of a segment, inside its limits and in whole sectors.
    pub(crate) fn segment_length(&self) -> u64 {
        self.segment_bytes.clamp(8 << 10, 1 << 30).next_multiple_of(SECTOR)
    }

    /// The bytes of payload at which a group takes no further job.
    pub(crate) fn group_bytes(&self) -> usize {
        (self.segment_length() / 4).min(1 << 20) as usize
    }

    /// The most bytes that one transaction may write. Together with a group that is nearly full it
    /// still fits into a segment.
    pub(crate) fn transaction_bytes(&self) -> usize {
        (self.segment_length() / 2).min(16 << 20) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn a_nearly_full_group_and_the_largest_transaction_fit_into_a_segment() {
        for segment_bytes in [0, 8 << 10, 9_999, 64 << 10, 1 << 20, 32 << 20, 1 << 30, 1 << 40] {
            let settings = Settings { segment_bytes, ..Settings::default() };
            let length = settings.segment_length();
            assert!(length.is_multiple_of(512) && (8 << 10..=1 << 30).contains(&length));
            // Headers of segment, frame, and operations, and the padding.
            let rest = length - settings.group_bytes() as u64 - settings.transaction_bytes() as u64;
            assert!(rest >= 2048, "{segment_bytes}");
        }
    }
}

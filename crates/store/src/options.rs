use std::time::Duration;

use crate::disk::Space;
use crate::error::OpenError;
use crate::format::{footer, frame, segment};

/// The numbers of a store. Every field has a default that suits a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The size a segment file is preallocated with. A batch must fit into one segment. Between
    /// 4 KiB and 1 GiB; 64 MiB by default.
    ///
    /// Two segments are preallocated at any time. Expired data is removed a whole segment at a
    /// time. In memory the store keeps 48 bytes for each shard of each segment, and 24 bytes for
    /// each batch of the segment that is being written.
    pub segment_bytes: u32,
    /// How many bytes of batches one group commit writes at most before it syncs. A group always
    /// takes at least one batch. 8 MiB by default: on a disk that writes 1 GB/s this bounds what
    /// the size of a group adds to the latency of an acknowledgement to 8 ms.
    pub group_bytes_max: usize,
    /// Appends are refused while the file system has less free than this. `None`, the default,
    /// means 5 % of the file system, or 5 GiB if that is less.
    ///
    /// The smaller of the two, because 5 GiB are a quarter of a 20 GiB disk and 5 % are 500 GiB of
    /// a 10 TiB one. Both leave room for the segments in hand and for the catalogue.
    pub free_bytes_min: Option<u64>,
    /// How many idempotent producers are remembered for each shard; the one that was silent
    /// longest is forgotten first, and simply accepted when it comes back. One takes up to about
    /// 400 bytes of memory. 1,000 by default.
    pub producers_per_shard_max: usize,
    /// How long a silent idempotent producer is remembered. A day by default, as in Kafka
    /// (`producer.id.expiration.ms`).
    pub producer_expiry: Duration,
    /// How many segment files are held open for reading. 64 by default.
    pub segments_open_max: usize,
    /// How many bytes of batch indexes of sealed segments are held in memory for reading; one is
    /// always held. 32 MiB by default.
    pub index_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            group_bytes_max: 8 << 20,
            free_bytes_min: None,
            producers_per_shard_max: 1_000,
            producer_expiry: Duration::from_secs(24 * 60 * 60),
            segments_open_max: 64,
            index_bytes_max: 32 << 20,
        }
    }
}

impl Options {
    /// The largest [`Options::segment_bytes`].
    pub const SEGMENT_BYTES_MAX: u32 = 1 << 30;
    /// The smallest [`Options::segment_bytes`].
    pub const SEGMENT_BYTES_MIN: u32 = 4 << 10;

    /// How large a batch may be, client id included, so that it fits into a segment of its own.
    #[must_use]
    pub fn batch_bytes_max(&self) -> usize {
        let overhead =
            segment::HEADER_BYTES + frame::HEADER_BYTES + frame::ALIGN + footer::bytes_max(1, 1, 1);
        (self.segment_bytes as usize).saturating_sub(overhead)
    }

    /// How much of that file system is to stay free.
    #[must_use]
    pub fn free_bytes_min(&self, space: Space) -> u64 {
        const SHARE: u64 = 20;
        const BYTES: u64 = 5 << 30;
        self.free_bytes_min.unwrap_or_else(|| BYTES.min(space.total_bytes / SHARE))
    }

    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let segments = Self::SEGMENT_BYTES_MIN..=Self::SEGMENT_BYTES_MAX;
        if !segments.contains(&self.segment_bytes) {
            return Err(OpenError::InvalidOption("segment_bytes is between 4 KiB and 1 GiB"));
        }
        if self.segments_open_max == 0 {
            return Err(OpenError::InvalidOption("segments_open_max is at least 1"));
        }
        Ok(())
    }

    /// [`Options::producer_expiry`] in the unit of append times.
    pub(crate) fn producer_expiry_ms(&self) -> i64 {
        i64::try_from(self.producer_expiry.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_floor_is_a_share_of_a_small_disk_and_a_few_gib_of_a_large_one() {
        let options = Options::default();
        let space = |total_bytes| Space { total_bytes, free_bytes: 0 };
        assert_eq!(options.free_bytes_min(space(20 << 30)), 1 << 30);
        assert_eq!(options.free_bytes_min(space(10 << 40)), 5 << 30);
        let fixed = Options { free_bytes_min: Some(7), ..options };
        assert_eq!(fixed.free_bytes_min(space(20 << 30)), 7);
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        Options::default().validate().unwrap();
        for bytes in [0, Options::SEGMENT_BYTES_MIN - 1, Options::SEGMENT_BYTES_MAX + 1] {
            Options { segment_bytes: bytes, ..Options::default() }.validate().unwrap_err();
        }
        Options { segments_open_max: 0, ..Options::default() }.validate().unwrap_err();
    }

    #[test]
    fn a_batch_of_the_documented_default_limit_fits_into_a_default_segment() {
        assert!(Options::default().batch_bytes_max() > 32 << 20);
    }
}

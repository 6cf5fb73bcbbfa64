/// What a store has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// How long each sync of a group took, in µs, by [`Disk::now`](crate::Disk::now).
    pub sync_micros: Histogram,
    /// How many batches were in each group.
    pub group_batches: Histogram,
    /// How many bytes each group wrote.
    pub group_bytes: Histogram,
    /// How many batches were answered as duplicates.
    pub duplicates: u64,
    /// How many batches were refused or failed.
    pub refused: u64,
    /// How often readers in other processes could not be told how far the log is durable.
    pub mark_failures: u64,
}

/// How often numbers of each magnitude came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; Self::BUCKETS],
    sum: u64,
}

impl Histogram {
    /// How many buckets there are. Bucket `n` counts the numbers from 2^(n-1) to 2^n - 1; bucket 0
    /// counts zeros.
    pub const BUCKETS: usize = 65;

    /// How many numbers came.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// For each bucket that is not empty, the largest number it counts and how many it counted.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let largest = |bucket: usize| match bucket {
            0 => 0,
            bucket => u64::MAX >> (Self::BUCKETS - 1 - bucket),
        };
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(move |(bucket, count)| (largest(bucket), *count))
    }

    pub(crate) fn add(&mut self, number: u64) {
        let bucket = u64::BITS - number.leading_zeros();
        self.counts[bucket as usize] += 1;
        self.sum = self.sum.saturating_add(number);
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; Self::BUCKETS], sum: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_counted_in_the_bucket_that_ends_at_or_after_it() {
        let mut histogram = Histogram::default();
        for number in [0, 1, 2, 3, 4, 1000, u64::MAX] {
            histogram.add(number);
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(0, 1), (1, 1), (3, 2), (7, 1), (1023, 1), (u64::MAX, 1)]);
        assert_eq!((histogram.count(), histogram.sum()), (7, u64::MAX));
    }
}

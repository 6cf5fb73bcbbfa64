use std::slice;

use super::decompress::Decoders;

/// Memory that validating and reading use, kept from one batch to the next.
///
/// It grows with what it is used for and gives back what exceptional batches needed: after a
/// validation it holds at most 13 MiB, and usually less than 1 MiB. During a validation there may
/// be a zstd window or a Snappy block as large as [`Limits`](super::Limits) allow. While records are
/// read, there is what they were decompressed to.
///
/// Have one per worker rather than one per connection.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) decoders: Decoders,
    pub(super) unpacked: Unpacked,
}

impl Scratch {
    /// An empty scratch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.decoders.bytes_held() + self.unpacked.bytes_held()
    }

    /// Bytes that were decompressed in it since it was made, also for batches that were refused.
    ///
    /// Time goes by with these, not with the bytes received: the limit of one batch does not keep
    /// a request from containing thousands. The difference between two calls is what was spent.
    #[must_use]
    pub const fn bytes_decompressed(&self) -> u64 {
        self.decoders.bytes_decompressed
    }

    /// Forgets the last batch, and gives back what only large batches need.
    pub(super) fn clear(&mut self) {
        self.decoders.trim();
        self.unpacked.clear();
    }
}

/// What the compressed parts of a batch decompress to, for the time it is read.
#[derive(Default)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// How many of `bytes` each compressed part became.
    pub(super) part_bytes: Vec<usize>,
}

impl Unpacked {
    /// What is kept between batches: more than the usual ones need.
    const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

    /// Forgets the last batch, and its memory if it was a large one.
    pub(super) fn clear(&mut self) {
        if self.bytes_held() > Self::KEPT_BYTES_MAX {
            *self = Self::default();
        }
        self.bytes.clear();
        self.part_bytes.clear();
    }

    /// What the compressed parts became, in order.
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { bytes: &self.bytes, part_bytes: self.part_bytes.iter() }
    }

    fn bytes_held(&self) -> usize {
        self.bytes.capacity() + self.part_bytes.capacity() * size_of::<usize>()
    }
}

/// See [`Unpacked::parts`].
#[derive(Clone, Default)]
pub(super) struct Parts<'s> {
    bytes: &'s [u8],
    part_bytes: slice::Iter<'s, usize>,
}

impl<'s> Iterator for Parts<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (part, rest) = self.bytes.split_at_checked(*self.part_bytes.next()?)?;
        self.bytes = rest;
        Some(part)
    }
}

impl std::fmt::Debug for Unpacked {
    /// Shows how much it is, not what it is.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Unpacked({} bytes)", self.bytes.len())
    }
}

use std::iter::FusedIterator;

use super::header::BATCH_HEADER_BYTES;
use super::input::to_length;
use super::{BatchError, BatchHeader};

/// The length fields of batches and messages alike count the bytes from here on.
pub(super) const LENGTH_COUNTS_FROM: usize = 12;

/// Batches and messages alike say at this place which format they have.
const MAGIC_AT: usize = 16;

/// One batch, still compressed, and nothing of it believed yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawBatch<'a> {
    /// The bytes as they were sent: one v2 batch, or the messages of a set one after the other.
    pub bytes: &'a [u8],
    /// The message format: 2 for a batch, 0 or 1 for a message set.
    pub magic: u8,
    /// The header of a v2 batch; message sets have none.
    pub header: Option<BatchHeader>,
}

impl std::fmt::Debug for RawBatch<'_> {
    /// Shows everything but the records, which are nobody's business.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RawBatch")
            .field("bytes", &self.bytes.len())
            .field("magic", &self.magic)
            .field("header", &self.header)
            .finish()
    }
}

/// Splits the records of one partition into its batches, without decompressing them.
///
/// Consecutive messages of the same old format (magic 0 or 1) form one batch, whether they are
/// compressed or not.
#[must_use]
pub const fn batches(records: &[u8]) -> Batches<'_> {
    Batches { rest: records }
}

/// The batches of a partition, in order; see [`batches`]. After an error there is nothing more.
#[derive(Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    fn split_first(&self) -> Result<(RawBatch<'a>, &'a [u8]), BatchError> {
        let Entry { magic, bytes: mut end } = Entry::at_front_of(self.rest)?;
        let header = match magic {
            2 => Some(BatchHeader::decode(self.rest)?),
            _ => {
                end = self.end_of_set(magic, end)?;
                None
            }
        };
        let (bytes, rest) = self.rest.split_at(end);
        Ok((RawBatch { bytes, magic, header }, rest))
    }

    /// Where the set ends whose first message ends at `end`.
    fn end_of_set(&self, magic: u8, mut end: usize) -> Result<usize, BatchError> {
        while end < self.rest.len() {
            let next = Entry::at_front_of(&self.rest[end..])?;
            if next.magic != magic {
                break;
            }
            end += next.bytes;
        }
        Ok(end)
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<RawBatch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split_first() {
            Ok((batch, rest)) => {
                self.rest = rest;
                Some(Ok(batch))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

impl FusedIterator for Batches<'_> {}

impl std::fmt::Debug for Batches<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Batches({} bytes left)", self.rest.len())
    }
}

/// A v2 batch or one message of a set.
struct Entry {
    magic: u8,
    /// The whole of it; there are at least so many.
    bytes: usize,
}

impl Entry {
    fn at_front_of(bytes: &[u8]) -> Result<Self, BatchError> {
        let magic = *bytes.get(MAGIC_AT).ok_or(BatchError::Truncated)?;
        if magic > 2 {
            return Err(BatchError::UnknownMagic { magic });
        }
        let length = [bytes[8], bytes[9], bytes[10], bytes[11]];
        let length = to_length(i32::from_be_bytes(length))?;
        let entry = LENGTH_COUNTS_FROM.checked_add(length).ok_or(BatchError::InvalidLength)?;
        if magic == 2 && entry < BATCH_HEADER_BYTES {
            return Err(BatchError::InvalidLength);
        }
        if entry > bytes.len() {
            return Err(BatchError::Truncated);
        }
        Ok(Self { magic, bytes: entry })
    }
}

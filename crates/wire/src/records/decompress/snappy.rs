use std::ops::Range;

use super::{Budget, take, take_array, widen};
use crate::records::{BatchError, Codec};

/// What the stream of snappy-java, "xerial framing", starts with. A version and the oldest
/// compatible version follow, four bytes each; there is only version 1.
const STREAM_MAGIC: &[u8] = b"\x82SNAPPY\0";
const STREAM_HEADER_BYTES: usize = 16;

/// No block of Snappy grows by more than this when it is decompressed: the densest element is a
/// copy of 64 bytes in 3 bytes.
const EXPANSION_MAX: usize = 22;

const INVALID: BatchError = BatchError::CompressedDataInvalid { codec: Codec::Snappy };

/// A raw block of Snappy, or the blocks in a stream of snappy-java.
///
/// A copy in a block may reach back to its start, and that of some clients does, so a block must be
/// decompressed as a whole.
pub(super) struct Snappy<'a> {
    input: &'a [u8],
    framing: Framing,
    block_bytes_max: usize,
}

enum Framing {
    /// librdkafka, sarama, ruby-kafka, franz-go.
    Raw,
    /// Java, kafka-python, kafka-go. Each block has its length in front of it.
    Stream,
}

impl<'a> Snappy<'a> {
    pub(super) fn new(input: &'a [u8], block_bytes_max: usize) -> Self {
        let (input, framing) = match input.split_at_checked(STREAM_HEADER_BYTES) {
            Some((header, blocks)) if header.starts_with(STREAM_MAGIC) => (blocks, Framing::Stream),
            _ => (input, Framing::Raw),
        };
        Self { input, framing, block_bytes_max }
    }

    pub(super) fn next_chunk(
        &mut self,
        window: &mut Vec<u8>,
        budget: Budget,
    ) -> Result<Range<usize>, BatchError> {
        while !self.input.is_empty() {
            let block = self.next_block()?;
            let bytes = snap::raw::decompress_len(block).map_err(|_| INVALID)?;
            if bytes > block.len() * EXPANSION_MAX {
                return Err(INVALID);
            }
            if bytes > self.block_bytes_max {
                return Err(BatchError::DecompressedTooLarge { bytes_max: self.block_bytes_max });
            }
            budget.check(bytes)?;
            let window = widen(window, bytes);
            let written =
                snap::raw::Decoder::new().decompress(block, window).map_err(|_| INVALID)?;
            if written > 0 {
                return Ok(0..written);
            }
        }
        Ok(0..0)
    }

    fn next_block(&mut self) -> Result<&'a [u8], BatchError> {
        match self.framing {
            Framing::Raw => Ok(std::mem::take(&mut self.input)),
            Framing::Stream => {
                let length = take_array(&mut self.input).ok_or(INVALID)?;
                let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| INVALID)?;
                take(&mut self.input, length).ok_or(INVALID)
            }
        }
    }
}

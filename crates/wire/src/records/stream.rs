//! Records that pass in chunks, so that they need never be in memory all at once.

use crc_fast::Digest;

use super::decompress::{Decoders, Decompressor};
use super::input::Input;
use super::{BatchError, Codec, Limits, varint};

/// The records of a batch, or the messages inside a compressed one, in chunks.
pub(super) struct Stream<'a> {
    source: Source<'a>,
    /// How much of the current chunk has been read.
    position: usize,
}

#[expect(clippy::large_enum_variant, reason = "there is one, on the stack, for a whole batch")]
enum Source<'a> {
    /// Not compressed: the only chunk.
    Whole(&'a [u8]),
    Compressed(Decompressor<'a>),
}

impl<'a> Stream<'a> {
    /// Opens the records of a batch, or the messages inside a compressed one, of format `magic`.
    /// `bytes_before` have come out of the same batch already and count towards the limit.
    pub(super) fn open(
        decoders: &'a mut Decoders,
        codec: Codec,
        magic: u8,
        bytes: &'a [u8],
        limits: &Limits,
        bytes_before: usize,
    ) -> Self {
        let source = match decoders.start(codec, magic, bytes, limits, bytes_before) {
            Some(decompressor) => Source::Compressed(decompressor),
            None => Source::Whole(bytes),
        };
        Self { source, position: 0 }
    }

    /// How many bytes have come out of the batch so far.
    pub(super) const fn bytes_seen(&self) -> usize {
        match &self.source {
            Source::Whole(bytes) => bytes.len(),
            Source::Compressed(decompressor) => decompressor.bytes_out(),
        }
    }

    /// Whether everything has been read.
    pub(super) fn at_end(&mut self) -> Result<bool, BatchError> {
        Ok(self.unread().is_empty() && !self.refill()?)
    }

    /// The next byte.
    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, BatchError> {
        if self.at_end()? {
            return Err(BatchError::Truncated);
        }
        let byte = self.unread()[0];
        self.position += 1;
        Ok(byte)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        self.part(N, None).array()
    }

    /// A VARINT.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<i32, BatchError> {
        let unread = self.unread();
        if let Some((value, rest)) = varint::decode_short(unread) {
            self.position += unread.len() - rest.len();
            return Ok(value);
        }
        varint::decode_i32(|| self.byte())
    }

    /// The next `count` bytes, if they are in one chunk.
    #[inline]
    pub(super) fn contiguous(&mut self, count: usize) -> Option<&[u8]> {
        let start = self.position;
        let end = start.checked_add(count)?;
        if end > self.chunk().len() {
            return None;
        }
        self.position = end;
        Some(&self.chunk()[start..end])
    }

    /// The next `count` bytes as an input of their own, and `digest` to see all of them.
    pub(super) const fn part<'s>(
        &'s mut self,
        count: usize,
        digest: Option<&'s mut Digest>,
    ) -> Part<'s, 'a> {
        Part { stream: self, remaining: count, digest }
    }

    fn chunk(&self) -> &[u8] {
        match &self.source {
            Source::Whole(bytes) => bytes,
            Source::Compressed(decompressor) => decompressor.chunk(),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.chunk()[self.position..]
    }

    /// Goes on to the next chunk. False if there is none.
    fn refill(&mut self) -> Result<bool, BatchError> {
        match &mut self.source {
            Source::Whole(_) => Ok(false),
            Source::Compressed(decompressor) => {
                decompressor.advance()?;
                self.position = 0;
                Ok(!decompressor.chunk().is_empty())
            }
        }
    }
}

/// The bytes of one record or message that may lie across chunks.
pub(super) struct Part<'s, 'a> {
    stream: &'s mut Stream<'a>,
    remaining: usize,
    digest: Option<&'s mut Digest>,
}

impl Input for Part<'_, '_> {
    type Span = ();

    fn byte(&mut self) -> Result<u8, BatchError> {
        if self.remaining == 0 {
            return Err(BatchError::Truncated);
        }
        let byte = self.stream.byte()?;
        self.remaining -= 1;
        if let Some(digest) = &mut self.digest {
            digest.update(&[byte]);
        }
        Ok(byte)
    }

    fn take(&mut self, mut count: usize) -> Result<(), BatchError> {
        while count > 0 {
            if count > self.remaining || self.stream.at_end()? {
                return Err(BatchError::Truncated);
            }
            let unread = self.stream.unread();
            let passing = &unread[..unread.len().min(count)];
            if let Some(digest) = &mut self.digest {
                digest.update(passing);
            }
            let passed = passing.len();
            self.stream.position += passed;
            self.remaining -= passed;
            count -= passed;
        }
        Ok(())
    }

    fn rest(&self) {}

    fn remaining(&self) -> usize {
        self.remaining
    }
}

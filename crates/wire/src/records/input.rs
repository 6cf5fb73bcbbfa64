//! Where the fields of records are read from.

use super::{BatchError, varint};

/// The bytes of one record or message: a slice, or a part of a stream that passes in chunks.
///
/// Readers borrow keys and values from a slice; validation only lets them pass. One parser serves
/// both, so that what passes validation can be read.
pub(super) trait Input {
    /// What remains of bytes that were taken: the bytes themselves, or nothing.
    type Span;

    /// The next byte.
    fn byte(&mut self) -> Result<u8, BatchError>;

    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Result<Self::Span, BatchError>;

    /// All bytes that are left, without taking them.
    fn rest(&self) -> Self::Span;

    /// How many bytes are left.
    fn remaining(&self) -> usize;

    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// A VARINT.
    fn varint(&mut self) -> Result<i32, BatchError> {
        varint::decode_i32(|| self.byte())
    }

    /// A VARLONG.
    fn varlong(&mut self) -> Result<i64, BatchError> {
        varint::decode_i64(|| self.byte())
    }

    /// So many bytes, or null for -1.
    fn nullable(&mut self, length: i32) -> Result<Option<Self::Span>, BatchError> {
        match length {
            -1 => Ok(None),
            _ => self.take(to_length(length)?).map(Some),
        }
    }

    /// Makes sure that nothing is left.
    fn finish(&self) -> Result<(), BatchError> {
        if self.remaining() == 0 { Ok(()) } else { Err(BatchError::TrailingBytes) }
    }
}

impl<'a> Input for &'a [u8] {
    type Span = &'a [u8];

    #[inline]
    fn byte(&mut self) -> Result<u8, BatchError> {
        let (first, rest) = self.split_first().ok_or(BatchError::Truncated)?;
        *self = rest;
        Ok(*first)
    }

    /// Nearly all numbers of a record have one byte, and the lengths of values two.
    #[inline]
    fn varint(&mut self) -> Result<i32, BatchError> {
        if let Some((value, rest)) = varint::decode_short(self) {
            *self = rest;
            return Ok(value);
        }
        varint::decode_i32(|| self.byte())
    }

    #[inline]
    fn varlong(&mut self) -> Result<i64, BatchError> {
        if let Some((value, rest)) = varint::decode_short(self) {
            *self = rest;
            return Ok(value.into());
        }
        varint::decode_i64(|| self.byte())
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<Self::Span, BatchError> {
        let (taken, rest) = self.split_at_checked(count).ok_or(BatchError::Truncated)?;
        *self = rest;
        Ok(taken)
    }

    #[inline]
    fn rest(&self) -> Self::Span {
        self
    }

    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }
}

/// A length that must not be negative.
#[inline]
pub(super) fn to_length(length: i32) -> Result<usize, BatchError> {
    usize::try_from(length).map_err(|_| BatchError::InvalidLength)
}

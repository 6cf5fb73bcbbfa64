use std::fmt;

use super::varint;
use crate::error::DecodeError;

/// Reads primitive types from the front of a byte slice that a stranger may have written.
///
/// Nothing is copied and nothing allocated: strings and bytes are borrowed. A failed read leaves
/// the reader at an unspecified position; give up then.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// A reader of the encoding with lengths of fixed width and without tagged fields.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, flexible: false }
    }

    /// A reader of the encoding of flexible versions (KIP-482).
    #[must_use]
    pub const fn flexible(bytes: &'a [u8]) -> Self {
        Self { bytes, flexible: true }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next `N` bytes: a UUID, or the bytes of an integer.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if there are fewer.
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// An INT8.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        self.take_array().map(i8::from_be_bytes)
    }

    /// An INT16.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        self.take_array().map(i16::from_be_bytes)
    }

    /// An INT32.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.take_array().map(i32::from_be_bytes)
    }

    /// An INT64.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.take_array().map(i64::from_be_bytes)
    }

    /// A BOOLEAN: everything but 0 is true, as in Kafka.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.i8().map(|byte| byte != 0)
    }

    /// An UNSIGNED_VARINT: 32 bits in at most five bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], or [`DecodeError::VarintTooLong`] if it has more bits.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let bits = varint::decode_bits(5, DecodeError::VarintTooLong, || {
            self.take_array().map(|[byte]| byte)
        })?;
        u32::try_from(bits).map_err(|_| DecodeError::VarintTooLong)
    }

    /// A STRING that may be null.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotUtf8`], or those of the length.
    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, DecodeError> {
        match self.nullable_string_bytes()? {
            Some(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| DecodeError::NotUtf8),
            None => Ok(None),
        }
    }

    /// A STRING that may be null, as bytes that may not be UTF-8: for names that are only shown.
    ///
    /// # Errors
    ///
    /// Those of the length.
    pub fn nullable_string_bytes(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = match self.flexible {
            true => self.compact_length()?,
            false => fixed_length(self.i16()?.into())?,
        };
        length.map(|length| self.take(length)).transpose()
    }

    /// A STRING.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnexpectedNull`], [`DecodeError::NotUtf8`], or those of the length.
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::UnexpectedNull)
    }

    /// BYTES that may be null. RECORDS look the same.
    ///
    /// # Errors
    ///
    /// Those of the length.
    pub fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = self.nullable_i32_length()?;
        length.map(|length| self.take(length)).transpose()
    }

    /// BYTES.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnexpectedNull`], or those of the length.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.nullable_bytes()?.ok_or(DecodeError::UnexpectedNull)
    }

    /// The number of elements of an ARRAY, `None` for null.
    ///
    /// No element is smaller than a byte, so a count above the bytes left is refused here, before
    /// anybody loops or reserves by it.
    ///
    /// # Errors
    ///
    /// [`DecodeError::CountExceedsBytes`], or those of the length.
    pub fn array_count(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.nullable_i32_length()? {
            Some(count) if count > self.bytes.len() => Err(DecodeError::CountExceedsBytes),
            count => Ok(count),
        }
    }

    /// Skips the tagged fields at the end of a structure; there are none unless flexible.
    ///
    /// No request read here has a tagged field with a meaning, so none is kept.
    ///
    /// # Errors
    ///
    /// [`DecodeError::CountExceedsBytes`], or those of the lengths.
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.unsigned_length()?;
        if count > self.bytes.len() {
            return Err(DecodeError::CountExceedsBytes);
        }
        for _ in 0..count {
            let _tag = self.unsigned_varint()?;
            let length = self.unsigned_length()?;
            self.take(length)?;
        }
        Ok(())
    }

    /// Makes sure that everything has been read.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TrailingBytes`] if something is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }

    fn nullable_i32_length(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.flexible {
            true => self.compact_length(),
            false => fixed_length(self.i32()?),
        }
    }

    /// A compact length is one more than it says, and 0 is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self.unsigned_length()?.checked_sub(1))
    }

    fn unsigned_length(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.unsigned_varint()?).map_err(|_| DecodeError::Truncated)
    }
}

impl fmt::Debug for Reader<'_> {
    /// Says how much is left, not what: it may be a password or somebody's log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reader({} bytes left)", self.bytes.len())
    }
}

/// A length of fixed width, where -1 is null.
fn fixed_length(length: i32) -> Result<Option<usize>, DecodeError> {
    if length == -1 {
        return Ok(None);
    }
    usize::try_from(length).map(Some).map_err(|_| DecodeError::NegativeLength)
}

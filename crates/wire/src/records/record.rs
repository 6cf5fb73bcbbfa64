use std::iter::FusedIterator;

use super::input::{Input, to_length};
use super::{BatchError, TimestampType};

/// One record, borrowed from the batch or from what it was decompressed to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The position in the batch, from 0: the offset is that of the batch plus this.
    pub index: u32,
    /// Milliseconds since 1970; `None` if the format has no timestamps or the producer gave none.
    pub timestamp_ms: Option<i64>,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// The key: null and empty are two different things.
    pub key: Option<&'a [u8]>,
    /// The value: null and empty are two different things.
    pub value: Option<&'a [u8]>,
    /// The headers; records of message sets have none.
    pub headers: Headers<'a>,
}

impl std::fmt::Debug for Record<'_> {
    /// Shows how long things are, not what they are.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Record")
            .field("index", &self.index)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("timestamp_type", &self.timestamp_type)
            .field("key_bytes", &self.key.map(<[u8]>::len))
            .field("value_bytes", &self.value.map(<[u8]>::len))
            .field("headers", &self.headers.len())
            .finish()
    }
}

/// The headers of a record (KIP-82): names that may repeat and need not be UTF-8, each with a value
/// that may be null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl Headers<'_> {
    /// No headers.
    pub(super) const EMPTY: Self = Self { bytes: &[], left: 0 };

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.left
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // The parser went over all headers before it gave them out, so this cannot fail.
        parse_header(&mut self.bytes).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Headers<'_> {}
impl FusedIterator for Headers<'_> {}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Headers({})", self.left)
    }
}

/// A record of a v2 batch behind its length.
pub(super) struct RecordFields<S> {
    pub(super) timestamp_delta_ms: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<S>,
    pub(super) value: Option<S>,
    pub(super) header_count: usize,
    /// The headers one after the other; their syntax has been checked.
    pub(super) headers: S,
}

impl<'a> RecordFields<&'a [u8]> {
    pub(super) const fn headers(&self) -> Headers<'a> {
        Headers { bytes: self.headers, left: self.header_count }
    }
}

impl<S> RecordFields<S> {
    /// The same without what may be borrowed.
    pub(super) fn without_spans(self) -> RecordFields<()> {
        RecordFields {
            timestamp_delta_ms: self.timestamp_delta_ms,
            offset_delta: self.offset_delta,
            key: self.key.map(drop),
            value: self.value.map(drop),
            header_count: self.header_count,
            headers: (),
        }
    }
}

/// Parses the record of a v2 batch that `input` consists of.
pub(super) fn parse_record<I: Input>(
    input: &mut I,
    headers_max: usize,
) -> Result<RecordFields<I::Span>, BatchError> {
    let _attributes = input.byte()?;
    let timestamp_delta_ms = input.varlong()?;
    let offset_delta = input.varint()?;
    let key_length = input.varint()?;
    let key = input.nullable(key_length)?;
    let value_length = input.varint()?;
    let value = input.nullable(value_length)?;
    let header_count = to_length(input.varint()?)?;
    if header_count > headers_max {
        return Err(BatchError::TooManyHeaders { headers_max });
    }
    let headers = input.rest();
    for _ in 0..header_count {
        parse_header(input)?;
    }
    input.finish()?;
    Ok(RecordFields { timestamp_delta_ms, offset_delta, key, value, header_count, headers })
}

fn parse_header<I: Input>(input: &mut I) -> Result<(I::Span, Option<I::Span>), BatchError> {
    let name_length = to_length(input.varint()?)?;
    let name = input.take(name_length)?;
    let value_length = input.varint()?;
    let value = input.nullable(value_length)?;
    Ok((name, value))
}

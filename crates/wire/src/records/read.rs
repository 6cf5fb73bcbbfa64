use std::iter::FusedIterator;

use super::header::BATCH_HEADER_BYTES;
use super::input::{Input, to_length};
use super::message::{CHECKSUM_BYTES, MessageFields, Stamp, next_message, parse_message};
use super::record::parse_record;
use super::scratch::Parts;
use super::{BatchError, BatchHeader, Codec, Headers, Limits, Record, Scratch, batches};

/// Reads the records of a batch that has been validated.
///
/// What is compressed is decompressed into `scratch`, all of it: the records borrow from there, or
/// from the batch itself. Pass [`Limits::WIDEST`] for what was accepted under limits that may have
/// changed. Checksums are not verified again.
///
/// Bytes that have not been validated are as safe to read, but cost as much memory as the limits
/// allow.
///
/// # Errors
///
/// None for a valid batch. Otherwise what is wrong with the outside of it; what is wrong with the
/// records comes from the iterator.
pub fn read<'s>(
    batch: &'s [u8],
    limits: &Limits,
    scratch: &'s mut Scratch,
) -> Result<Records<'s>, BatchError> {
    let raw = batches(batch).next().ok_or(BatchError::Truncated)??;
    if raw.bytes.len() < batch.len() {
        return Err(BatchError::TrailingBytes);
    }
    scratch.clear();
    let format = match raw.header {
        Some(header) => Format::Batch(BatchRecords {
            header,
            left: to_length(header.record_count)?,
            rest: scratch.unpack_batch(batch, &header, limits)?,
        }),
        None => {
            scratch.unpack_set(batch, raw.magic, limits)?;
            let parts = scratch.unpacked.parts();
            Format::Set(SetRecords { magic: raw.magic, outer: batch, parts, ..Default::default() })
        }
    };
    Ok(Records { format, next_index: 0, headers_max: limits.headers_per_record_max })
}

impl Scratch {
    /// The records of a v2 batch, decompressed if need be.
    fn unpack_batch<'s>(
        &'s mut self,
        batch: &'s [u8],
        header: &BatchHeader,
        limits: &Limits,
    ) -> Result<&'s [u8], BatchError> {
        let records = batch.get(BATCH_HEADER_BYTES..).ok_or(BatchError::Truncated)?;
        let codec = header.attributes.codec()?;
        if codec == Codec::None {
            return Ok(records);
        }
        self.unpack(codec, 2, records, limits)?;
        Ok(&self.unpacked.bytes)
    }

    /// Decompresses the messages inside the compressed messages of a set.
    fn unpack_set(&mut self, mut set: &[u8], magic: u8, limits: &Limits) -> Result<(), BatchError> {
        while !set.is_empty() {
            let message = parse_unchecked(next_message(&mut set)?, magic)?;
            if let (true, Some(value)) = (message.codec != Codec::None, message.value) {
                self.unpack(message.codec, magic, value, limits)?;
            }
        }
        Ok(())
    }

    /// Decompresses one more part of a batch.
    fn unpack(
        &mut self,
        codec: Codec,
        magic: u8,
        part: &[u8],
        limits: &Limits,
    ) -> Result<(), BatchError> {
        let Self { decoders, unpacked } = self;
        let bytes_before = unpacked.bytes.len();
        if let Some(mut part) = decoders.start(codec, magic, part, limits, bytes_before) {
            part.advance()?;
            while !part.chunk().is_empty() {
                unpacked.bytes.extend_from_slice(part.chunk());
                part.advance()?;
            }
        }
        unpacked.part_bytes.push(unpacked.bytes.len() - bytes_before);
        Ok(())
    }
}

/// The records of a batch, in order. After an error there is nothing more.
#[derive(Clone)]
pub struct Records<'s> {
    format: Format<'s>,
    next_index: u32,
    headers_max: usize,
}

#[derive(Clone)]
enum Format<'s> {
    Batch(BatchRecords<'s>),
    Set(SetRecords<'s>),
}

impl<'s> Records<'s> {
    fn try_next(&mut self) -> Result<Option<Record<'s>>, BatchError> {
        match &mut self.format {
            Format::Batch(records) => records.next(self.next_index, self.headers_max),
            Format::Set(records) => records.next(self.next_index),
        }
    }
}

impl<'s> Iterator for Records<'s> {
    type Item = Result<Record<'s>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.try_next().transpose()?;
        match record {
            Ok(_) => self.next_index += 1,
            Err(_) => self.format = Format::Set(SetRecords::default()),
        }
        Some(record)
    }
}

impl FusedIterator for Records<'_> {}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Records(next: {})", self.next_index)
    }
}

/// The records of a v2 batch.
#[derive(Clone)]
struct BatchRecords<'s> {
    header: BatchHeader,
    rest: &'s [u8],
    left: usize,
}

impl<'s> BatchRecords<'s> {
    fn next(&mut self, index: u32, headers_max: usize) -> Result<Option<Record<'s>>, BatchError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let length = to_length(self.rest.varint()?)?;
        let fields = parse_record(&mut self.rest.take(length)?, headers_max)?;
        Ok(Some(Record {
            index,
            timestamp_ms: self.header.timestamp_of(fields.timestamp_delta_ms)?,
            timestamp_type: self.header.attributes.timestamp_type(),
            key: fields.key,
            value: fields.value,
            headers: fields.headers(),
        }))
    }
}

/// The records of a message set.
#[derive(Clone, Default)]
struct SetRecords<'s> {
    magic: u8,
    outer: &'s [u8],
    /// What is left of the messages inside the last compressed message.
    inner: &'s [u8],
    /// The stamp of the last compressed message.
    inner_stamp: Option<Stamp>,
    /// What the compressed messages that are yet to come contain.
    parts: Parts<'s>,
}

impl<'s> SetRecords<'s> {
    fn next(&mut self, index: u32) -> Result<Option<Record<'s>>, BatchError> {
        while !self.outer.is_empty() || !self.inner.is_empty() {
            if !self.inner.is_empty() {
                let message = parse_unchecked(next_message(&mut self.inner)?, self.magic)?;
                let outer = self.inner_stamp;
                let stamp = outer.map_or(message.stamp, |outer| outer.of_inner(message.stamp));
                return Ok(Some(to_record(index, &message, stamp)));
            }
            let message = parse_unchecked(next_message(&mut self.outer)?, self.magic)?;
            if message.codec == Codec::None {
                return Ok(Some(to_record(index, &message, message.stamp)));
            }
            self.inner = self.parts.next().unwrap_or_default();
            self.inner_stamp = Some(message.stamp);
        }
        Ok(None)
    }
}

const fn to_record<'s>(index: u32, message: &MessageFields<&'s [u8]>, stamp: Stamp) -> Record<'s> {
    Record {
        index,
        timestamp_ms: stamp.timestamp_ms,
        timestamp_type: stamp.timestamp_type,
        key: message.key,
        value: message.value,
        headers: Headers::EMPTY,
    }
}

/// Parses a message behind its length without verifying its checksum.
fn parse_unchecked(mut bytes: &[u8], magic: u8) -> Result<MessageFields<&[u8]>, BatchError> {
    let _checksum: [u8; CHECKSUM_BYTES] = bytes.array()?;
    parse_message(&mut bytes, magic)
}

use crc_fast::{CrcAlgorithm, Digest};
use logboom_planted::planted;

use super::decompress::Decoders;
use super::header::{BATCH_CHECKSUMMED_FROM, BATCH_HEADER_BYTES};
use super::input::{Input, to_length};
use super::message::{CHECKSUM_BYTES, MessageFields, Stamp, next_message, parse_message};
use super::record::{RecordFields, parse_record};
use super::stream::Stream;
use super::{BatchError, BatchHeader, Codec, Limits, ProducerStamp, RawBatch, Scratch};

/// What is known of a batch that is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The message format: 0, 1 or 2.
    pub magic: u8,
    /// How it is compressed; for a message set, how its first message is.
    pub codec: Codec,
    /// The number of records, at least 1.
    pub record_count: u32,
    /// Bytes of the records after decompression, as they are encoded in the batch.
    pub decompressed_bytes: u64,
    /// The timestamp of the first record.
    pub first_timestamp_ms: Option<i64>,
    /// The largest timestamp.
    pub max_timestamp_ms: Option<i64>,
    /// Who sent it, if it was an idempotent producer.
    pub producer: Option<ProducerStamp>,
    /// The CRC-32C of everything from [`BATCH_CHECKSUMMED_FROM`] on, which the batch itself says too;
    /// `None` for a message set.
    pub crc32c: Option<u32>,
}

/// Looks at every byte of a batch that a stranger sent, and refuses it unless [`read`](super::read)
/// will give out every record of it.
///
/// The memory it takes depends on `limits`, not on what the batch claims: see [`Scratch`].
///
/// # Errors
///
/// What is wrong with the batch: the first thing that is, and only that.
pub fn validate(
    batch: &RawBatch<'_>,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Summary, BatchError> {
    if batch.bytes.len() > limits.batch_bytes_max {
        return Err(BatchError::BatchTooLarge { bytes_max: limits.batch_bytes_max });
    }
    let decoders = &mut scratch.decoders;
    let summary = match &batch.header {
        Some(header) => validate_batch(batch.bytes, header, limits, decoders),
        None => validate_set(batch, limits, decoders),
    };
    scratch.clear();
    summary
}

fn validate_batch(
    bytes: &[u8],
    header: &BatchHeader,
    limits: &Limits,
    decoders: &mut Decoders,
) -> Result<Summary, BatchError> {
    let (head, records) =
        bytes.split_at_checked(BATCH_HEADER_BYTES).ok_or(BatchError::Truncated)?;
    let expected = crc_fast::crc32_iscsi(&bytes[BATCH_CHECKSUMMED_FROM..]);
    let found = &head[BATCH_CHECKSUMMED_FROM - 4..BATCH_CHECKSUMMED_FROM];
    if found != expected.to_be_bytes() && !planted!(BatchChecksumIgnored) {
        return Err(BatchError::ChecksumMismatch);
    }
    let codec = header.attributes.codec()?;
    let record_count = check_header(header)?;
    let producer = producer_stamp(header)?;

    let mut stream = Stream::open(decoders, codec, 2, records, limits, 0);
    let mut tally = Tally::default();
    for index in 0..record_count {
        let record = pass_record(&mut stream, limits)?;
        if u32::try_from(record.offset_delta) != Ok(index) {
            return Err(BatchError::OffsetsNotContiguous);
        }
        tally.add(header.timestamp_of(record.timestamp_delta_ms)?);
    }
    if !stream.at_end()? {
        return Err(BatchError::TrailingBytes);
    }
    let summary = tally.summary(2, codec, stream.bytes_seen(), producer)?;
    Ok(Summary { crc32c: Some(expected), ..summary })
}

/// Checks what producers may put into the header of a batch. Returns the number of records.
fn check_header(header: &BatchHeader) -> Result<u32, BatchError> {
    if header.attributes.is_control() {
        return Err(BatchError::ControlBatch);
    }
    if header.attributes.is_transactional() {
        return Err(BatchError::Transactional);
    }
    let record_count =
        u32::try_from(header.record_count).map_err(|_| BatchError::RecordCountMismatch)?;
    if record_count == 0 {
        return Err(BatchError::NoRecords);
    }
    let records = i64::from(header.last_offset_delta) + 1;
    if records != i64::from(record_count) && !planted!(RecordCountIgnored) {
        return Err(BatchError::RecordCountMismatch);
    }
    Ok(record_count)
}

fn producer_stamp(header: &BatchHeader) -> Result<Option<ProducerStamp>, BatchError> {
    if header.producer_id < 0 {
        return Ok(None);
    }
    if header.producer_epoch < 0 || header.base_sequence < 0 {
        return Err(BatchError::InvalidSequence);
    }
    Ok(Some(ProducerStamp {
        id: header.producer_id,
        epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
    }))
}

/// Lets one record pass.
fn pass_record(stream: &mut Stream<'_>, limits: &Limits) -> Result<RecordFields<()>, BatchError> {
    let headers_max = limits.headers_per_record_max;
    let length = to_length(stream.varint()?)?;
    match stream.contiguous(length) {
        Some(mut bytes) => Ok(parse_record(&mut bytes, headers_max)?.without_spans()),
        None => parse_record(&mut stream.part(length, None), headers_max),
    }
}

fn validate_set(
    batch: &RawBatch<'_>,
    limits: &Limits,
    decoders: &mut Decoders,
) -> Result<Summary, BatchError> {
    let mut tally = Tally::default();
    let mut first_codec = None;
    let mut bytes = 0;
    let mut rest = batch.bytes;
    while !rest.is_empty() {
        let left = rest.len();
        let message = check_message(next_message(&mut rest)?, batch.magic)?;
        first_codec.get_or_insert(message.codec);
        if message.codec == Codec::None {
            bytes += left - rest.len();
            tally.add(message.stamp.timestamp_ms);
        } else {
            let value = message.value.ok_or(BatchError::NoRecords)?;
            let mut inner =
                Stream::open(decoders, message.codec, batch.magic, value, limits, bytes);
            pass_inner_messages(&mut inner, batch.magic, message.stamp, &mut tally)?;
            bytes = inner.bytes_seen();
        }
    }
    tally.summary(batch.magic, first_codec.unwrap_or(Codec::None), bytes, None)
}

/// Lets the messages inside a compressed message pass.
fn pass_inner_messages(
    stream: &mut Stream<'_>,
    magic: u8,
    outer: Stamp,
    tally: &mut Tally,
) -> Result<(), BatchError> {
    if stream.at_end()? {
        return Err(BatchError::NoRecords);
    }
    while !stream.at_end()? {
        let _offset: [u8; 8] = stream.array()?;
        let length = to_length(i32::from_be_bytes(stream.array()?))?;
        let message = match stream.contiguous(length) {
            Some(bytes) => check_message(bytes, magic)?.without_spans(),
            None => pass_message(stream, length, magic)?,
        };
        if message.codec != Codec::None {
            return Err(BatchError::NestedCompression);
        }
        tally.add(outer.of_inner(message.stamp).timestamp_ms);
    }
    Ok(())
}

/// Parses a message behind its length and verifies its checksum.
fn check_message(mut bytes: &[u8], magic: u8) -> Result<MessageFields<&[u8]>, BatchError> {
    let checksum = u32::from_be_bytes(bytes.array()?);
    if crc_fast::crc32_iso_hdlc(bytes) != checksum && !planted!(MessageChecksumIgnored) {
        return Err(BatchError::ChecksumMismatch);
    }
    parse_message(&mut bytes, magic)
}

/// Does what [`check_message`] does for a message that lies across chunks.
fn pass_message(
    stream: &mut Stream<'_>,
    length: usize,
    magic: u8,
) -> Result<MessageFields<()>, BatchError> {
    let length = length.checked_sub(CHECKSUM_BYTES).ok_or(BatchError::Truncated)?;
    let checksum = u32::from_be_bytes(stream.array()?);
    let mut digest = Digest::new(CrcAlgorithm::Crc32IsoHdlc);
    let mut part = stream.part(length, Some(&mut digest));
    let message = parse_message(&mut part, magic);
    // What is damaged should be called so, whatever the damage did to the fields.
    part.take(part.remaining())?;
    if digest.finalize() != u64::from(checksum) {
        return Err(BatchError::ChecksumMismatch);
    }
    message
}

/// What adds up over the records of a batch.
#[derive(Default)]
struct Tally {
    record_count: u64,
    first_timestamp_ms: Option<i64>,
    max_timestamp_ms: Option<i64>,
}

impl Tally {
    fn add(&mut self, timestamp_ms: Option<i64>) {
        if self.record_count == 0 {
            self.first_timestamp_ms = timestamp_ms;
        }
        self.record_count += 1;
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
    }

    fn summary(
        self,
        magic: u8,
        codec: Codec,
        decompressed_bytes: usize,
        producer: Option<ProducerStamp>,
    ) -> Result<Summary, BatchError> {
        Ok(Summary {
            magic,
            codec,
            record_count: u32::try_from(self.record_count)
                .map_err(|_| BatchError::RecordCountMismatch)?,
            decompressed_bytes: decompressed_bytes as u64,
            first_timestamp_ms: self.first_timestamp_ms,
            max_timestamp_ms: self.max_timestamp_ms,
            producer,
            crc32c: None,
        })
    }
}

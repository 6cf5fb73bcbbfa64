//! Batches and messages written byte by byte, the wrong ones too.

use std::io::Write as _;

/// A v2 batch; what is not named is as producers usually write it.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp_ms: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) record_count: i32,
    /// The records, compressed as the attributes say.
    pub(crate) records: Vec<u8>,
}

impl Batch {
    /// A batch with so many records and these bytes, not compressed.
    pub(crate) fn new(record_count: i32, records: Vec<u8>) -> Self {
        Self {
            attributes: 0,
            last_offset_delta: record_count - 1,
            base_timestamp_ms: 0,
            max_timestamp_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count,
            records,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut checksummed = Vec::new();
        checksummed.extend(self.attributes.to_be_bytes());
        checksummed.extend(self.last_offset_delta.to_be_bytes());
        checksummed.extend(self.base_timestamp_ms.to_be_bytes());
        checksummed.extend(self.max_timestamp_ms.to_be_bytes());
        checksummed.extend(self.producer_id.to_be_bytes());
        checksummed.extend(self.producer_epoch.to_be_bytes());
        checksummed.extend(self.base_sequence.to_be_bytes());
        checksummed.extend(self.record_count.to_be_bytes());
        checksummed.extend(&self.records);

        let mut batch = vec![0; 8];
        batch.extend((checksummed.len() as i32 + 9).to_be_bytes());
        batch.extend([0, 0, 0, 0, 2]);
        batch.extend(crc_fast::crc32_iscsi(&checksummed).to_be_bytes());
        batch.extend(checksummed);
        batch
    }
}

/// Computes the checksum of a v2 batch anew, after a change.
pub(crate) fn reseal(batch: &mut [u8]) {
    let checksum = crc_fast::crc32_iscsi(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
}

pub(crate) fn varint(value: i64) -> Vec<u8> {
    let mut bits = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while bits >= 0x80 {
        bytes.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    bytes.push(bits as u8);
    bytes
}

/// Puts its length in front of the body of a record.
pub(crate) fn with_length(body: &[u8]) -> Vec<u8> {
    [varint(body.len() as i64), body.to_vec()].concat()
}

/// A record of a v2 batch with a value and nothing else.
pub(crate) fn value_record(offset_delta: i32, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0];
    body.extend(varint(offset_delta.into()));
    body.extend(varint(-1));
    body.extend(varint(value.len() as i64));
    body.extend(value);
    body.extend(varint(0));
    with_length(&body)
}

/// A message of magic 0 or 1 with offset, length and checksum.
pub(crate) fn message(
    magic: u8,
    attributes: u8,
    timestamp_ms: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Vec<u8> {
    let mut checksummed = vec![magic, attributes];
    if magic == 1 {
        checksummed.extend(timestamp_ms.to_be_bytes());
    }
    for bytes in [key, value] {
        match bytes {
            None => checksummed.extend((-1i32).to_be_bytes()),
            Some(bytes) => {
                checksummed.extend((bytes.len() as i32).to_be_bytes());
                checksummed.extend(bytes);
            }
        }
    }
    let mut message = vec![0; 8];
    message.extend((checksummed.len() as i32 + 4).to_be_bytes());
    message.extend(crc_fast::crc32_iso_hdlc(&checksummed).to_be_bytes());
    message.extend(checksummed);
    message
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// The stream of snappy-java, with blocks of so many bytes.
pub(crate) fn snappy_stream(bytes: &[u8], block_bytes: usize) -> Vec<u8> {
    let mut stream = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in bytes.chunks(block_bytes) {
        let block = snappy(block);
        stream.extend((block.len() as i32).to_be_bytes());
        stream.extend(block);
    }
    stream
}

/// An LZ4 frame as `info` says.
pub(crate) fn lz4(bytes: &[u8], info: lz4_flex::frame::FrameInfo) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame that does not say how large its content is, as most clients send it.
pub(crate) fn zstd(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::stream::encode_all(bytes, level).unwrap()
}

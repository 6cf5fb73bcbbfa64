//! Each codec, behind a header and a checksum that are right.

use logboom_wire::records::Codec;

use crate::batches::check_records;

/// What stands in front of a stream of snappy-java.
const SNAPPY_STREAM_HEADER: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

/// Members of gzip.
pub fn gzip(input: &[u8]) {
    decompress(Codec::Gzip, &[], input);
}

/// One raw block of Snappy.
pub fn snappy_raw(input: &[u8]) {
    decompress(Codec::Snappy, &[], input);
}

/// The blocks in a stream of snappy-java.
pub fn snappy_stream(input: &[u8]) {
    decompress(Codec::Snappy, SNAPPY_STREAM_HEADER, input);
}

/// Frames of LZ4.
pub fn lz4(input: &[u8]) {
    decompress(Codec::Lz4, &[], input);
}

/// Frames of Zstandard.
pub fn zstd(input: &[u8]) {
    decompress(Codec::Zstd, &[], input);
}

/// The first byte says what is around the compressed bytes: a v2 batch that says how many records
/// it has, or a message of one of the old formats.
fn decompress(codec: Codec, header: &[u8], input: &[u8]) {
    let Some((choice, compressed)) = input.split_first() else { return };
    let compressed = [header, compressed].concat();
    check_records(&match choice % 4 {
        0 => message(codec, 0, &compressed),
        1 => message(codec, 1, &compressed),
        _ => batch(codec, i32::from(choice / 4) + 1, &compressed),
    });
}

/// A v2 batch with so many records and these bytes.
pub(crate) fn batch(codec: Codec, record_count: i32, compressed: &[u8]) -> Vec<u8> {
    let mut checksummed = Vec::with_capacity(40 + compressed.len());
    checksummed.extend((codec as i16).to_be_bytes());
    checksummed.extend((record_count - 1).to_be_bytes());
    // Timestamps, producer id, epoch and sequence.
    checksummed.extend([0; 16]);
    checksummed.extend([0xff; 14]);
    checksummed.extend(record_count.to_be_bytes());
    checksummed.extend(compressed);
    let mut batch = vec![0; 8];
    batch.extend((checksummed.len() as u32 + 9).to_be_bytes());
    batch.extend([0, 0, 0, 0, 2]);
    batch.extend(crc_fast::crc32_iscsi(&checksummed).to_be_bytes());
    batch.extend(checksummed);
    batch
}

/// A message of magic 0 or 1 with these bytes as its value.
pub(crate) fn message(codec: Codec, magic: u8, value: &[u8]) -> Vec<u8> {
    let mut checksummed = vec![magic, codec as u8];
    checksummed.extend(&[0; 8][..if magic == 1 { 8 } else { 0 }]);
    checksummed.extend((-1i32).to_be_bytes());
    checksummed.extend((value.len() as u32).to_be_bytes());
    checksummed.extend(value);
    let mut message = vec![0; 8];
    message.extend((checksummed.len() as u32 + 4).to_be_bytes());
    message.extend(crc_fast::crc32_iso_hdlc(&checksummed).to_be_bytes());
    message.extend(checksummed);
    message
}

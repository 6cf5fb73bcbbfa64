//! What producers send: batches, and message sets of the format before.

use crc_fast::{CrcAlgorithm, checksum};
use logboom_wire::records::{BatchBuilder, Codec, ProducerStamp};

/// Some records as a batch.
pub(crate) fn batch(values: &[String], stamp: Option<ProducerStamp>, codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    if let Some(stamp) = stamp {
        builder.set_producer(stamp);
    }
    for value in values {
        builder.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]).expect("a record");
    }
    builder.build(codec)
}

/// Some records as a message set of magic 1, with the inner offsets all 0, as old clients send it.
pub(crate) fn message_set(values: &[String]) -> Vec<u8> {
    let mut set = Vec::new();
    for value in values {
        let mut message = vec![1, 0];
        message.extend_from_slice(&1_700_000_000_000_i64.to_be_bytes());
        message.extend_from_slice(&(-1_i32).to_be_bytes());
        message.extend_from_slice(&i32::try_from(value.len()).expect("short").to_be_bytes());
        message.extend_from_slice(value.as_bytes());
        let checksum = checksum(CrcAlgorithm::Crc32IsoHdlc, &message);
        let checksum = u32::try_from(checksum).expect("a checksum of 32 bits");
        set.extend_from_slice(&0_i64.to_be_bytes());
        set.extend_from_slice(&i32::try_from(message.len() + 4).expect("short").to_be_bytes());
        set.extend_from_slice(&checksum.to_be_bytes());
        set.extend_from_slice(&message);
    }
    set
}

/// The same with one letter changed, and the checksum as it was.
pub(crate) fn damaged(mut batch: Vec<u8>) -> Vec<u8> {
    // Behind the last value there is at most the number of its headers.
    let letter = batch.len() - 2;
    batch[letter] ^= 1;
    batch
}

/// The same with a header that tells of one record less, and a checksum that is right.
pub(crate) fn with_wrong_count(mut batch: Vec<u8>) -> Vec<u8> {
    const CHECKSUM: usize = 17;
    const LAST_OFFSET_DELTA: usize = 23;
    batch[LAST_OFFSET_DELTA + 3] -= 1;
    let checksum = checksum(CrcAlgorithm::Crc32Iscsi, &batch[CHECKSUM + 4..]);
    let checksum = u32::try_from(checksum).expect("a checksum of 32 bits");
    batch[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum.to_be_bytes());
    batch
}

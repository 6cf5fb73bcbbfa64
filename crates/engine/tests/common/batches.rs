//! Batches as producers send them, and as broken ones do.

use logboom_wire::records::{BatchBuilder, Codec, Limits, ProducerStamp, Scratch, read};

/// A batch with these values.
pub(crate) fn batch(values: &[&str]) -> Vec<u8> {
    build(values, None, Codec::None)
}

/// A batch of an idempotent producer.
pub(crate) fn stamped(values: &[&str], id: i64, epoch: i16, base_sequence: i32) -> Vec<u8> {
    build(values, Some(ProducerStamp { id, epoch, base_sequence }), Codec::None)
}

/// A batch of one record whose value is so many zeros, compressed.
pub(crate) fn zeros(bytes: usize, codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.append(0, None, Some(&vec![0; bytes]), &[]).expect("a record");
    builder.build(codec)
}

fn build(values: &[&str], producer: Option<ProducerStamp>, codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    if let Some(producer) = producer {
        builder.set_producer(producer);
    }
    for value in values {
        builder.append(0, None, Some(value.as_bytes()), &[]).expect("a record");
    }
    builder.build(codec)
}

/// A batch of one record with this time.
pub(crate) fn timed(timestamp_ms: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.append(timestamp_ms, None, Some(b"x"), &[]).expect("a record");
    builder.build(Codec::None)
}

/// A message set of one message, in one of the two old formats.
pub(crate) fn message_set(magic: u8, value: &[u8]) -> Vec<u8> {
    let mut message = vec![magic, 0];
    if magic == 1 {
        message.extend(0_i64.to_be_bytes());
    }
    message.extend((-1_i32).to_be_bytes());
    message.extend((value.len() as i32).to_be_bytes());
    message.extend(value);
    let checksum = crc_fast::crc32_iso_hdlc(&message).to_be_bytes();
    let length = (checksum.len() + message.len()) as i32;
    [&0_i64.to_be_bytes(), &length.to_be_bytes()[..], &checksum, &message].concat()
}

/// The batch with its last byte changed, as damage on the way does.
pub(crate) fn damaged(mut batch: Vec<u8>) -> Vec<u8> {
    *batch.last_mut().expect("a batch") ^= 1;
    batch
}

/// The batch with other attributes, and the checksum that goes with them.
pub(crate) fn with_attributes(mut batch: Vec<u8>, attributes: i16) -> Vec<u8> {
    batch[21..23].copy_from_slice(&attributes.to_be_bytes());
    reseal(batch)
}

/// The batch with another number of records, and the checksum that goes with it.
pub(crate) fn with_record_count(mut batch: Vec<u8>, count: i32) -> Vec<u8> {
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    reseal(batch)
}

fn reseal(mut batch: Vec<u8>) -> Vec<u8> {
    let checksum = crc_fast::crc32_iscsi(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
    batch
}

/// The values of the records of a batch.
pub(crate) fn values(batch: &[u8]) -> Vec<String> {
    let mut scratch = Scratch::new();
    let records = read(batch, &Limits::WIDEST, &mut scratch).expect("a batch that was accepted");
    let value = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into();
    records.map(|record| value(record.expect("a record that was accepted").value)).collect()
}

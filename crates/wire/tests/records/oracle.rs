//! v2 batches against `kafka-protocol`, an implementation by others.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    Record as TheirRecord, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};
use logboom_wire::records::Codec;
use proptest::prelude::*;

use super::make::reseal;
use super::*;

/// Records as they can be expressed there: header names are text and do not repeat.
fn common_records() -> impl Strategy<Value = Vec<Owned>> {
    prop::collection::vec(any_record(70_000), 1..6).prop_map(|mut records| {
        for record in &mut records {
            record.timestamp_ms = record.timestamp_ms.or(Some(0));
            for (index, (name, _)) in record.headers.iter_mut().enumerate() {
                *name = format!("header {index}").into_bytes();
            }
        }
        records
    })
}

fn theirs(records: &[Owned]) -> Vec<TheirRecord> {
    let to_bytes = |bytes: &Option<Vec<u8>>| bytes.clone().map(Bytes::from);
    let to_header = |(name, value): &(Vec<u8>, Option<Vec<u8>>)| {
        let name = String::from_utf8(name.clone()).unwrap();
        (StrBytes::from_string(name), to_bytes(value))
    };
    let to_record = |(offset, record): (usize, &Owned)| TheirRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: offset as i64,
        // They count on from the base sequence of the batch, -1 as it is.
        sequence: NO_SEQUENCE + offset as i32,
        timestamp: record.timestamp_ms.unwrap_or(-1),
        key: to_bytes(&record.key),
        value: to_bytes(&record.value),
        headers: record.headers.iter().map(to_header).collect::<IndexMap<_, _>>(),
    };
    records.iter().enumerate().map(to_record).collect()
}

fn ours(record: &TheirRecord) -> Owned {
    let to_vec = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| bytes.to_vec());
    Owned {
        timestamp_ms: Some(record.timestamp).filter(|timestamp_ms| *timestamp_ms != -1),
        key: to_vec(&record.key),
        value: to_vec(&record.value),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), to_vec(value)))
            .collect(),
    }
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}

fn encode_theirs(records: &[Owned], codec: Codec) -> BytesMut {
    let options = RecordEncodeOptions { version: 2, compression: compression(codec) };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &theirs(records), &options).unwrap();
    bytes
}

fn decode_theirs(batch: &[u8]) -> Option<Vec<Owned>> {
    let decoded = RecordBatchDecoder::decode(&mut Bytes::copy_from_slice(batch)).ok()?;
    Some(decoded.records.iter().map(ours).collect())
}

proptest! {
    #[test]
    fn what_they_encode_we_read(records in common_records(), codec in any_codec()) {
        prop_assert_eq!(read_all(&encode_theirs(&records, codec)).unwrap(), records);
    }

    #[test]
    fn what_we_build_they_decode(records in common_records(), codec in any_codec()) {
        prop_assert_eq!(decode_theirs(&build(&records, codec)).unwrap(), records);
    }

    /// They accept more than we do, so only what we accept is compared.
    #[test]
    fn what_we_accept_after_a_change_they_decode_alike(
        records in common_records(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut batch = build(&records, Codec::None);
        for (index, byte) in changes {
            // Behind the header, where a change matters most.
            let index = 61 + index.index(batch.len() - 61);
            batch[index] = byte;
        }
        reseal(&mut batch);
        if let Ok(records) = read_all(&batch) {
            let has_text_names = |record: &Owned| {
                record.headers.iter().all(|(name, _)| std::str::from_utf8(name).is_ok())
            };
            if records.iter().all(has_text_names) {
                prop_assert_eq!(decode_theirs(&batch), Some(records));
            }
        }
    }
}

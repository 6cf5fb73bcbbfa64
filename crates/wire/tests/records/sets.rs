//! Message sets: the formats before v2.

use logboom_wire::records::{BatchError, Codec, Limits, Scratch, TimestampType, batches, read};
use proptest::prelude::*;

use super::make::{gzip, lz4, message, snappy, snappy_stream};
use super::*;

const GZIP: u8 = 1;
const SNAPPY: u8 = 2;
const LZ4: u8 = 3;
const LOG_APPEND_TIME: u8 = 1 << 3;

/// What a record of a set can be.
fn set_record(magic: u8) -> impl Strategy<Value = Owned> {
    any_record(70_000).prop_map(move |record| Owned {
        timestamp_ms: record.timestamp_ms.filter(|_| magic == 1),
        headers: Vec::new(),
        ..record
    })
}

/// The messages of a set, not compressed.
fn flat(magic: u8, records: &[Owned]) -> Vec<u8> {
    let to_message = |record: &Owned| {
        let timestamp_ms = record.timestamp_ms.unwrap_or(-1);
        message(magic, 0, timestamp_ms, record.key.as_deref(), record.value.as_deref())
    };
    records.iter().flat_map(to_message).collect()
}

/// Puts messages into a compressed message.
fn wrap(magic: u8, codec: u8, messages: &[u8]) -> Vec<u8> {
    let value = match codec {
        GZIP => gzip(messages),
        SNAPPY => snappy(messages),
        LZ4 => lz4(messages, lz4_flex::frame::FrameInfo::new()),
        _ => messages.to_vec(),
    };
    message(magic, codec, 0, None, Some(&value))
}

proptest! {
    #[test]
    fn records_of_sets_come_back_as_they_were(
        (magic, records) in (0u8..=1).prop_flat_map(|magic| {
            (Just(magic), prop::collection::vec(set_record(magic), 1..8))
        }),
        codec in 0u8..=3,
    ) {
        let flat = flat(magic, &records);
        let set = if codec == 0 { flat } else { wrap(magic, codec, &flat) };
        prop_assert_eq!(&read_all(&set).unwrap(), &records);
        let summary = validate_all(&set).unwrap()[0];
        prop_assert_eq!((summary.magic, summary.codec as u8), (magic, codec));
    }

    #[test]
    fn flat_and_compressed_messages_may_take_turns(
        parts in prop::collection::vec(
            (prop::collection::vec(set_record(1), 1..4), 0u8..=3), 1..6),
    ) {
        let mut set = Vec::new();
        let mut records = Vec::new();
        for (part, codec) in &parts {
            let flat = flat(1, part);
            set.extend(if *codec == 0 { flat } else { wrap(1, *codec, &flat) });
            records.extend(part.clone());
        }
        prop_assert_eq!(batches(&set).count(), 1);
        prop_assert_eq!(read_all(&set).unwrap(), records);
    }
}

#[test]
fn offsets_inside_a_compressed_message_may_be_anything() {
    let records = [Owned::value(b"a"), Owned::value(b"b")];
    let mut messages = flat(0, &records);
    messages[..8].copy_from_slice(&[0xff; 8]);
    assert_eq!(read_all(&wrap(0, GZIP, &messages)).unwrap(), records);
}

#[test]
fn formats_may_follow_one_another() {
    let records = [Owned::value(b"0"), Owned::value(b"1"), Owned::value(b"2")];
    let blob = [flat(0, &records[..1]), flat(1, &records[1..2]), build(&records[2..], Codec::None)]
        .concat();
    let magics: Vec<_> = validate_all(&blob).unwrap().iter().map(|batch| batch.magic).collect();
    assert_eq!(magics, [0, 1, 2]);
    assert_eq!(read_all(&blob).unwrap(), records);
}

#[test]
fn the_append_time_of_a_compressed_message_counts_for_all_inside() {
    let messages = [message(1, 0, 5, None, None), message(1, 0, 6, None, None)].concat();
    for (attributes, timestamps_ms, timestamp_type) in [
        (GZIP | LOG_APPEND_TIME, [Some(77), Some(77)], TimestampType::LogAppendTime),
        (GZIP, [Some(5), Some(6)], TimestampType::CreateTime),
    ] {
        let set = message(1, attributes, 77, None, Some(&gzip(&messages)));
        let mut scratch = Scratch::new();
        let read: Vec<_> = read(&set, &Limits::default(), &mut scratch)
            .unwrap()
            .map(|record| record.map(|record| (record.timestamp_ms, record.timestamp_type)))
            .collect();
        assert_eq!(read, timestamps_ms.map(|timestamp_ms| Ok((timestamp_ms, timestamp_type))));
        let summary = validate_all(&set).unwrap()[0];
        assert_eq!(summary.max_timestamp_ms, timestamps_ms[1]);
    }
}

#[test]
fn snappy_java_framing_is_read_in_sets_too() {
    let records = [Owned::value(&[b'x'; 5000]), Owned::value(b"y")];
    let value = snappy_stream(&flat(0, &records), 1024);
    assert_eq!(read_all(&message(0, SNAPPY, 0, None, Some(&value))).unwrap(), records);
}

#[test]
fn the_lz4_header_checksum_may_be_wrong_in_magic_0_only() {
    for (magic, expected) in [
        (0, Ok(vec![Owned::value(b"v")])),
        (1, Err(BatchError::CompressedDataInvalid { codec: Codec::Lz4 })),
    ] {
        let messages = flat(magic, &[Owned::value(b"v")]);
        let mut value = lz4(&messages, lz4_flex::frame::FrameInfo::new());
        // Magic number, flags and block size come first.
        value[6] ^= 0x55;
        assert_eq!(read_all(&message(magic, LZ4, -1, None, Some(&value))), expected);
    }
}

#[test]
fn what_is_wrong_with_a_set_is_named() {
    let inner = flat(1, &[Owned::value(b"v")]);
    let mut damaged = inner.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut damaged_late = flat(1, &[Owned::value(&[7; 100_000])]);
    *damaged_late.last_mut().unwrap() ^= 1;
    let codec = Codec::Gzip;
    for (set, error) in [
        (damaged.clone(), BatchError::ChecksumMismatch),
        (wrap(1, GZIP, &damaged), BatchError::ChecksumMismatch),
        (wrap(1, GZIP, &damaged_late), BatchError::ChecksumMismatch),
        (wrap(1, GZIP, &wrap(1, GZIP, &inner)), BatchError::NestedCompression),
        (wrap(0, GZIP, &inner), BatchError::MixedMagic),
        (wrap(1, GZIP, &[]), BatchError::NoRecords),
        (wrap(1, GZIP, &inner[..inner.len() - 1]), BatchError::Truncated),
        (wrap(1, GZIP, &[&inner[..], &[0]].concat()), BatchError::Truncated),
        (message(1, GZIP, 0, None, None), BatchError::NoRecords),
        (message(1, GZIP, 0, None, Some(b"")), BatchError::NoRecords),
        (message(1, GZIP, 0, None, Some(b"?")), BatchError::CompressedDataInvalid { codec }),
        (message(1, 4, 0, None, Some(b"?")), BatchError::UnsupportedCodec { id: 4 }),
        (message(1, 6, 0, None, Some(b"?")), BatchError::UnsupportedCodec { id: 6 }),
        (inner[..inner.len() - 1].to_vec(), BatchError::Truncated),
    ] {
        assert_eq!(validate_all(&set), Err(error));
    }
}

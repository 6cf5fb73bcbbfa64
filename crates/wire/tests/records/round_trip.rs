//! What [`BatchBuilder`] builds is valid and comes back as it was.

use logboom_wire::records::{
    AppendError, BatchBuilder, Codec, Limits, ProducerStamp, Scratch, TimestampType, batches, read,
    validate,
};
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn records_come_back_as_they_were(
        records in prop::collection::vec(any_record(150_000), 1..6),
        codec in any_codec(),
    ) {
        prop_assert_eq!(read_all(&build(&records, codec)).unwrap(), records);
    }

    #[test]
    fn batches_that_follow_one_another_are_told_apart(
        first in prop::collection::vec(any_record(100), 1..5),
        second in prop::collection::vec(any_record(100), 1..5),
        codecs in (any_codec(), any_codec()),
    ) {
        let blob = [build(&first, codecs.0), build(&second, codecs.1)].concat();
        prop_assert_eq!(validate_all(&blob).unwrap().len(), 2);
        prop_assert_eq!(read_all(&blob).unwrap(), [first, second].concat());
    }

    #[test]
    fn the_summary_tells_what_is_in_the_batch(
        records in prop::collection::vec(any_record(1000), 1..12),
        codec in any_codec(),
    ) {
        let builder = builder(&records);
        let batch = builder.build(codec);
        let summary = validate_all(&batch).unwrap()[0];
        prop_assert_eq!(summary.magic, 2);
        prop_assert_eq!(summary.codec, codec);
        prop_assert_eq!(summary.record_count as usize, builder.record_count());
        prop_assert_eq!(summary.decompressed_bytes as usize, builder.records_bytes());
        prop_assert_eq!(summary.producer, None);
    }

    #[test]
    fn the_same_scratch_serves_every_batch(
        many in prop::collection::vec((prop::collection::vec(any_record(100_000), 1..4), any_codec()), 1..8),
    ) {
        let mut scratch = Scratch::new();
        for (records, codec) in many {
            let batch = build(&records, codec);
            let raw = batches(&batch).next().unwrap().unwrap();
            validate(&raw, &Limits::default(), &mut scratch).unwrap();
            let read: Result<Vec<_>, _> = read(&batch, &Limits::default(), &mut scratch)
                .unwrap()
                .map(|record| record.map(Owned::from))
                .collect();
            prop_assert_eq!(read.unwrap(), records);
        }
    }
}

#[test]
fn null_and_empty_stay_different() {
    let null = Owned { timestamp_ms: None, key: None, value: None, headers: Vec::new() };
    let empty = Owned { key: Some(Vec::new()), value: Some(Vec::new()), ..null.clone() };
    let records = [null, empty];
    assert_eq!(read_all(&build(&records, Codec::None)).unwrap(), records);
}

#[test]
fn repeated_and_unprintable_header_names_are_kept() {
    let headers = vec![
        (b"k".to_vec(), Some(b"1".to_vec())),
        (b"k".to_vec(), None),
        (b"\xff\xfe".to_vec(), Some(Vec::new())),
    ];
    let records = [Owned { headers, ..Owned::value(b"v") }];
    assert_eq!(read_all(&build(&records, Codec::None)).unwrap(), records);
}

#[test]
fn the_stamp_of_an_idempotent_producer_is_in_the_summary() {
    let stamp = ProducerStamp { id: 7, epoch: 1, base_sequence: 42 };
    let mut builder = BatchBuilder::new();
    builder.set_producer(stamp);
    builder.append(0, None, Some(b"v"), &[]).unwrap();
    let summary = validate_all(&builder.build(Codec::None)).unwrap()[0];
    assert_eq!(summary.producer, Some(stamp));
}

#[test]
fn a_timestamp_too_far_from_the_first_one_is_not_added() {
    let mut builder = BatchBuilder::new();
    builder.append(i64::MIN, None, None, &[]).unwrap();
    assert_eq!(builder.append(1, None, None, &[]), Err(AppendError::TimestampTooDistant));
    assert_eq!(builder.record_count(), 1);
    assert_eq!(read_all(&builder.build(Codec::None)).unwrap()[0].timestamp_ms, Some(i64::MIN));
}

#[test]
fn a_log_append_time_is_that_of_all_records() {
    let batch = make::Batch {
        attributes: 1 << 3,
        max_timestamp_ms: 99,
        ..make::Batch::new(2, [make::value_record(0, b"a"), make::value_record(1, b"b")].concat())
    };
    let batch = batch.encode();
    let mut scratch = Scratch::new();
    for record in read(&batch, &Limits::default(), &mut scratch).unwrap() {
        let record = record.unwrap();
        assert_eq!(record.timestamp_ms, Some(99));
        assert_eq!(record.timestamp_type, TimestampType::LogAppendTime);
    }
    assert_eq!(validate_all(&batch).unwrap()[0].max_timestamp_ms, Some(99));
}

#[test]
fn no_bytes_are_no_batches() {
    assert_eq!(batches(&[]).count(), 0);
}

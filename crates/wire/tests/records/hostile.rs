//! Bytes from strangers: refused for what is wrong with them, and never a panic.

use logboom_wire::error::ErrorCode;
use logboom_wire::records::{BatchError, Codec, Limits};
use proptest::prelude::*;

use super::make::{
    Batch, gzip, message, reseal, snappy, snappy_stream, value_record, varint, with_length,
};
use super::*;

/// A batch of each codec and a set of each kind, all of them valid and small.
fn samples() -> Vec<Vec<u8>> {
    let headers = vec![(b"name".to_vec(), Some(b"value".to_vec())), (b"name".to_vec(), None)];
    let records = [
        Owned { timestamp_ms: Some(1_700_000_000_000), headers, ..Owned::value(b"{\"a\":1}") },
        Owned { timestamp_ms: Some(1_700_000_000_001), key: Some(vec![7]), ..Owned::value(&[]) },
        Owned { timestamp_ms: Some(1_700_000_000_002), ..Owned::value(&[b'x'; 100]) },
    ];
    let mut samples: Vec<_> = Codec::ALL.into_iter().map(|codec| build(&records, codec)).collect();
    for magic in [0, 1] {
        let messages = [
            message(magic, 0, 1_700_000_000_000, Some(b"key"), Some(b"value")),
            message(magic, 0, 1_700_000_000_001, None, Some(&[b'x'; 100])),
        ]
        .concat();
        samples.push(message(magic, 1, 0, None, Some(&gzip(&messages))));
        samples.push(messages);
    }
    samples
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    for sample in samples() {
        let expected = read_all(&sample).unwrap();
        for bit in 0..sample.len() * 8 {
            let mut flipped = sample.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(records) = read_all(&flipped) {
                assert_eq!(records, expected, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_batch_that_ends_too_early_is_refused() {
    for sample in samples() {
        for length in 1..sample.len() {
            let cut = validate_all(&sample[..length]);
            // A set may end behind each of its messages.
            let is_set = sample[16] < 2;
            match cut {
                Err(error) => assert_eq!(error, BatchError::Truncated),
                Ok(batches) => assert!(is_set && batches.len() == 1, "{length} bytes"),
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        let _ = read_all(&bytes);
    }

    #[test]
    fn any_bytes_inside_a_batch_are_refused_or_read(
        attributes in 0i16..64,
        record_count in 0i32..4,
        records in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let batch = Batch { attributes, ..Batch::new(record_count, records) };
        let _ = read_all(&batch.encode());
    }

    /// The changes hit what the checksum covers, and the checksum is made right again.
    #[test]
    fn a_changed_batch_is_refused_or_read(
        records in prop::collection::vec(any_record(200), 1..6),
        codec in any_codec(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut batch = build(&records, codec);
        change(&mut batch[21..], &changes);
        reseal(&mut batch);
        let _ = read_all(&batch);
    }

    #[test]
    fn it_makes_no_difference_where_chunks_end(
        records in prop::collection::vec(any_record(200), 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        chunk_bytes in 1usize..100,
    ) {
        let mut whole = build(&records, Codec::None).split_off(61);
        change(&mut whole, &changes);
        let record_count = records.len() as i32;
        let stream = snappy_stream(&whole, chunk_bytes);
        let in_chunks = Batch { attributes: 2, ..Batch::new(record_count, stream) };
        let whole = Batch::new(record_count, whole);
        prop_assert_eq!(read_all(&in_chunks.encode()), read_all(&whole.encode()));
    }

    #[test]
    fn it_makes_no_difference_where_chunks_end_in_a_set(
        values in prop::collection::vec(any::<Vec<u8>>(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        chunk_bytes in 1usize..100,
    ) {
        let to_message = |value: &Vec<u8>| message(1, 0, 9, None, Some(value));
        let mut whole: Vec<_> = values.iter().flat_map(to_message).collect();
        change(&mut whole, &changes);
        let in_chunks = message(1, 2, 9, None, Some(&snappy_stream(&whole, chunk_bytes)));
        let whole = message(1, 2, 9, None, Some(&snappy(&whole)));
        prop_assert_eq!(read_all(&in_chunks), read_all(&whole));
    }

    #[test]
    fn changed_messages_inside_a_compressed_one_are_refused_or_read(
        values in prop::collection::vec(any::<Vec<u8>>(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut messages = values
            .iter()
            .flat_map(|value| message(1, 0, 9, None, Some(value)))
            .collect::<Vec<_>>();
        change(&mut messages, &changes);
        let _ = read_all(&message(1, 1, 9, None, Some(&gzip(&messages))));
    }
}

/// Overwrites single bytes.
fn change(bytes: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (index, byte) in changes {
        bytes[index.index(bytes.len())] = *byte;
    }
}

/// A record with fields given as varints and bytes.
fn record_of(parts: &[&[u8]]) -> Vec<u8> {
    with_length(&parts.concat())
}

#[test]
fn what_is_wrong_with_a_record_is_named() {
    let null = &varint(-1)[..];
    let zero = &varint(0)[..];
    let max = &varint(i64::from(i32::MAX))[..];
    let headers_max = Limits::default().headers_per_record_max;
    for (records, error) in [
        // Attributes, timestamp, offset, key, value, headers.
        (record_of(&[zero, zero, zero, null, null]), BatchError::Truncated),
        (record_of(&[zero, zero, zero, null, null, zero, &[0]]), BatchError::TrailingBytes),
        (record_of(&[zero, zero, &varint(7), null, null, zero]), BatchError::OffsetsNotContiguous),
        (record_of(&[zero, zero, null, null, null, zero]), BatchError::OffsetsNotContiguous),
        (record_of(&[zero, zero, zero, max, null, zero]), BatchError::Truncated),
        (record_of(&[zero, zero, zero, &varint(-2), null, zero]), BatchError::InvalidLength),
        (record_of(&[zero, zero, zero, null, null, null]), BatchError::InvalidLength),
        (
            record_of(&[zero, zero, zero, null, null, max]),
            BatchError::TooManyHeaders { headers_max },
        ),
        (record_of(&[zero, zero, zero, null, null, &varint(1000)]), BatchError::Truncated),
        (record_of(&[zero, zero, zero, null, null, &varint(1), null]), BatchError::InvalidLength),
        (record_of(&[zero, &[0xff; 10], zero, null, null, zero]), BatchError::VarintTooLong),
        (varint(-1), BatchError::InvalidLength),
        (varint(i64::from(i32::MAX)), BatchError::Truncated),
        (vec![0xff; 5], BatchError::VarintTooLong),
        (vec![], BatchError::Truncated),
        ([value_record(0, b"v"), vec![0]].concat(), BatchError::TrailingBytes),
    ] {
        assert_eq!(validate_all(&Batch::new(1, records).encode()), Err(error));
    }
}

#[test]
fn what_is_wrong_with_the_header_of_a_batch_is_named() {
    let good = Batch::new(1, value_record(0, b"v"));
    assert!(validate_all(&good.encode()).is_ok());
    for (batch, error) in [
        (Batch { attributes: 1 << 4, ..good.clone() }, BatchError::Transactional),
        (Batch { attributes: 1 << 5, ..good.clone() }, BatchError::ControlBatch),
        (Batch { attributes: 3 << 4, ..good.clone() }, BatchError::ControlBatch),
        (Batch::new(0, Vec::new()), BatchError::NoRecords),
        (Batch::new(-1, Vec::new()), BatchError::RecordCountMismatch),
        (Batch { last_offset_delta: 1, ..good.clone() }, BatchError::RecordCountMismatch),
        (Batch { last_offset_delta: -1, ..good.clone() }, BatchError::RecordCountMismatch),
        (Batch { record_count: 2, last_offset_delta: 1, ..good.clone() }, BatchError::Truncated),
        (Batch::new(i32::MAX, value_record(0, b"v")), BatchError::Truncated),
        (Batch { producer_id: 0, base_sequence: 0, ..good.clone() }, BatchError::InvalidSequence),
        (Batch { producer_id: 0, producer_epoch: 0, ..good.clone() }, BatchError::InvalidSequence),
    ] {
        assert_eq!(validate_all(&batch.encode()), Err(error));
    }
}

#[test]
fn a_sequence_without_a_producer_id_means_nothing() {
    let batch =
        Batch { producer_epoch: 0, base_sequence: 0, ..Batch::new(1, value_record(0, b"")) };
    assert_eq!(validate_all(&batch.encode()).unwrap()[0].producer, None);
}

#[test]
fn a_timestamp_that_overflows_is_refused() {
    let zero = &varint(0)[..];
    let null = &varint(-1)[..];
    for (base_timestamp_ms, delta_ms) in [(i64::MAX, 1), (i64::MIN, -1), (1, i64::MAX)] {
        let records = record_of(&[zero, &varint(delta_ms), zero, null, null, zero]);
        let batch = Batch { base_timestamp_ms, ..Batch::new(1, records) };
        assert_eq!(validate_all(&batch.encode()), Err(BatchError::TimestampOutOfRange));
    }
}

#[test]
fn lengths_and_formats_that_cannot_be_are_refused() {
    let good = Batch::new(1, value_record(0, b"v")).encode();
    for (length, error) in [
        (-1, BatchError::InvalidLength),
        (i32::MIN, BatchError::InvalidLength),
        (0, BatchError::InvalidLength),
        (48, BatchError::InvalidLength),
        (i32::MAX, BatchError::Truncated),
    ] {
        let mut batch = good.clone();
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(validate_all(&batch), Err(error));
    }
    let mut unknown = good;
    unknown[16] = 3;
    assert_eq!(validate_all(&unknown), Err(BatchError::UnknownMagic { magic: 3 }));
}

#[test]
fn a_batch_as_sent_has_a_limit() {
    let batch = Batch::new(1, value_record(0, b"v")).encode();
    let within = |batch_bytes_max| {
        validate_within(&batch, &Limits { batch_bytes_max, ..Limits::default() }).map(|_| ())
    };
    assert_eq!(within(batch.len()), Ok(()));
    let bytes_max = batch.len() - 1;
    assert_eq!(within(bytes_max), Err(BatchError::BatchTooLarge { bytes_max }));
}

#[test]
fn headers_of_a_record_have_a_limit() {
    let headers = vec![(b"h".to_vec(), None); 3];
    let batch = build(&[Owned { headers, ..Owned::value(b"v") }], Codec::None);
    let within = |headers_per_record_max| {
        validate_within(&batch, &Limits { headers_per_record_max, ..Limits::default() }).map(|_| ())
    };
    assert_eq!(within(3), Ok(()));
    assert_eq!(within(2), Err(BatchError::TooManyHeaders { headers_max: 2 }));
}

#[test]
fn only_one_batch_is_read_at_a_time() {
    let batch = Batch::new(1, value_record(0, b"v")).encode();
    let mut scratch = Scratch::new();
    let two = batch.repeat(2);
    let refused = read(&two, &Limits::default(), &mut scratch).err();
    assert_eq!(refused, Some(BatchError::TrailingBytes));
    let none = read(&[], &Limits::default(), &mut scratch).err();
    assert_eq!(none, Some(BatchError::Truncated));
}

#[test]
fn only_damage_on_the_way_asks_for_another_try() {
    for (error, code) in [
        (BatchError::ChecksumMismatch, ErrorCode::CorruptMessage),
        (BatchError::Truncated, ErrorCode::InvalidRecord),
        (BatchError::UnsupportedCodec { id: 5 }, ErrorCode::UnsupportedCompressionType),
        (BatchError::BatchTooLarge { bytes_max: 1 }, ErrorCode::MessageTooLarge),
        (BatchError::DecompressedTooLarge { bytes_max: 1 }, ErrorCode::MessageTooLarge),
        (BatchError::Transactional, ErrorCode::TransactionalIdAuthorizationFailed),
    ] {
        assert_eq!(error.error_code(), code);
    }
}

//! Record batches and message sets: round trips, every codec in every framing, an implementation by
//! others, and hostile bytes.

mod codecs;
mod hostile;
mod make;
mod oracle;
mod round_trip;
mod sets;

use logboom_wire::records::{
    BatchBuilder, BatchError, Codec, Limits, Record, Scratch, Summary, batches, read, validate,
};
use proptest::prelude::*;

/// A record that owns what it consists of.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Owned {
    /// A record with nothing but a value.
    fn value(value: &[u8]) -> Self {
        Self { timestamp_ms: None, key: None, value: Some(value.to_vec()), headers: Vec::new() }
    }
}

impl From<Record<'_>> for Owned {
    fn from(record: Record<'_>) -> Self {
        let headers =
            record.headers.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)));
        Self {
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.collect(),
        }
    }
}

/// Builds a batch of these records.
fn build(records: &[Owned], codec: Codec) -> Vec<u8> {
    builder(records).build(codec)
}

fn builder(records: &[Owned]) -> BatchBuilder {
    let mut builder = BatchBuilder::new();
    for record in records {
        let headers: Vec<_> =
            record.headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
        builder
            .append(
                record.timestamp_ms.unwrap_or(-1),
                record.key.as_deref(),
                record.value.as_deref(),
                &headers,
            )
            .unwrap();
    }
    builder
}

/// Validates all batches of a partition.
fn validate_all(records: &[u8]) -> Result<Vec<Summary>, BatchError> {
    validate_within(records, &Limits::default())
}

fn validate_within(records: &[u8], limits: &Limits) -> Result<Vec<Summary>, BatchError> {
    let mut scratch = Scratch::new();
    batches(records).map(|batch| validate(&batch?, limits, &mut scratch)).collect()
}

/// Validates and reads all batches of a partition, and holds reading to what validation promised.
fn read_all(records: &[u8]) -> Result<Vec<Owned>, BatchError> {
    let mut scratch = Scratch::new();
    let mut all = Vec::new();
    for batch in batches(records) {
        let batch = batch?;
        let summary = validate(&batch, &Limits::default(), &mut scratch)?;
        let records = read(batch.bytes, &Limits::WIDEST, &mut scratch)
            .unwrap_or_else(|error| panic!("valid, but cannot be read: {error}"));
        let first = all.len();
        for (index, record) in records.enumerate() {
            let record =
                record.unwrap_or_else(|error| panic!("valid, but record {index}: {error}"));
            assert_eq!(record.index as usize, index);
            all.push(Owned::from(record));
        }
        let records = &all[first..];
        assert_eq!(records.len(), summary.record_count as usize);
        assert_eq!(records[0].timestamp_ms, summary.first_timestamp_ms);
        let max = records.iter().map(|record| record.timestamp_ms).max();
        assert_eq!(max, Some(summary.max_timestamp_ms));
    }
    Ok(all)
}

/// Keys and values: null, empty, and up to some size, partly compressible.
fn any_nullable_bytes(size_max: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    let repeated = (any::<Vec<u8>>(), 0..=size_max)
        .prop_map(|(unit, size)| unit.iter().copied().cycle().take(size).collect::<Vec<_>>());
    let random = prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Vec::new())),
        4 => random.prop_map(Some),
        2 => repeated.prop_map(Some),
    ]
}

/// A record with a value of up to `value_bytes_max` bytes.
fn any_record(value_bytes_max: usize) -> impl Strategy<Value = Owned> {
    let header = (prop::collection::vec(any::<u8>(), 0..8), any_nullable_bytes(16));
    let timestamp_ms = prop_oneof![
        1 => Just(None),
        4 => (0..i64::MAX / 2).prop_map(Some),
    ];
    (
        timestamp_ms,
        any_nullable_bytes(64),
        any_nullable_bytes(value_bytes_max),
        prop::collection::vec(header, 0..4),
    )
        .prop_map(|(timestamp_ms, key, value, headers)| Owned {
            timestamp_ms,
            key,
            value,
            headers,
        })
}

fn any_codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(&Codec::ALL[..])
}

//! Record batches and message sets.

use bytes::Bytes;
use kafka_protocol::records::{Record as TheirRecord, RecordBatchDecoder};
use logboom_wire::records::{
    BatchError, Codec, Limits, RawBatch, Record, Scratch, Summary, TimestampType, batches, read,
    validate,
};

use crate::memory::bounded;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Where a v2 batch has its checksum, and what that covers.
const CHECKSUM_AT: usize = 17;
const CHECKSUMMED_FROM: usize = 21;

/// Batches that are larger when decompressed are validated and not read: reading takes as much
/// memory as there is in them, by design.
const READ_BYTES_MAX: u64 = 256 * 1024;

/// What a fresh [`Scratch`] takes for a codec, at most, besides what every decoder may take.
///
/// A server has one scratch for each worker and not for each connection, so these are no numbers
/// that a peer can multiply. They are the sizes of the formats.
#[must_use]
pub(crate) fn scratch_bytes_max(codec: Codec, compressed_bytes: usize) -> usize {
    match codec {
        Codec::None => 0,
        // A chunk of 64 KiB, 32 KiB of history, and tables.
        Codec::Gzip => 128 * KIB,
        // A block must be in memory as a whole. None grows by more than 22 times.
        Codec::Snappy => (22 * compressed_bytes).min(Limits::default().snappy_block_bytes_max),
        // A block must be in memory as a whole, up to 4 MiB, and with it twice 64 KiB of history. None
        // grows by more than 255 times.
        Codec::Lz4 => (255 * compressed_bytes).min(4 * MIB) + 128 * KIB,
        // The largest window a frame may ask for, 8 MiB, some blocks of 128 KiB, and tables. The most
        // that was seen in all is 9,992,024 bytes, for 98 bytes of input.
        Codec::Zstd => 10 * MIB,
    }
}

/// The same for a batch, whichever codec it or a message in it says it has.
fn scratch_bytes_max_of(batch: &RawBatch<'_>) -> usize {
    let of = |codec| scratch_bytes_max(codec, batch.bytes.len());
    match batch.header {
        Some(header) => header.attributes.codec().map_or(0, of),
        None => Codec::ALL.into_iter().filter(|codec| *codec != Codec::Zstd).map(of).sum(),
    }
}

/// What may be in the records of a partition, checksums and all.
pub fn record_batch(input: &[u8]) {
    check_records(input);
}

/// The same, with lengths and checksums made right first, so that what is behind them is reached.
pub fn record_batch_sealed(input: &[u8]) {
    let mut records = input.to_vec();
    seal(&mut records);
    check_records(&records);
}

/// Makes the checksums of all batches and messages right, and the length of the last one.
fn seal(mut rest: &mut [u8]) {
    while rest.len() > CHECKSUMMED_FROM {
        let behind = rest.len() - 12;
        let claimed = [rest[8], rest[9], rest[10], rest[11]];
        let length = usize::try_from(i32::from_be_bytes(claimed)).unwrap_or(behind);
        let length = if length <= behind { length.max(10) } else { behind };
        let (entry, others) = rest.split_at_mut(12 + length);
        entry[8..12].copy_from_slice(&(length as u32).to_be_bytes());
        match entry[16] {
            0 | 1 => {
                let checksum = crc_fast::crc32_iso_hdlc(&entry[16..]);
                entry[12..16].copy_from_slice(&checksum.to_be_bytes());
            }
            _ => {
                let checksum = crc_fast::crc32_iscsi(&entry[CHECKSUMMED_FROM..]);
                entry[CHECKSUM_AT..CHECKSUMMED_FROM].copy_from_slice(&checksum.to_be_bytes());
            }
        }
        rest = others;
    }
}

/// Splits, validates and reads records, and holds every step to what the others say.
pub(crate) fn check_records(records: &[u8]) {
    let split = bounded(records.len(), 0, || batches(records).count());
    let mut bytes = 0;
    for batch in batches(records).take(split) {
        let Ok(batch) = batch else { return };
        bytes += batch.bytes.len();
        check_batch(&batch);
    }
    assert_eq!(bytes, records.len(), "batches without an error are all there is");
}

fn check_batch(batch: &RawBatch<'_>) {
    let scratch_bytes = scratch_bytes_max_of(batch);
    let summary = bounded(batch.bytes.len(), scratch_bytes, || {
        validate(batch, &Limits::default(), &mut Scratch::new())
    });
    match summary {
        Ok(summary) => check_valid(batch, &summary, scratch_bytes),
        Err(error) => check_invalid(batch, error, scratch_bytes),
    }
}

/// What is refused can be read without harm, by those who do not know that it was.
fn check_invalid(batch: &RawBatch<'_>, error: BatchError, scratch_bytes: usize) {
    assert_ne!(error.to_string(), "");
    let decompressed_bytes_max = READ_BYTES_MAX as usize;
    let limits = Limits { decompressed_bytes_max, ..Limits::default() };
    // The vector that grows is there twice when it moves.
    let more = scratch_bytes + 3 * decompressed_bytes_max;
    bounded(batch.bytes.len(), more, || {
        let mut scratch = Scratch::new();
        if let Ok(records) = read(batch.bytes, &limits, &mut scratch) {
            records.for_each(drop);
        }
    });
}

fn check_valid(batch: &RawBatch<'_>, summary: &Summary, scratch_bytes: usize) {
    assert!(summary.record_count > 0);
    if summary.decompressed_bytes > READ_BYTES_MAX {
        return;
    }
    // A small frame may declare a large window: a server decompresses it in one go, and who reads what
    // is stored, one batch at a time, makes the window.
    let window_bytes =
        if summary.codec == Codec::Zstd { 1 << Limits::WIDEST.zstd_window_log_max } else { 0 };
    let more = scratch_bytes + window_bytes + 3 * READ_BYTES_MAX as usize;
    bounded(batch.bytes.len(), more, || {
        let mut scratch = Scratch::new();
        let records = read(batch.bytes, &Limits::WIDEST, &mut scratch).expect("valid");
        let mut count = 0;
        let mut max_timestamp_ms = None;
        for (index, record) in records.enumerate() {
            let record = record.expect("valid");
            assert_eq!(record.index as usize, index);
            assert_eq!(record.headers.count(), record.headers.len());
            if index == 0 {
                assert_eq!(record.timestamp_ms, summary.first_timestamp_ms);
            }
            max_timestamp_ms = max_timestamp_ms.max(record.timestamp_ms);
            count += 1;
        }
        assert_eq!((count, max_timestamp_ms), (summary.record_count, summary.max_timestamp_ms));
    });
    compare(batch, summary);
}

/// Compares with `kafka-protocol`, which decompresses whatever it is given: ours knows how much
/// that is.
fn compare(batch: &RawBatch<'_>, summary: &Summary) {
    const ROOM: i64 = 1 << 40;

    let Some(header) = batch.header.filter(|header| header.base_offset.abs() < ROOM) else {
        return;
    };
    let mut scratch = Scratch::new();
    let ours = read(batch.bytes, &Limits::WIDEST, &mut scratch).expect("valid");
    let ours: Vec<_> = ours.map(|record| record.expect("valid")).collect();
    if !ours.iter().all(has_text_names) {
        return;
    }
    let theirs = match RecordBatchDecoder::decode(&mut Bytes::copy_from_slice(batch.bytes)) {
        Ok(theirs) => theirs.records,
        // They know one member of gzip, and one frame of lz4.
        Err(_) if summary.codec != Codec::None => return,
        Err(error) => panic!("accepted here, and there {error}"),
    };
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(i64::from(ours.index) + header.base_offset, theirs.offset);
        // Other than ours, theirs gives out a timestamp of each record in a log that sets its own.
        if ours.timestamp_type == TimestampType::CreateTime {
            assert_eq!(ours.timestamp_ms.unwrap_or(-1), theirs.timestamp);
        }
        assert_eq!(ours.key, theirs.key.as_deref());
        assert_eq!(ours.value, theirs.value.as_deref());
        assert!(same_headers(ours, theirs));
    }
}

/// They take nothing but UTF-8 for the name of a header.
fn has_text_names(record: &Record<'_>) -> bool {
    record.headers.into_iter().all(|(name, _)| str::from_utf8(name).is_ok())
}

/// Of headers with the same name they keep the last, at the place of the first.
fn same_headers(ours: &Record<'_>, theirs: &TheirRecord) -> bool {
    let last = |name: &[u8]| {
        ours.headers.into_iter().filter(|(other, _)| *other == name).last().map(|(_, value)| value)
    };
    theirs.headers.iter().all(|(name, value)| last(name.as_bytes()) == Some(value.as_deref()))
        && ours.headers.into_iter().all(|(name, _)| theirs.headers.contains_key(name))
}

//! How much memory a few bytes can make validation take.
//!
//! The allocator of this test counts what its own thread holds. zstd allocates through it as well,
//! because the tests turn on the feature of the crate that makes it so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use logboom_wire::records::{
    BatchBuilder, BatchError, Codec, Limits, Scratch, Summary, batches, read, validate,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A chunk, 32 KiB of history, and tables.
const GZIP_BYTES_MAX: usize = 128 * KIB;

/// A block of 4 MiB, and twice 64 KiB of history.
const LZ4_BYTES_MAX: usize = 4 * MIB + 256 * KIB;

/// A window of 8 MiB, a block more of it, a block of input, a chunk, and tables.
const ZSTD_BYTES_MAX: usize = 8 * MIB + 640 * KIB;

/// Counts the bytes that the current thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: everything is passed on to the allocator of the system. Counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a codec may keep for the next batch.
const KEPT_BYTES_MAX: usize = LZ4_BYTES_MAX;

/// What validating took.
struct Cost {
    result: Result<Summary, BatchError>,
    /// The most that was held at a time, in bytes.
    peak_bytes: usize,
    /// What is still held for the next batch.
    kept_bytes: usize,
    /// What the scratch says it holds.
    held_bytes: usize,
    decompressed_bytes: u64,
}

impl Cost {
    #[track_caller]
    fn assert_little_is_kept(&self, codec: Codec) {
        let Self { kept_bytes, held_bytes, .. } = *self;
        assert!(kept_bytes <= KEPT_BYTES_MAX, "{codec:?} keeps {kept_bytes} bytes");
        let error = kept_bytes.abs_diff(held_bytes);
        assert!(error <= 16 * KIB, "{codec:?} keeps {kept_bytes} bytes, not {held_bytes}");
    }
}

fn cost_of(batch: &[u8]) -> Cost {
    let before = HELD.get();
    PEAK.set(before);
    let mut scratch = Scratch::new();
    let raw = batches(batch).next().unwrap().unwrap();
    let result = validate(&raw, &Limits::default(), &mut scratch);
    Cost {
        result,
        peak_bytes: (PEAK.get() - before).cast_unsigned(),
        kept_bytes: (HELD.get() - before).cast_unsigned(),
        held_bytes: scratch.bytes_held(),
        decompressed_bytes: scratch.bytes_decompressed(),
    }
}

/// A batch that says it has one record, compressed with `codec` to these bytes.
fn batch(codec: Codec, compressed: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.append(0, None, None, &[]).unwrap();
    let mut batch = builder.build(Codec::None);
    batch.truncate(61);
    batch.extend(compressed);
    batch[22] = codec as u8;
    reseal(&mut batch);
    batch
}

/// Makes length and checksum right again.
fn reseal(batch: &mut [u8]) {
    let length = u32::try_from(batch.len() - 12).unwrap();
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = crc_fast::crc32_iscsi(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
}

/// How a record starts that has a value of 1 GiB and nothing else: its length, attributes,
/// timestamp, offset, key, the length of the value.
const GIB_RECORD: [u8; 14] = [
    0x94, 0x80, 0x80, 0x80, 0x08, // 1 GiB + 10
    0, 0, 0, 1, //
    0x80, 0x80, 0x80, 0x80, 0x08, // 1 GiB
];

/// 1 MiB of gzip that is a record of 1 GiB.
fn gzip_bomb() -> Vec<u8> {
    let start = gzip(&GIB_RECORD);
    let zeros = gzip(&vec![0; 8 * MIB]);
    let mut bomb = start;
    while bomb.len() < MIB {
        bomb.extend(&zeros);
    }
    bomb
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An LZ4 frame with blocks of 4 MiB, linked so that the history is needed as well, that is a
/// record of 1 GiB.
fn lz4_bomb() -> Vec<u8> {
    let mut bomb = vec![0x04, 0x22, 0x4d, 0x18, 0x40, 0x70];
    bomb.push((twox_hash::XxHash32::oneshot(0, &bomb[4..]) >> 8) as u8);
    let stored = GIB_RECORD.len() as u32 | 1 << 31;
    bomb.extend(stored.to_le_bytes());
    bomb.extend(GIB_RECORD);
    let zeros = lz4_flex::block::compress(&vec![0; 4 * MIB]);
    for _ in 0..256 {
        bomb.extend((zeros.len() as u32).to_le_bytes());
        bomb.extend(&zeros);
    }
    bomb.extend([0; 4]);
    bomb
}

/// A zstd frame with this window that is a record of 1 GiB: a stored block, and then blocks that
/// are one byte repeated.
fn zstd_bomb(window_log: u8) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    let block = |kind: u32, bytes: usize| ((bytes as u32) << 3 | kind << 1).to_le_bytes();
    bomb.extend(&block(0, GIB_RECORD.len())[..3]);
    bomb.extend(GIB_RECORD);
    for _ in 0..8192 {
        bomb.extend(&block(1, 128 * KIB)[..3]);
        bomb.push(0);
    }
    bomb
}

#[test]
fn bombs_are_refused_at_the_limit_in_little_memory() {
    let limits = Limits::default();
    for (codec, bomb, peak_bytes_max) in [
        (Codec::Gzip, gzip_bomb(), GZIP_BYTES_MAX),
        (Codec::Lz4, lz4_bomb(), LZ4_BYTES_MAX),
        (Codec::Zstd, zstd_bomb(limits.zstd_window_log_max as u8), ZSTD_BYTES_MAX),
    ] {
        let cost = cost_of(&batch(codec, &bomb));
        let bytes_max = limits.decompressed_bytes_max;
        assert_eq!(cost.result, Err(BatchError::DecompressedTooLarge { bytes_max }));
        let peak_bytes = cost.peak_bytes;
        assert!(peak_bytes <= peak_bytes_max, "{codec:?} took {peak_bytes} bytes");
        let overshoot = cost.decompressed_bytes - bytes_max as u64;
        assert!(overshoot <= 4 * MIB as u64, "{codec:?} went {overshoot} bytes too far");
        cost.assert_little_is_kept(codec);
    }
}

#[test]
fn a_zstd_window_above_the_limit_is_not_allocated() {
    let cost = cost_of(&batch(Codec::Zstd, &zstd_bomb(27)));
    assert_eq!(cost.result, Err(BatchError::CompressedDataInvalid { codec: Codec::Zstd }));
    assert!(cost.peak_bytes <= ZSTD_BYTES_MAX, "{} bytes", cost.peak_bytes);
}

#[test]
fn a_snappy_block_is_not_allocated_unless_its_input_could_fill_it() {
    // A block that claims 2 GiB, alone and behind the header of snappy-java.
    let claim = [&[0xff, 0xff, 0xff, 0xff, 0x07][..], &[0; 20]].concat();
    let framed = [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x19"[..], &claim].concat();
    for block in [claim, framed] {
        let cost = cost_of(&batch(Codec::Snappy, &block));
        assert_eq!(cost.result, Err(BatchError::CompressedDataInvalid { codec: Codec::Snappy }));
        assert_eq!(cost.peak_bytes, 0);
    }
}

#[test]
fn a_snappy_block_above_its_limit_is_not_allocated() {
    let limits = Limits::default();
    // Zeros as dense as they get.
    let records = snap::raw::Encoder::new()
        .compress_vec(&vec![0; limits.snappy_block_bytes_max + 1])
        .unwrap();
    let cost = cost_of(&batch(Codec::Snappy, &records));
    let bytes_max = limits.snappy_block_bytes_max;
    assert_eq!(cost.result, Err(BatchError::DecompressedTooLarge { bytes_max }));
    assert_eq!(cost.peak_bytes, 0);
}

#[test]
fn memory_does_not_grow_with_a_valid_batch() {
    let limits = Limits::default();
    let mut builder = BatchBuilder::new();
    builder.append(0, None, Some(&vec![b'x'; 30 * MIB]), &[]).unwrap();
    for (codec, peak_bytes_max) in [
        (Codec::None, 0),
        (Codec::Gzip, GZIP_BYTES_MAX),
        // A block as a whole.
        (Codec::Snappy, limits.snappy_block_bytes_max),
        (Codec::Lz4, LZ4_BYTES_MAX),
        (Codec::Zstd, ZSTD_BYTES_MAX),
    ] {
        let cost = cost_of(&builder.build(codec));
        assert!(cost.result.is_ok());
        let peak_bytes = cost.peak_bytes;
        assert!(peak_bytes <= peak_bytes_max, "{codec:?} took {peak_bytes} bytes");
        cost.assert_little_is_kept(codec);
    }
}

#[test]
fn counts_are_not_believed() {
    // Attributes, timestamp, offset, key, value, and i32::MAX headers.
    let record = [0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f];
    let headers = batch(Codec::None, &[&[record.len() as u8 * 2][..], &record].concat());
    let mut records = batch(Codec::None, &[]);
    records[23..27].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
    records[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    reseal(&mut records);
    for batch in [headers, records] {
        let cost = cost_of(&batch);
        assert!(cost.result.is_err());
        assert_eq!(cost.peak_bytes, 0);
    }
}

#[test]
fn a_long_gzip_header_is_not_copied() {
    let mut member = vec![0x1f, 0x8b, 8, 0b0000_1000, 0, 0, 0, 0, 0, 0];
    member.resize(MIB, b'x');
    let cost = cost_of(&batch(Codec::Gzip, &member));
    assert_eq!(cost.result, Err(BatchError::CompressedDataInvalid { codec: Codec::Gzip }));
    assert!(cost.peak_bytes <= GZIP_BYTES_MAX, "{} bytes", cost.peak_bytes);
}

#[test]
fn what_reading_a_large_batch_took_is_given_back() {
    let build = |value: &[u8]| {
        let mut builder = BatchBuilder::new();
        builder.append(0, None, Some(value), &[]).unwrap();
        builder.build(Codec::Gzip)
    };
    let (large, small) = (build(&vec![b'x'; 30 * MIB]), build(b"x"));
    let mut scratch = Scratch::new();
    let limits = Limits::default();
    assert_eq!(read(&large, &limits, &mut scratch).unwrap().count(), 1);
    assert!(scratch.bytes_held() >= 30 * MIB);
    assert_eq!(read(&small, &limits, &mut scratch).unwrap().count(), 1);
    assert!(scratch.bytes_held() <= KEPT_BYTES_MAX, "{} bytes", scratch.bytes_held());
}

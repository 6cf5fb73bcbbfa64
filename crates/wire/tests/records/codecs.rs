//! The framings that clients put compressed records into.

use logboom_wire::records::{BatchError, Codec, Limits};
use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};

use super::make::{Batch, gzip, lz4, snappy, snappy_stream, value_record, zstd};
use super::*;

/// Enough for several chunks and blocks, and only partly compressible.
fn values() -> Vec<Vec<u8>> {
    let word = |number: u32| number.wrapping_mul(2_654_435_761).to_be_bytes();
    (0..16u32)
        .map(|index| (0..5000).flat_map(|number| word((number * index) % 997)).collect())
        .collect()
}

fn encoded(values: &[Vec<u8>]) -> Vec<u8> {
    let records = values.iter().enumerate();
    records.flat_map(|(index, value)| value_record(index as i32, value)).collect()
}

/// A batch of [`values`] whose records somebody compressed.
fn batch(codec: Codec, compressed: Vec<u8>) -> Vec<u8> {
    Batch { attributes: codec as i16, ..Batch::new(values().len() as i32, compressed) }.encode()
}

#[track_caller]
fn assert_read(codec: Codec, compressed: Vec<u8>) {
    let read: Vec<_> = read_all(&batch(codec, compressed)).unwrap();
    let expected: Vec<_> = values()
        .iter()
        .map(|value| Owned { timestamp_ms: Some(0), ..Owned::value(value) })
        .collect();
    assert!(read == expected);
}

#[track_caller]
fn assert_damaged(codec: Codec, compressed: Vec<u8>) {
    let expected = BatchError::CompressedDataInvalid { codec };
    assert_eq!(validate_all(&batch(codec, compressed)), Err(expected));
}

#[test]
fn gzip_members_follow_one_another() {
    let records = encoded(&values());
    for first_bytes in [records.len() / 3, records.len() / 2, records.len() * 2 / 3] {
        let (first, second) = records.split_at(first_bytes);
        assert_read(Codec::Gzip, [gzip(first), gzip(&[]), gzip(second)].concat());
        assert_read(Codec::Gzip, [gzip(first), gzip(second)].concat());
    }
}

#[test]
fn every_field_of_a_gzip_header_is_skipped() {
    let plain = gzip(&encoded(&values()));
    let mut member = vec![0x1f, 0x8b, 8, 0b0001_1110];
    member.extend(&plain[4..10]);
    member.extend([3, 0, 1, 2, 3]);
    member.extend(b"name\0comment\0");
    member.extend([0, 0]);
    member.extend(&plain[10..]);
    assert_read(Codec::Gzip, member);
}

#[test]
fn damaged_gzip_is_refused() {
    let plain = gzip(&encoded(&values()));
    let changed = |index: usize, value: u8| {
        let mut changed = plain.clone();
        changed[index] = value;
        changed
    };
    // With an empty member at the end it is decompressed piece by piece: nothing says how large it is.
    for last in [Vec::new(), gzip(&[])] {
        let damaged = |index, value| {
            assert_damaged(Codec::Gzip, [changed(index, value), last.clone()].concat())
        };
        damaged(0, 0);
        damaged(3, 0x80);
        damaged(plain.len() - 8, !plain[plain.len() - 8]);
        damaged(plain.len() - 1, 1);
    }
    assert_damaged(Codec::Gzip, plain[..plain.len() - 1].to_vec());
    assert_damaged(Codec::Gzip, plain[..plain.len() / 2].to_vec());
    assert_damaged(Codec::Gzip, [&plain[..], b"?"].concat());
}

#[test]
fn snappy_comes_raw_or_in_the_framing_of_snappy_java() {
    let records = encoded(&values());
    assert_read(Codec::Snappy, snappy(&records));
    assert_read(Codec::Snappy, snappy_stream(&records, 32 * 1024));
}

#[test]
fn damaged_snappy_is_refused() {
    let records = encoded(&values());
    let raw = snappy(&records);
    assert_damaged(Codec::Snappy, raw[..raw.len() - 1].to_vec());
    assert_damaged(Codec::Snappy, [&raw[..], &[0]].concat());
    let stream = snappy_stream(&records, 32 * 1024);
    assert_damaged(Codec::Snappy, stream[..stream.len() - 1].to_vec());
    assert_damaged(Codec::Snappy, [&stream[..], &[0, 0, 0]].concat());
    assert_damaged(Codec::Snappy, [&stream[..], &[0xff; 4]].concat());
    assert_damaged(Codec::Snappy, [&stream[..], &[0; 4]].concat());
}

#[test]
fn a_snappy_block_has_a_limit_of_its_own() {
    let records = encoded(&values());
    let limits = Limits { snappy_block_bytes_max: 64 * 1024, ..Limits::default() };
    let raw = batch(Codec::Snappy, snappy(&records));
    let too_large = BatchError::DecompressedTooLarge { bytes_max: 64 * 1024 };
    assert_eq!(validate_within(&raw, &limits), Err(too_large));
    let stream = batch(Codec::Snappy, snappy_stream(&records, 32 * 1024));
    assert!(validate_within(&stream, &limits).is_ok());
}

#[test]
fn every_kind_of_lz4_frame_is_read() {
    use lz4_flex::frame::BlockSize::{Max1MB, Max4MB, Max64KB, Max256KB};

    let records = encoded(&values());
    for block_size in [Max64KB, Max256KB, Max1MB, Max4MB] {
        for flags in 0..16 {
            let flag = |bit: u32| flags & (1 << bit) != 0;
            let info = FrameInfo::new()
                .block_size(block_size)
                .block_mode(if flag(0) { BlockMode::Linked } else { BlockMode::Independent })
                .block_checksums(flag(1))
                .content_checksum(flag(2))
                .content_size(flag(3).then_some(records.len() as u64));
            assert_read(Codec::Lz4, lz4(&records, info));
        }
    }
}

#[test]
fn lz4_frames_follow_one_another_and_some_are_skipped() {
    let records = encoded(&values());
    let (first, second) = records.split_at(records.len() / 3);
    let info = FrameInfo::new();
    let skipped = [0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames =
        [&lz4(first, info.clone())[..], &skipped, &lz4(&[], info.clone()), &lz4(second, info)];
    assert_read(Codec::Lz4, frames.concat());
}

#[test]
fn small_linked_lz4_blocks_reach_back_across_many_blocks() {
    use std::io::Write as _;

    // Each flush ends a block.
    let info = FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    for piece in encoded(&values()).chunks(777) {
        encoder.write_all(piece).unwrap();
        encoder.flush().unwrap();
    }
    assert_read(Codec::Lz4, encoder.finish().unwrap());
}

#[test]
fn damaged_lz4_is_refused() {
    let records = encoded(&values());
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_checksums(true)
        .content_checksum(true)
        .content_size(Some(records.len() as u64));
    let frame = lz4(&records, info);
    let changed = |index: usize| {
        let mut changed = frame.clone();
        changed[index] ^= 1;
        changed
    };
    // Magic number, flags, block size, content size, header checksum, first block, its checksum.
    let first_block = u32::from_le_bytes(frame[15..19].try_into().unwrap()) as usize;
    for index in [0, 4, 5, 6, 14, 15, 19, 19 + first_block, frame.len() - 1] {
        assert_damaged(Codec::Lz4, changed(index));
    }
    // Without the end mark and the checksum behind it, the frame is not complete.
    for missing in [1, 4, 8, 9] {
        assert_damaged(Codec::Lz4, frame[..frame.len() - missing].to_vec());
    }
    assert_damaged(Codec::Lz4, [&frame[..], &[0; 7]].concat());
}

#[test]
fn zstd_frames_follow_one_another_and_some_are_skipped() {
    let records = encoded(&values());
    let (first, second) = records.split_at(records.len() / 3);
    let sized = ::zstd::bulk::compress(second, 3).unwrap();
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    assert_read(Codec::Zstd, [&zstd(first, 3)[..], &skipped, &zstd(&[], 3), &sized].concat());
}

#[test]
fn damaged_zstd_is_refused() {
    let frame = zstd(&encoded(&values()), 3);
    assert_damaged(Codec::Zstd, frame[..frame.len() - 1].to_vec());
    assert_damaged(Codec::Zstd, frame[..frame.len() / 2].to_vec());
    assert_damaged(Codec::Zstd, [&frame[..], b"?"].concat());
    let mut changed = frame;
    changed[0] ^= 1;
    assert_damaged(Codec::Zstd, changed);
}

#[test]
fn the_highest_zstd_level_is_read() {
    // It declares a window of 128 MiB, whatever there is to compress.
    assert_read(Codec::Zstd, zstd(&encoded(&values()), 22));
}

#[test]
fn content_that_needs_too_large_a_zstd_window_is_refused() {
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    let record = value_record(0, &vec![7; 9 * 1024 * 1024]);
    std::io::copy(&mut &record[..], &mut encoder).unwrap();
    let records = encoder.finish().unwrap();
    let batch = Batch { attributes: Codec::Zstd as i16, ..Batch::new(1, records) }.encode();
    let invalid = BatchError::CompressedDataInvalid { codec: Codec::Zstd };
    assert_eq!(validate_all(&batch), Err(invalid));
    let limits = Limits { zstd_window_log_max: 24, ..Limits::default() };
    assert!(validate_within(&batch, &limits).is_ok());
}

#[test]
fn the_limit_of_decompressed_bytes_holds_for_every_codec() {
    let records = encoded(&values());
    let info = FrameInfo::new().block_size(BlockSize::Max64KB);
    for (codec, compressed) in [
        (Codec::Gzip, gzip(&records)),
        (Codec::Snappy, snappy(&records)),
        (Codec::Snappy, snappy_stream(&records, 1024)),
        (Codec::Lz4, lz4(&records, info)),
        (Codec::Zstd, zstd(&records, 3)),
    ] {
        let batch = batch(codec, compressed);
        let within = |decompressed_bytes_max| {
            let limits = Limits { decompressed_bytes_max, ..Limits::default() };
            validate_within(&batch, &limits).map(|_| ())
        };
        assert_eq!(within(records.len()), Ok(()));
        let bytes_max = records.len() - 1;
        assert_eq!(within(bytes_max), Err(BatchError::DecompressedTooLarge { bytes_max }));
    }
}

#[test]
fn codecs_that_do_not_exist_are_refused() {
    for id in 5..=7u8 {
        let batch = Batch { attributes: id.into(), ..Batch::new(1, value_record(0, b"v")) };
        assert_eq!(validate_all(&batch.encode()), Err(BatchError::UnsupportedCodec { id }));
    }
}

//! Compression, for batches that are built here.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use lz4_flex::frame::FrameEncoder;

use super::Codec;

/// Compresses the records of a batch as the usual clients do at their default level.
///
/// # Errors
///
/// None but those of codecs that run out of memory.
pub(super) fn compress(codec: Codec, records: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        Codec::None => Ok(records.to_vec()),
        Codec::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(records)?;
            encoder.finish()
        }
        Codec::Snappy => Ok(snap::raw::Encoder::new().compress_vec(records)?),
        Codec::Lz4 => {
            let mut encoder = FrameEncoder::new(Vec::new());
            encoder.write_all(records)?;
            Ok(encoder.finish()?)
        }
        Codec::Zstd => zstd::bulk::compress(records, zstd::DEFAULT_COMPRESSION_LEVEL),
    }
}

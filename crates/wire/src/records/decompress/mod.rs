//! Decompression in chunks, with bounded memory.
//!
//! A decoder fills a window with the next chunk of its output and keeps no more than its format
//! needs to go on. How much that is, whatever the input claims:
//!
//! | codec | memory |
//! | --- | --- |
//! | gzip | a chunk, and 32 KiB of history inside the decoder |
//! | snappy | a block; a raw batch is one block, at most `snappy_block_bytes_max` |
//! | lz4 | a block of at most 4 MiB, and 64 KiB of history |
//! | zstd | a chunk, and a window of at most `2^zstd_window_log_max` inside the decoder |

mod gzip;
mod lz4;
mod snappy;
mod zstd;

use std::fmt;
use std::ops::Range;

use self::gzip::Gzip;
use self::lz4::Lz4;
use self::snappy::Snappy;
use self::zstd::Zstd;
use super::{BatchError, Codec, Limits};

/// Large enough that a chunk costs little compared with what is in it, small enough for the
/// second-level cache.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is kept between batches, of the window and of the zstd context each: enough for LZ4 blocks
/// of 4 MiB, which sarama writes, and for the zstd levels that are in use. Beyond, memory is given
/// back.
const KEPT_BYTES_MAX: usize = lz4::WINDOW_BYTES_MAX;

/// The parts of decoders that are worth reusing.
#[derive(Default)]
pub(super) struct Decoders {
    window: Vec<u8>,
    inflate: Option<flate2::Decompress>,
    zstd: Option<::zstd::zstd_safe::DCtx<'static>>,
}

impl Decoders {
    /// Starts to decompress `input`. More than `bytes_max` bytes of output are an error.
    pub(super) fn start<'a>(
        &'a mut self,
        codec: CompressedWith,
        input: &'a [u8],
        limits: &Limits,
        bytes_max: usize,
    ) -> Decompressor<'a> {
        let decoder = match codec {
            CompressedWith::Gzip => Decoder::Gzip(Gzip::new(input, &mut self.inflate)),
            CompressedWith::Snappy => {
                Decoder::Snappy(Snappy::new(input, limits.snappy_block_bytes_max))
            }
            CompressedWith::Lz4 { header_checksum } => {
                Decoder::Lz4(Lz4::new(input, header_checksum))
            }
            CompressedWith::Zstd => {
                Decoder::Zstd(Zstd::new(input, limits.zstd_window_log_max, &mut self.zstd))
            }
        };
        Decompressor { decoder, window: &mut self.window, chunk: 0..0, bytes_out: 0, bytes_max }
    }

    /// Gives back what a large batch left behind.
    pub(super) fn trim(&mut self) {
        if self.window.len() > KEPT_BYTES_MAX {
            self.window = Vec::new();
        }
        self.zstd.take_if(|zstd| zstd.sizeof() > KEPT_BYTES_MAX);
    }

    /// Bytes of memory held.
    pub(super) fn bytes_held(&self) -> usize {
        let inflate = if self.inflate.is_some() { gzip::INFLATE_BYTES } else { 0 };
        let zstd = self.zstd.as_ref().map_or(0, |zstd| zstd.sizeof());
        self.window.len() + inflate + zstd
    }
}

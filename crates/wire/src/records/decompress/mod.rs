//! Decompression in chunks, with bounded memory.
//!
//! A decoder fills a window with the next chunk of its output and keeps no more than its format
//! needs to go on. How much that is, whatever the input claims:
//!
//! | codec | memory |
//! | --- | --- |
//! | gzip | a chunk, and 32 KiB of history inside the decoder; or a member as a whole, at most 1 MiB |
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
    /// Bytes of output since the beginning.
    pub(super) bytes_decompressed: u64,
    window: Vec<u8>,
    gzip: gzip::Inflaters,
    zstd: Option<::zstd::zstd_safe::DCtx<'static>>,
}

impl Decoders {
    /// Starts to decompress `input`, which is in a batch or message of format `magic`. `None` if
    /// there is nothing to decompress.
    ///
    /// `bytes_before` have come out of the same batch already and count towards the limit.
    pub(super) fn start<'a>(
        &'a mut self,
        codec: Codec,
        magic: u8,
        input: &'a [u8],
        limits: &Limits,
        bytes_before: usize,
    ) -> Option<Decompressor<'a>> {
        let decoder = match codec {
            Codec::None => return None,
            Codec::Gzip => Decoder::Gzip(Gzip::new(input, &mut self.gzip)),
            Codec::Snappy => Decoder::Snappy(Snappy::new(input, limits.snappy_block_bytes_max)),
            Codec::Lz4 => Decoder::Lz4(Lz4::new(input, magic)),
            Codec::Zstd => {
                Decoder::Zstd(Zstd::new(input, limits.zstd_window_log_max, &mut self.zstd))
            }
        };
        Some(Decompressor {
            decoder,
            window: &mut self.window,
            bytes_decompressed: &mut self.bytes_decompressed,
            chunk: 0..0,
            budget: Budget { bytes_out: bytes_before, bytes_max: limits.decompressed_bytes_max },
        })
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
        let zstd = self.zstd.as_ref().map_or(0, |zstd| zstd.sizeof());
        self.window.len() + self.gzip.bytes_held() + zstd
    }
}

impl fmt::Debug for Decoders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Decoders({} bytes held)", self.bytes_held())
    }
}

/// Decompresses one input, a chunk at a time.
pub(super) struct Decompressor<'a> {
    decoder: Decoder<'a>,
    window: &'a mut Vec<u8>,
    bytes_decompressed: &'a mut u64,
    /// Where in the window the current chunk is.
    chunk: Range<usize>,
    budget: Budget,
}

enum Decoder<'a> {
    Gzip(Gzip<'a>),
    Snappy(Snappy<'a>),
    Lz4(Lz4<'a>),
    Zstd(Zstd<'a>),
}

impl Decompressor<'_> {
    /// The current chunk; empty before the first and behind the last one.
    pub(super) fn chunk(&self) -> &[u8] {
        &self.window[self.chunk.clone()]
    }

    /// How many bytes have come out of the batch so far.
    pub(super) const fn bytes_out(&self) -> usize {
        self.budget.bytes_out
    }

    /// Goes on to the next chunk.
    pub(super) fn advance(&mut self) -> Result<(), BatchError> {
        self.chunk = match &mut self.decoder {
            Decoder::Gzip(gzip) => gzip.next_chunk(self.window, self.budget),
            Decoder::Snappy(snappy) => snappy.next_chunk(self.window, self.budget),
            Decoder::Lz4(lz4) => lz4.next_chunk(self.window),
            Decoder::Zstd(zstd) => zstd.next_chunk(self.window),
        }?;
        *self.bytes_decompressed += self.chunk.len() as u64;
        self.budget.check(self.chunk.len())?;
        self.budget.bytes_out += self.chunk.len();
        Ok(())
    }
}

/// How much may come out of a batch.
#[derive(Clone, Copy)]
struct Budget {
    bytes_out: usize,
    bytes_max: usize,
}

impl Budget {
    /// Whether so many bytes more are allowed.
    fn check(self, bytes: usize) -> Result<(), BatchError> {
        if bytes <= self.bytes_max.saturating_sub(self.bytes_out) {
            Ok(())
        } else {
            Err(BatchError::DecompressedTooLarge { bytes_max: self.bytes_max })
        }
    }
}

/// Makes sure that the window has at least so many bytes. Its content may be lost.
fn widen(window: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    if window.len() < bytes {
        // A new vector is zeroed page by page as it is used, a resized one all at once.
        *window = vec![0; bytes];
    }
    &mut window[..bytes]
}

/// Takes `count` bytes from the front of compressed input.
fn take<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(count)?;
    *input = rest;
    Some(taken)
}

/// Takes `N` bytes from the front of compressed input.
fn take_array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

use std::hash::Hasher;
use std::ops::Range;

use twox_hash::XxHash32;

use super::{take, take_array, widen};
use crate::records::{BatchError, Codec};

/// How far back a copy can reach.
const HISTORY_BYTES: usize = 64 * 1024;

/// The largest block that a frame can announce.
const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest window: see `Frame::window_bytes`.
pub(super) const WINDOW_BYTES_MAX: usize = BLOCK_BYTES_MAX + 2 * HISTORY_BYTES;

/// No block grows by more than this when it is decompressed: a length goes on by 255 per byte.
const EXPANSION_MAX: usize = 255;

const INVALID: BatchError = BatchError::CompressedDataInvalid { codec: Codec::Lz4 };

/// LZ4 frames one after the other; skippable frames are skipped.
///
/// liblz4 decompresses blocks with nothing before them to copy from, and `lz4_flex` the others. That also
/// knows the frame format, but takes a frame that ends too early for a complete one, and insists on a
/// header checksum that is wrong in magic 0.
pub(super) struct Lz4<'a> {
    input: &'a [u8],
    header_checksum: HeaderChecksum,
    frame: Option<Frame>,
}

/// Clients compute the checksum of the frame header over the wrong bytes in messages of magic 0,
/// since the first Java client did (KIP-57).
#[derive(Clone, Copy, PartialEq)]
enum HeaderChecksum {
    Verified,
    Ignored,
}

impl<'a> Lz4<'a> {
    pub(super) const fn new(input: &'a [u8], magic: u8) -> Self {
        let header_checksum = match magic {
            0 => HeaderChecksum::Ignored,
            _ => HeaderChecksum::Verified,
        };
        Self { input, header_checksum, frame: None }
    }

    pub(super) fn next_chunk(&mut self, window: &mut Vec<u8>) -> Result<Range<usize>, BatchError> {
        while self.frame.is_some() || !self.input.is_empty() {
            let Some(frame) = &mut self.frame else {
                self.open_frame().ok_or(INVALID)?;
                continue;
            };
            match frame.next_block(&mut self.input, window).ok_or(INVALID)? {
                Block::Data(chunk) if chunk.is_empty() => {}
                Block::Data(chunk) => return Ok(chunk),
                Block::EndMark => self.frame = None,
            }
        }
        Ok(0..0)
    }

    /// Reads the header of a frame, or skips a frame that is to be skipped.
    fn open_frame(&mut self) -> Option<()> {
        const MAGIC: u32 = 0x184D_2204;
        const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;

        let magic = u32::from_le_bytes(take_array(&mut self.input)?);
        if magic & !0xf == SKIPPABLE_MAGIC {
            let length = u32::from_le_bytes(take_array(&mut self.input)?);
            take(&mut self.input, usize::try_from(length).ok()?)?;
            return Some(());
        }
        if magic != MAGIC {
            return None;
        }
        let descriptor = self.input;
        self.frame = Some(Frame::decode(&mut self.input)?);
        let descriptor = &descriptor[..descriptor.len() - self.input.len()];
        let [checksum] = take_array(&mut self.input)?;
        let expected = (XxHash32::oneshot(0, descriptor) >> 8) as u8;
        let accepted = checksum == expected || self.header_checksum == HeaderChecksum::Ignored;
        accepted.then_some(())
    }
}

/// A frame that is open.
struct Frame {
    block_bytes_max: usize,
    blocks_are_linked: bool,
    blocks_have_checksums: bool,
    content_bytes: Option<u64>,
    /// The checksum of all blocks so far, if the frame ends with one.
    content_checksum: Option<XxHash32>,
    bytes_out: u64,
    /// Where the last block ended in the window.
    end: usize,
    /// The largest block that the input can contain, decompressed.
    room_bytes: usize,
}

enum Block {
    /// Where the data is in the window.
    Data(Range<usize>),
    EndMark,
}

impl Frame {
    /// Decodes the descriptor of a frame, up to its checksum.
    fn decode(input: &mut &[u8]) -> Option<Self> {
        const VERSION: u8 = 0b1100_0000;
        const VERSION_1: u8 = 0b0100_0000;
        const INDEPENDENT_BLOCKS: u8 = 1 << 5;
        const BLOCK_CHECKSUMS: u8 = 1 << 4;
        const CONTENT_SIZE: u8 = 1 << 3;
        const CONTENT_CHECKSUM: u8 = 1 << 2;
        const RESERVED: u8 = 1 << 1;
        const DICTIONARY: u8 = 1 << 0;

        let [flags, block_size] = take_array(input)?;
        if flags & VERSION != VERSION_1 || flags & (RESERVED | DICTIONARY) != 0 {
            return None;
        }
        let block_bytes_max = match block_size {
            0x40 => 64 * 1024,
            0x50 => 256 * 1024,
            0x60 => 1024 * 1024,
            0x70 => BLOCK_BYTES_MAX,
            _ => return None,
        };
        let content_bytes = match flags & CONTENT_SIZE {
            0 => None,
            _ => Some(u64::from_le_bytes(take_array(input)?)),
        };
        Some(Self {
            block_bytes_max,
            blocks_are_linked: flags & INDEPENDENT_BLOCKS == 0,
            blocks_have_checksums: flags & BLOCK_CHECKSUMS != 0,
            content_bytes,
            content_checksum: (flags & CONTENT_CHECKSUM != 0).then(|| XxHash32::with_seed(0)),
            bytes_out: 0,
            end: 0,
            // A few bytes do not become a window of 4 MiB only because they announce it.
            room_bytes: block_bytes_max.min(input.len().saturating_mul(EXPANSION_MAX)),
        })
    }

    fn next_block(&mut self, input: &mut &[u8], window: &mut Vec<u8>) -> Option<Block> {
        const STORED: u32 = 1 << 31;

        let size = u32::from_le_bytes(take_array(input)?);
        if size == 0 {
            return self.close(input);
        }
        let block = take(input, usize::try_from(size & !STORED).ok()?)?;
        if block.len() > self.block_bytes_max {
            return None;
        }
        if self.blocks_have_checksums {
            let expected = u32::from_le_bytes(take_array(input)?);
            if XxHash32::oneshot(0, block) != expected {
                return None;
            }
        }
        let window = widen(window, self.window_bytes());
        let chunk = match size & STORED {
            0 => self.decompress(block, window)?,
            _ => self.copy(block, window),
        };
        self.end = chunk.end;
        self.bytes_out += chunk.len() as u64;
        if let Some(checksum) = &mut self.content_checksum {
            checksum.write(&window[chunk.clone()]);
        }
        Some(Block::Data(chunk))
    }

    fn decompress(&self, block: &[u8], window: &mut [u8]) -> Option<Range<usize>> {
        let bytes_max = self.room_bytes.min(block.len() * EXPANSION_MAX);
        let start = self.make_room(bytes_max, window);
        let (before, output) = window.split_at_mut(start);
        let output = &mut output[..bytes_max];
        let history = &before[start.saturating_sub(HISTORY_BYTES)..];
        let written = if history.is_empty() {
            let bytes_max = i32::try_from(bytes_max).ok()?;
            lz4::block::decompress_to_buffer(block, Some(bytes_max), output).ok()?
        } else {
            lz4_flex::block::decompress_into_with_dict(block, output, history).ok()?
        };
        Some(start..start + written)
    }

    fn copy(&self, block: &[u8], window: &mut [u8]) -> Range<usize> {
        let start = self.make_room(block.len(), window);
        let chunk = start..start + block.len();
        window[chunk.clone()].copy_from_slice(block);
        chunk
    }

    /// Returns where in the window the next block may start, with `bytes` of room. What lies before
    /// it is what its copies may reach back to.
    fn make_room(&self, bytes: usize, window: &mut [u8]) -> usize {
        if !self.blocks_are_linked {
            return 0;
        }
        if self.end + bytes <= window.len() {
            return self.end;
        }
        window.copy_within(self.end - HISTORY_BYTES..self.end, 0);
        HISTORY_BYTES
    }

    /// Behind the history there is room for the largest block, and as much as the history again, so
    /// that the history moves at most once per 64 KiB of output however small the blocks are.
    const fn window_bytes(&self) -> usize {
        if self.blocks_are_linked { self.room_bytes + 2 * HISTORY_BYTES } else { self.room_bytes }
    }

    /// Reads what follows the last block.
    fn close(&self, input: &mut &[u8]) -> Option<Block> {
        if self.content_bytes.is_some_and(|expected| expected != self.bytes_out) {
            return None;
        }
        if let Some(checksum) = &self.content_checksum {
            let expected = u32::from_le_bytes(take_array(input)?);
            if checksum.finish_32() != expected {
                return None;
            }
        }
        Some(Block::EndMark)
    }
}

use std::ops::Range;

use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Decompress, FlushDecompress, Status};

use super::{CHUNK_BYTES, take, take_array, widen};
use crate::records::{BatchError, Codec};

/// What an inflate state holds: 32 KiB of history and its tables, about.
pub(super) const INFLATE_BYTES: usize = 48 * 1024;

const INVALID: BatchError = BatchError::CompressedDataInvalid { codec: Codec::Gzip };

/// Members of a gzip file (RFC 1952) one after the other.
///
/// The framing is read here rather than by `flate2`, so that the inflate state is reused from batch
/// to batch, and the checksum is computed by the faster crate.
pub(super) struct Gzip<'a> {
    input: &'a [u8],
    inflate: &'a mut Decompress,
    /// The checksum of the member that is open.
    member: Option<Digest>,
}

impl<'a> Gzip<'a> {
    pub(super) fn new(input: &'a [u8], inflate: &'a mut Option<Decompress>) -> Self {
        let inflate = inflate.get_or_insert_with(|| Decompress::new(false));
        Self { input, inflate, member: None }
    }

    pub(super) fn next_chunk(&mut self, window: &mut Vec<u8>) -> Result<Range<usize>, BatchError> {
        let window = widen(window, CHUNK_BYTES);
        loop {
            let mut checksum = match self.member.take() {
                Some(checksum) => checksum,
                None if self.input.is_empty() => return Ok(0..0),
                None => {
                    skip_member_header(&mut self.input).ok_or(INVALID)?;
                    self.inflate.reset(false);
                    Digest::new(CrcAlgorithm::Crc32IsoHdlc)
                }
            };
            let before = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(self.input, window, FlushDecompress::None)
                .map_err(|_| INVALID)?;
            let read = (self.inflate.total_in() - before.0) as usize;
            let written = (self.inflate.total_out() - before.1) as usize;
            self.input = &self.input[read..];
            checksum.update(&window[..written]);
            match status {
                Status::StreamEnd => self.close_member(&checksum)?,
                // Neither is there more input, nor is output left that did not fit.
                Status::Ok | Status::BufError if written == 0 => return Err(INVALID),
                Status::Ok | Status::BufError => self.member = Some(checksum),
            }
            if written > 0 {
                return Ok(0..written);
            }
        }
    }

    fn close_member(&mut self, checksum: &Digest) -> Result<(), BatchError> {
        let expected_checksum = take_array(&mut self.input).ok_or(INVALID)?;
        let expected_bytes = take_array(&mut self.input).ok_or(INVALID)?;
        let checksum_matches =
            checksum.finalize() == u64::from(u32::from_le_bytes(expected_checksum));
        // The length is stored modulo 2^32.
        let length_matches = self.inflate.total_out() as u32 == u32::from_le_bytes(expected_bytes);
        if checksum_matches && length_matches { Ok(()) } else { Err(INVALID) }
    }
}

/// Skips the header of a member: nothing in it matters to what is inside.
fn skip_member_header(input: &mut &[u8]) -> Option<()> {
    const HEADER_CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    let [0x1f, 0x8b, 8, flags] = take_array(input)? else { return None };
    if flags & RESERVED != 0 {
        return None;
    }
    let _time_and_system: [u8; 6] = take_array(input)?;
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes(take_array(input)?);
        take(input, length.into())?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = input.iter().position(|byte| *byte == 0)?;
            take(input, end + 1)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        let _checksum: [u8; 2] = take_array(input)?;
    }
    Some(())
}

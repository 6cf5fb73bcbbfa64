use std::ops::Range;

use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Decompress, FlushDecompress, Status};
use logboom_inflate::{INFLATER_BYTES, Inflater};

use super::{Budget, CHUNK_BYTES, take, take_array, widen};
use crate::records::{BatchError, Codec};

/// A member that says that it becomes no larger than this comes out in one chunk, by a faster decoder that
/// cannot stop halfway. Batches are rarely larger: the clients' own limit for a request is 1 MiB.
const WHOLE_BYTES_MAX: usize = 1024 * 1024;

/// What a state of `flate2` holds: 32 KiB of history and its tables, about.
const STREAMING_BYTES: usize = 48 * 1024;

/// No DEFLATE stream grows by more than this: a copy of 258 bytes takes two bits.
const EXPANSION_MAX: usize = 1032;

const TRAILER_BYTES: usize = 8;

const INVALID: BatchError = BatchError::CompressedDataInvalid { codec: Codec::Gzip };

/// The states of the two decoders, made when they are needed.
#[derive(Default)]
pub(super) struct Inflaters {
    whole: Option<Inflater>,
    streaming: Option<Decompress>,
}

impl Inflaters {
    pub(super) fn bytes_held(&self) -> usize {
        let whole = if self.whole.is_some() { INFLATER_BYTES } else { 0 };
        let streaming = if self.streaming.is_some() { STREAMING_BYTES } else { 0 };
        whole + streaming
    }
}

/// Members of a gzip file (RFC 1952) one after the other.
///
/// The framing is read here rather than by a library, so that the states of decoders are reused from
/// batch to batch, and the checksum is computed by the faster crate.
pub(super) struct Gzip<'a> {
    input: &'a [u8],
    inflaters: &'a mut Inflaters,
    /// The member that is open.
    member: Option<Member>,
}

/// What has come out of a member so far.
struct Member {
    checksum: Digest,
    bytes: u64,
}

impl<'a> Gzip<'a> {
    pub(super) const fn new(input: &'a [u8], inflaters: &'a mut Inflaters) -> Self {
        Self { input, inflaters, member: None }
    }

    pub(super) fn next_chunk(
        &mut self,
        window: &mut Vec<u8>,
        budget: Budget,
    ) -> Result<Range<usize>, BatchError> {
        loop {
            let mut member = match self.member.take() {
                Some(member) => member,
                None if self.input.is_empty() => return Ok(0..0),
                None => {
                    skip_member_header(&mut self.input).ok_or(INVALID)?;
                    if let Some(chunk) = self.whole_member(window, budget) {
                        return Ok(chunk);
                    }
                    self.streaming().reset(false);
                    Member { checksum: Digest::new(CrcAlgorithm::Crc32IsoHdlc), bytes: 0 }
                }
            };
            let (status, written) = self.stream(&mut member, widen(window, CHUNK_BYTES))?;
            match status {
                Status::StreamEnd => {
                    self.close_member(member.checksum.finalize(), member.bytes).ok_or(INVALID)?;
                }
                // Neither is there more input, nor is output left that did not fit.
                Status::Ok | Status::BufError if written == 0 => return Err(INVALID),
                Status::Ok | Status::BufError => self.member = Some(member),
            }
            if written > 0 {
                return Ok(0..written);
            }
        }
    }

    /// Decompresses a member at once, if the file seems to end with it and to say how large it is.
    ///
    /// Otherwise, and if it turns out to be damaged, nothing has happened, and the member is left to
    /// the other decoder. So the two never disagree about what is accepted.
    fn whole_member(&mut self, window: &mut Vec<u8>, budget: Budget) -> Option<Range<usize>> {
        let bytes = usize::try_from(u32::from_le_bytes(*self.input.last_chunk()?)).ok()?;
        let bytes_max = WHOLE_BYTES_MAX.min(self.input.len().saturating_mul(EXPANSION_MAX));
        if bytes > bytes_max || budget.check(bytes).is_err() {
            return None;
        }
        let window = widen(window, bytes);
        if self.inflaters.whole.is_none() {
            self.inflaters.whole = Some(Inflater::new()?);
        }
        let inflated = self.inflaters.whole.as_mut()?.inflate(self.input, window)?;
        let before = self.input;
        self.input = &before[inflated.read_bytes..];
        let chunk = 0..inflated.written_bytes;
        let checksum = crc_fast::crc32_iso_hdlc(&window[chunk.clone()]);
        let closed = self.close_member(checksum.into(), chunk.len() as u64);
        if closed.is_none() || chunk.is_empty() {
            self.input = before;
            return None;
        }
        Some(chunk)
    }

    /// Goes on with a member. Returns how much of the window it filled.
    fn stream(
        &mut self,
        member: &mut Member,
        window: &mut [u8],
    ) -> Result<(Status, usize), BatchError> {
        let input = self.input;
        let inflate = self.streaming();
        let before = (inflate.total_in(), inflate.total_out());
        let status =
            inflate.decompress(input, window, FlushDecompress::None).map_err(|_| INVALID)?;
        let read = (inflate.total_in() - before.0) as usize;
        let written = (inflate.total_out() - before.1) as usize;
        self.input = &input[read..];
        member.checksum.update(&window[..written]);
        member.bytes += written as u64;
        Ok((status, written))
    }

    fn streaming(&mut self) -> &mut Decompress {
        self.inflaters.streaming.get_or_insert_with(|| Decompress::new(false))
    }

    /// Reads the trailer of a member. `None` if that says something else.
    fn close_member(&mut self, checksum: u64, bytes: u64) -> Option<()> {
        let trailer: [u8; TRAILER_BYTES] = take_array(&mut self.input)?;
        let (expected_checksum, expected_bytes) = trailer.split_at(TRAILER_BYTES / 2);
        let checksum_matches = (checksum as u32).to_le_bytes() == expected_checksum;
        // The length is stored modulo 2^32.
        let length_matches = (bytes as u32).to_le_bytes() == expected_bytes;
        (checksum_matches && length_matches).then_some(())
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

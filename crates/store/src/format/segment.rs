//! The header of a segment file, and its name.
//!
//! ```text
//!   0  8  "LBOOMSEG"
//!   8  4  format version
//!  12  4  CRC-32C of the other 60 bytes
//!  16  8  number of the segment; they count up from 0
//!  24  8  zero
//!  32  8  epoch: random, so that no frame of another file can be taken for one of this file
//!  40 24  zero
//!  64 64  the same once more when the segment begins, with "LBOOMBEG" and, at 24, the LSN of the
//!         first frame
//! 128     the first frame
//! ```
//!
//! The log sequence number (LSN) of a frame is how many bytes of frames the log held before it.
//!
//! A segment has its name and its header before it is needed: so the first group of a segment waits
//! for one sync, as any other does, and not for those of a new file and its name as well. The second
//! part is written, and made durable, with the first group. At most one segment has not begun, and
//! it is the last.
//!
//! In version 1 of the format the LSN was in the first part, and there was no second.

use bytes::{Buf, BufMut};

use super::{Unusable, VERSION, check_version, crc32c};
use crate::error::Flaw;

/// The bytes before the first frame.
pub(crate) const HEADER_BYTES: usize = 2 * PART_BYTES;
/// The next segment, before it has its name.
pub(crate) const SPARE_NAME: &str = "spare.tmp";

/// Where the second part of the header is.
pub(crate) const BEGIN_POSITION: u64 = PART_BYTES as u64;

pub(crate) const PART_BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"LBOOMSEG";
const BEGIN_MAGIC: &[u8; 8] = b"LBOOMBEG";
const SUFFIX: &str = ".log";
const NAME_DIGITS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) first_lsn: u64,
    pub(crate) epoch: u64,
    /// Where the first frame is.
    pub(crate) data_start: u64,
}

/// The LSN of a segment that has not begun.
const NOT_BEGUN: u64 = u64::MAX;

impl Header {
    /// The header of a segment that has not begun.
    pub(crate) fn reserved(number: u64, epoch: u64) -> Self {
        Self { number, first_lsn: NOT_BEGUN, epoch, data_start: HEADER_BYTES as u64 }
    }

    /// The header when the segment begins at that LSN.
    pub(crate) fn begun_at(self, first_lsn: u64) -> Self {
        Self { first_lsn, ..self }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.first_lsn != NOT_BEGUN
    }

    /// The first part.
    pub(crate) fn encode(&self) -> [u8; PART_BYTES] {
        self.encode_part(MAGIC, 0)
    }

    /// The second part, which goes to [`BEGIN_POSITION`].
    pub(crate) fn encode_begin(&self) -> [u8; PART_BYTES] {
        self.encode_part(BEGIN_MAGIC, self.first_lsn)
    }

    /// Reads the header. If the second part is not intact, the segment has not begun.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Unusable> {
        let (parts, _) = bytes.as_chunks::<PART_BYTES>();
        let [first, second] = parts else { return Err(Flaw::CutShort.into()) };
        let (version, header) = Self::decode_part(first, MAGIC)?;
        if version == 1 {
            return Ok(Self { data_start: PART_BYTES as u64, ..header });
        }
        let begun = Self::decode_part(second, BEGIN_MAGIC).ok().map(|(_, begun)| begun);
        let begun = begun.filter(|begun| header.begun_at(begun.first_lsn) == *begun);
        Ok(begun.unwrap_or(header.begun_at(NOT_BEGUN)))
    }

    fn encode_part(&self, magic: &[u8; 8], first_lsn: u64) -> [u8; PART_BYTES] {
        let mut rest = Vec::with_capacity(PART_BYTES);
        rest.put_u64_le(self.number);
        rest.put_u64_le(first_lsn);
        rest.put_u64_le(self.epoch);
        rest.resize(PART_BYTES - 16, 0);
        let mut bytes = [0; PART_BYTES];
        bytes[..8].copy_from_slice(magic);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..].copy_from_slice(&rest);
        let crc = crc32c(&[&bytes[..12], &bytes[16..]]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode_part(bytes: &[u8; PART_BYTES], magic: &[u8; 8]) -> Result<(u32, Self), Unusable> {
        let mut rest = bytes.strip_prefix(magic).ok_or(Flaw::Magic)?;
        let version = rest.try_get_u32_le()?;
        check_version(version)?;
        if rest.try_get_u32_le()? != crc32c(&[&bytes[..12], &bytes[16..]]) {
            return Err(Flaw::Checksum.into());
        }
        let (number, first_lsn) = (rest.try_get_u64_le()?, rest.try_get_u64_le()?);
        let header = Self::reserved(number, rest.try_get_u64_le()?).begun_at(first_lsn);
        Ok((version, header))
    }

    /// The LSN of a position of the file.
    pub(crate) fn lsn_at(&self, position: u64) -> u64 {
        self.first_lsn.saturating_add(position.saturating_sub(self.data_start))
    }

    /// The position of an LSN that is not below the first one.
    pub(crate) fn position_of(&self, lsn: u64) -> u64 {
        lsn.saturating_sub(self.first_lsn).saturating_add(self.data_start)
    }

    /// What a frame at that position carries, and no frame of another file or place.
    pub(crate) fn tag_at(&self, position: u64) -> u64 {
        self.lsn_at(position) ^ self.epoch
    }
}

/// The name of the segment file of that number.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:0NAME_DIGITS$}{SUFFIX}")
}

/// The number of a segment file, if that is what the name says.
pub(crate) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let canonical = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { number: 7, first_lsn: 1000, epoch: 0x0123_4567_89ab_cdef, data_start: 128 };

    fn encode() -> [u8; HEADER_BYTES] {
        [HEADER.encode(), HEADER.encode_begin()].concat().try_into().unwrap()
    }

    #[test]
    fn a_header_comes_back_and_every_damaged_byte_is_noticed() {
        let bytes = encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for index in 0..HEADER_BYTES {
            let mut damaged = bytes;
            damaged[index] ^= 0x40;
            match Header::decode(&damaged) {
                Ok(header) => assert!(index >= PART_BYTES && !header.has_begun(), "byte {index}"),
                Err(_) => assert!(index < PART_BYTES, "byte {index}"),
            }
        }
    }

    #[test]
    fn a_segment_has_not_begun_before_its_own_second_part_is_there() {
        let mut bytes = encode();
        bytes[PART_BYTES..].fill(0);
        let reserved = Header::decode(&bytes).unwrap();
        assert_eq!(reserved, Header::reserved(HEADER.number, HEADER.epoch));
        bytes[PART_BYTES..].copy_from_slice(&Header { epoch: 1, ..HEADER }.encode_begin());
        assert_eq!(Header::decode(&bytes), Ok(reserved));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = encode();
        let newer = VERSION + 1;
        bytes[8] = newer.to_le_bytes()[0];
        assert_eq!(Header::decode(&bytes), Err(Unusable::Newer { found: newer }));
    }

    #[test]
    fn positions_and_lsns_are_two_ways_to_say_the_same() {
        assert_eq!(HEADER.lsn_at(128), 1000);
        assert_eq!(HEADER.position_of(HEADER.lsn_at(500)), 500);
        assert_ne!(HEADER.tag_at(128), HEADER.tag_at(136));
    }

    #[test]
    fn names_sort_as_their_numbers_and_nothing_else_is_taken_for_one() {
        assert_eq!(file_name(12), "00000000000000000012.log");
        assert!(file_name(9) < file_name(10));
        for number in [0, 1, u64::MAX] {
            assert_eq!(parse_name(&file_name(number)), Some(number));
        }
        for name in ["12.log", "+0000000000000000012.log", "spare.tmp", "99999999999999999999.log"]
        {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }
}

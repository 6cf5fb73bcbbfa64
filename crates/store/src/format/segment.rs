//! The header of a segment file, and its name.
//!
//! ```text
//!  0  8  "LBOOMSEG"
//!  8  4  format version
//! 12  4  CRC-32C of the other 60 bytes
//! 16  8  number of the segment; they count up from 0
//! 24  8  LSN of the first frame
//! 32  8  epoch: random, so that no frame of another file can be taken for one of this file
//! 40 24  zero
//! ```
//!
//! The log sequence number (LSN) of a frame is how many bytes of frames the log held before it.

use bytes::{Buf, BufMut};

use super::{Unusable, VERSION, check_version, crc32c};
use crate::error::Flaw;

pub(crate) const HEADER_BYTES: usize = 64;
/// Where the first frame is.
pub(crate) const DATA_START: u64 = HEADER_BYTES as u64;
/// The next segment, before it has a number.
pub(crate) const SPARE_NAME: &str = "spare.tmp";

const MAGIC: &[u8; 8] = b"LBOOMSEG";
const SUFFIX: &str = ".log";
const NAME_DIGITS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) first_lsn: u64,
    pub(crate) epoch: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut rest = Vec::with_capacity(HEADER_BYTES);
        rest.put_u64_le(self.number);
        rest.put_u64_le(self.first_lsn);
        rest.put_u64_le(self.epoch);
        rest.resize(HEADER_BYTES - 16, 0);
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..].copy_from_slice(&rest);
        let crc = crc32c(&[&bytes[..12], &bytes[16..]]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Unusable> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Flaw::Magic)?;
        check_version(rest.try_get_u32_le()?)?;
        if rest.try_get_u32_le()? != crc32c(&[&bytes[..12], &bytes[16..]]) {
            return Err(Flaw::Checksum.into());
        }
        Ok(Self {
            number: rest.try_get_u64_le()?,
            first_lsn: rest.try_get_u64_le()?,
            epoch: rest.try_get_u64_le()?,
        })
    }

    /// The LSN of a position of the file.
    pub(crate) fn lsn_at(&self, position: u64) -> u64 {
        self.first_lsn.saturating_add(position.saturating_sub(DATA_START))
    }

    /// The position of an LSN that is not below the first one.
    pub(crate) fn position_of(&self, lsn: u64) -> u64 {
        lsn.saturating_sub(self.first_lsn).saturating_add(DATA_START)
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

    const HEADER: Header = Header { number: 7, first_lsn: 1000, epoch: 0x0123_4567_89ab_cdef };

    #[test]
    fn a_header_comes_back_and_every_damaged_byte_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for index in 0..HEADER_BYTES {
            let mut damaged = bytes;
            damaged[index] ^= 0x40;
            assert!(Header::decode(&damaged).is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        assert_eq!(Header::decode(&bytes), Err(Unusable::Newer { found: 2 }));
    }

    #[test]
    fn positions_and_lsns_are_two_ways_to_say_the_same() {
        assert_eq!(HEADER.lsn_at(DATA_START), 1000);
        assert_eq!(HEADER.position_of(HEADER.lsn_at(500)), 500);
        assert_ne!(HEADER.tag_at(64), HEADER.tag_at(72));
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

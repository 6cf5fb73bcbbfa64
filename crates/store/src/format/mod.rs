//! The bytes of the files. Numbers are little-endian. Nothing here touches a disk.
//!
//! | file | content |
//! | --- | --- |
//! | `00000000000000000000.log` ... | the segments of the log: a [`segment`] header, [`frame`]s, and when it is full a [`footer`] |
//! | `catalogue` | names, start offsets, what has been removed: [`catalogue`] |
//! | `mark` | how far the log is durable, for readers in other processes: [`mark`] |
//! | `lock` | empty; locked by the process that writes |
//! | `spare.tmp`, `catalogue.tmp` | the next segment before it has its name, and the next catalogue; removed at open |

pub(crate) mod catalogue;
pub(crate) mod footer;
pub(crate) mod frame;
pub(crate) mod mark;
pub(crate) mod segment;

use bytes::TryGetError;
use crc_fast::{CrcAlgorithm, Digest};

use crate::error::Flaw;

/// The version that this program writes into every file, and the newest it reads.
pub(crate) const VERSION: u32 = 2;

/// CRC-32C (RFC 3720, appendix B.4) over the parts, as if they were one.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part);
    }
    u32::try_from(digest.finalize()).expect("a CRC of 32 bits fits")
}

/// CRC-32C over the parts and `tail_bytes` more, of which only the checksum is known.
///
/// A CRC is linear: what comes in front of the tail adds to its checksum what the same would add to
/// that of as many zeros. Those are in the first cache of the processor, which the tail is not.
pub(crate) fn crc32c_with_tail(parts: &[&[u8]], tail_bytes: usize, tail_crc32c: u32) -> u32 {
    static ZEROS: [u8; 16 << 10] = [0; 16 << 10];
    const START: u64 = u32::MAX as u64;

    let mut front = Digest::new(CrcAlgorithm::Crc32Iscsi);
    parts.iter().for_each(|part| front.update(part));
    // The checksum of the tail begins at START as well, which must not count twice.
    let mut shifted =
        Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, front.get_state() ^ START);
    let mut left = tail_bytes;
    while left > 0 {
        let zeros = &ZEROS[..left.min(ZEROS.len())];
        shifted.update(zeros);
        left -= zeros.len();
    }
    u32::try_from(shifted.get_state()).expect("a CRC of 32 bits fits") ^ tail_crc32c
}

/// Why a file cannot be used, before its name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    Newer { found: u32 },
    Flawed(Flaw),
}

impl From<Flaw> for Unusable {
    fn from(flaw: Flaw) -> Self {
        Self::Flawed(flaw)
    }
}

impl From<TryGetError> for Flaw {
    fn from(_: TryGetError) -> Self {
        Self::CutShort
    }
}

impl From<TryGetError> for Unusable {
    fn from(error: TryGetError) -> Self {
        Self::Flawed(error.into())
    }
}

/// Refuses what a newer program wrote, before anything else is made of it.
fn check_version(found: u32) -> Result<(), Unusable> {
    if found > VERSION { Err(Unusable::Newer { found }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_known_checksum_stands_for_the_bytes(
            front in prop::collection::vec(any::<u8>(), 0..300),
            tail in prop::collection::vec(any::<u8>(), 0..40_000),
        ) {
            let known = crc32c(&[&tail]);
            prop_assert_eq!(crc32c_with_tail(&[&front], tail.len(), known), crc32c(&[&front, &tail]));
        }
    }

    #[test]
    fn the_checksum_is_crc_32c_however_the_bytes_are_parted() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
    }
}

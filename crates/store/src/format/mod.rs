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
    use super::*;

    #[test]
    fn the_checksum_is_crc_32c_however_the_bytes_are_parted() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
    }
}

//! How far the log is durable, for readers in other processes.
//!
//! The file has two slots of 32 bytes, in sectors of their own. They are written in turns, each
//! time after the log has been synced, so that at any time at least one of them is whole.
//!
//! ```text
//!  0  8  sequence: the slot with the higher one counts
//!  8  8  LSN below which the log is durable
//! 16  8  generation of the catalogue
//! 24  4  format version
//! 28  4  CRC-32C of the 28 bytes before
//! ```
//!
//! **Why it is right after a crash.** A slot is written after the sync that it reports, so that
//! whatever of it survives, on the device or in the memory of a machine that lives on, never says
//! more than is durable. It is itself not synced with every group: after a power cut it may say
//! less, and a reader sees less until the store has been opened again. A slot that is torn does
//! not match its checksum, and the other one counts.

use bytes::{Buf, BufMut};

use super::{Unusable, VERSION, check_version, crc32c};
use crate::error::Flaw;

pub(crate) const NAME: &str = "mark";
pub(crate) const SLOT_BYTES: usize = 32;
/// The two slots never share a sector.
const SLOT_DISTANCE: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) durable_lsn: u64,
    pub(crate) catalogue_generation: u64,
}

/// The positions of the slots.
pub(crate) const SLOTS: [u64; 2] = [0, SLOT_DISTANCE];

impl Mark {
    /// Where this mark goes.
    pub(crate) fn position(&self) -> u64 {
        SLOTS[usize::from(self.sequence % 2 == 1)]
    }

    pub(crate) fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut out = Vec::with_capacity(SLOT_BYTES);
        out.put_u64_le(self.sequence);
        out.put_u64_le(self.durable_lsn);
        out.put_u64_le(self.catalogue_generation);
        out.put_u32_le(VERSION);
        out.put_u32_le(crc32c(&[&out]));
        out.try_into().expect("the fields fill a slot")
    }

    pub(crate) fn decode(slot: &[u8; SLOT_BYTES]) -> Result<Self, Unusable> {
        let (checked, mut crc) = slot.split_at(SLOT_BYTES - 4);
        if crc.try_get_u32_le()? != crc32c(&[checked]) {
            return Err(Flaw::Checksum.into());
        }
        let mut rest = checked;
        let mark = Self {
            sequence: rest.try_get_u64_le()?,
            durable_lsn: rest.try_get_u64_le()?,
            catalogue_generation: rest.try_get_u64_le()?,
        };
        check_version(rest.try_get_u32_le()?)?;
        Ok(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_a_torn_one_is_noticed() {
        let mark = Mark { sequence: 3, durable_lsn: 77, catalogue_generation: 5 };
        let slot = mark.encode();
        assert_eq!(Mark::decode(&slot), Ok(mark));
        for index in 0..SLOT_BYTES {
            let mut torn = slot;
            torn[index] ^= 0x10;
            assert!(Mark::decode(&torn).is_err(), "byte {index}");
        }
    }

    #[test]
    fn marks_take_turns() {
        let position = |sequence| Mark { sequence, ..Mark::default() }.position();
        assert_eq!([position(0), position(1), position(2)], [0, 4096, 0]);
    }
}

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};

use logboom_wire::records::Codec;

/// The newest message format: record batches (KIP-98).
const NEWEST: u8 = 2;

/// Which message formats and codecs the batches of a connection had: one bit for each of the three
/// formats with each of the five codecs.
#[derive(Debug, Default)]
pub(crate) struct BatchesSeen(AtomicU16);

impl BatchesSeen {
    /// Notes a batch that is valid. Returns whether it is the first one in an old message format.
    pub(crate) fn note(&self, magic: u8, codec: Codec) -> bool {
        let before = self.0.fetch_or(bit(magic, codec), Ordering::Relaxed);
        magic < NEWEST && before & OLD == 0
    }
}

/// All bits of the two old formats.
const OLD: u16 = bit(NEWEST, Codec::None) - 1;

const fn bit(magic: u8, codec: Codec) -> u16 {
    if magic > NEWEST { 0 } else { 1 << (magic * Codec::ALL.len() as u8 + codec as u8) }
}

impl fmt::Display for BatchesSeen {
    /// As in `v2/gzip v1/none`, the newest format first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.0.load(Ordering::Relaxed);
        let mut space = "";
        for magic in (0..=NEWEST).rev() {
            for codec in Codec::ALL {
                if seen & bit(magic, codec) != 0 {
                    write!(f, "{space}v{magic}/{}", codec.name())?;
                    space = " ";
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_and_codec_is_told_once() {
        let seen = BatchesSeen::default();
        assert_eq!(seen.to_string(), "");
        for _ in 0..2 {
            seen.note(1, Codec::None);
            seen.note(2, Codec::Zstd);
            seen.note(2, Codec::Gzip);
        }
        assert_eq!(seen.to_string(), "v2/gzip v2/zstd v1/none");
    }

    #[test]
    fn the_first_batch_in_an_old_format_is_told_apart() {
        let seen = BatchesSeen::default();
        assert!(!seen.note(2, Codec::Gzip));
        assert!(seen.note(1, Codec::Gzip));
        assert!(!seen.note(1, Codec::Gzip) && !seen.note(0, Codec::Snappy));
    }

    #[test]
    fn no_two_share_a_bit() {
        for magic in 0..=NEWEST {
            for codec in Codec::ALL {
                let seen = BatchesSeen::default();
                seen.note(magic, codec);
                assert_eq!(seen.to_string(), format!("v{magic}/{}", codec.name()));
            }
        }
    }
}

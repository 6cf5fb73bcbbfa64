//! The length prefix in front of every request and response.

use std::fmt;
use std::ops::RangeInclusive;

/// Bytes of the length prefix, which does not count itself.
pub const PREFIX_BYTES: usize = 4;

/// Reads a length prefix and refuses a length outside `allowed`, so that nothing is reserved for a
/// frame that would be refused anyway.
///
/// # Errors
///
/// Which of the three ways the length is wrong.
///
/// ```
/// use logboom_wire::frame::{FrameError, parse_length};
///
/// assert_eq!(parse_length([0, 0, 0, 9], 8..=1024), Ok(9));
/// // The first bytes of an HTTP request are a frame of 1.2 GB.
/// let error = parse_length(*b"GET ", 8..=1024).unwrap_err();
/// assert_eq!(error, FrameError::TooLarge { bytes: 0x4745_5420, bytes_max: 1024 });
/// ```
pub fn parse_length(
    prefix: [u8; PREFIX_BYTES],
    allowed: RangeInclusive<usize>,
) -> Result<usize, FrameError> {
    let length = i32::from_be_bytes(prefix);
    let bytes = usize::try_from(length).map_err(|_| FrameError::Negative { length })?;
    if bytes < *allowed.start() {
        return Err(FrameError::TooSmall { bytes, bytes_min: *allowed.start() });
    }
    if bytes > *allowed.end() {
        return Err(FrameError::TooLarge { bytes, bytes_max: *allowed.end() });
    }
    Ok(bytes)
}

/// Why a length prefix was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameError {
    /// The length is negative.
    Negative {
        /// The length as it was sent.
        length: i32,
    },
    /// The frame is too small for anything that could be in it.
    TooSmall {
        /// The length as it was sent.
        bytes: usize,
        /// The smallest length allowed.
        bytes_min: usize,
    },
    /// The frame is larger than the limit.
    TooLarge {
        /// The length as it was sent.
        bytes: usize,
        /// The largest length allowed.
        bytes_max: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative { length } => write!(formatter, "frame of negative length {length}"),
            Self::TooSmall { bytes, bytes_min } => {
                write!(formatter, "frame of {bytes} bytes, the smallest has {bytes_min}")
            }
            Self::TooLarge { bytes, bytes_max } => {
                write!(formatter, "frame of {bytes} bytes, the limit is {bytes_max}")
            }
        }
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_length_is_accepted_exactly_when_it_is_allowed(length: i32, min in 0..100usize, max in 100..1_000_000usize) {
            let inside = usize::try_from(length).is_ok_and(|bytes| (min..=max).contains(&bytes));
            let parsed = parse_length(length.to_be_bytes(), min..=max);
            prop_assert_eq!(parsed.is_ok(), inside);
            prop_assert!(parsed.is_err() || parsed == Ok(length as usize));
        }
    }

    #[test]
    fn both_ends_of_the_range_are_allowed() {
        assert_eq!(parse_length(8i32.to_be_bytes(), 8..=10), Ok(8));
        assert_eq!(parse_length(10i32.to_be_bytes(), 8..=10), Ok(10));
        assert_eq!(
            parse_length(7i32.to_be_bytes(), 8..=10),
            Err(FrameError::TooSmall { bytes: 7, bytes_min: 8 })
        );
        assert_eq!(
            parse_length(11i32.to_be_bytes(), 8..=10),
            Err(FrameError::TooLarge { bytes: 11, bytes_max: 10 })
        );
    }

    #[test]
    fn a_negative_length_is_its_own_error() {
        let expected = Err(FrameError::Negative { length: -1 });
        assert_eq!(parse_length([0xff; 4], 0..=usize::MAX), expected);
    }
}

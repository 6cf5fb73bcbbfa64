//! Variable-length integers of record batches (the zigzag varints of Protocol Buffers).

use super::BatchError;
use crate::primitive::varint::decode_bits;

/// Decodes a VARINT or VARLONG of one or two bytes, and returns what follows it. `None` if it may be
/// longer.
#[inline]
pub(super) const fn decode_short(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (bits, rest) = match bytes {
        [first, rest @ ..] if *first < 0x80 => (*first as u32, rest),
        [first, second, rest @ ..] if *second < 0x80 => {
            ((*first & 0x7f) as u32 | (*second as u32) << 7, rest)
        }
        _ => return None,
    };
    Some(((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed(), rest))
}

/// Decodes a VARINT from the bytes that `next_byte` yields.
#[inline]
pub(super) fn decode_i32(
    next_byte: impl FnMut() -> Result<u8, BatchError>,
) -> Result<i32, BatchError> {
    let bits = decode_bits(5, BatchError::VarintTooLong, next_byte)?;
    let bits = u32::try_from(bits).map_err(|_| BatchError::VarintTooLong)?;
    Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
}

/// Decodes a VARLONG from the bytes that `next_byte` yields.
#[inline]
pub(super) fn decode_i64(
    next_byte: impl FnMut() -> Result<u8, BatchError>,
) -> Result<i64, BatchError> {
    let bits = decode_bits(10, BatchError::VarintTooLong, next_byte)?;
    Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
}

/// Appends a VARINT.
pub(super) fn encode_i32(value: i32, out: &mut Vec<u8>) {
    encode_i64(value.into(), out);
}

/// Appends a VARLONG. For values of 32 bits the bytes are the same as those of a VARINT.
pub(super) fn encode_i64(value: i64, out: &mut Vec<u8>) {
    let mut bits = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while bits > 0x7f {
        out.push((bits & 0x7f) as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_all<T>(
        bytes: &[u8],
        decode: impl FnOnce(&mut dyn FnMut() -> Result<u8, BatchError>) -> Result<T, BatchError>,
    ) -> Result<T, BatchError> {
        let mut bytes = bytes.iter().copied();
        let value = decode(&mut || bytes.next().ok_or(BatchError::Truncated))?;
        if bytes.next().is_some() { Err(BatchError::TrailingBytes) } else { Ok(value) }
    }

    proptest! {
        #[test]
        fn integers_come_back(value: i64) {
            let mut bytes = Vec::new();
            encode_i64(value, &mut bytes);
            prop_assert_eq!(decode_all(&bytes, |next| decode_i64(next)), Ok(value));
        }

        #[test]
        fn small_integers_come_back(value: i32) {
            let mut bytes = Vec::new();
            encode_i32(value, &mut bytes);
            prop_assert_eq!(decode_all(&bytes, |next| decode_i32(next)), Ok(value));
        }
    }

    proptest! {
        #[test]
        fn short_integers_are_decoded_as_all_others_are(bytes in prop::collection::vec(any::<u8>(), 0..4)) {
            if let Some((value, rest)) = decode_short(&bytes) {
                let (read, left) = bytes.split_at(bytes.len() - rest.len());
                prop_assert_eq!(decode_all(read, |next| decode_i32(next)), Ok(value));
                prop_assert_eq!(decode_all(read, |next| decode_i64(next)), Ok(value.into()));
                prop_assert_eq!(left, rest);
            } else {
                prop_assert!(bytes.len() < 2 || bytes[..2].iter().all(|byte| *byte >= 0x80));
            }
        }
    }

    #[test]
    fn the_examples_of_the_encoding_hold() {
        for (value, expected) in
            [(0, &[0u8][..]), (-1, &[1]), (1, &[2]), (63, &[0x7e]), (64, &[0x80, 1])]
        {
            let mut bytes = Vec::new();
            encode_i32(value, &mut bytes);
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn bits_beyond_the_type_are_refused() {
        let too_long = Err(BatchError::VarintTooLong);
        assert_eq!(decode_all(&[0xff, 0xff, 0xff, 0xff, 0x1f], |next| decode_i32(next)), too_long);
        assert_eq!(decode_all(&[0x80; 6], |next| decode_i32(next)), too_long);
        let too_long = Err(BatchError::VarintTooLong);
        assert_eq!(decode_all(&[0xff; 10], |next| decode_i64(next)), too_long);
    }

    #[test]
    fn padded_zeros_are_fine() {
        assert_eq!(decode_all(&[0x82, 0x80, 0], |next| decode_i32(next)), Ok(1));
    }
}

//! The varints of Protocol Buffers.

/// Decodes the bits of a varint, seven from each byte that `next_byte` yields, low bits first.
///
/// Padding with zeros is accepted, as in every other implementation, but only up to `bytes_max`
/// bytes; beyond them, and beyond 64 bits, the varint is `too_long`.
#[inline]
pub(crate) fn decode_bits<E>(
    bytes_max: u32,
    too_long: E,
    mut next_byte: impl FnMut() -> Result<u8, E>,
) -> Result<u64, E> {
    let mut value = 0;
    for index in 0..bytes_max {
        let byte = next_byte()?;
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * index);
        if shifted >> (7 * index) != bits {
            return Err(too_long);
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(too_long)
}

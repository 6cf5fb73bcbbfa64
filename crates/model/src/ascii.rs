//! Searches for the few bytes that matter, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes at the start of `text` end no string of JSON and begin no escape in it, and may stand
/// in one: everything but quotes, backslashes and control characters.
pub(crate) fn string_bytes(text: &[u8]) -> usize {
    prefix(text, ends_string)
}

/// The same, up to the first byte that is not printable ASCII.
pub(crate) fn printable_string_bytes(text: &[u8]) -> usize {
    prefix(text, |word| ends_string(word) | (word & HIGHS) | equal(word, 0x7f))
}

/// How many bytes come before the first that `special` marks in a word with its highest bit. It may mark
/// others after that by mistake.
#[inline]
fn prefix(text: &[u8], special: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let marks = special(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + marked(marks);
        }
        at += size_of::<u64>();
    }
    at + last_prefix(&text[at..], special)
}

/// The same for what fills no word.
fn last_prefix(text: &[u8], special: impl Fn(u64) -> u64) -> usize {
    // Nothing is special about the bytes that fill it.
    let mut last = [b' '; size_of::<u64>()];
    last[..text.len()].copy_from_slice(text);
    marked(special(u64::from_le_bytes(last))).min(text.len())
}

/// The first byte that is marked; 8 if none is.
const fn marked(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

const fn ends_string(word: u64) -> u64 {
    below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')
}

/// Marks the bytes that are less than `limit`, which is at most 0x80. The first mark is right; a borrow
/// may set more of them behind it.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// Marks the bytes that are `byte`; the first mark is right.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly bytes at the edges of what is searched for.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let edges =
            prop::sample::select(b"\0\x01\x1f !\"#[\\]az~\x7f\x80\x81\xa2\xdc\xff".to_vec());
        let byte = prop_oneof![4 => Just(b'x'), 1 => edges, 1 => any::<u8>()];
        prop::collection::vec(byte, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_first_byte_that_matters_is_found(text in text()) {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
            let expected = text.iter().position(ends).unwrap_or(text.len());
            prop_assert_eq!(string_bytes(&text), expected);
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20 | 0x7f..);
            let expected = text.iter().position(ends).unwrap_or(text.len());
            prop_assert_eq!(printable_string_bytes(&text), expected);
        }
    }
}

//! Characters that must not reach a terminal as they are.

use std::fmt::Write as _;

use crate::ascii::printable_string_bytes;

/// Writes `bytes` as the inside of a JSON string.
pub(super) fn write_json(out: &mut String, bytes: &[u8]) {
    let (plain, rest) = bytes.split_at(printable_string_bytes(bytes));
    out.push_str(std::str::from_utf8(plain).unwrap_or_default());
    write_json_rest(out, rest);
}

/// Writes `text` as the inside of a JSON string.
pub(super) fn write_json_text(out: &mut String, text: &str) {
    // What is printable is ASCII, so a character begins behind it.
    let (plain, rest) = text.split_at(printable_string_bytes(text.as_bytes()));
    out.push_str(plain);
    write_json_rest(out, rest.as_bytes());
}

fn write_json_rest(out: &mut String, bytes: &[u8]) {
    if !bytes.is_empty() {
        write(out, bytes, |c| matches!(c, '"' | '\\'));
    }
}

/// Writes `bytes` on one line for people. A backslash stays one: paths are more frequent than line
/// breaks, and what has to be exact is read as JSON.
pub(super) fn write_plain(out: &mut String, bytes: &[u8]) {
    write(out, bytes, |_| false);
}

/// Writes a backslash before the characters of `is_quoted`, and escapes what acts on terminals.
/// Replaces what is not UTF-8 by U+FFFD, as [`String::from_utf8_lossy`] does.
fn write(out: &mut String, bytes: &[u8], is_quoted: impl Fn(char) -> bool) {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        let is_special = |(_, c): &(usize, char)| is_quoted(*c) || acts_on_terminals(*c);
        while let Some((at, c)) = rest.char_indices().find(is_special) {
            out.push_str(&rest[..at]);
            escape(out, c);
            rest = &rest[at + c.len_utf8()..];
        }
        out.push_str(rest);
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

fn escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Four digits are enough for all of these. Writing to a String cannot fail.
        _ if acts_on_terminals(c) => drop(write!(out, "\\u{:04x}", u32::from(c))),
        _ => out.extend(['\\', c]),
    }
}

/// Whether `c` does something instead of showing something: control characters, among them those
/// that start terminal sequences; line and paragraph separators; and marks that turn the direction
/// of what follows, which can make a line read as something it is not.
fn acts_on_terminals(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut out = String::new();
        write_json(&mut out, bytes);
        out
    }

    fn plain(bytes: &[u8]) -> String {
        let mut out = String::new();
        write_plain(&mut out, bytes);
        out
    }

    proptest! {
        #[test]
        fn json_reads_back_as_the_text_with_invalid_bytes_replaced(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            text in any::<String>(),
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let read: String =
                    serde_json::from_str(&format!("\"{}\"", json(bytes))).expect("JSON");
                prop_assert_eq!(read, String::from_utf8_lossy(bytes));
            }
        }

        #[test]
        fn nothing_that_acts_reaches_a_terminal(text in any::<String>()) {
            for written in [json(text.as_bytes()), plain(text.as_bytes())] {
                prop_assert!(!written.chars().any(acts_on_terminals), "{:?}", written);
            }
        }
    }

    #[test]
    fn terminal_sequences_lose_their_power() {
        assert_eq!(plain(b"\x1b[2J\x9b\xc2\x9b31m"), "\\u001b[2J\u{fffd}\\u009b31m");
        assert_eq!(plain("a\u{202e}b".as_bytes()), "a\\u202eb");
        assert_eq!(plain(b"C:\\temp\r\n"), "C:\\temp\\r\\n");
        assert_eq!(json(b"C:\\temp\x7f"), "C:\\\\temp\\u007f");
    }
}

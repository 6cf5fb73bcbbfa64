//! Characters that must not reach a terminal as they are.

/// How a character is written instead of itself.
type Escape = fn(char) -> Option<&'static str>;

/// Writes `bytes` as the inside of a JSON string.
pub(super) fn write_json(out: &mut String, bytes: &[u8]) {
    write(out, bytes, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        other => common(other),
    });
}

/// Writes `bytes` on one line for people. A backslash stays one: paths are more frequent than line
/// breaks, and what has to be exact is read as JSON.
pub(super) fn write_plain(out: &mut String, bytes: &[u8]) {
    write(out, bytes, common);
}

fn common(c: char) -> Option<&'static str> {
    match c {
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        '\t' => Some("\\t"),
        _ => None,
    }
}

/// Replaces what is not UTF-8 by U+FFFD, as [`String::from_utf8_lossy`] does.
fn write(out: &mut String, bytes: &[u8], escape: Escape) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match escape(c) {
                Some(escaped) => out.push_str(escaped),
                // All of these fit into four digits.
                None if acts_on_terminals(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                None => out.push(c),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
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

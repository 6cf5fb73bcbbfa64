/// Takes the place of a surrogate without its partner, which has no UTF-8 form.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// What a string means: `text`, which stood between quotes, with its escapes resolved. Bytes that
/// are not UTF-8 stay as they are.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    // Resolving never makes a text longer.
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        plain.extend_from_slice(&rest[..at]);
        let (meant, behind) = escape(&rest[at + 1..]);
        plain.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        rest = behind;
    }
    plain.extend_from_slice(rest);
    plain
}

/// The character that `text` names, behind a backslash, and what follows it.
fn escape(text: &[u8]) -> (char, &[u8]) {
    let Some((kind, rest)) = text.split_first() else {
        return (REPLACEMENT, text);
    };
    let meant = match kind {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        other => char::from(*other),
    };
    (meant, rest)
}

/// The character that `text` names, behind `\u`: one code unit of UTF-16, or two with `\u` between
/// them.
fn unicode(text: &[u8]) -> (char, &[u8]) {
    let Some((first, rest)) = code_unit(text) else {
        return (REPLACEMENT, text);
    };
    if let Some(meant) = char::from_u32(first.into()) {
        return (meant, rest);
    }
    let pair = rest.strip_prefix(b"\\u").and_then(code_unit).and_then(|(second, behind)| {
        let decoded = char::decode_utf16([first, second]).next()?.ok()?;
        Some((decoded, behind))
    });
    pair.unwrap_or((REPLACEMENT, rest))
}

fn code_unit(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

/// `nested`, an object or an array, without the space that means nothing.
pub(crate) fn compact(nested: &[u8]) -> Vec<u8> {
    let mut compacted = Vec::with_capacity(nested.len());
    let mut in_string = false;
    let mut after_backslash = false;
    for byte in nested {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => continue,
            b'"' if !after_backslash => in_string = !in_string,
            _ => {}
        }
        after_backslash = in_string && *byte == b'\\' && !after_backslash;
        compacted.push(*byte);
    }
    compacted
}

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Position, escape};
use crate::proto::{Content, Log, LogGroup};

/// The field that alone is not worth a line of its own.
const CONTENT: &[u8] = b"content";
/// The widest column for names, in characters. Longer names push their values to the right.
const NAME_CHARS_MAX: usize = 24;

/// Writes a log for people: its time and source, and below them a line for each field. A log whose
/// only field is `content` takes one line.
///
/// ```text
/// 2026-11-22T10:14:03.221Z 10.0.4.17 hello
/// 2026-11-22T10:14:03.950Z 10.0.4.17
///     level    info
///     message  user logged in
/// ```
///
/// With a `position`, `SHARD/OFFSET` stands behind the source. Control characters are escaped, so
/// that no producer can command a terminal. What has to be exact is better read as JSON.
pub fn write_pretty(out: &mut String, log: &Log, group: &LogGroup, position: Option<Position>) {
    write_time(out, log);
    out.push(' ');
    escape::write_plain(out, group.source());
    if let Some(Position { shard, offset }) = position {
        // Writing to a String cannot fail.
        let _ = write!(out, " {shard}/{offset}");
    }
    match &log.contents[..] {
        [only] if only.key == CONTENT => {
            out.push(' ');
            escape::write_plain(out, &only.value);
            out.push('\n');
        }
        fields => {
            out.push('\n');
            write_fields(out, fields);
        }
    }
}

fn write_fields(out: &mut String, fields: &[Content]) {
    let names: Vec<_> = fields.iter().map(|field| shown(&field.key)).collect();
    let widths = names.iter().map(|name| name.chars().count());
    let width = widths.filter(|chars| *chars <= NAME_CHARS_MAX).max().unwrap_or_default();
    for (name, field) in names.iter().zip(fields) {
        // Writing to a String cannot fail.
        let _ = write!(out, "    {name:width$}  ");
        escape::write_plain(out, &field.value);
        out.push('\n');
    }
}

fn shown(name: &[u8]) -> String {
    let mut out = String::new();
    escape::write_plain(&mut out, name);
    out
}

/// Writes the time in UTC to the millisecond (RFC 3339).
fn write_time(out: &mut String, log: &Log) {
    let nanosecond = i32::try_from(log.time_ns().min(999_999_999)).unwrap_or_default();
    let time = Timestamp::new(log.time.into(), nanosecond).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(out, "{time:.3}");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pretty(fields: &[(&'static str, &'static [u8])], position: Option<Position>) -> String {
        let content = |(key, value): &(&'static str, &'static [u8])| Content {
            key: (*key).into(),
            value: Bytes::from_static(value),
        };
        let contents = fields.iter().map(content).collect();
        let log = Log { time: 1_795_342_443, contents, time_ns: Some(221_999_999) };
        let group = LogGroup { source: Some("10.0.4.17".into()), ..LogGroup::default() };
        let mut out = String::new();
        write_pretty(&mut out, &log, &group, position);
        out
    }

    #[test]
    fn a_plain_line_takes_one_line() {
        assert_eq!(
            pretty(&[("content", b"hello")], None),
            "2026-11-22T10:14:03.221Z 10.0.4.17 hello\n"
        );
    }

    #[test]
    fn fields_are_aligned_below_the_time() {
        let position = Some(Position { shard: 0, offset: 41 });
        assert_eq!(
            pretty(
                &[("level", b"info"), ("a-name-that-is-longer-than-most", b"x"), ("message", b"y")],
                position
            ),
            "2026-11-22T10:14:03.221Z 10.0.4.17 0/41\n    level    info\n    \
             a-name-that-is-longer-than-most  x\n    message  y\n"
        );
    }

    #[test]
    fn a_log_without_fields_is_its_time() {
        assert_eq!(pretty(&[], None), "2026-11-22T10:14:03.221Z 10.0.4.17\n");
    }

    #[test]
    fn a_producer_cannot_command_a_terminal_or_add_lines() {
        let shown = pretty(&[("a\x1b[2J\nb", b"c\r\nd")], None);
        assert_eq!(shown.lines().count(), 2);
        assert!(shown.ends_with("    a\\u001b[2J\\nb  c\\r\\nd\n"), "{shown}");
    }
}

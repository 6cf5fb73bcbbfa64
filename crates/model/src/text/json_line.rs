use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Position, escape};
use crate::proto::{Log, LogGroup};
use crate::repeats::Repeats;

/// What the name of a tag starts with.
const TAG_PREFIX: &str = "__tag__:";
/// What a field of a log is called if its own name belongs to something else.
const OWN_FIELD_PREFIX: &str = "__field__:";

/// Writes a log as one JSON object on one line, with the line feed.
///
/// First come the fields of the log, all of them strings, then `__time__` (seconds since 1970, a
/// number with a fraction), `__source__`, `__topic__`, a `__tag__:NAME` for each tag of `group`,
/// and with a `position` the numbers `__shard__` and `__offset__`.
///
/// What is not UTF-8 is replaced by U+FFFD. A name that repeats is written once, with an array of
/// its values: most parsers would keep only one of several members with the same name. A field
/// whose own name is one of those above is called `__field__:NAME`, so that no producer can forge a
/// source or a time.
pub fn write_json(out: &mut String, log: &Log, group: &LogGroup, position: Option<Position>) {
    out.push('{');
    write_fields(out, log);
    write_time(out, log);
    for (name, value) in [("__source__", group.source()), ("__topic__", group.topic())] {
        out.push(',');
        write_member(out, name, value);
    }
    write_tags(out, group);
    if let Some(Position { shard, offset }) = position {
        // Writing to a String cannot fail.
        let _ = write!(out, ",\"__shard__\":{shard},\"__offset__\":{offset}");
    }
    out.push_str("}\n");
}

fn write_fields(out: &mut String, log: &Log) {
    let names: Vec<_> = log.contents.iter().map(|content| shown_name(&content.key)).collect();
    let repeats = Repeats::of(&names, |name| name.as_bytes());
    for first in repeats.firsts() {
        let mut values = repeats.all(first).map(|position| &log.contents[position].value[..]);
        write_repeated(out, "", &names[first], &mut values);
        out.push(',');
    }
}

fn write_tags(out: &mut String, group: &LogGroup) {
    let names: Vec<_> =
        group.log_tags.iter().map(|tag| String::from_utf8_lossy(&tag.key)).collect();
    let repeats = Repeats::of(&names, |name| name.as_bytes());
    for first in repeats.firsts() {
        let mut values = repeats.all(first).map(|position| &group.log_tags[position].value[..]);
        out.push(',');
        write_repeated(out, TAG_PREFIX, &names[first], &mut values);
    }
}

/// Writes a member with the one value there is, or with an array of several.
fn write_repeated<'a>(
    out: &mut String,
    prefix: &str,
    name: &str,
    values: &mut impl Iterator<Item = &'a [u8]>,
) {
    let value = values.next().unwrap_or_default();
    out.push('"');
    out.push_str(prefix);
    escape::write_json_text(out, name);
    out.push_str("\":");
    let Some(second) = values.next() else {
        return write_string(out, value);
    };
    out.push('[');
    write_string(out, value);
    for value in std::iter::once(second).chain(values) {
        out.push(',');
        write_string(out, value);
    }
    out.push(']');
}

fn write_member(out: &mut String, name: &str, value: &[u8]) {
    write_string(out, name.as_bytes());
    out.push(':');
    write_string(out, value);
}

fn write_string(out: &mut String, text: &[u8]) {
    out.push('"');
    escape::write_json(out, text);
    out.push('"');
}

/// Writes seconds with as many digits behind the point as are needed: 3, 6 or 9.
fn write_time(out: &mut String, log: &Log) {
    let (seconds, ns) = (log.time, log.time_ns().min(999_999_999));
    // Writing to a String cannot fail.
    let _ = match (ns % 1_000_000, ns % 1_000) {
        (0, _) => write!(out, "\"__time__\":{seconds}.{:03}", ns / 1_000_000),
        (_, 0) => write!(out, "\"__time__\":{seconds}.{:06}", ns / 1_000),
        _ => write!(out, "\"__time__\":{seconds}.{ns:09}"),
    };
}

fn shown_name(name: &[u8]) -> Cow<'_, str> {
    // What is UTF-8, as nearly all is, is found to be so faster by this than by the other.
    let name = std::str::from_utf8(name).map_or_else(|_| String::from_utf8_lossy(name), Cow::from);
    if name.starts_with("__") && is_ours(&name) {
        return Cow::Owned(format!("{OWN_FIELD_PREFIX}{name}"));
    }
    name
}

/// Whether a name belongs to what is written besides fields.
fn is_ours(name: &str) -> bool {
    let is_ours =
        ["__time__", "__source__", "__topic__", "__shard__", "__offset__"].contains(&name);
    is_ours || name.starts_with(TAG_PREFIX)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bytes::Bytes;

    use super::*;
    use crate::group::{Origin, group};
    use crate::proto::{Content, LogTag};

    fn log(fields: &[(&'static str, &'static [u8])], time_ns: Option<u32>) -> Log {
        let content = |(key, value): &(&'static str, &'static [u8])| Content {
            key: (*key).into(),
            value: Bytes::from_static(value),
        };
        Log { time: 1_795_309_717, contents: fields.iter().map(content).collect(), time_ns }
    }

    fn origin(client_id: &[u8]) -> LogGroup {
        let peer = IpAddr::from([10, 0, 4, 17]);
        group(Vec::new(), &Origin { peer, client_id, shard: 2, first_offset: None })
    }

    fn line(log: &Log, group: &LogGroup, position: Option<Position>) -> String {
        let mut out = String::new();
        write_json(&mut out, log, group, position);
        out
    }

    #[test]
    fn a_log_is_one_object_on_one_line() {
        let log = log(&[("level", b"info"), ("message", b"a \"b\"\n")], Some(556_000_000));
        assert_eq!(
            line(&log, &origin(b"filebeat"), None),
            "{\"level\":\"info\",\"message\":\"a \\\"b\\\"\\n\",\"__time__\":1795309717.556,\
             \"__source__\":\"10.0.4.17\",\"__topic__\":\"\",\
             \"__tag__:__client_id__\":\"filebeat\",\"__tag__:__shard__\":\"2\"}\n"
        );
    }

    #[test]
    fn a_position_is_added_on_demand() {
        let position = Position { shard: 2, offset: 41 };
        assert_eq!(
            line(&log(&[], None), &LogGroup::default(), Some(position)),
            "{\"__time__\":1795309717.000,\"__source__\":\"\",\"__topic__\":\"\",\
             \"__shard__\":2,\"__offset__\":41}\n"
        );
    }

    #[test]
    fn the_fraction_has_as_many_digits_as_it_needs() {
        for (ns, shown) in [
            (0, ".000,"),
            (1_000_000, ".001,"),
            (1_000, ".000001,"),
            (1, ".000000001,"),
            (u32::MAX, ".999999999,"),
        ] {
            let line = line(&log(&[], Some(ns)), &LogGroup::default(), None);
            assert!(line.contains(&format!("1795309717{shown}")), "{line}");
        }
    }

    #[test]
    fn repeated_names_lose_no_value() {
        let log = log(&[("h", b"1"), ("x", b""), ("h", b"2"), ("h", b"\xff")], None);
        let mut group = origin(b"");
        group.log_tags.push(LogTag { key: "__shard__".into(), value: "3".into() });
        let line = line(&log, &group, None);
        assert!(line.starts_with("{\"h\":[\"1\",\"2\",\"\u{fffd}\"],\"x\":\"\","), "{line}");
        assert!(line.ends_with("\"__tag__:__shard__\":[\"2\",\"3\"]}\n"), "{line}");
    }

    #[test]
    fn a_producer_cannot_forge_a_source_or_a_time() {
        let names = ["__time__", "__source__", "__topic__", "__tag__:x", "__shard__", "__offset__"];
        let forged = names.map(|name| (name, &b"0"[..]));
        let position = Position { shard: 2, offset: 41 };
        let line = line(&log(&forged, None), &origin(b""), Some(position));
        let read: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&line).expect("JSON");
        for name in names {
            assert_eq!(read[&format!("__field__:{name}")], "0");
        }
        assert_eq!(read["__source__"], "10.0.4.17");
        assert_eq!(read["__offset__"], 41);
    }
}

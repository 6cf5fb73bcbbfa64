use std::mem;

use bytes::Bytes;
use logboom_wire::records::Record;

use crate::field::Fields;
use crate::json::{self, Member, NotSplit, Text, Value};
use crate::options::{Form, KeyMapping, MappingOptions};
use crate::proto::{Content, Log};
use crate::repeats::Repeats;
use crate::report::MappingReport;

/// The field of a value that has no fields of its own. As the key of a record it is the same word:
/// the agents' documentation tells people to send it.
const CONTENT: &[u8] = b"content";
/// The field of a key.
const KEY: &[u8] = b"__key__";
/// What the name of a header's field starts with.
const HEADER_PREFIX: &[u8] = b"__header__:";

/// Room is made at once for a member for so many bytes of JSON: members of logs are rarely shorter.
const MEMBER_BYTES_USUAL: usize = 32;
/// Room for so many members at most: they fill a kilobyte, up to which allocators are fastest.
const MEMBERS_USUAL_MAX: usize = 16;

/// Makes a log of a record. Never fails: what does not fit is changed as little as possible, and
/// counted in `report`.
///
/// | record | log |
/// | --- | --- |
/// | timestamp; the append time if there is none, or if it is before 1970 or after 2106 | time |
/// | value of topic `X` | field `content` |
/// | value of topic `X.json`, a JSON object | a field for each member |
/// | value of topic `X.json`, anything else | field `content` |
/// | no value (null) | no field |
/// | key, unless empty or the literal `content` | as [`KeyMapping`] says |
/// | header `h` | field `__header__:h`, also repeatedly; empty if the header has no value |
///
/// Of a JSON object, strings become what they mean, other scalars stay the text they are, and
/// objects and arrays stay text too, without the space between their parts. Of members with the
/// same name the last one counts, at the place of the first.
///
/// The fields stand in the order of the table. `append_time_ms` is in milliseconds since 1970.
#[must_use]
pub fn map(
    record: &Record<'_>,
    form: Form,
    options: &MappingOptions,
    append_time_ms: i64,
    report: &mut MappingReport,
) -> Log {
    let (time, time_ns) = time(record.timestamp_ms, append_time_ms, report);
    let mut fields = Fields::new(options, report);
    let value = record.value.map(Bytes::copy_from_slice);
    let text = value.as_ref().filter(|_| form == Form::Json);
    let is_split = text.is_some_and(|text| push_members(&mut fields, text, options.members_max));
    let is_kept = |key: &[u8]| !key.is_empty() && key != CONTENT && options.key != KeyMapping::Drop;
    let mut key = record.key.filter(|key| is_kept(key));
    if let Some(value) = value.filter(|_| !is_split) {
        let name = key.take_if(|_| options.key == KeyMapping::NameOfValue);
        fields.push(name.map_or(Bytes::from_static(CONTENT), Bytes::copy_from_slice), value);
    }
    if let Some(key) = key {
        fields.push(Bytes::from_static(KEY), Bytes::copy_from_slice(key));
    }
    for (name, value) in record.headers {
        let name = [HEADER_PREFIX, name].concat().into();
        fields.push(name, value.map_or(Bytes::new(), Bytes::copy_from_slice));
    }
    Log { time, contents: fields.finish(), time_ns: Some(time_ns) }
}

/// Seconds and nanoseconds of the log.
fn time(timestamp_ms: Option<i64>, append_time_ms: i64, report: &mut MappingReport) -> (u32, u32) {
    if let Some(timestamp_ms) = timestamp_ms {
        if let Some(time) = split_ms(timestamp_ms) {
            return time;
        }
        // Mostly a producer that counts in other units. At the edge of the range the log would be
        // found by nobody.
        report.times_replaced += 1;
    }
    split_ms(append_time_ms).unwrap_or_default()
}

/// Seconds and nanoseconds, if the seconds fit into the schema.
fn split_ms(ms: i64) -> Option<(u32, u32)> {
    let seconds = u32::try_from(ms.div_euclid(1000)).ok()?;
    let ms = u32::try_from(ms.rem_euclid(1000)).ok()?;
    Some((seconds, ms * 1_000_000))
}

/// Adds the members of the JSON object that `text` is. False if it is to be kept whole.
fn push_members(fields: &mut Fields<'_>, text: &Bytes, members_max: usize) -> bool {
    let usual = (text.len() / MEMBER_BYTES_USUAL).min(MEMBERS_USUAL_MAX);
    let mut members = Vec::with_capacity(usual);
    let done = json::split(text, members_max, |member| {
        members.push(Content { key: plain(text, &member.name), value: value(text, &member) });
    });
    match done {
        Ok(()) => {}
        Err(NotSplit::NotAnObject) => {
            fields.report().not_objects += 1;
            return false;
        }
        Err(NotSplit::TooManyMembers) => {
            fields.report().too_many_members += 1;
            return false;
        }
    }
    keep_last_values(&mut members);
    // Members begin and end with ASCII, so all of them are UTF-8 if the text is.
    fields.push_all(members, std::str::from_utf8(text).is_ok());
    true
}

/// Of members with the same name leaves one: the last value, at the place of the first.
fn keep_last_values(members: &mut Vec<Content>) {
    let repeats = Repeats::of(members, |member| &member.key);
    if repeats.is_empty() {
        return;
    }
    let mut kept = Vec::with_capacity(members.len());
    for first in repeats.firsts() {
        let last = repeats.all(first).last().unwrap_or(first);
        let key = mem::take(&mut members[first].key);
        kept.push(Content { key, value: mem::take(&mut members[last].value) });
    }
    *members = kept;
}

/// The value of a member as the value of a field. Shares the memory of `text` where it can.
fn value(text: &Bytes, member: &Member) -> Bytes {
    match &member.value {
        Value::Text(string) => plain(text, string),
        Value::Nested { range, spaced: true } => json::compact(&text[range.clone()]).into(),
        Value::Scalar(range) | Value::Nested { range, spaced: false } => text.slice(range.clone()),
    }
}

fn plain(text: &Bytes, string: &Text) -> Bytes {
    if string.escaped {
        json::unescape(&text[string.range.clone()]).into()
    } else {
        text.slice(string.range.clone())
    }
}

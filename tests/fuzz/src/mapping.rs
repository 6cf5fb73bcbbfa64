//! From a record to a log, and from a log to text.

use logboom_model::{
    FieldNames, Form, KeyMapping, Log, LogGroup, MappingOptions, MappingReport, Message as _,
    Origin, group, map, text,
};
use logboom_wire::records::{BatchBuilder, Codec, Limits, Scratch, read};
use serde_json::{Map, Value};

use crate::memory::bounded;

/// An object of many members, of which the smallest takes five bytes, becomes a log of as many
/// fields. What each takes while it is one is bounded by their number, `MappingOptions::MEMBERS_MAX`:
/// a larger object stays one field. It happens when logs are read, never when they are taken in.
const BYTES_PER_MEMBER_MAX: usize = 320;

/// A value of a topic `X.json` or `X`, behind a byte that chooses the options.
pub fn json_mapping(input: &[u8]) {
    let Some((choice, value)) = input.split_first() else { return };
    let options = MappingOptions {
        key: [KeyMapping::Field, KeyMapping::NameOfValue, KeyMapping::Drop]
            [usize::from(choice / 2 % 3)],
        field_names: [FieldNames::AsIs, FieldNames::Strict][usize::from(choice / 6 % 2)],
        ..MappingOptions::default()
    };
    let form = if choice % 2 == 0 { Form::Json } else { Form::Raw };
    let (log, report) = mapped(value, form, &options);
    assert_eq!(report.logs, 1);
    if form == Form::Json && options.field_names == FieldNames::AsIs {
        compare(value, &log, &report);
    }
    check_text(log);
}

fn mapped(value: &[u8], form: Form, options: &MappingOptions) -> (Log, MappingReport) {
    let mut builder = BatchBuilder::new();
    builder.append(1_795_342_443_221, Some(b"a key"), Some(value), &[]).expect("a small record");
    let batch = builder.build(Codec::None);
    let mut scratch = Scratch::new();
    let mut records = read(&batch, &Limits::WIDEST, &mut scratch).expect("a batch");
    let record = records.next().expect("a record").expect("a good record");
    let mut report = MappingReport::default();
    let members = value.iter().filter(|byte| **byte == b':').count();
    let more = members.min(options.members_max) * BYTES_PER_MEMBER_MAX;
    let log =
        bounded(value.len(), more, || map(&record, form, options, 1_795_342_443_000, &mut report));
    (log, report)
}

/// Holds the fields of a log to what a JSON parser makes of the same text.
fn compare(text: &[u8], log: &Log, report: &MappingReport) {
    let Ok(object) = serde_json::from_slice::<Map<String, Value>>(text) else { return };
    assert_eq!(report.not_objects, 0, "an object to the parser");
    let changed = report.too_many_members + report.names_cut + report.values_cut;
    if changed > 0 {
        return;
    }
    let fields = log.contents.iter().filter(|field| field.key != b"__key__"[..]);
    let mut count = 0;
    for field in fields {
        let name = str::from_utf8(&field.key).expect("a parser took it");
        let expected = object.get(name).unwrap_or_else(|| panic!("no member {name:?}"));
        assert!(same(&field.value, expected), "{name:?}");
        count += 1;
    }
    assert!(count + usize::from(object.contains_key("__key__")) >= object.len());
}

/// Whether the text of a field is that value.
fn same(text: &[u8], value: &Value) -> bool {
    match value {
        Value::String(string) => string.as_bytes() == text,
        value => serde_json::from_slice::<Value>(text).is_ok_and(|parsed| parsed == *value),
    }
}

/// Holds the texts of a log to their promises, and the messages to their encoding.
fn check_text(log: Log) {
    let origin = Origin {
        peer: [192, 0, 2, 1].into(),
        client_id: b"fuzz",
        shard: 3,
        first_offset: Some(41),
    };
    let group = group(vec![log], &origin);
    let encoded = group.encode_to_vec();
    assert_eq!(LogGroup::decode(&encoded[..]).as_ref(), Ok(&group));
    let log = &group.logs[0];
    let mut line = String::new();
    text::write_json(&mut line, log, &group, Some(text::Position { shard: 3, offset: 41 }));
    assert!(line.ends_with('\n') && line.matches('\n').count() == 1);
    let shown: Map<String, Value> = serde_json::from_str(&line).expect("a line is one object");
    assert_eq!((&shown["__offset__"], &shown["__source__"]), (&41.into(), &"192.0.2.1".into()));
    let mut pretty = String::new();
    text::write_pretty(&mut pretty, log, &group, None);
    let commands = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!pretty.contains(commands), "a control character for a terminal");
}

//! Every row of the mapping from records to logs, with what producers really send.

use logboom_model::{FieldNames, Form, KeyMapping, Log, MappingOptions, MappingReport, map};
use logboom_wire::records::{BatchBuilder, Codec, Limits, Scratch, read};
use proptest::prelude::*;

const APPEND_TIME_MS: i64 = 1_795_309_717_556;

/// A record as a producer sends it.
#[derive(Debug, Clone, Copy)]
struct Sent<'a> {
    timestamp_ms: i64,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

impl<'a> Sent<'a> {
    fn value(value: impl Into<Option<&'a [u8]>>) -> Self {
        Self { timestamp_ms: -1, key: None, value: value.into(), headers: &[] }
    }

    fn text(value: &'a str) -> Self {
        Self::value(value.as_bytes())
    }

    fn key(self, key: &'a [u8]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Sends the record through a batch and maps what is read from it.
    fn mapped(self, form: Form, options: &MappingOptions) -> (Log, MappingReport) {
        let mut builder = BatchBuilder::new();
        builder
            .append(self.timestamp_ms, self.key, self.value, self.headers)
            .expect("a small record");
        let batch = builder.build(Codec::None);
        let mut scratch = Scratch::default();
        let mut records = read(&batch, &Limits::default(), &mut scratch).expect("a batch");
        let record = records.next().expect("a record").expect("a good record");
        let mut report = MappingReport::default();
        let log = map(&record, form, options, APPEND_TIME_MS, &mut report);
        assert_eq!(report.logs, 1);
        (log, report)
    }

    fn fields(self, form: Form) -> Vec<(String, String)> {
        self.fields_with(form, &MappingOptions::default())
    }

    fn fields_with(self, form: Form, options: &MappingOptions) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let (log, _) = self.mapped(form, options);
        log.contents.iter().map(|field| (text(&field.key), text(&field.value))).collect()
    }

    fn time(self) -> (u32, u32, u64) {
        let (log, report) = self.mapped(Form::Raw, &MappingOptions::default());
        (log.time, log.time_ns.expect("nanoseconds"), report.times_replaced)
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_key(key: KeyMapping) -> MappingOptions {
    MappingOptions { key, ..MappingOptions::default() }
}

#[test]
fn a_timestamp_becomes_seconds_and_nanoseconds() {
    let at = |timestamp_ms| Sent { timestamp_ms, ..Sent::text("x") }.time();
    assert_eq!(at(1_700_000_000_123), (1_700_000_000, 123_000_000, 0));
    assert_eq!(at(0), (0, 0, 0));
    assert_eq!(at(999), (0, 999_000_000, 0));
    assert_eq!(at(4_294_967_295_999), (u32::MAX, 999_000_000, 0));
}

#[test]
fn a_missing_timestamp_is_the_append_time() {
    assert_eq!(Sent::text("x").time(), (1_795_309_717, 556_000_000, 0));
}

#[test]
fn a_timestamp_that_fits_no_log_is_the_append_time_and_counted() {
    for timestamp_ms in [-2, i64::MIN, 4_294_967_296_000, 1_700_000_000_123_456_789, i64::MAX] {
        let time = Sent { timestamp_ms, ..Sent::text("x") }.time();
        assert_eq!(time, (1_795_309_717, 556_000_000, 1), "{timestamp_ms}");
    }
}

#[test]
fn a_plain_line_is_the_field_content() {
    let line = r#"10.1.1.1 - - [01/Mar/2012:16:12:07 +0800] "GET / HTTP/1.1" 200 5"#;
    assert_eq!(Sent::text(line).fields(Form::Raw), owned(&[("content", line)]));
    let json = r#"{"a": 1}"#;
    assert_eq!(Sent::text(json).fields(Form::Raw), owned(&[("content", json)]));
    assert_eq!(Sent::text("").fields(Form::Raw), owned(&[("content", "")]));
}

#[test]
fn an_event_of_a_beat_becomes_its_first_level() {
    let event = r#"{"@timestamp":"2026-11-22T10:14:03.221Z","@metadata":{"beat":"filebeat","type":"_doc","version":"8.17.0"},"log":{"offset":4096,"file":{"path":"/var/log/nginx/access.log"}},"message":"GET \"/a\\b\"\tüber","tags":["nginx","web"],"input":{"type":"filestream"},"ecs":{"version":"8.0.0"},"host":{"name":"web-1"}}"#;
    assert_eq!(
        Sent::text(event).fields(Form::Json),
        owned(&[
            ("@timestamp", "2026-11-22T10:14:03.221Z"),
            ("@metadata", r#"{"beat":"filebeat","type":"_doc","version":"8.17.0"}"#),
            ("log", r#"{"offset":4096,"file":{"path":"/var/log/nginx/access.log"}}"#),
            ("message", "GET \"/a\\b\"\tüber"),
            ("tags", r#"["nginx","web"]"#),
            ("input", r#"{"type":"filestream"}"#),
            ("ecs", r#"{"version":"8.0.0"}"#),
            ("host", r#"{"name":"web-1"}"#),
        ])
    );
}

#[test]
fn an_array_of_collectd_is_the_field_content() {
    let values = r#"[{"values":[1.4169921875,1.322265625,1.31591796875],"dstypes":["gauge","gauge","gauge"],"dsnames":["shortterm","midterm","longterm"],"time":1795309717.556,"interval":1.000,"host":"h1","plugin":"load","plugin_instance":"","type":"load","type_instance":""}]"#;
    let sent = Sent::text(values).key(b"content");
    assert_eq!(sent.fields(Form::Json), owned(&[("content", values)]));
    assert_eq!(sent.mapped(Form::Json, &MappingOptions::default()).1.not_objects, 1);
}

#[test]
fn a_metric_of_telegraf_becomes_its_first_level() {
    let metric = "{\"fields\":{\"usage_idle\":99.09909909909909,\"usage_user\":1e-05},\"name\":\"cpu\",\"tags\":{\"cpu\":\"cpu-total\",\"host\":\"h1\"},\"timestamp\":1795309720}\n";
    assert_eq!(
        Sent::text(metric).key(b"content").fields(Form::Json),
        owned(&[
            ("fields", r#"{"usage_idle":99.09909909909909,"usage_user":1e-05}"#),
            ("name", "cpu"),
            ("tags", r#"{"cpu":"cpu-total","host":"h1"}"#),
            ("timestamp", "1795309720"),
        ])
    );
}

#[test]
fn scalars_keep_their_text_and_nested_values_lose_their_space() {
    let value = r#"{ "n" : 1.50, "big": 123456789012345678901234567890, "t": true, "z": null,
        "deep" : { "a" : [ 1.0 , " b \" " ] } }"#;
    assert_eq!(
        Sent::text(value).fields(Form::Json),
        owned(&[
            ("n", "1.50"),
            ("big", "123456789012345678901234567890"),
            ("t", "true"),
            ("z", "null"),
            ("deep", r#"{"a":[1.0," b \" "]}"#),
        ])
    );
}

#[test]
fn the_last_of_repeated_members_wins_at_the_place_of_the_first() {
    let value = r#"{"a":1,"b":2,"\u0061":[3]}"#;
    assert_eq!(Sent::text(value).fields(Form::Json), owned(&[("a", "[3]"), ("b", "2")]));
}

#[test]
fn json_that_is_no_object_is_the_field_content_unchanged() {
    for value in ["[1, 2]", "1.0", "\"a\"", "null", "", "{\"a\":1", "{'a': 1}", "plain"] {
        assert_eq!(Sent::text(value).fields(Form::Json), owned(&[("content", value)]));
        let (_, report) = Sent::text(value).mapped(Form::Json, &MappingOptions::default());
        assert_eq!(report, MappingReport { logs: 1, not_objects: 1, ..MappingReport::default() });
    }
}

#[test]
fn an_empty_object_has_no_fields() {
    assert_eq!(Sent::text("{}").fields(Form::Json), []);
}

#[test]
fn a_null_value_has_no_field() {
    for form in [Form::Raw, Form::Json] {
        let sent = Sent::value(None).key(b"user-7");
        assert_eq!(sent.fields(form), owned(&[("__key__", "user-7")]));
        assert!(sent.mapped(form, &MappingOptions::default()).1.is_clean());
        // There is no value to be named.
        let options = with_key(KeyMapping::NameOfValue);
        assert_eq!(sent.fields_with(form, &options), owned(&[("__key__", "user-7")]));
    }
}

#[test]
fn a_key_becomes_a_field_unless_it_is_empty_or_content() {
    let fields = |key| Sent::text("x").key(key).fields(Form::Raw);
    assert_eq!(fields(b"user-7"), owned(&[("content", "x"), ("__key__", "user-7")]));
    assert_eq!(fields(b"content"), owned(&[("content", "x")]));
    assert_eq!(fields(b""), owned(&[("content", "x")]));
    assert_eq!(
        Sent::text(r#"{"a":1}"#).key(b"user-7").fields(Form::Json),
        owned(&[("a", "1"), ("__key__", "user-7")])
    );
}

#[test]
fn a_key_can_name_the_field_of_the_value() {
    let options = with_key(KeyMapping::NameOfValue);
    let fields = |sent: Sent<'_>, form| sent.fields_with(form, &options);
    assert_eq!(fields(Sent::text("x").key(b"nginx"), Form::Raw), owned(&[("nginx", "x")]));
    assert_eq!(fields(Sent::text("[1]").key(b"nginx"), Form::Json), owned(&[("nginx", "[1]")]));
    assert_eq!(fields(Sent::text("x").key(b""), Form::Raw), owned(&[("content", "x")]));
    assert_eq!(fields(Sent::text("x"), Form::Raw), owned(&[("content", "x")]));
    // An object has no field of its own that could be named.
    assert_eq!(
        fields(Sent::text(r#"{"a":1}"#).key(b"nginx"), Form::Json),
        owned(&[("a", "1"), ("__key__", "nginx")])
    );
}

#[test]
fn a_key_can_be_dropped() {
    let sent = Sent::text("x").key(b"nginx");
    assert_eq!(
        sent.fields_with(Form::Raw, &with_key(KeyMapping::Drop)),
        owned(&[("content", "x")])
    );
}

#[test]
fn headers_become_fields_and_repeat() {
    let headers = [
        (&b"trace"[..], Some(&b"1"[..])),
        (b"empty", None),
        (b"trace", Some(b"2")),
        (b"", Some(b"3")),
    ];
    let sent = Sent { headers: &headers, ..Sent::text("x").key(b"k") };
    assert_eq!(
        sent.fields(Form::Raw),
        owned(&[
            ("content", "x"),
            ("__key__", "k"),
            ("__header__:trace", "1"),
            ("__header__:empty", ""),
            ("__header__:trace", "2"),
            ("__header__:", "3"),
        ])
    );
}

#[test]
fn bytes_that_are_not_utf8_are_kept_and_counted() {
    let headers = [(&b"\xff"[..], Some(&b"\xfe"[..]))];
    let sent = Sent { headers: &headers, ..Sent::value(&b"caf\xe9"[..]).key(b"\xfd") };
    let (log, report) = sent.mapped(Form::Raw, &MappingOptions::default());
    assert_eq!(log.contents[0].value, &b"caf\xe9"[..]);
    assert_eq!(log.contents[1].value, &b"\xfd"[..]);
    assert_eq!(log.contents[2].key, &b"__header__:\xff"[..]);
    assert_eq!(log.contents[2].value, &b"\xfe"[..]);
    assert_eq!(report.not_utf8, 3);

    let json = Sent::value(&b"{\"a\":\"caf\xe9\",\"b\":1}"[..]);
    let (log, report) = json.mapped(Form::Json, &MappingOptions::default());
    assert_eq!(log.contents[0].value, &b"caf\xe9"[..]);
    assert_eq!((log.contents.len(), report.not_utf8, report.not_objects), (2, 1, 0));
}

#[test]
fn long_names_and_values_are_cut_at_a_character_and_counted() {
    let name = "n".repeat(127);
    let value = "v".repeat(MappingOptions::VALUE_BYTES_MAX - 1);
    let json = format!("{{\"{name}é\":\"{value}é\"}}");
    let (log, report) = Sent::text(&json).mapped(Form::Json, &MappingOptions::default());
    assert_eq!(log.contents[0].key, name);
    assert_eq!(log.contents[0].value, value);
    let cut = MappingReport { logs: 1, names_cut: 1, values_cut: 1, ..MappingReport::default() };
    assert_eq!(report, cut);

    let json = format!("{{\"{name}n\":\"{value}v\"}}");
    let (log, report) = Sent::text(&json).mapped(Form::Json, &MappingOptions::default());
    assert_eq!(log.contents[0].key.len(), MappingOptions::NAME_BYTES_MAX);
    assert_eq!(log.contents[0].value.len(), MappingOptions::VALUE_BYTES_MAX);
    assert!(report.is_clean());
}

#[test]
fn an_object_with_too_many_members_is_kept_whole_and_counted() {
    let options = MappingOptions { members_max: 2, ..MappingOptions::default() };
    let two = Sent::text(r#"{"a":1,"b":2}"#);
    assert_eq!(two.fields_with(Form::Json, &options), owned(&[("a", "1"), ("b", "2")]));
    let three = Sent::text(r#"{"a":1, "b":2, "a":3}"#);
    assert_eq!(
        three.fields_with(Form::Json, &options),
        owned(&[("content", r#"{"a":1, "b":2, "a":3}"#)])
    );
    assert_eq!(three.mapped(Form::Json, &options).1.too_many_members, 1);
}

#[test]
fn strict_names_are_changed_to_fit_and_counted() {
    let options = MappingOptions { field_names: FieldNames::Strict, ..MappingOptions::default() };
    let headers = [(&b"a-b"[..], Some(&b"1"[..]))];
    let value = r#"{"@timestamp":"t","host.name":"h","ok_1":"o","1st":"f","__topic__":"x"}"#;
    let sent = Sent { headers: &headers, ..Sent::text(value).key(b"k") };
    assert_eq!(
        sent.fields_with(Form::Json, &options),
        owned(&[
            ("_timestamp", "t"),
            ("host_name", "h"),
            ("ok_1", "o"),
            ("_1st", "f"),
            ("___topic__", "x"),
            ("__key__", "k"),
            ("__header___a_b", "1"),
        ])
    );
    assert_eq!(sent.mapped(Form::Json, &options).1.names_changed, 5);
}

proptest! {
    #[test]
    fn any_record_becomes_a_log_within_the_limits(
        timestamp_ms: i64,
        key: Option<Vec<u8>>,
        value in proptest::option::of(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            "\\{(\"[a-c]{0,12}\":(1|\"\\PC{0,9}\"|\\[ \\{\\}\\]),?){0,5}\\}".prop_map(String::into_bytes),
        ]),
        header in proptest::collection::vec(any::<u8>(), 0..40),
        json: bool,
        strict: bool,
    ) {
        let options = MappingOptions {
            field_names: if strict { FieldNames::Strict } else { FieldNames::AsIs },
            name_bytes_max: 16,
            value_bytes_max: 8,
            members_max: 3,
            ..MappingOptions::default()
        };
        let headers = [(&header[..], Some(&header[..]))];
        let sent = Sent {
            timestamp_ms,
            key: key.as_deref(),
            value: value.as_deref(),
            headers: &headers,
        };
        let (log, _) = sent.mapped(if json { Form::Json } else { Form::Raw }, &options);
        prop_assert!(log.contents.len() <= 5);
        prop_assert!(log.time_ns.is_some_and(|ns| ns < 1_000_000_000));
        for field in &log.contents {
            prop_assert!(field.key.len() <= 16 && field.value.len() <= 8);
        }
    }
}

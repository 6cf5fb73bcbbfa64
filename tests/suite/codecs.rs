//! What was produced is what is read, field by field.

use bytes::Bytes;
use logboom_tests::Log;
use logboom_wire::records::{BatchBuilder, Codec};
use serde_json::{Map, Value, json};

use super::{acme, site};

/// Enough records that every codec has something to compress.
const RECORDS: usize = 50;

#[test]
fn every_codec_to_a_raw_and_to_a_json_topic_is_read_back_field_by_field() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let mut expected = Vec::new();
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        let shard = (number % 4) as i32;
        for (topic, value) in [("web", raw_value as fn(usize) -> String), ("web.json", json_value)]
        {
            let batch = make_batch(codec, value);
            let produced = client.produce(topic, shard, batch).expect("the connection lives");
            let first = produced.unwrap_or_else(|error| panic!("{codec:?} to {topic}: {error:?}"));
            let fields = if topic == "web" { raw_fields } else { json_fields };
            for index in 0..RECORDS {
                expected.push(expected_log(fields(index), index, shard, first + index as u64));
            }
        }
    }
    let _events = server.stop();

    let mut logs = site.read("acme/web");
    let place = |log: &Log| (log.shard, log.offset);
    logs.sort_by_key(place);
    expected.sort_by_key(place);
    assert_eq!(logs.len(), expected.len());
    for (log, expected) in logs.iter().zip(&expected) {
        assert_eq!(log, expected);
    }
}

#[test]
fn what_is_no_json_object_is_kept_as_it_is_in_a_json_topic() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let values = ["not json", "[1,2]", "7", "{\"a\":", "", "\u{1f4dc} {}"];
    let produced = client.produce("audit.json", 0, logboom_tests::batch(values));
    assert_eq!(produced.expect("the connection lives"), Ok(0));
    let _events = server.stop();
    let logs = site.read("acme/audit");
    assert_eq!(logs.iter().map(Log::content).collect::<Vec<_>>(), values);
}

fn make_batch(codec: Codec, value: impl Fn(usize) -> String) -> Bytes {
    let mut builder = BatchBuilder::new();
    for index in 0..RECORDS {
        let key = format!("key-{index}");
        let headers: [(&[u8], Option<&[u8]>); 3] =
            [(b"trace", Some(b"one")), (b"trace", Some(b"two")), (b"none", None)];
        let (time, value) = (1_700_000_000_123 + index as i64, value(index));
        let appended = builder.append(time, Some(key.as_bytes()), Some(value.as_bytes()), &headers);
        appended.expect("a small batch");
    }
    builder.build(codec).into()
}

fn raw_value(index: usize) -> String {
    format!("GET /index.html?q={index} \"quoted\"\t\u{00e9}\u{1f4dc} {}", "x".repeat(index))
}

fn raw_fields(index: usize) -> Value {
    json!({ "content": raw_value(index) })
}

fn json_value(index: usize) -> String {
    format!(
        r#"{{"level": "a \"b\"\n", "count": {index}.50, "ok": true, "none": null,
            "host": {{"name": "h", "tags": [1, "two", {{}}]}}, "twice": 1, "twice": 2}}"#
    )
}

fn json_fields(index: usize) -> Value {
    json!({
        "level": "a \"b\"\n",
        "count": format!("{index}.50"),
        "ok": "true",
        "none": "null",
        "host": r#"{"name":"h","tags":[1,"two",{}]}"#,
        "twice": "2",
    })
}

fn expected_log(fields: Value, index: usize, shard: i32, offset: u64) -> Log {
    let Value::Object(mut members) = fields else { panic!("an object") };
    let more = json!({
        "__key__": format!("key-{index}"),
        "__header__:trace": ["one", "two"],
        "__header__:none": "",
        "__time__": format!("1700000000.{}", 123 + index).parse::<f64>().expect("a number"),
        "__source__": "127.0.0.1",
        "__topic__": "",
        "__tag__:__client_id__": "logboom-tests",
        "__tag__:__shard__": shard.to_string(),
        "__shard__": shard,
        "__offset__": offset,
    });
    members.extend(serde_json::from_value::<Map<_, _>>(more).expect("an object"));
    Log { shard: shard.try_into().expect("not negative"), offset, members }
}

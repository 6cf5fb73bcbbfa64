//! The requests of real clients, against descriptions by a decoder that shares nothing with ours.
//! `tests/transcripts/README.md` says what the files are.

use std::fs;
use std::path::{Path, PathBuf};

use logboom_wire::api::ApiKey;
use logboom_wire::header::RequestHeader;
use logboom_wire::records::{Limits, RawBatch, Record, Scratch, batches, read, validate};
use logboom_wire::request::{
    ApiVersionsRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
    SaslAuthenticateRequest, SaslHandshakeRequest, TopicSelection,
};
use serde_json::{Map, Value, json};

#[test]
fn every_request_of_every_client_is_understood() {
    let captures = captures();
    assert!(captures.len() >= 33, "only {} captures were found", captures.len());
    for capture in captures {
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        let expected = fs::read_to_string(capture.with_extension("expected.json")).unwrap();
        let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
        let captured = fs::read_to_string(&capture).unwrap();
        let described: Vec<Value> = captured.lines().map(describe).collect();
        assert_eq!(described.len(), expected.len(), "{name}");
        for (line, (described, expected)) in described.iter().zip(&expected).enumerate() {
            assert_eq!(described, expected, "{name}, line {}", line + 1);
        }
    }
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

/// Decodes one captured request and says what it is.
fn describe(line: &str) -> Value {
    let captured: Value = serde_json::from_str(line).unwrap();
    let bytes = unhex(captured["hex"].as_str().unwrap());
    let mut described = if captured["key"] == "raw-sasl" {
        with(json!({ "api": "token" }), describe_token(&bytes))
    } else {
        describe_request(&bytes)
    };
    described["connection"] = captured["c"].clone();
    described
}

fn describe_request(frame: &[u8]) -> Value {
    let (header, body) = RequestHeader::decode(frame).unwrap();
    let api = ApiKey::from_i16(header.api_key).unwrap();
    let version = header.api_version;
    let described = json!({
        "api": api.name(),
        "version": version,
        "correlation_id": header.correlation_id,
        "client_id": header.client_id.map(text),
    });
    let body = match api {
        ApiKey::ApiVersions => describe_api_versions(version, body),
        ApiKey::SaslHandshake => {
            json!({ "mechanism": SaslHandshakeRequest::decode(version, body).unwrap().mechanism })
        }
        ApiKey::SaslAuthenticate => {
            describe_token(SaslAuthenticateRequest::decode(version, body).unwrap().auth_bytes)
        }
        ApiKey::Metadata => describe_metadata(version, body),
        ApiKey::InitProducerId => describe_init_producer_id(version, body),
        ApiKey::Produce => describe_produce(version, body),
        ApiKey::Fetch | ApiKey::FindCoordinator => panic!("no producer sends {}", api.name()),
    };
    with(described, body)
}

fn describe_api_versions(version: i16, body: &[u8]) -> Value {
    let request = ApiVersionsRequest::decode(version, body).unwrap();
    match version {
        0..=2 => json!({}),
        _ => json!({
            "software_name": request.client_software_name.map(text),
            "software_version": request.client_software_version.map(text),
        }),
    }
}

/// The token of SASL/PLAIN (RFC 4616).
fn describe_token(token: &[u8]) -> Value {
    let parts: Vec<_> = token.split(|byte| *byte == 0).map(text).collect();
    let [authzid, user, password] = &parts[..] else { panic!("{} parts", parts.len()) };
    json!({ "authzid": authzid, "user": user, "password": password })
}

fn describe_metadata(version: i16, body: &[u8]) -> Value {
    let request = MetadataRequest::decode(version, body).unwrap();
    let mut described = match request.topics {
        TopicSelection::All => json!({ "topics": "all" }),
        TopicSelection::Named(topics) => {
            json!({ "topics": topics.iter().map(|topic| topic.name).collect::<Vec<_>>() })
        }
    };
    if version >= 4 {
        described["allow_auto_topic_creation"] = request.allow_auto_topic_creation.into();
    }
    described
}

fn describe_init_producer_id(version: i16, body: &[u8]) -> Value {
    let request = InitProducerIdRequest::decode(version, body).unwrap();
    let mut described = json!({
        "transactional_id": request.transactional_id,
        "timeout_ms": request.transaction_timeout_ms,
    });
    if version >= 3 {
        described["producer_id"] = request.producer_id.into();
        described["epoch"] = request.producer_epoch.into();
    }
    described
}

fn describe_produce(version: i16, body: &[u8]) -> Value {
    let request = ProduceRequest::decode(version, body).unwrap();
    assert_eq!(request.transactional_id, None);
    let mut partitions = Vec::new();
    for topic in request.topics() {
        for partition in topic.partitions() {
            let records = partition.records.unwrap();
            let batches: Vec<_> =
                batches(records).map(|batch| describe_batch(&batch.unwrap())).collect();
            partitions.push(json!({
                "topic": topic.name,
                "partition": partition.index,
                "batches": batches,
            }));
        }
    }
    json!({ "acks": request.acks, "timeout_ms": request.timeout_ms, "partitions": partitions })
}

fn describe_batch(batch: &RawBatch<'_>) -> Value {
    let mut scratch = Scratch::new();
    let summary = validate(batch, &Limits::default(), &mut scratch).unwrap();
    let records = read(batch.bytes, &Limits::WIDEST, &mut scratch).unwrap();
    let records: Vec<_> = records.map(|record| describe_record(&record.unwrap())).collect();
    assert_eq!(records.len(), summary.record_count as usize);
    json!({
        "magic": summary.magic,
        "codec": summary.codec.name(),
        "producer": summary.producer.map(|producer| json!({
            "id": producer.id,
            "epoch": producer.epoch,
            "base_sequence": producer.base_sequence,
        })),
        "records": records,
    })
}

fn describe_record(record: &Record<'_>) -> Value {
    let headers = record.headers.map(|(name, value)| json!([text(name), value.map(text)]));
    json!({
        "timestamp_ms": record.timestamp_ms,
        "key": record.key.map(text),
        "value": record.value.map(text),
        "headers": headers.collect::<Vec<_>>(),
    })
}

/// Bytes as text; what is not UTF-8 as hexadecimal digits.
fn text(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "hex": digits })
        }
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Joins two objects.
fn with(mut described: Value, more: Value) -> Value {
    let more: Map<_, _> = serde_json::from_value(more).unwrap();
    described.as_object_mut().unwrap().extend(more);
    described
}

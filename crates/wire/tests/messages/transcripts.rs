//! Requests recorded from real clients; see `tests/transcripts` at the root of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use logboom_wire::api::ApiKey;
use logboom_wire::header::RequestHeader;
use logboom_wire::request::{ProduceRequest, SaslAuthenticateRequest};
use serde_json::Value;

use crate::decode;

/// One request of a transcript: key, version and frame without its prefix.
struct Recorded {
    transcript: PathBuf,
    key: ApiKey,
    version: i16,
    frame: Vec<u8>,
}

/// Every request of every transcript, without the bare tokens of SaslHandshake version 0.
fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    let mut requests = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let transcript = entry.unwrap().path();
        if transcript.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(&transcript).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let Some(key) = line["key"].as_i64() else { continue };
            requests.push(Recorded {
                transcript: transcript.clone(),
                key: ApiKey::from_i16(key as i16).unwrap(),
                version: line["ver"].as_i64().unwrap() as i16,
                frame: unhex(line["hex"].as_str().unwrap()),
            });
        }
    }
    requests
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

#[test]
fn every_request_of_every_client_is_read() {
    let requests = recorded();
    assert!(requests.len() > 100, "only {} requests were found", requests.len());
    for request in requests {
        let (header, body) = RequestHeader::decode(&request.frame).unwrap();
        assert_eq!((header.api_key, header.api_version), (request.key.id(), request.version));
        assert!(header.client_id.is_some());
        let decoded = decode(request.key, request.version, body);
        assert!(decoded.is_ok(), "{}: {decoded:?}", request.transcript.display());
    }
}

#[test]
fn every_client_produces_records_for_the_test_topic() {
    for request in recorded().iter().filter(|request| request.key == ApiKey::Produce) {
        let (_header, body) = RequestHeader::decode(&request.frame).unwrap();
        let produce = ProduceRequest::decode(request.version, body).unwrap();
        assert!(produce.partition_count() > 0);
        for topic in produce.topics() {
            assert!(["testlog", "testlog.json"].contains(&topic.name), "{}", topic.name);
            assert!(topic.partitions().all(|partition| partition.records.is_some()));
        }
    }
}

#[test]
fn every_client_sends_the_same_credentials() {
    for request in recorded().iter().filter(|request| request.key == ApiKey::SaslAuthenticate) {
        let (_header, body) = RequestHeader::decode(&request.frame).unwrap();
        let token = SaslAuthenticateRequest::decode(request.version, body).unwrap().auth_bytes;
        let without_authzid = token.strip_prefix(b"proj").unwrap_or(token);
        assert_eq!(without_authzid, b"\0proj\0LTAIid#secret");
    }
}

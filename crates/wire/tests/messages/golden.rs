//! Bytes written down by hand from Kafka's message definitions, above all for the Produce versions
//! that no library of today encodes.

use logboom_wire::error::{DecodeError, ErrorCode};
use logboom_wire::header::{Peek, REQUEST_BYTES_MIN, RequestHeader};
use logboom_wire::request::{ProducePartition, ProduceRequest};
use logboom_wire::response::{ApiVersionsResponse, PartitionOutcome, ProduceResponse};

/// acks -1, timeout 1,500 ms, topic `log`, partition 2 with 5 bytes of records, partition 3
/// without.
const PRODUCE_V0: &[u8] = b"\xff\xff\x00\x00\x05\xdc\
    \x00\x00\x00\x01\x00\x03log\
    \x00\x00\x00\x02\
    \x00\x00\x00\x02\x00\x00\x00\x05abcde\
    \x00\x00\x00\x03\xff\xff\xff\xff";

fn outcomes() -> [PartitionOutcome; 2] {
    let stored = PartitionOutcome {
        error: ErrorCode::None,
        base_offset: 0x0a,
        log_append_time_ms: 0x0b,
        log_start_offset: 0x0c,
        error_message: None,
    };
    let failed = PartitionOutcome::failed(ErrorCode::InvalidRecord, Some("bad".into()));
    [stored, failed]
}

fn produce_response(version: i16) -> Vec<u8> {
    let request = ProduceRequest::decode(0, PRODUCE_V0).unwrap();
    let mut out = Vec::new();
    ProduceResponse { request, outcomes: &outcomes() }.encode(version, 9, &mut out);
    out
}

#[test]
fn produce_0_to_2_is_read() {
    for version in 0..=2 {
        let request = ProduceRequest::decode(version, PRODUCE_V0).unwrap();
        assert_eq!((request.transactional_id, request.acks, request.timeout_ms), (None, -1, 1500));
        let topic = request.topics().next().unwrap();
        assert_eq!(topic.name, "log");
        let partitions: Vec<_> = topic.partitions().collect();
        let expected = [
            ProducePartition { index: 2, records: Some(b"abcde") },
            ProducePartition { index: 3, records: None },
        ];
        assert_eq!(partitions, expected);
        assert_eq!(request.partition_count(), 2);
    }
}

#[test]
fn produce_0_is_answered_without_throttle_time() {
    let expected = b"\x00\x00\x00\x2d\x00\x00\x00\x09\
        \x00\x00\x00\x01\x00\x03log\x00\x00\x00\x02\
        \x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\
        \x00\x00\x00\x03\x00\x57\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(produce_response(0), expected);
}

#[test]
fn produce_1_is_answered_with_throttle_time_at_the_end() {
    let mut expected = produce_response(0);
    expected[3] += 4;
    expected.extend_from_slice(&[0; 4]);
    assert_eq!(produce_response(1), expected);
}

#[test]
fn produce_2_is_answered_with_the_append_time() {
    let expected = b"\x00\x00\x00\x41\x00\x00\x00\x09\
        \x00\x00\x00\x01\x00\x03log\x00\x00\x00\x02\
        \x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x0b\
        \x00\x00\x00\x03\x00\x57\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
        \x00\x00\x00\x00";
    assert_eq!(produce_response(2), expected);
}

#[test]
fn produce_9_is_answered_with_compact_lengths() {
    let expected = b"\x00\x00\x00\x56\x00\x00\x00\x09\x00\
        \x02\x04log\x03\
        \x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x0b\
        \x00\x00\x00\x00\x00\x00\x00\x0c\x01\x00\x00\
        \x00\x00\x00\x03\x00\x57\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
        \xff\xff\xff\xff\xff\xff\xff\xff\x01\x04bad\x00\
        \x00\x00\x00\x00\x00\x00";
    assert_eq!(produce_response(9), expected);
}

#[test]
fn a_version_nobody_has_is_answered_with_error_35_in_version_0() {
    let expected = b"\x00\x00\x00\x3a\x00\x00\x00\x05\x00\x23\x00\x00\x00\x08\
        \x00\x00\x00\x00\x00\x0b\x00\x01\x00\x04\x00\x0b\x00\x03\x00\x00\x00\x0c\
        \x00\x0a\x00\x00\x00\x04\x00\x11\x00\x00\x00\x01\x00\x12\x00\x00\x00\x04\
        \x00\x16\x00\x00\x00\x04\x00\x24\x00\x00\x00\x02";
    let mut out = Vec::new();
    ApiVersionsResponse::unsupported(5, &mut out);
    assert_eq!(out, expected);
}

#[test]
fn the_smallest_request_is_a_header_without_client_id() {
    let frame = b"\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff";
    let (header, body) = RequestHeader::decode(frame).unwrap();
    assert_eq!((header.correlation_id, header.client_id, body), (7, None, &[][..]));
    assert_eq!(frame.len(), REQUEST_BYTES_MIN);
    for end in 0..frame.len() {
        assert_eq!(RequestHeader::decode(&frame[..end]), Err(DecodeError::Truncated));
    }
}

#[test]
fn a_header_2_has_a_client_id_of_fixed_length_and_tagged_fields() {
    let frame = b"\x00\x12\x00\x03\x00\x00\x00\x07\x00\x03\xffid\x01\x05\x02xyBODY";
    let (header, body) = RequestHeader::decode(frame).unwrap();
    assert_eq!(header.client_id, Some(&b"\xffid"[..]));
    assert_eq!(body, b"BODY");
}

#[test]
fn an_unknown_request_can_be_peeked_at_but_not_decoded() {
    let produce_13 = b"\x00\x00\x00\x0d\x00\x00\x00\x07\xff\xff";
    let peek = Peek { api_key: 0, api_version: 13, correlation_id: 7 };
    assert_eq!(RequestHeader::peek(produce_13), Ok(peek));
    assert_eq!(RequestHeader::decode(produce_13), Err(DecodeError::UnsupportedVersion));
    let list_offsets = b"\x00\x02\x00\x01\x00\x00\x00\x07\xff\xff";
    assert_eq!(RequestHeader::decode(list_offsets), Err(DecodeError::UnsupportedVersion));
    assert_eq!(RequestHeader::peek(&produce_13[..7]), Err(DecodeError::Truncated));
}

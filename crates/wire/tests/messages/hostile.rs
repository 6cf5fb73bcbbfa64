//! Bytes that no well-meaning client sends.

use logboom_wire::api::ApiKey;
use logboom_wire::error::{DecodeError, ErrorCode};
use logboom_wire::header::RequestHeader;
use logboom_wire::primitive::Writer;
use logboom_wire::request::{
    FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
};
use logboom_wire::response::{FetchResponse, FindCoordinatorResponse, ProduceResponse};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{decode, every_version, oracle};

/// How many bytes an answer may have for each byte of its request, as documented.
const GROWTH_MAX: usize = 14;

/// How many bytes an answer may have whatever the request.
const FIXED_BYTES_MAX: usize = 32;

/// Bytes that look like fields now and then: small numbers and the ends of their ranges.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(0),
        2 => 0..8u8,
        1 => prop::sample::select(vec![0x7f, 0x80, 0xff]),
        1 => any::<u8>(),
    ];
    vec(byte, 0..200)
}

/// Answers that repeat what the request says.
fn answer(key: ApiKey, version: i16, body: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match key {
        ApiKey::Produce => {
            let unchecked = ProduceRequest::decode_again(version, body);
            let partitions = unchecked.topics().flat_map(|topic| topic.partitions());
            assert!(partitions.count() <= body.len());
            let request = ProduceRequest::decode(version, body)?;
            ProduceResponse { request, outcomes: &[] }.encode(version, 1, out);
        }
        ApiKey::Fetch => {
            let request = FetchRequest::decode(version, body)?;
            let error = ErrorCode::TopicAuthorizationFailed;
            FetchResponse { request, error }.encode(version, 1, out);
        }
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::decode(version, body)?;
            let error = ErrorCode::GroupAuthorizationFailed;
            FindCoordinatorResponse { request, error }.encode(version, 1, out);
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_panic_a_decoder(bytes in any_bytes()) {
        for (key, version) in every_version() {
            let _either = decode(key, version, &bytes);
            let _either = answer(key, version, &bytes, &mut Vec::new());
        }
    }

    #[test]
    fn no_bytes_panic_the_header(
        (key, version) in proptest::sample::select(every_version().collect::<Vec<_>>()),
        bytes in any_bytes(),
    ) {
        let _any_api = (RequestHeader::peek(&bytes), RequestHeader::decode(&bytes));
        let mut frame = [key.id().to_be_bytes(), version.to_be_bytes()].concat();
        frame.extend_from_slice(&bytes);
        let _known_api = RequestHeader::decode(&frame);
    }

    #[test]
    fn a_damaged_request_panics_nobody(
        (key, version, mut body) in oracle::any_request(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (at, byte) in damage {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        let _either = decode(key, version, &body);
        let _either = answer(key, version, &body, &mut Vec::new());
    }

    #[test]
    fn a_request_cut_short_anywhere_is_refused((key, version, body) in oracle::any_request()) {
        for end in 0..body.len() {
            prop_assert!(decode(key, version, &body[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn an_answer_is_not_much_larger_than_its_request((key, version, body) in oracle::any_request()) {
        let mut out = Vec::new();
        answer(key, version, &body, &mut out).unwrap();
        prop_assert!(out.len() <= FIXED_BYTES_MAX + GROWTH_MAX * body.len());
    }

    #[test]
    fn a_count_above_the_bytes_left_is_refused(count in 3..=i32::MAX, tail in vec(any::<u8>(), 0..3)) {
        let fixed = [&count.to_be_bytes()[..], &tail].concat();
        let expected = Err(DecodeError::CountExceedsBytes);
        prop_assert_eq!(decode(ApiKey::Metadata, 1, &fixed), expected.clone());
        let produce = [&[0, 1, 0, 0, 0, 0][..], &fixed].concat();
        prop_assert_eq!(decode(ApiKey::Produce, 0, &produce), expected.clone());

        let compact = [&varint(count as u32 + 1)[..], &tail].concat();
        prop_assert_eq!(decode(ApiKey::Metadata, 9, &compact), expected.clone());
        let tagged = [&[0][..], &varint(count as u32), &tail].concat();
        prop_assert_eq!(decode(ApiKey::InitProducerId, 4, &[&[0; 14], &tagged[..]].concat()), expected);
    }
}

fn varint(value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).unsigned_varint(value);
    bytes
}

#[test]
fn empty_names_of_coordinators_make_the_answer_that_grows_most() {
    let count = 1_000;
    let body = [&[0][..], &varint(count + 1), &vec![1; count as usize], &[0]].concat();
    let mut out = Vec::new();
    answer(ApiKey::FindCoordinator, 4, &body, &mut out).unwrap();
    assert!(out.len() > (GROWTH_MAX - 1) * body.len());
    assert!(out.len() <= FIXED_BYTES_MAX + GROWTH_MAX * body.len());
}

#[test]
fn versions_that_are_not_advertised_are_refused() {
    for key in ApiKey::ALL {
        let (min, max) = key.versions();
        for version in [min - 1, max + 1, i16::MIN, i16::MAX] {
            assert_eq!(decode(key, version, &[]), Err(DecodeError::UnsupportedVersion));
        }
    }
}

#[test]
fn strings_that_are_not_utf8_are_refused() {
    let body = [0, 0, 0, 1, 0, 2, 0xc3, 0x28];
    assert_eq!(MetadataRequest::decode(1, &body).unwrap_err(), DecodeError::NotUtf8);
}

#[test]
fn null_is_refused_where_there_must_be_a_value() {
    let no_topic_name = [0, 0, 0, 1, 0xff, 0xff];
    let error = MetadataRequest::decode(1, &no_topic_name).unwrap_err();
    assert_eq!(error, DecodeError::UnexpectedNull);
    let no_topics = [0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let error = ProduceRequest::decode(0, &no_topics).unwrap_err();
    assert_eq!(error, DecodeError::UnexpectedNull);
    let null_is_no_array_before_version_1 = [0xff; 4];
    let error = MetadataRequest::decode(0, &null_is_no_array_before_version_1).unwrap_err();
    assert_eq!(error, DecodeError::UnexpectedNull);
}

#[test]
fn lengths_below_minus_one_are_refused() {
    let error = InitProducerIdRequest::decode(0, &[0xff, 0xfe, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error, DecodeError::NegativeLength);
    let error = MetadataRequest::decode(1, &(-2i32).to_be_bytes()).unwrap_err();
    assert_eq!(error, DecodeError::NegativeLength);
}

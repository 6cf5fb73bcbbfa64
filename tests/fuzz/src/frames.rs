//! Length prefixes and request headers.

use bytes::Bytes;
use kafka_protocol::messages::RequestHeader as TheirHeader;
use kafka_protocol::protocol::Decodable;
use logboom_wire::api::ApiKey;
use logboom_wire::error::DecodeError;
use logboom_wire::frame::{FrameError, PREFIX_BYTES, parse_length};
use logboom_wire::header::{Peek, REQUEST_BYTES_MIN, RequestHeader};

use crate::memory::bounded;

/// A stream of frames: two bytes that say which length is the largest allowed, then the stream.
pub fn frames(input: &[u8]) {
    let Some((limit, stream)) = input.split_first_chunk() else { return };
    let bytes_max = REQUEST_BYTES_MIN + usize::from(u16::from_be_bytes(*limit));
    bounded(input.len(), 0, || {
        let mut rest = stream;
        while let Some((prefix, behind)) = rest.split_first_chunk::<PREFIX_BYTES>() {
            let length = i32::from_be_bytes(*prefix);
            let bytes = match parse_length(*prefix, REQUEST_BYTES_MIN..=bytes_max) {
                Ok(bytes) => bytes,
                Err(FrameError::Negative { length: refused }) => {
                    assert!(refused == length && length < 0);
                    return;
                }
                Err(FrameError::TooSmall { bytes, .. }) => {
                    return assert!(bytes < REQUEST_BYTES_MIN);
                }
                Err(FrameError::TooLarge { bytes, .. }) => return assert!(bytes > bytes_max),
            };
            assert_eq!(i32::try_from(bytes), Ok(length));
            let Some((frame, behind)) = behind.split_at_checked(bytes) else { return };
            // Whatever a frame of the smallest size contains, its first fields can be read.
            RequestHeader::peek(frame).expect("the first eight bytes of a frame");
            let _ = RequestHeader::decode(frame);
            rest = behind;
        }
    });
}

/// The header of a request, and its body behind it. What is accepted, `kafka-protocol` reads alike.
pub fn request_header(input: &[u8]) {
    let decoded = bounded(input.len(), 0, || RequestHeader::decode(input));
    let peeked = RequestHeader::peek(input);
    let Ok((header, body)) = decoded else {
        let known = |peek: Peek| {
            ApiKey::from_i16(peek.api_key).is_some_and(|key| key.supports(peek.api_version))
        };
        let unknown = peeked.is_ok_and(|peek| !known(peek));
        return assert_eq!(unknown, decoded == Err(DecodeError::UnsupportedVersion));
    };
    let RequestHeader { api_key, api_version, correlation_id, client_id } = header;
    assert_eq!(peeked, Ok(Peek { api_key, api_version, correlation_id }));
    assert!(input.ends_with(body));
    let key = ApiKey::from_i16(api_key).expect("an API that exists");
    // They take nothing but UTF-8 for a client id.
    if client_id.is_some_and(|id| str::from_utf8(id).is_err()) {
        return;
    }
    let mut rest = Bytes::copy_from_slice(input);
    let theirs = TheirHeader::decode(&mut rest, key.request_header_version(api_version))
        .expect("a header that they read as well");
    assert_eq!((theirs.request_api_key, theirs.request_api_version), (api_key, api_version));
    assert_eq!(theirs.correlation_id, correlation_id);
    assert_eq!(theirs.client_id.as_ref().map(|id| id.as_bytes()), client_id);
    assert_eq!(rest, body);
}

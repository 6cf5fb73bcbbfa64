//! Responses, as clients decode them.

use logboom_wire::api::ApiKey;
use logboom_wire::error::DecodeError;
use logboom_wire::primitive::Reader;

/// What became of one partition of a Produce request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartOutcome {
    pub(crate) topic: String,
    pub(crate) shard: i32,
    pub(crate) error: i16,
    pub(crate) offset: i64,
    pub(crate) log_start: i64,
}

/// Takes the first whole frame out of what was received, without its length.
pub(crate) fn take_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = received.first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if received.len() - 4 < length {
        return None;
    }
    let frame = received[4..4 + length].to_vec();
    received.drain(..4 + length);
    Some(frame)
}

/// The body behind the header of a response, whose correlation id is checked elsewhere.
fn body(api: ApiKey, version: i16, frame: &[u8]) -> Result<Reader<'_>, DecodeError> {
    let mut header = Reader::new(frame);
    header.i32()?;
    if api.response_header_version(version) == 1 {
        header.take(1)?;
    }
    let flexible = api.is_flexible(version);
    let rest = header.rest();
    Ok(if flexible { Reader::flexible(rest) } else { Reader::new(rest) })
}

/// The correlation id of a response.
pub(crate) fn correlation(frame: &[u8]) -> Option<i32> {
    frame.first_chunk::<4>().map(|id| i32::from_be_bytes(*id))
}

/// The error with which the body begins: ApiVersions, SaslHandshake, SaslAuthenticate.
pub(crate) fn leading_error(api: ApiKey, version: i16, frame: &[u8]) -> Result<i16, DecodeError> {
    body(api, version, frame)?.i16()
}

/// The error, the id and the epoch of InitProducerId.
pub(crate) fn producer_id(version: i16, frame: &[u8]) -> Result<(i16, i64, i16), DecodeError> {
    let mut reader = body(ApiKey::InitProducerId, version, frame)?;
    reader.i32()?;
    let answer = (reader.i16()?, reader.i64()?, reader.i16()?);
    end(reader)?;
    Ok(answer)
}

/// The topics of a Metadata response: their errors, names and numbers of partitions.
pub(crate) fn metadata(
    version: i16,
    frame: &[u8],
) -> Result<Vec<(i16, String, usize)>, DecodeError> {
    let mut reader = body(ApiKey::Metadata, version, frame)?;
    if version >= 3 {
        reader.i32()?;
    }
    for _ in 0..reader.array_count()?.unwrap_or(0) {
        reader.i32()?;
        reader.string()?;
        reader.i32()?;
        if version >= 1 {
            reader.nullable_string()?;
        }
        reader.skip_tagged_fields()?;
    }
    if version >= 2 {
        reader.nullable_string()?;
    }
    if version >= 1 {
        reader.i32()?;
    }
    let mut topics = Vec::new();
    for _ in 0..reader.array_count()?.unwrap_or(0) {
        topics.push(topic(version, &mut reader)?);
    }
    if (8..=10).contains(&version) {
        reader.i32()?;
    }
    end(reader)?;
    Ok(topics)
}

fn topic(version: i16, reader: &mut Reader<'_>) -> Result<(i16, String, usize), DecodeError> {
    let error = reader.i16()?;
    let name = reader.nullable_string()?.unwrap_or_default().to_owned();
    if version >= 10 {
        reader.take(16)?;
    }
    if version >= 1 {
        reader.i8()?;
    }
    let partitions = reader.array_count()?.unwrap_or(0);
    for _ in 0..partitions {
        reader.i16()?;
        reader.i32()?;
        reader.i32()?;
        if version >= 7 {
            reader.i32()?;
        }
        for _replicas in 0..if version >= 5 { 3 } else { 2 } {
            for _ in 0..reader.array_count()?.unwrap_or(0) {
                reader.i32()?;
            }
        }
        reader.skip_tagged_fields()?;
    }
    if version >= 8 {
        reader.i32()?;
    }
    reader.skip_tagged_fields()?;
    Ok((error, name, partitions))
}

/// The partitions of a Produce response.
pub(crate) fn produce(version: i16, frame: &[u8]) -> Result<Vec<PartOutcome>, DecodeError> {
    let mut reader = body(ApiKey::Produce, version, frame)?;
    let mut parts = Vec::new();
    for _ in 0..reader.array_count()?.unwrap_or(0) {
        let topic = reader.string()?.to_owned();
        for _ in 0..reader.array_count()?.unwrap_or(0) {
            let (shard, error, offset) = (reader.i32()?, reader.i16()?, reader.i64()?);
            let mut log_start = -1;
            if version >= 2 {
                reader.i64()?;
            }
            if version >= 5 {
                log_start = reader.i64()?;
            }
            if version >= 8 {
                reader.array_count()?;
                reader.nullable_string()?;
            }
            reader.skip_tagged_fields()?;
            parts.push(PartOutcome { topic: topic.clone(), shard, error, offset, log_start });
        }
        reader.skip_tagged_fields()?;
    }
    if version >= 1 {
        reader.i32()?;
    }
    end(reader)?;
    Ok(parts)
}

/// Nothing may follow.
fn end(mut reader: Reader<'_>) -> Result<(), DecodeError> {
    reader.skip_tagged_fields()?;
    if reader.rest().is_empty() { Ok(()) } else { Err(DecodeError::Truncated) }
}

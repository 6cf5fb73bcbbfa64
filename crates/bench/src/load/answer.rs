//! The answer to a Produce request, read without allocating: the machine is there for the server.

/// What a server says about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) correlation: i32,
    pub(super) partition: i32,
    pub(super) error_code: i16,
}

/// No answer to one batch is larger.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Offset, append time and start of the log of a partition, and the throttle time behind all.
const BEHIND_ERROR: usize = 8 + 8 + 8 + 4;

/// Takes the first answer, with its length, from `bytes`. `None` if it has not arrived as a whole.
///
/// # Errors
///
/// If it is not one about one batch for `topic`.
pub(super) fn first(bytes: &[u8], topic: &str) -> Result<Option<(Answer, usize)>, String> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > ANSWER_BYTES_MAX {
        return Err(format!("an answer claims to have {length} bytes"));
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let answer = read(body, topic)
        .ok_or_else(|| format!("an answer of {length} bytes is not one about one batch"))?;
    Ok(Some((answer, 4 + length)))
}

fn read(body: &[u8], topic: &str) -> Option<Answer> {
    let mut fields = Fields(body);
    let correlation = fields.i32()?;
    let topics = fields.i32()?;
    let name_bytes = usize::from(u16::from_be_bytes(fields.take()?));
    let (name, rest) = fields.0.split_at_checked(name_bytes)?;
    fields.0 = rest;
    let partitions = fields.i32()?;
    let partition = fields.i32()?;
    let error_code = i16::from_be_bytes(fields.take()?);
    let whole = (topics, partitions, name, fields.0.len());
    (whole == (1, 1, topic.as_bytes(), BEHIND_ERROR)).then_some(Answer {
        correlation,
        partition,
        error_code,
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, BytesMut};
    use kafka_protocol::messages::produce_response::{
        PartitionProduceResponse, TopicProduceResponse,
    };
    use kafka_protocol::messages::{ProduceResponse, ResponseHeader, TopicName};
    use kafka_protocol::protocol::{Encodable as _, StrBytes};

    use super::super::frames::PRODUCE_VERSION;
    use super::*;

    /// As another library writes it.
    fn encoded(topics: usize) -> BytesMut {
        let partition = PartitionProduceResponse::default()
            .with_index(3)
            .with_error_code(6)
            .with_base_offset(99);
        let topic = TopicProduceResponse::default()
            .with_name(TopicName(StrBytes::from_static_str("logs")))
            .with_partition_responses(vec![partition]);
        let response = ProduceResponse::default().with_responses(vec![topic; topics]);
        let mut body = BytesMut::new();
        ResponseHeader::default().with_correlation_id(77).encode(&mut body, 0).unwrap();
        response.encode(&mut body, PRODUCE_VERSION).unwrap();
        let mut whole = BytesMut::new();
        whole.put_u32(u32::try_from(body.len()).unwrap());
        whole.extend_from_slice(&body);
        whole
    }

    #[test]
    fn an_answer_is_read_as_it_is_written() {
        let bytes = encoded(1);
        let expected = Answer { correlation: 77, partition: 3, error_code: 6 };
        assert_eq!(first(&bytes, "logs"), Ok(Some((expected, bytes.len()))));
        for part in 0..bytes.len() {
            assert_eq!(first(&bytes[..part], "logs"), Ok(None));
        }
    }

    #[test]
    fn another_answer_is_not_taken_for_one() {
        assert!(first(&encoded(1), "other").is_err());
        assert!(first(&encoded(2), "logs").is_err());
        assert!(first(&encoded(0), "logs").is_err());
        assert!(first(&[0xff; 8], "logs").is_err());
        assert!(first(&[0, 0, 0, 0], "logs").is_err());
    }
}

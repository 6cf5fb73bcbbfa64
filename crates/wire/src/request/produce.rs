use std::fmt;

use super::{body_reader, decode_body};
use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::{Array, Element, Elements, Reader};

/// Brings records for any number of partitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProduceRequest<'a> {
    /// Name of the transaction; from version 3, null if there is none.
    pub transactional_id: Option<&'a str>,
    /// Who must have the records before the answer: 0 nobody, 1 the leader, -1 all replicas. Other
    /// numbers are passed on for the answer to refuse.
    pub acks: i16,
    /// How long the client is ready to wait for that, in milliseconds.
    pub timeout_ms: i32,
    topics: Array<'a, ProduceTopic<'a>>,
}

/// The records for one topic.
#[derive(Clone, Copy, Debug)]
pub struct ProduceTopic<'a> {
    /// Name of the topic, as the client wrote it.
    pub name: &'a str,
    partitions: Array<'a, ProducePartition<'a>>,
}

/// The records for one partition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProducePartition<'a> {
    /// Number of the partition, as the client wrote it.
    pub index: i32,
    /// Batches or a message set, not looked at yet; see [`records`](crate::records).
    pub records: Option<&'a [u8]>,
}

impl<'a> ProduceRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::Produce, version, body, |reader| {
            Self::decode_fields(reader, version, Array::decode)
        })
    }

    /// Reads a body that [`decode`](Self::decode) has accepted before, without looking at its topics
    /// once more: a request is needed again to store it and to answer it. Of any other body it gives
    /// the topics that can be read.
    #[must_use]
    pub fn decode_again(version: i16, body: &'a [u8]) -> Self {
        let mut reader = body_reader(ApiKey::Produce, version, body);
        Self::decode_fields(&mut reader, version, Array::decode_again).unwrap_or_default()
    }

    fn decode_fields(
        reader: &mut Reader<'a>,
        version: i16,
        topics: impl FnOnce(&mut Reader<'a>, i16) -> Result<Array<'a, ProduceTopic<'a>>, DecodeError>,
    ) -> Result<Self, DecodeError> {
        Ok(Self {
            transactional_id: if version >= 3 { reader.nullable_string()? } else { None },
            acks: reader.i16()?,
            timeout_ms: reader.i32()?,
            topics: topics(reader, version)?,
        })
    }

    /// The topics, in the order of the request. A name may come more than once.
    #[must_use]
    pub const fn topics(&self) -> Elements<'a, ProduceTopic<'a>> {
        self.topics.iter()
    }

    /// How many partitions there are in all topics together: how many outcomes the response needs.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.topics().map(|topic| topic.partitions.len()).sum()
    }
}

impl<'a> ProduceTopic<'a> {
    /// The partitions, in the order of the request. A number may come more than once.
    #[must_use]
    pub const fn partitions(&self) -> Elements<'a, ProducePartition<'a>> {
        self.partitions.iter()
    }
}

impl<'a> Element<'a> for ProduceTopic<'a> {
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let topic = Self { name: reader.string()?, partitions: Array::decode(reader, version)? };
        reader.skip_tagged_fields()?;
        Ok(topic)
    }
}

impl<'a> Element<'a> for ProducePartition<'a> {
    fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let partition = Self { index: reader.i32()?, records: reader.nullable_bytes()? };
        reader.skip_tagged_fields()?;
        Ok(partition)
    }
}

impl fmt::Debug for ProducePartition<'_> {
    /// Says how many bytes of records there are, not what is in them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProducePartition")
            .field("index", &self.index)
            .field("records_bytes", &self.records.map(<[u8]>::len))
            .finish()
    }
}

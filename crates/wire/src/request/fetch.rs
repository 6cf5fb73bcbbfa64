use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::{Array, Element, Elements, Reader};

/// Asks for records. Only what is needed to refuse every partition is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchRequest<'a> {
    topics: Array<'a, FetchTopic<'a>>,
}

/// The partitions of one topic.
#[derive(Clone, Copy, Debug)]
pub struct FetchTopic<'a> {
    /// Name of the topic, as the client wrote it.
    pub name: &'a str,
    partitions: Array<'a, FetchPartition>,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// Number of the partition, as the client wrote it.
    pub index: i32,
}

impl<'a> FetchRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::Fetch, version, body, |reader| {
            let _replica_id = reader.i32()?;
            let _wait_ms_max = reader.i32()?;
            let _bytes_min = reader.i32()?;
            let _bytes_max = reader.i32()?;
            let _isolation_level = reader.i8()?;
            if version >= 7 {
                let _session_id = reader.i32()?;
                let _session_epoch = reader.i32()?;
            }
            let topics = Array::decode(reader, version)?;
            if version >= 7 {
                let _forgotten_topics = Array::<ForgottenTopic>::decode(reader, version)?;
            }
            if version >= 11 {
                let _rack_id = reader.string()?;
            }
            Ok(Self { topics })
        })
    }

    /// The topics, in the order of the request.
    #[must_use]
    pub const fn topics(&self) -> Elements<'a, FetchTopic<'a>> {
        self.topics.iter()
    }

    /// How many partitions there are in all topics together.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.topics().map(|topic| topic.partitions.len()).sum()
    }
}

impl<'a> FetchTopic<'a> {
    /// The partitions, in the order of the request.
    #[must_use]
    pub const fn partitions(&self) -> Elements<'a, FetchPartition> {
        self.partitions.iter()
    }
}

impl<'a> Element<'a> for FetchTopic<'a> {
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        Ok(Self { name: reader.string()?, partitions: Array::decode(reader, version)? })
    }
}

impl<'a> Element<'a> for FetchPartition {
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let index = reader.i32()?;
        if version >= 9 {
            let _leader_epoch = reader.i32()?;
        }
        let _fetch_offset = reader.i64()?;
        if version >= 5 {
            let _log_start_offset = reader.i64()?;
        }
        let _bytes_max = reader.i32()?;
        Ok(Self { index })
    }
}

/// A topic that a client takes out of its fetch session.
struct ForgottenTopic;

impl<'a> Element<'a> for ForgottenTopic {
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let _name = reader.string()?;
        let _partitions = Array::<FetchPartitionIndex>::decode(reader, version)?;
        Ok(Self)
    }
}

/// The number of a partition alone.
struct FetchPartitionIndex;

impl<'a> Element<'a> for FetchPartitionIndex {
    fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        reader.i32()?;
        Ok(Self)
    }
}

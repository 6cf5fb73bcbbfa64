use super::decode_body;
use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::primitive::{Array, Element, Reader};

/// Asks where topics and their partitions live.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetadataRequest<'a> {
    /// Which topics are asked for.
    pub topics: TopicSelection<'a>,
    /// Whether the client would like unknown topics to be created; from version 4, before it yes.
    pub allow_auto_topic_creation: bool,
}

/// Which topics a [`MetadataRequest`] asks for.
#[derive(Clone, Copy, Debug)]
pub enum TopicSelection<'a> {
    /// All of them: an empty list in version 0, a null list later.
    All,
    /// These. From version 1 an empty list asks for none.
    Named(Array<'a, MetadataTopic<'a>>),
}

/// A topic that a [`MetadataRequest`] asks for, by name or by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataTopic<'a> {
    /// The id; from version 10, zero if the topic is asked for by name.
    pub topic_id: [u8; 16],
    /// The name; null from version 10 if the topic is asked for by id.
    pub name: Option<&'a str>,
}

impl<'a> MetadataRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with the version or the bytes.
    pub fn decode(version: i16, body: &'a [u8]) -> Result<Self, DecodeError> {
        decode_body(ApiKey::Metadata, version, body, |reader| {
            let topics = decode_topics(reader, version)?;
            let allow_auto_topic_creation = version < 4 || reader.bool()?;
            // Whether to list authorized operations, which Kafka does not list either without an
            // authorizer.
            if (8..=10).contains(&version) {
                let _include_cluster_authorized_operations = reader.bool()?;
            }
            if version >= 8 {
                let _include_topic_authorized_operations = reader.bool()?;
            }
            Ok(Self { topics, allow_auto_topic_creation })
        })
    }
}

impl Default for TopicSelection<'_> {
    /// No topics.
    fn default() -> Self {
        Self::Named(Array::default())
    }
}

impl<'a> Element<'a> for MetadataTopic<'a> {
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let topic = if version >= 10 {
            Self { topic_id: reader.take_array()?, name: reader.nullable_string()? }
        } else {
            Self { topic_id: [0; 16], name: Some(reader.string()?) }
        };
        reader.skip_tagged_fields()?;
        Ok(topic)
    }
}

fn decode_topics<'a>(
    reader: &mut Reader<'a>,
    version: i16,
) -> Result<TopicSelection<'a>, DecodeError> {
    if version == 0 {
        let topics = Array::decode(reader, version)?;
        return Ok(match topics.is_empty() {
            true => TopicSelection::All,
            false => TopicSelection::Named(topics),
        });
    }
    let topics = Array::decode_nullable(reader, version)?;
    Ok(topics.map_or(TopicSelection::All, TopicSelection::Named))
}

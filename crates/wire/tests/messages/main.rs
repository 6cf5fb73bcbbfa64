//! Requests and responses, against an implementation by others, golden bytes, the bytes of real
//! clients and hostile bytes.

mod golden;
mod hostile;
mod oracle;
mod requests;
mod responses;
mod transcripts;

use std::fmt::Write as _;

use logboom_wire::api::ApiKey;
use logboom_wire::error::DecodeError;
use logboom_wire::request::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest,
    MetadataRequest, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest, TopicSelection,
};

/// Every API in every version that is implemented.
fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.into_iter().flat_map(|key| {
        let (min, max) = key.versions();
        (min..=max).map(move |version| (key, version))
    })
}

/// Decodes a body, then walks through everything a view gives access to. Returns what it saw as
/// text.
fn decode(key: ApiKey, version: i16, body: &[u8]) -> Result<String, DecodeError> {
    let mut seen = String::new();
    match key {
        ApiKey::Produce => {
            let request = ProduceRequest::decode(version, body)?;
            let mut partition_count = 0;
            write!(seen, "{request:?}").unwrap();
            assert_eq!(request.topics().len(), request.topics().count());
            for topic in request.topics() {
                write!(seen, "{topic:?}").unwrap();
                assert_eq!(topic.partitions().len(), topic.partitions().count());
                for partition in topic.partitions() {
                    partition_count += 1;
                    write!(seen, "{partition:?}{:?}", partition.records).unwrap();
                }
            }
            assert_eq!(request.partition_count(), partition_count);
        }
        ApiKey::Fetch => {
            let request = FetchRequest::decode(version, body)?;
            let mut partition_count = 0;
            write!(seen, "{request:?}").unwrap();
            for topic in request.topics() {
                write!(seen, "{topic:?}").unwrap();
                for partition in topic.partitions() {
                    partition_count += 1;
                    write!(seen, "{partition:?}").unwrap();
                }
            }
            assert_eq!(request.partition_count(), partition_count);
        }
        ApiKey::Metadata => {
            let request = MetadataRequest::decode(version, body)?;
            write!(seen, "{request:?}").unwrap();
            if let TopicSelection::Named(topics) = request.topics {
                assert_eq!(topics.len(), topics.iter().count());
                topics.iter().for_each(|topic| write!(seen, "{topic:?}").unwrap());
            }
        }
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::decode(version, body)?;
            assert_eq!(request.keys.len(), request.keys.iter().count());
            write!(seen, "{} {:?}", request.key_type, request.keys.iter().collect::<Vec<_>>())
                .unwrap();
        }
        ApiKey::SaslHandshake => {
            write!(seen, "{:?}", SaslHandshakeRequest::decode(version, body)?).unwrap();
        }
        ApiKey::ApiVersions => {
            write!(seen, "{:?}", ApiVersionsRequest::decode(version, body)?).unwrap();
        }
        ApiKey::InitProducerId => {
            write!(seen, "{:?}", InitProducerIdRequest::decode(version, body)?).unwrap();
        }
        ApiKey::SaslAuthenticate => {
            let request = SaslAuthenticateRequest::decode(version, body)?;
            write!(seen, "{:?}", request.auth_bytes).unwrap();
        }
    }
    Ok(seen)
}

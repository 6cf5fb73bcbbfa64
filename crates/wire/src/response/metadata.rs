use super::{THROTTLE_TIME_MS, encode_frame};
use crate::api::ApiKey;
use crate::error::ErrorCode;
use crate::primitive::Writer;

/// The epoch of a leader that never changes.
const LEADER_EPOCH: i32 = 0;

/// Authorized operations that were not asked for.
const OPERATIONS_UNKNOWN: i32 = i32::MIN;

/// The cluster as one client sees it, which is the answer to its Metadata request: a single node
/// that leads every partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// Name of the cluster. Some clients refuse to work without one.
    pub cluster_id: String,
    /// Number of the node.
    pub node_id: i32,
    /// Host name under which the client reaches the node. Its certificate must be for this name.
    pub host: String,
    /// Port under which the client reaches the node.
    pub port: u16,
    /// The topics that were asked for.
    pub topics: Vec<TopicView>,
}

/// A topic as one client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// What went wrong.
    pub error: ErrorCode,
    /// Name of the topic. `None` answers a topic that was asked for by an id nobody knows.
    pub name: Option<String>,
    /// Id of the topic, never zero for one that exists: Java clients from 2.8 cache topics by id.
    pub topic_id: [u8; 16],
    /// How many partitions the topic has; 0 with an error.
    pub partitions: u32,
}

impl ClusterView {
    /// Appends the response as one frame.
    pub fn encode(&self, version: i16, correlation_id: i32, out: &mut Vec<u8>) {
        encode_frame(ApiKey::Metadata, version, correlation_id, out, |writer| {
            if version >= 3 {
                writer.i32(THROTTLE_TIME_MS);
            }
            writer.array_count(1);
            self.encode_node(version, writer);
            if version >= 2 {
                writer.string(&self.cluster_id);
            }
            if version >= 1 {
                writer.i32(self.node_id); // controller_id
            }
            writer.array_count(self.topics.len());
            for topic in &self.topics {
                topic.encode(version, self.node_id, writer);
            }
            if (8..=10).contains(&version) {
                writer.i32(OPERATIONS_UNKNOWN); // cluster_authorized_operations
            }
        });
    }

    fn encode_node(&self, version: i16, writer: &mut Writer<'_>) {
        writer.i32(self.node_id);
        writer.string(&self.host);
        writer.i32(self.port.into());
        if version >= 1 {
            writer.nullable_string(None); // rack
        }
        writer.no_tagged_fields();
    }
}

impl TopicView {
    fn encode(&self, version: i16, node_id: i32, writer: &mut Writer<'_>) {
        writer.i16(self.error.code());
        match &self.name {
            None if version >= 12 => writer.nullable_string(None),
            name => writer.string(name.as_deref().unwrap_or_default()),
        }
        if version >= 10 {
            writer.raw(&self.topic_id);
        }
        if version >= 1 {
            writer.bool(false); // is_internal
        }
        writer.array_count(self.partitions as usize);
        for index in 0..self.partitions {
            encode_partition(version, index as i32, node_id, writer);
        }
        if version >= 8 {
            writer.i32(OPERATIONS_UNKNOWN); // topic_authorized_operations
        }
        writer.no_tagged_fields();
    }
}

fn encode_partition(version: i16, index: i32, node_id: i32, writer: &mut Writer<'_>) {
    writer.i16(ErrorCode::None.code());
    writer.i32(index);
    writer.i32(node_id); // leader_id
    if version >= 7 {
        writer.i32(LEADER_EPOCH);
    }
    for _replicas_then_in_sync_replicas in 0..2 {
        writer.array_count(1);
        writer.i32(node_id);
    }
    if version >= 5 {
        writer.array_count(0); // offline_replicas
    }
    writer.no_tagged_fields();
}

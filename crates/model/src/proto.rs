//! The messages of the published protobuf schema (proto2).
//!
//! The schema calls keys and values `string`. They are bytes here, which is the same on the wire:
//! producers send bytes that are not UTF-8, and those have to arrive as they were. `required` fields
//! are written also when they are zero or empty, as proto2 demands.

use bytes::Bytes;
use prost::Message;

/// One log: a time and its fields, in order.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Log {
    /// Whole seconds since 1970.
    #[prost(uint32, required, tag = "1")]
    pub time: u32,
    /// The fields. Names may repeat.
    #[prost(message, repeated, tag = "2")]
    pub contents: Vec<Content>,
    /// The nanoseconds within the second.
    #[prost(fixed32, optional, tag = "4")]
    pub time_ns: Option<u32>,
}

impl Log {
    /// The value of the first field of that name.
    #[must_use]
    pub fn field(&self, name: impl AsRef<[u8]>) -> Option<&Bytes> {
        let name = name.as_ref();
        self.contents.iter().find(|field| field.key == name).map(|field| &field.value)
    }
}

/// One field of a log.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Content {
    /// Its name.
    #[prost(bytes = "bytes", required, tag = "1")]
    pub key: Bytes,
    /// Its value.
    #[prost(bytes = "bytes", required, tag = "2")]
    pub value: Bytes,
}

/// Something that all logs of a [`LogGroup`] have in common.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LogTag {
    /// Its name.
    #[prost(bytes = "bytes", required, tag = "1")]
    pub key: Bytes,
    /// Its value.
    #[prost(bytes = "bytes", required, tag = "2")]
    pub value: Bytes,
}

/// Logs of one origin.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LogGroup {
    /// The logs.
    #[prost(message, repeated, tag = "1")]
    pub logs: Vec<Log>,
    /// Reserved by the schema; not used here.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub category: Option<Bytes>,
    /// A mark chosen by the user; not the Kafka topic.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub topic: Option<Bytes>,
    /// Where the logs come from: the address of the peer.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub source: Option<Bytes>,
    /// The machine the logs come from; not used here.
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub machine_uuid: Option<Bytes>,
    /// What all logs have in common.
    #[prost(message, repeated, tag = "6")]
    pub log_tags: Vec<LogTag>,
}

/// Several groups. Encoded lists written one after the other are one encoded list, so a stream of
/// logs needs no other framing.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LogGroupList {
    /// The groups.
    #[prost(message, repeated, tag = "1")]
    pub log_group_list: Vec<LogGroup>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &'static str, value: &'static [u8]) -> Content {
        Content { key: key.into(), value: Bytes::from_static(value) }
    }

    #[test]
    fn required_fields_are_written_also_when_zero_or_empty() {
        let log = Log { time: 0, contents: vec![field("", b"")], time_ns: None };
        assert_eq!(log.encode_to_vec(), [0x08, 0, 0x12, 4, 0x0a, 0, 0x12, 0]);
    }

    #[test]
    fn the_numbers_and_types_of_the_fields_are_those_of_the_schema() {
        let group = LogGroup {
            logs: vec![Log { time: 1, contents: vec![field("k", b"\xff")], time_ns: Some(2) }],
            category: Some("c".into()),
            topic: Some("t".into()),
            source: Some("s".into()),
            machine_uuid: Some("m".into()),
            log_tags: vec![LogTag { key: "a".into(), value: "b".into() }],
        };
        let log = b"\x08\x01\x12\x06\x0a\x01k\x12\x01\xff\x25\x02\0\0\0";
        let rest = b"\x12\x01c\x1a\x01t\x22\x01s\x2a\x01m\x32\x06\x0a\x01a\x12\x01b";
        let group_bytes = [&[0x0a, 15][..], log, rest].concat();
        assert_eq!(group.encode_to_vec(), group_bytes);
        let list = LogGroupList { log_group_list: vec![group] };
        assert_eq!(list.encode_to_vec(), [&[0x0a, 37][..], &group_bytes].concat());
    }

    #[test]
    fn lists_written_one_after_the_other_are_one_list() {
        let group =
            |source: &'static str| LogGroup { source: Some(source.into()), ..LogGroup::default() };
        let list = |groups: &[LogGroup]| LogGroupList { log_group_list: groups.to_vec() };
        let mut bytes = list(&[group("a")]).encode_to_vec();
        bytes.extend(list(&[group("b"), group("c")]).encode_to_vec());
        let expected = list(&[group("a"), group("b"), group("c")]);
        assert_eq!(LogGroupList::decode(&bytes[..]), Ok(expected));
    }
}

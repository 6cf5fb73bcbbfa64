use std::net::IpAddr;

use bytes::Bytes;

use crate::proto::{Log, LogGroup, LogTag};

/// Where a batch of records came from, and where it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The address of the producer.
    pub peer: IpAddr,
    /// The Kafka client id of the producer; empty if it gave none. Need not be UTF-8.
    pub client_id: &'a [u8],
    /// The shard the records were written to.
    pub shard: u32,
    /// The offset of the first log of the group, if the group is to say it. The others follow one
    /// by one.
    pub first_offset: Option<i64>,
}

/// Makes a group of logs that came from one batch.
///
/// Its source is the address of the producer, and it has the tags `__client_id__` (unless empty),
/// `__shard__` and, on demand, `__offset__`. Its topic is empty.
#[must_use]
pub fn group(logs: Vec<Log>, origin: &Origin<'_>) -> LogGroup {
    let client_id = (!origin.client_id.is_empty())
        .then(|| tag("__client_id__", Bytes::copy_from_slice(origin.client_id)));
    let shard = tag("__shard__", origin.shard.to_string().into());
    let offset = origin.first_offset.map(|offset| tag("__offset__", offset.to_string().into()));
    LogGroup {
        logs,
        topic: Some(Bytes::new()),
        // A listener for both versions of IP sees IPv4 addresses mapped into IPv6 (RFC 4291).
        source: Some(origin.peer.to_canonical().to_string().into()),
        log_tags: client_id.into_iter().chain([shard]).chain(offset).collect(),
        ..LogGroup::default()
    }
}

fn tag(key: &'static str, value: Bytes) -> LogTag {
    LogTag { key: Bytes::from_static(key.as_bytes()), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(group: &LogGroup) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
        group.log_tags.iter().map(|tag| (text(&tag.key), text(&tag.value))).collect()
    }

    #[test]
    fn a_group_says_where_its_logs_come_from() {
        let peer = "10.0.4.17".parse().expect("an address");
        let mut origin = Origin { peer, client_id: b"filebeat", shard: 3, first_offset: Some(41) };
        let whole = group(vec![Log::default()], &origin);
        assert_eq!(whole.logs.len(), 1);
        assert_eq!((whole.source(), whole.topic()), (&b"10.0.4.17"[..], &b""[..]));
        assert_eq!(
            tags(&whole),
            [("__client_id__", "filebeat"), ("__shard__", "3"), ("__offset__", "41")]
        );

        origin.client_id = b"";
        origin.first_offset = None;
        assert_eq!(tags(&group(Vec::new(), &origin)), [("__shard__", "3")]);
    }

    #[test]
    fn an_ipv4_address_looks_the_same_on_every_listener() {
        let source = |peer: &str| {
            let peer = peer.parse().expect("an address");
            let origin = Origin { peer, client_id: b"", shard: 0, first_offset: None };
            String::from_utf8(group(Vec::new(), &origin).source().to_vec()).expect("UTF-8")
        };
        assert_eq!(source("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(source("2001:db8::1"), "2001:db8::1");
    }
}

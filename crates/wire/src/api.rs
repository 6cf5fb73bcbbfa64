//! The APIs this crate speaks, and in which versions.

/// A Kafka API that is implemented here. The number is the API key of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Records from a producer.
    Produce = 0,
    /// Records for a consumer. Decoded only to be refused, see [`versions`](Self::versions).
    Fetch = 1,
    /// Where topics and their partitions live.
    Metadata = 3,
    /// The coordinator of a group or transaction. Decoded only to be refused.
    FindCoordinator = 10,
    /// The choice of a SASL mechanism.
    SaslHandshake = 17,
    /// Which APIs the server has, in which versions.
    ApiVersions = 18,
    /// The identity of an idempotent producer.
    InitProducerId = 22,
    /// A SASL token.
    SaslAuthenticate = 36,
}

impl ApiKey {
    /// Every API, by ascending key.
    pub const ALL: [Self; 8] = [
        Self::Produce,
        Self::Fetch,
        Self::Metadata,
        Self::FindCoordinator,
        Self::SaslHandshake,
        Self::ApiVersions,
        Self::InitProducerId,
        Self::SaslAuthenticate,
    ];

    /// The API with this key, if it is implemented.
    #[must_use]
    pub const fn from_i16(key: i16) -> Option<Self> {
        match key {
            0 => Some(Self::Produce),
            1 => Some(Self::Fetch),
            3 => Some(Self::Metadata),
            10 => Some(Self::FindCoordinator),
            17 => Some(Self::SaslHandshake),
            18 => Some(Self::ApiVersions),
            22 => Some(Self::InitProducerId),
            36 => Some(Self::SaslAuthenticate),
            _ => None,
        }
    }

    /// The API key as it is on the wire.
    #[must_use]
    pub const fn id(self) -> i16 {
        self as i16
    }

    /// The name Kafka gives the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
            Self::Metadata => "Metadata",
            Self::FindCoordinator => "FindCoordinator",
            Self::SaslHandshake => "SaslHandshake",
            Self::ApiVersions => "ApiVersions",
            Self::InitProducerId => "InitProducerId",
            Self::SaslAuthenticate => "SaslAuthenticate",
        }
    }

    /// The lowest and the highest version that is implemented and advertised.
    ///
    /// Clients judge a server by these numbers, so some of them are not what one would expect:
    ///
    /// * Produce starts at 0 although producers of today send 3 and more: librdkafka before 2.11.1
    ///   turns gzip and snappy off when it does not (KAFKA-18659). It ends before 13, which names
    ///   topics by id only.
    /// * Fetch is listed although nothing can be fetched, and contains 4 and 10: librdkafka sends
    ///   record batches (magic 2) only to servers with Fetch 4, and zstd only with Fetch 10.
    /// * FindCoordinator is listed, and contains 0: librdkafka sends lz4 only to servers with it.
    /// * SaslHandshake ends at 1: the Java client 2.1 sends the highest version it is told.
    #[must_use]
    pub const fn versions(self) -> (i16, i16) {
        match self {
            Self::Produce => (0, 11),
            Self::Fetch => (4, 11),
            Self::Metadata => (0, 12),
            Self::FindCoordinator | Self::ApiVersions | Self::InitProducerId => (0, 4),
            Self::SaslHandshake => (0, 1),
            Self::SaslAuthenticate => (0, 2),
        }
    }

    /// Whether this version is implemented.
    #[must_use]
    pub const fn supports(self, version: i16) -> bool {
        let (min, max) = self.versions();
        min <= version && version <= max
    }

    /// The version of the request header: 2 in flexible versions, else 1.
    #[must_use]
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the response header: 1 in flexible versions, else 0.
    ///
    /// ApiVersions always has 0: whoever asks does not know yet what the server speaks (KIP-511).
    #[must_use]
    pub const fn response_header_version(self, version: i16) -> i16 {
        match self {
            Self::ApiVersions => 0,
            _ if self.is_flexible(version) => 1,
            _ => 0,
        }
    }

    /// Whether the messages of this version have compact lengths and tagged fields (KIP-482).
    #[must_use]
    pub const fn is_flexible(self, version: i16) -> bool {
        let first = match self {
            Self::Produce | Self::Metadata => 9,
            Self::Fetch => 12,
            Self::FindCoordinator | Self::ApiVersions => 3,
            Self::InitProducerId | Self::SaslAuthenticate => 2,
            Self::SaslHandshake => return false,
        };
        version >= first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_number_and_no_other_is() {
        let found: Vec<ApiKey> = (i16::MIN..=i16::MAX).filter_map(ApiKey::from_i16).collect();
        assert_eq!(found, ApiKey::ALL);
        assert!(found.iter().all(|&key| ApiKey::from_i16(key.id()) == Some(key)));
    }

    #[test]
    fn versions_librdkafka_looks_for_are_advertised() {
        assert!(ApiKey::Produce.supports(0), "gzip and snappy before 2.11.1");
        assert!(ApiKey::Fetch.supports(4), "record batches");
        assert!(ApiKey::Fetch.supports(10), "zstd");
        assert!(ApiKey::FindCoordinator.supports(0), "lz4");
        assert!(!ApiKey::Produce.supports(13), "topics by id only");
        assert!(!ApiKey::SaslHandshake.supports(2), "the Java client 2.1 would send it");
    }

    #[test]
    fn the_answer_to_api_versions_is_readable_by_a_client_that_knows_nothing_yet() {
        assert_eq!(ApiKey::ApiVersions.request_header_version(4), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
    }
}

//! How clients differ. The numbers are those of real clients in their default configurations; where
//! they retry for ever they do so here too.

use logboom_wire::records::Codec;

/// What a producer is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Personality {
    pub(crate) name: &'static str,
    /// The version of the ApiVersions request before the login, if there is one.
    pub(crate) api_versions: Option<i16>,
    /// The version of the one after the login.
    pub(crate) api_versions_after: Option<i16>,
    /// Bare tokens after SaslHandshake of version 0.
    pub(crate) raw_sasl: bool,
    pub(crate) authenticate: i16,
    pub(crate) metadata: i16,
    /// Metadata is asked for on a connection of its own, which is closed then.
    pub(crate) metadata_apart: bool,
    pub(crate) produce: i16,
    pub(crate) acks: i16,
    pub(crate) idempotent: bool,
    /// How many requests may wait for their answers.
    pub(crate) in_flight_max: usize,
    /// How many partitions go into one request.
    pub(crate) parts_max: usize,
    /// How often a batch is sent before it is given up; 0 for no end.
    pub(crate) attempts_max: u32,
    pub(crate) backoff_ms: u64,
    pub(crate) request_timeout_ms: u64,
    /// The format of the records: 1 for a message set, 2 for a batch.
    pub(crate) magic: u8,
    pub(crate) codec: Codec,
}

const MODERN: Personality = Personality {
    name: "librdkafka-like",
    api_versions: Some(3),
    api_versions_after: None,
    raw_sasl: false,
    authenticate: 1,
    metadata: 12,
    metadata_apart: false,
    produce: 10,
    acks: -1,
    idempotent: false,
    in_flight_max: 20,
    parts_max: 1,
    attempts_max: 0,
    backoff_ms: 100,
    request_timeout_ms: 30_000,
    magic: 2,
    codec: Codec::None,
};

/// Who connects. The first is the plainest.
pub(crate) const ALL: [Personality; 9] = [
    MODERN,
    Personality {
        name: "librdkafka-like, old",
        metadata: 4,
        produce: 7,
        authenticate: 0,
        ..MODERN
    },
    Personality {
        name: "librdkafka-like, idempotent",
        idempotent: true,
        in_flight_max: 5,
        codec: Codec::Lz4,
        ..MODERN
    },
    Personality {
        name: "sarama-like",
        api_versions: None,
        raw_sasl: true,
        metadata: 5,
        produce: 3,
        acks: 1,
        in_flight_max: 5,
        parts_max: 4,
        attempts_max: 4,
        codec: Codec::Gzip,
        ..MODERN
    },
    Personality {
        name: "sarama-like, old",
        api_versions: None,
        raw_sasl: true,
        metadata: 0,
        produce: 2,
        acks: 1,
        in_flight_max: 5,
        parts_max: 4,
        attempts_max: 4,
        magic: 1,
        ..MODERN
    },
    Personality {
        name: "java-like",
        api_versions: Some(0),
        api_versions_after: Some(3),
        authenticate: 2,
        metadata: 12,
        produce: 11,
        idempotent: true,
        in_flight_max: 5,
        parts_max: 8,
        ..MODERN
    },
    Personality {
        name: "java-like, acks=1",
        api_versions: Some(0),
        api_versions_after: Some(2),
        authenticate: 0,
        metadata: 7,
        produce: 7,
        acks: 1,
        in_flight_max: 5,
        parts_max: 8,
        codec: Codec::Snappy,
        ..MODERN
    },
    Personality {
        name: "ruby-kafka-like",
        api_versions: None,
        raw_sasl: true,
        metadata: 1,
        metadata_apart: true,
        produce: 3,
        acks: 1,
        in_flight_max: 1,
        parts_max: 4,
        attempts_max: 30,
        backoff_ms: 1_000,
        ..MODERN
    },
    Personality { name: "acks=0", acks: 0, metadata: 9, produce: 9, codec: Codec::Zstd, ..MODERN },
];

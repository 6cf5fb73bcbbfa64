/// A refusal that an operator can look up: one code, one page, one counter.
///
/// The number never changes its meaning; a page for each is printed by `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// A client speaks plaintext on a port that wants TLS.
    PlaintextOnTls,
    /// A client speaks TLS on a plaintext port.
    TlsOnPlaintext,
    /// A client speaks HTTP.
    Http,
    /// The TLS handshake failed.
    TlsHandshake,
    /// The client refused the server's certificate.
    CertificateRefused,
    /// Unknown project, key or secret.
    BadCredentials,
    /// The password has no `#`.
    PasswordFormat,
    /// Logins of this address for this project are paused after too many failures.
    LoginPaused,
    /// A SASL mechanism other than PLAIN.
    Mechanism,
    /// A SASL/PLAIN token that is not one (RFC 4616).
    MalformedToken,
    /// SASL messages in an order that makes no sense.
    IllegalSaslState,
    /// The client did not log in within the time allowed.
    LoginTimeout,
    /// The key of a live session was revoked.
    KeyRevoked,
    /// The key may not write to the topic.
    NoWriteRight,
    /// No such Logstore.
    UnknownLogstore,
    /// A topic name that cannot be the name of a Logstore.
    InvalidLogstoreName,
    /// No such shard (partition).
    UnknownShard,
    /// A batch whose checksum does not match: damage in transport.
    CorruptBatch,
    /// A batch that cannot be decoded and never will be.
    UndecodableBatch,
    /// A batch over the size limits, as sent or decompressed.
    BatchTooLarge,
    /// A compression codec that does not exist.
    UnknownCodec,
    /// A transactional producer.
    Transactional,
    /// A sequence number of an idempotent producer out of order, or an old epoch.
    Sequence,
    /// A value of `acks` other than -1, 0 and 1.
    Acks,
    /// A request larger than the limit.
    FrameTooLarge,
    /// Bytes that are no Kafka request, or a request that does not decode.
    MalformedFrame,
    /// An API or version that is not offered.
    UnsupportedApi,
    /// An API that needs a login first.
    LoginFirst,
    /// The peer was idle, or stopped in the middle of reading or writing.
    PeerTimeout,
    /// The limit on connections is reached.
    ConnectionLimit,
    /// The limit on connections of one address is reached.
    AddressLimit,
    /// Too many requests before the login.
    TooManyBeforeLogin,
    /// No memory became free for a request in time.
    MemoryTimeout,
    /// The disk is full up to its floor.
    DiskFull,
    /// The disk failed to make data durable; the store has stopped.
    SyncFailed,
    /// A produce request was not durable within its time.
    ProduceTimeout,
    /// A bug in logboom itself ended a connection.
    Bug,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 37] = [
        Self::PlaintextOnTls,
        Self::TlsOnPlaintext,
        Self::Http,
        Self::TlsHandshake,
        Self::CertificateRefused,
        Self::BadCredentials,
        Self::PasswordFormat,
        Self::LoginPaused,
        Self::Mechanism,
        Self::MalformedToken,
        Self::IllegalSaslState,
        Self::LoginTimeout,
        Self::KeyRevoked,
        Self::NoWriteRight,
        Self::UnknownLogstore,
        Self::InvalidLogstoreName,
        Self::UnknownShard,
        Self::CorruptBatch,
        Self::UndecodableBatch,
        Self::BatchTooLarge,
        Self::UnknownCodec,
        Self::Transactional,
        Self::Sequence,
        Self::Acks,
        Self::FrameTooLarge,
        Self::MalformedFrame,
        Self::UnsupportedApi,
        Self::LoginFirst,
        Self::PeerTimeout,
        Self::ConnectionLimit,
        Self::AddressLimit,
        Self::TooManyBeforeLogin,
        Self::MemoryTimeout,
        Self::DiskFull,
        Self::SyncFailed,
        Self::ProduceTimeout,
        Self::Bug,
    ];

    /// The code as it is printed and looked up.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlaintextOnTls => "LB0311",
            Self::TlsOnPlaintext => "LB0312",
            Self::Http => "LB0313",
            Self::TlsHandshake => "LB0314",
            Self::CertificateRefused => "LB0315",
            Self::BadCredentials => "LB0401",
            Self::PasswordFormat => "LB0402",
            Self::LoginPaused => "LB0403",
            Self::Mechanism => "LB0404",
            Self::MalformedToken => "LB0405",
            Self::IllegalSaslState => "LB0406",
            Self::LoginTimeout => "LB0407",
            Self::KeyRevoked => "LB0408",
            Self::NoWriteRight => "LB0501",
            Self::UnknownLogstore => "LB0521",
            Self::InvalidLogstoreName => "LB0522",
            Self::UnknownShard => "LB0523",
            Self::CorruptBatch => "LB0531",
            Self::UndecodableBatch => "LB0532",
            Self::BatchTooLarge => "LB0533",
            Self::UnknownCodec => "LB0534",
            Self::Transactional => "LB0535",
            Self::Sequence => "LB0536",
            Self::Acks => "LB0537",
            Self::FrameTooLarge => "LB0601",
            Self::MalformedFrame => "LB0602",
            Self::UnsupportedApi => "LB0603",
            Self::LoginFirst => "LB0604",
            Self::PeerTimeout => "LB0605",
            Self::ConnectionLimit => "LB0606",
            Self::AddressLimit => "LB0607",
            Self::TooManyBeforeLogin => "LB0608",
            Self::MemoryTimeout => "LB0609",
            Self::DiskFull => "LB0702",
            Self::SyncFailed => "LB0703",
            Self::ProduceTimeout => "LB0705",
            Self::Bug => "LB0901",
        }
    }

    /// What was refused, as the title of the log line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PlaintextOnTls => "plaintext on a TLS port",
            Self::TlsOnPlaintext => "TLS on a plaintext port",
            Self::Http => "HTTP on a Kafka port",
            Self::TlsHandshake => "the TLS handshake failed",
            Self::CertificateRefused => "the client refused the certificate",
            Self::BadCredentials => "login refused: unknown project, key or secret",
            Self::PasswordFormat => "login refused: the password has no '#'",
            Self::LoginPaused => "logins paused after too many failures",
            Self::Mechanism => "login refused: SASL mechanism other than PLAIN",
            Self::MalformedToken => "login refused: malformed SASL/PLAIN token",
            Self::IllegalSaslState => "login refused: SASL messages out of order",
            Self::LoginTimeout => "no login within the time allowed",
            Self::KeyRevoked => "the access key was revoked",
            Self::NoWriteRight => "the key may not write to this topic",
            Self::UnknownLogstore => "no such Logstore",
            Self::InvalidLogstoreName => "not a possible name of a Logstore",
            Self::UnknownShard => "no such shard",
            Self::CorruptBatch => "batch refused: its checksum does not match",
            Self::UndecodableBatch => "batch refused: it cannot be decoded",
            Self::BatchTooLarge => "batch refused: too large",
            Self::UnknownCodec => "batch refused: unknown compression codec",
            Self::Transactional => "transactional producers are not served",
            Self::Sequence => "batch refused: sequence number out of order",
            Self::Acks => "request refused: acks must be -1, 0 or 1",
            Self::FrameTooLarge => "request too large",
            Self::MalformedFrame => "bytes that are no Kafka request",
            Self::UnsupportedApi => "API or version not offered",
            Self::LoginFirst => "request before the login",
            Self::PeerTimeout => "the client went quiet",
            Self::ConnectionLimit => "too many connections",
            Self::AddressLimit => "too many connections from one address",
            Self::TooManyBeforeLogin => "too many requests before the login",
            Self::MemoryTimeout => "no memory became free for a request",
            Self::DiskFull => "the disk is full",
            Self::SyncFailed => "the disk failed to make data durable",
            Self::ProduceTimeout => "a request was not durable in time",
            Self::Bug => "a bug in logboom ended this connection",
        }
    }

    /// What to do about it, in the words of the log line.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::PlaintextOnTls => "in that client set security.protocol=SASL_SSL",
            Self::TlsOnPlaintext => {
                "in that client set security.protocol=SASL_PLAINTEXT, or let it use the TLS port"
            }
            Self::Http => "this port speaks the Kafka protocol; point the client somewhere else",
            Self::TlsHandshake => "the client must speak TLS 1.2 or 1.3",
            Self::CertificateRefused => {
                "give the client the CA of this server (ssl.ca.location, ssl.truststore.location)"
            }
            Self::BadCredentials => {
                "the user name is the project; the password is AccessKeyID#AccessKeySecret"
            }
            Self::PasswordFormat => {
                "password must be AccessKeyID#AccessKeySecret; the part after '#' is missing"
            }
            Self::LoginPaused => "correct the password in that client; the pause ends by itself",
            Self::Mechanism => "in that client set sasl.mechanism=PLAIN",
            Self::MalformedToken => "the client must send authzid NUL user NUL password (RFC 4616)",
            Self::IllegalSaslState => "a client sends SaslHandshake once, then SaslAuthenticate",
            Self::LoginTimeout => "look for a slow network, a proxy, or a client without SASL",
            Self::KeyRevoked => "give the client another access key",
            Self::NoWriteRight => {
                "give the key a policy with log:PostLogStoreLogs on this Logstore"
            }
            Self::UnknownLogstore => {
                "create the Logstore in the configuration, or correct the topic"
            }
            Self::InvalidLogstoreName => {
                "use 2 to 63 of a-z, 0-9, _ and -, starting with a letter or digit"
            }
            Self::UnknownShard => "let the client choose partitions from the metadata",
            Self::CorruptBatch => {
                "the client will send it again; look at the network if it repeats"
            }
            Self::UndecodableBatch => {
                "look for a broken client or proxy; sending it again is no use"
            }
            Self::BatchTooLarge => "lower the batch size of the client, or raise the limit",
            Self::UnknownCodec => "use none, gzip, snappy, lz4 or zstd",
            Self::Transactional => "remove transactional.id from that client",
            Self::Sequence => {
                "the client starts a new producer epoch by itself or reports the error"
            }
            Self::Acks => "set acks to all, 1 or 0",
            Self::FrameTooLarge => "lower the request size of the client, or raise the limit",
            Self::MalformedFrame => "look for something that is no Kafka client on this port",
            Self::UnsupportedApi => {
                "only producers are served; look at the versions of ApiVersions"
            }
            Self::LoginFirst => "in that client set security.protocol=SASL_SSL and a user name",
            Self::PeerTimeout => "look for a stopped client or a broken network",
            Self::ConnectionLimit => "raise node.limits.connections_max, or find who leaks them",
            Self::AddressLimit => {
                "raise node.limits.connections_per_address_max, or find who leaks them"
            }
            Self::TooManyBeforeLogin => {
                "look for a broken client; logins take at most four requests"
            }
            Self::MemoryTimeout => {
                "raise node.limits.process_bytes_in_flight_max, or look at the disk: it is too slow"
            }
            Self::DiskFull => "free space or lower the retention; writing resumes by itself",
            Self::SyncFailed => "check the disk, then restart: nothing acknowledged is lost",
            Self::ProduceTimeout => "look at the disk: it is slower than the client's patience",
            Self::Bug => "please report it with the log line before this one",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_in_order() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].as_str() < pair[1].as_str());
        }
    }
}

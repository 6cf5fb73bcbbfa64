use std::ops::RangeInclusive;
use std::time::Duration;

use crate::units;

/// What kind of number a limit is, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// A number of bytes, written `"100 MiB"`.
    Size,
    /// A number of things, written `64`.
    Count,
    /// A time in milliseconds, written `"10 s"`.
    Duration,
}

impl LimitKind {
    /// Writes a value of this kind as it stands in the configuration.
    #[must_use]
    pub fn format(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Size => format!("\"{}\"", units::format_size_bytes(value)),
            Self::Duration => {
                format!("\"{}\"", units::format_duration(Duration::from_millis(value)))
            }
        }
    }
}

/// One limit: its name in `[node.limits]`, what it may be, and why it is there.
#[derive(Debug)]
pub struct Limit {
    /// Its key in `[node.limits]`.
    pub name: &'static str,
    /// How it is written.
    pub kind: LimitKind,
    /// What it is if nobody says otherwise.
    pub default: u64,
    /// What it may be.
    pub range: RangeInclusive<u64>,
    /// What it bounds.
    pub about: &'static str,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

impl Limit {
    /// The range for a person who is outside of it.
    #[must_use]
    pub fn range_in_words(&self) -> String {
        let (min, max) =
            (self.kind.format(*self.range.start()), self.kind.format(*self.range.end()));
        format!("it is from {min} to {max}")
    }

    /// Its value in `limits`: bytes, a count, or milliseconds.
    #[must_use]
    pub fn get(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }

    /// Gives it a value, which the caller has checked against the range.
    pub fn set(&self, limits: &mut Limits, value: u64) {
        (self.set)(limits, value);
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Declares the limits once: the struct, its default, and the table that the parser, the help and
/// `explain limits` are made from.
macro_rules! limits {
    ($($(#[doc = $about:literal])+ $name:ident: $kind:ident = $default:expr, $range:expr;)+) => {
        /// Everything that is bounded, with the values in force. Sizes are bytes, durations
        /// milliseconds.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $about])+ pub $name: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// All limits, in the order in which they are explained.
        pub static LIMITS: &[Limit] = &[$(Limit {
            name: stringify!($name),
            kind: LimitKind::$kind,
            default: $default,
            range: $range,
            about: concat!($($about,)+),
            get: |limits| limits.$name,
            set: |limits, value| limits.$name = value,
        },)+];
    };
}

limits! {
    /// Connections of the whole process; one more is closed at once.
    connections_max: Count = 10_000, 1..=10_000_000;
    /// Connections of one peer address.
    connections_per_address_max: Count = 1_024, 1..=10_000_000;
    /// Bytes of one request before the login is complete.
    frame_bytes_max_unauthenticated: Size = 16 * KIB, 4 * KIB..=MIB;
    /// Requests of one connection before its login is complete.
    frames_before_auth_max: Count = 8, 5..=64;
    /// Bytes of one request after the login; Fluentd sends whole buffer chunks.
    frame_bytes_max: Size = 100 * MIB, MIB..=GIB;
    /// Requests of one connection that are not answered yet; then its socket is not read.
    requests_in_flight_max: Count = 64, 1..=65_536;
    /// Bytes of the requests of one connection that are not answered yet.
    bytes_in_flight_max: Size = 100 * MIB, MIB..=GIB;
    /// Bytes of the requests of the whole process that are not answered yet.
    process_bytes_in_flight_max: Size = 256 * MIB, MIB..=1024 * GIB;
    /// Bytes of one record batch as it was sent.
    batch_bytes_max: Size = 32 * MIB, 64 * KIB..=512 * MIB;
    /// Bytes of one record batch after decompression.
    decompressed_bytes_max: Size = 128 * MIB, 64 * KIB..=4 * GIB;
    /// Bytes of one Snappy block after decompression, which is in memory as a whole.
    snappy_block_bytes_max: Size = 32 * MIB, 64 * KIB..=GIB;
    /// Logarithm of the largest zstd window; 23 is 8 MiB.
    zstd_window_log_max: Count = 23, 10..=27;
    /// Headers of one record.
    headers_per_record_max: Count = 1_024, 1..=65_536;
    /// From the TCP connection to the end of the login, TLS included.
    auth_timeout: Duration = 10 * SECOND, SECOND..=10 * MINUTE;
    /// From a refused password to the answer.
    failed_auth_delay: Duration = 250, 1..=10 * SECOND;
    /// Silence of a client that waits for nothing.
    idle_timeout: Duration = 600 * SECOND, SECOND..=24 * HOUR;
    /// From the first to the last byte of one request, besides what its size takes.
    frame_timeout: Duration = 30 * SECOND, SECOND..=HOUR;
    /// Bytes a second that a large request must at least arrive with.
    frame_bytes_per_second_min: Size = 256 * KIB, KIB..=GIB;
    /// Time without progress while a client does not read its responses.
    write_timeout: Duration = 30 * SECOND, SECOND..=HOUR;
    /// The wait of a request for its share of the memory of the process.
    memory_timeout: Duration = 30 * SECOND, SECOND..=HOUR;
    /// The longest that a producer may ask a Produce request to take.
    produce_timeout_max: Duration = 30 * SECOND, SECOND..=HOUR;
    /// From our end of a connection to the last byte of the peer.
    linger: Duration = 2 * SECOND, 1..=MINUTE;
    /// From the first signal to stop to the end of the last connection.
    drain_timeout: Duration = 10 * SECOND, 1..=10 * MINUTE;
}

/// The limit with this name.
#[must_use]
pub fn limit(name: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.name == name)
}

/// Pairs of limits of which the first must not be above the second: with it above, the second
/// would never be reached, or a request that is allowed could never be read.
pub(crate) const NOT_ABOVE: [(&str, &str); 6] = [
    ("connections_per_address_max", "connections_max"),
    ("frame_bytes_max_unauthenticated", "frame_bytes_max"),
    ("frame_bytes_max", "bytes_in_flight_max"),
    ("frame_bytes_max", "process_bytes_in_flight_max"),
    ("batch_bytes_max", "frame_bytes_max"),
    ("batch_bytes_max", "decompressed_bytes_max"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed() {
        let limits = Limits::default();
        for limit in LIMITS {
            assert!(limit.range.contains(&limit.default), "{}", limit.name);
            assert_eq!(limit.get(&limits), limit.default, "{}", limit.name);
        }
        for (low, high) in NOT_ABOVE {
            let value = |name| limit(name).unwrap().default;
            assert!(value(low) <= value(high), "{low} {high}");
        }
    }

    #[test]
    fn a_limit_is_set_by_its_name() {
        let mut limits = Limits::default();
        limit("frame_bytes_max").unwrap().set(&mut limits, 7);
        assert_eq!(limits, Limits { frame_bytes_max: 7, ..Limits::default() });
    }
}

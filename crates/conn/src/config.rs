use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use logboom_wire::response::PartitionOutcome;

use crate::memory::{Memory, Unmetered};
use crate::pool::FramePool;
use crate::recv::STAGING_BYTES;
use crate::slots::Slot;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The limits of one connection: sizes first, then times.
///
/// Zero is never a way to say "no limit": [`Config::new`] refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest frame accepted before authentication, in bytes. Default 16 KiB: a PLAIN token has
    /// at most 767 bytes (RFC 4616). Every stranger can make the server hold this much.
    pub frame_bytes_max_unauthenticated: usize,
    /// How many frames a peer may send before it is authenticated, raw tokens included. Default 8:
    /// clients need at most four.
    pub frames_before_auth_max: usize,
    /// The largest frame accepted after authentication, in bytes. Default 100 MiB, as Kafka's
    /// `socket.request.max.bytes`: some clients send a whole buffer as one request. A frame above 4 KiB
    /// is one allocation of its size, made when its length has passed this limit and its memory has
    /// been reserved.
    pub frame_bytes_max: usize,
    /// How many requests may be unanswered at a time. Default 64. Then reading stops.
    pub requests_in_flight_max: usize,
    /// How many bytes of unanswered requests a connection may hold. Default 100 MiB; at least
    /// `frame_bytes_max`. Then reading stops. This is the largest part of
    /// [`Config::bytes_per_connection_max`].
    pub bytes_in_flight_max: usize,
    /// How many things one request may name that each need an answer: partitions of Produce and
    /// Fetch, topics of Metadata, keys of FindCoordinator. Default 10,000. They can be written in far
    /// fewer bytes than their answers take.
    pub items_per_request_max: usize,
    /// How many bytes of responses may wait for the peer to read them before no further response is
    /// encoded. Default 1 MiB. One response may exceed it.
    pub output_bytes_max: usize,
    /// The largest response, in bytes. Default 16 MiB: Metadata for about 20,000 topics of 16
    /// partitions. A larger one closes the connection.
    pub response_bytes_max: usize,

    /// From accept until authenticated, TLS handshake included. Default 10 s.
    pub auth_timeout: Duration,
    /// From a wrong credential to its refusal, so that guessing is slow and clients that retry at
    /// once do no harm (KIP-306). Default 250 ms.
    pub failed_auth_delay: Duration,
    /// How long nothing at all may happen. Default 600 s, as Kafka's `connections.max.idle.ms`.
    pub idle_timeout: Duration,
    /// How long a started frame may take, on top of what `frame_bytes_per_second_min` allows for its
    /// length. Default 30 s. Time in which this side does not read does not count.
    pub frame_timeout: Duration,
    /// How slow a large frame may arrive, in bytes per second. Default 256 KiB/s: a frame of 100 MiB
    /// may take seven minutes.
    pub frame_bytes_per_second_min: usize,
    /// How long a peer may leave responses unread without taking a single byte. Default 30 s.
    pub write_timeout: Duration,
    /// How long a request may wait for memory of the process ([`Memory`]). Default 30 s.
    pub memory_timeout: Duration,
    /// The longest time to answer a Produce request; the request may ask for less. Then the answer is
    /// `REQUEST_TIMED_OUT`. Default 30 s. It also bounds how long a connection that is being closed
    /// waits for answers.
    pub produce_timeout_max: Duration,
    /// How long to read and discard after the last response before closing, so that unread bytes do
    /// not turn into a reset that destroys it. Default 2 s.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max_unauthenticated: 16 * KIB,
            frames_before_auth_max: 8,
            frame_bytes_max: 100 * MIB,
            requests_in_flight_max: 64,
            bytes_in_flight_max: 100 * MIB,
            items_per_request_max: 10_000,
            output_bytes_max: MIB,
            response_bytes_max: 16 * MIB,
            auth_timeout: Duration::from_secs(10),
            failed_auth_delay: Duration::from_millis(250),
            idle_timeout: Duration::from_secs(600),
            frame_timeout: Duration::from_secs(30),
            frame_bytes_per_second_min: 256 * KIB,
            write_timeout: Duration::from_secs(30),
            memory_timeout: Duration::from_secs(30),
            produce_timeout_max: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}

/// What all connections of a server have in common: limits that make sense together, and the memory
/// they share.
#[derive(Debug, Clone)]
pub struct Config {
    limits: Limits,
    memory: Arc<dyn Memory>,
    frame_pool: Arc<FramePool>,
}

impl Config {
    /// Checks the limits.
    ///
    /// # Errors
    ///
    /// The first limit that makes no sense, with the reason.
    pub fn new(limits: Limits, memory: Arc<dyn Memory>) -> Result<Self, ConfigError> {
        check_sizes(&limits)?;
        check_times(&limits)?;
        Ok(Self { limits, memory, frame_pool: Arc::default() })
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The memory of the process that request bodies are taken from.
    #[must_use]
    pub fn memory(&self) -> &dyn Memory {
        &*self.memory
    }

    /// Where the memory of large frames comes from.
    pub(crate) const fn frame_pool(&self) -> &Arc<FramePool> {
        &self.frame_pool
    }

    /// The most that one [`Connection`](crate::Connection) ever holds, in bytes.
    ///
    /// The sum of: the staging buffer; the unanswered requests with room for their answers, and one
    /// more request's worth of that room, since it is known only once the request is decoded; the
    /// responses on their way out, twice, since the buffers double when they grow; and the slots.
    ///
    /// Request bodies are shared with the application, which may hold them longer; for the process
    /// as a whole, [`Memory`] is what bounds them.
    #[must_use]
    pub const fn bytes_per_connection_max(&self) -> usize {
        let limits = &self.limits;
        let answers = limits.items_per_request_max.saturating_mul(size_of::<PartitionOutcome>());
        let output = limits.output_bytes_max.saturating_add(limits.response_bytes_max);
        let slots = limits.requests_in_flight_max.saturating_mul(size_of::<Slot>());
        STAGING_BYTES
            .saturating_add(limits.bytes_in_flight_max)
            .saturating_add(answers)
            .saturating_add(output.saturating_mul(2))
            .saturating_add(slots.saturating_mul(2))
    }
}

impl Default for Config {
    /// The default limits, and no bound on the memory of all connections together: enough for a
    /// test, too trusting for a server.
    fn default() -> Self {
        Self { limits: Limits::default(), memory: Arc::new(Unmetered), frame_pool: Arc::default() }
    }
}

/// A limit that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    /// A limit is zero.
    Zero {
        /// The name of the limit.
        limit: &'static str,
    },
    /// A limit is smaller than another that it must contain.
    TooSmall {
        /// The name of the limit.
        limit: &'static str,
        /// The name of the one it must contain.
        at_least: &'static str,
    },
    /// A frame limit is beyond what the length prefix of Kafka can say, 2 GiB.
    TooLarge {
        /// The name of the limit.
        limit: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { limit } => write!(f, "{limit} must not be zero"),
            Self::TooSmall { limit, at_least } => write!(f, "{limit} is smaller than {at_least}"),
            Self::TooLarge { limit } => write!(f, "{limit} must be less than 2 GiB"),
        }
    }
}

impl std::error::Error for ConfigError {}

fn check_sizes(limits: &Limits) -> Result<(), ConfigError> {
    let sizes = [
        ("frame_bytes_max_unauthenticated", limits.frame_bytes_max_unauthenticated),
        ("frames_before_auth_max", limits.frames_before_auth_max),
        ("frame_bytes_max", limits.frame_bytes_max),
        ("requests_in_flight_max", limits.requests_in_flight_max),
        ("bytes_in_flight_max", limits.bytes_in_flight_max),
        ("items_per_request_max", limits.items_per_request_max),
        ("output_bytes_max", limits.output_bytes_max),
        ("response_bytes_max", limits.response_bytes_max),
        ("frame_bytes_per_second_min", limits.frame_bytes_per_second_min),
    ];
    if let Some((limit, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
        return Err(ConfigError::Zero { limit });
    }
    if limits.frame_bytes_max > i32::MAX as usize {
        return Err(ConfigError::TooLarge { limit: "frame_bytes_max" });
    }
    let contained = [
        ("frame_bytes_max", limits.frame_bytes_max, "frame_bytes_max_unauthenticated", {
            limits.frame_bytes_max_unauthenticated
        }),
        ("bytes_in_flight_max", limits.bytes_in_flight_max, "frame_bytes_max", {
            limits.frame_bytes_max
        }),
    ];
    match contained.into_iter().find(|(_, size, _, contained)| size < contained) {
        Some((limit, _, at_least, _)) => Err(ConfigError::TooSmall { limit, at_least }),
        None => Ok(()),
    }
}

fn check_times(limits: &Limits) -> Result<(), ConfigError> {
    let times = [
        ("auth_timeout", limits.auth_timeout),
        ("failed_auth_delay", limits.failed_auth_delay),
        ("idle_timeout", limits.idle_timeout),
        ("frame_timeout", limits.frame_timeout),
        ("write_timeout", limits.write_timeout),
        ("memory_timeout", limits.memory_timeout),
        ("produce_timeout_max", limits.produce_timeout_max),
        ("linger", limits.linger),
    ];
    match times.into_iter().find(|(_, time)| time.is_zero()) {
        Some((limit, _)) => Err(ConfigError::Zero { limit }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limits: Limits) -> Result<Config, ConfigError> {
        Config::new(limits, Arc::new(Unmetered))
    }

    #[test]
    fn the_defaults_are_valid() {
        assert!(check(Limits::default()).is_ok());
    }

    #[test]
    fn zero_is_refused_by_name() {
        let error = check(Limits { requests_in_flight_max: 0, ..Limits::default() }).unwrap_err();
        assert_eq!(error.to_string(), "requests_in_flight_max must not be zero");
        let error = check(Limits { linger: Duration::ZERO, ..Limits::default() }).unwrap_err();
        assert_eq!(error, ConfigError::Zero { limit: "linger" });
    }

    #[test]
    fn a_frame_of_the_largest_size_always_fits_into_the_window() {
        let error = check(Limits { bytes_in_flight_max: 99 * MIB, ..Limits::default() });
        assert_eq!(
            error.unwrap_err().to_string(),
            "bytes_in_flight_max is smaller than frame_bytes_max"
        );
    }

    #[test]
    fn frame_limits_beyond_the_length_prefix_are_refused() {
        let limits =
            Limits { frame_bytes_max: 1 << 31, bytes_in_flight_max: 1 << 31, ..Limits::default() };
        assert_eq!(check(limits).unwrap_err(), ConfigError::TooLarge { limit: "frame_bytes_max" });
    }

    #[test]
    fn the_memory_of_a_connection_is_a_known_number() {
        let bytes = Config::default().bytes_per_connection_max();
        assert!(bytes > 134 * MIB && bytes < 136 * MIB, "{bytes}");
    }
}

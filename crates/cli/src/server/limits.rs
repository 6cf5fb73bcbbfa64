//! From the limits of the configuration to those of each part.

use std::time::Duration;

use logboom_engine::{ConnectionLimits, Options as EngineOptions};
use logboom_store::Options as StoreOptions;
use logboom_wire::records::Limits as BatchLimits;

use crate::config::Limits;

const MIB: u64 = 1 << 20;

/// What one connection may do.
pub(crate) fn of_connection(limits: &Limits) -> logboom_conn::Limits {
    logboom_conn::Limits {
        frame_bytes_max_unauthenticated: size(limits.frame_bytes_max_unauthenticated),
        frames_before_auth_max: size(limits.frames_before_auth_max),
        frame_bytes_max: size(limits.frame_bytes_max),
        requests_in_flight_max: size(limits.requests_in_flight_max),
        bytes_in_flight_max: size(limits.bytes_in_flight_max),
        auth_timeout: time(limits.auth_timeout),
        failed_auth_delay: time(limits.failed_auth_delay),
        idle_timeout: time(limits.idle_timeout),
        frame_timeout: time(limits.frame_timeout),
        frame_bytes_per_second_min: size(limits.frame_bytes_per_second_min),
        write_timeout: time(limits.write_timeout),
        memory_timeout: time(limits.memory_timeout),
        produce_timeout_max: time(limits.produce_timeout_max),
        linger: time(limits.linger),
        ..logboom_conn::Limits::default()
    }
}

/// What all connections together may do.
pub(crate) fn of_engine(limits: &Limits) -> EngineOptions {
    EngineOptions {
        connections: ConnectionLimits {
            connections_max: size(limits.connections_max),
            connections_per_address_max: size(limits.connections_per_address_max),
            ..ConnectionLimits::default()
        },
        batches: of_batch(limits),
        request_bytes_in_flight_max: size(limits.process_bytes_in_flight_max),
        ..EngineOptions::default()
    }
}

/// What one batch may be.
pub(crate) fn of_batch(limits: &Limits) -> BatchLimits {
    BatchLimits {
        batch_bytes_max: size(limits.batch_bytes_max),
        decompressed_bytes_max: size(limits.decompressed_bytes_max),
        snappy_block_bytes_max: size(limits.snappy_block_bytes_max),
        zstd_window_log_max: u32::try_from(limits.zstd_window_log_max).unwrap_or(u32::MAX),
        headers_per_record_max: size(limits.headers_per_record_max),
    }
}

/// What the store may do.
pub(crate) fn of_store(limits: &Limits) -> StoreOptions {
    let defaults = StoreOptions::default();
    // The largest batch must fit into a segment.
    let batch_and_overhead = limits.batch_bytes_max.saturating_add(MIB);
    let segment_bytes =
        u32::try_from(batch_and_overhead).unwrap_or(StoreOptions::SEGMENT_BYTES_MAX);
    let segment_bytes = segment_bytes.min(StoreOptions::SEGMENT_BYTES_MAX);
    StoreOptions { segment_bytes: defaults.segment_bytes.max(segment_bytes), ..defaults }
}

/// A time of the configuration, which counts milliseconds.
pub(crate) const fn time(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let limits = Limits::default();
        assert_eq!(of_connection(&limits), logboom_conn::Limits::default());
        assert_eq!(of_batch(&limits), BatchLimits::default());
    }
}

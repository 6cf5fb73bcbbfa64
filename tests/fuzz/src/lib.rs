//! What is fuzzed: one function for each target, which takes any bytes and panics if a promise is
//! broken.
//!
//! The same functions run in two places. Under libFuzzer, in `tests/fuzz/libfuzzer`, they look for
//! new inputs. In an ordinary test of this crate they go over the inputs in `tests/fuzz/corpus`, so
//! that nothing that was found once comes back.
//!
//! The promises: no panic; no more than [`TIME_MAX`]; of memory no more than [`memory::bounded`]
//! allows; and what a target promises by itself, such as agreement with another implementation.

mod batches;
mod configuration;
mod connection;
mod decompressors;
mod frames;
mod mapping;
pub mod memory;
mod operations;
mod oracle;
mod policies;
mod recovery;
mod requests;
mod sasl;
pub mod seeds;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub use batches::{record_batch, record_batch_sealed};
pub use configuration::{client_conf, config_toml};
pub use connection::connection_bytes;
pub use decompressors::{gzip, lz4, snappy_raw, snappy_stream, zstd};
pub use frames::{frames, request_header};
pub use mapping::json_mapping;
pub use operations::conn_operations;
pub use policies::policy_json;
pub use recovery::store_recovery;
pub use requests::{
    api_versions, fetch, find_coordinator, init_producer_id, metadata, produce, sasl_authenticate,
    sasl_handshake,
};
pub use sasl::raw_sasl;

/// How long a target may take for one input, in an optimised build without instrumentation.
///
/// Time is that of the processor and not that of the wall, so that a busy machine breaks no test.
pub const TIME_MAX: Duration = Duration::from_millis(100);

/// A function that is fuzzed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its folder in the corpus.
    pub name: &'static str,
    /// The function.
    pub body: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), body: $name }),*];
    };
}

targets![
    frames,
    request_header,
    produce,
    fetch,
    metadata,
    find_coordinator,
    sasl_handshake,
    api_versions,
    init_producer_id,
    sasl_authenticate,
    record_batch,
    record_batch_sealed,
    gzip,
    snappy_raw,
    snappy_stream,
    lz4,
    zstd,
    raw_sasl,
    connection_bytes,
    conn_operations,
    store_recovery,
    config_toml,
    client_conf,
    policy_json,
    json_mapping,
];

/// Runs a target on one input and says how long it took.
///
/// # Panics
///
/// If the target breaks a promise, or takes more than [`TIME_MAX`] times `slowness`: how much slower
/// this build is than an optimised one without instrumentation.
pub fn run(body: fn(&[u8]), input: &[u8], slowness: u32) -> Duration {
    let start = processor_time();
    body(input);
    let time = processor_time().saturating_sub(start);
    let time_max = TIME_MAX * slowness;
    assert!(time <= time_max, "{time:?} for {} bytes, the limit is {time_max:?}", input.len());
    time
}

/// The time that this thread has had a processor for.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

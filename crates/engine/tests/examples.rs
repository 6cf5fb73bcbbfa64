//! The examples of this crate, compiled into a test and run.

#[allow(dead_code, reason = "its main is not run here")]
#[path = "../examples/endpoint_in_a_test.rs"]
mod endpoint_in_a_test;

/// What is promised, and what the compiler makes of it without optimizing.
const DEBUG_FACTOR: u32 = 10;

#[test]
fn an_endpoint_starts_in_less_than_a_millisecond() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 };
    let median = endpoint_in_a_test::start_time(1_000);
    assert!(median < std::time::Duration::from_millis(1) * factor, "{median:?}");
}

//! The examples of this crate, compiled into a test and run.

#[allow(dead_code, reason = "its main is not run here")]
#[path = "../examples/endpoint_in_a_test.rs"]
mod endpoint_in_a_test;

/// Also without optimizing: there it takes ten times as long as otherwise, which is still little.
#[test]
fn an_endpoint_starts_in_less_than_a_millisecond() {
    let median = endpoint_in_a_test::start_time(1_000);
    assert!(median < std::time::Duration::from_millis(1), "{median:?}");
}

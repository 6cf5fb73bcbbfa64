//! Many connections, as `logboom-bench scale` makes them, in small.

use std::path::Path;
use std::time::Duration;

use logboom_bench::scale::{Options, measure};

#[test]
fn silent_and_busy_connections_live_side_by_side_and_all_end_in_order() {
    let options = Options {
        idle: 50,
        active: 10,
        handshakes: 20,
        window: Duration::from_millis(200),
        load_window: Duration::from_millis(500),
        records: 10,
        record_bytes: 100,
    };
    let program = Path::new(crate::PROGRAM.path());
    let figures = measure(program, &options, &mut |_| {}).expect("the server serves all of them");
    assert!(figures.load.latency_us.len() >= 10, "{} requests", figures.load.latency_us.len());
    let ends = &figures.ends;
    assert_eq!((ends.clean, ends.resets), (60, 0), "{ends:?}");
}

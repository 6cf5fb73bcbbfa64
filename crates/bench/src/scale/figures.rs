use std::time::Duration;

use crate::client::{Ends, Load};
use crate::proc::Usage;
use crate::table::Column;
use crate::units::ms;

/// What one run with one server has found.
#[derive(Debug)]
pub struct Figures {
    /// Connections that were open and silent when memory was read.
    pub idle: usize,
    /// Further connections that sent batches.
    pub active: usize,
    /// How long it took to open the idle ones, logins included.
    pub opening: Duration,
    /// The server before the first connection.
    pub before: Usage,
    /// The server when the idle ones were open.
    pub opened: Usage,
    /// The server after `window` in which nothing was asked of it.
    pub rested: Usage,
    /// How long nothing was asked.
    pub window: Duration,
    /// The server before the active ones began to send.
    pub loading: Usage,
    /// The server when they had ended.
    pub loaded: Usage,
    /// What they were answered.
    pub load: Load,
    /// From the signal to stop to the end of the last connection.
    pub ended: Duration,
    /// From the signal to stop to the end of the process.
    pub drain: Duration,
    /// How all connections ended.
    pub ends: Ends,
}

impl Figures {
    /// The figures of the table.
    pub const COLUMNS: &[Column<Self>] = &[
        Column::new("idle_connections", "idle connections", 0, |run| run.idle as f64),
        Column::new("kib_per_connection", "KiB each", 1, |run| run.kib_each(|usage| usage.rss_kib)),
        Column::new("anonymous_kib_per_connection", "of it heap and stacks", 1, |run| {
            run.kib_each(|usage| usage.anonymous_kib)
        }),
        Column::new("rss_mib", "RSS, MiB", 0, |run| run.rested.rss_kib as f64 / 1024.0),
        Column::new("peak_rss_mib", "peak, MiB", 0, |run| run.loaded.peak_kib as f64 / 1024.0),
        Column::new("threads", "threads", 0, |run| run.rested.threads as f64),
        Column::new("connections_per_second", "connections/s", 0, |run| {
            run.idle as f64 / run.opening.as_secs_f64()
        }),
        Column::new("cpu_ms_per_connection", "CPU ms each", 2, |run| {
            cpu_ms(run.before, run.opened) / run.idle as f64
        }),
        Column::new("idle_cpu_percent", "idle CPU, %", 2, |run| {
            cpu_ms(run.opened, run.rested) / ms(run.window) * 100.0
        }),
        Column::new("requests_per_second", "requests/s", 0, |run| {
            run.requests() / run.load.duration.as_secs_f64()
        }),
        Column::new("cpu_us_per_request", "CPU µs each", 0, |run| {
            cpu_ms(run.loading, run.loaded) * 1000.0 / run.requests()
        }),
        Column::new("latency_p50_ms", "p50, ms", 1, |run| run.latency_ms(0.5)),
        Column::new("latency_p99_ms", "p99, ms", 1, |run| run.latency_ms(0.99)),
        Column::new("latency_p999_ms", "p99.9, ms", 1, |run| run.latency_ms(0.999)),
        Column::new("ended_seconds", "last end, s", 2, |run| run.ended.as_secs_f64()),
        Column::new("drain_seconds", "drain, s", 2, |run| run.drain.as_secs_f64()),
        Column::new("resets", "resets", 0, |run| run.ends.resets as f64),
        Column::new("ends_without_notice", "ends without close_notify", 0, |run| {
            (run.ends.without_notice + run.ends.open) as f64
        }),
    ];

    fn kib_each(&self, get: fn(&Usage) -> u64) -> f64 {
        (get(&self.rested) as f64 - get(&self.before) as f64) / self.idle as f64
    }

    fn requests(&self) -> f64 {
        self.load.latency_us.len() as f64
    }

    fn latency_ms(&self, quantile: f64) -> f64 {
        self.load.latency_us.value_at_quantile(quantile) as f64 / 1000.0
    }
}

fn cpu_ms(from: Usage, to: Usage) -> f64 {
    ms(to.cpu.saturating_sub(from.cpu))
}

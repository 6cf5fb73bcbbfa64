use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::frames::Frames;
use super::login::error_name;
use super::run::Sample;
use super::worker::Tally;
use crate::table::Column;

/// What one run against one server has found.
#[derive(Debug)]
pub struct Figures {
    /// How long it was measured.
    pub window: Duration,
    /// Bytes of values that were acknowledged.
    pub value_bytes: u64,
    /// Bytes of batches that were acknowledged, as they were sent.
    pub batch_bytes: u64,
    /// Requests that were acknowledged.
    pub requests: u64,
    /// Records of each.
    pub records_each: u64,
    /// Processor time of the server, if its process is known.
    pub server_cpu: Option<Duration>,
    /// The most memory that the server ever used, if its process is known.
    pub server_peak_kib: Option<u64>,
    /// Processor time of this program.
    pub client_cpu: Duration,
    /// From when a request was due to its answer, in microseconds.
    pub latency_us: Histogram<u64>,
    /// Answers with an error: partition, code, how many. Warming up counts.
    pub errors: BTreeMap<(i32, i16), u64>,
    /// Requests that were due and not answered.
    pub unfinished: u64,
}

impl Figures {
    /// The figures of the table.
    pub const COLUMNS: &[Column<Self>] = &[
        Column::new("mb_per_second", "MB/s", 0, |run| run.megabytes() / run.window.as_secs_f64()),
        Column::new("records_per_second", "records/s", 0, |run| {
            (run.requests * run.records_each) as f64 / run.window.as_secs_f64()
        }),
        Column::new("server_cpu_seconds_per_gb", "CPU s/GB", 3, |run| {
            run.server_cpu.map_or(f64::NAN, |cpu| run.per_gigabyte(cpu))
        }),
        Column::new("mb_per_cpu_second", "MB per CPU s", 0, |run| {
            run.server_cpu.map_or(f64::NAN, |cpu| 1000.0 / run.per_gigabyte(cpu))
        }),
        Column::new("server_cores", "cores busy", 2, |run| {
            let cpu = run.server_cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64());
            cpu / run.window.as_secs_f64()
        }),
        Column::new("server_peak_mib", "peak, MiB", 0, |run| {
            run.server_peak_kib.map_or(f64::NAN, |kib| kib as f64 / 1024.0)
        }),
        Column::new("latency_p50_ms", "p50, ms", 2, |run| run.latency_ms(0.5)),
        Column::new("latency_p99_ms", "p99, ms", 2, |run| run.latency_ms(0.99)),
        Column::new("latency_p999_ms", "p99.9, ms", 2, |run| run.latency_ms(0.999)),
        Column::new("latency_max_ms", "max, ms", 1, |run| run.latency_us.max() as f64 / 1000.0),
        Column::new("client_cpu_seconds_per_gb", "client CPU s/GB", 3, |run| {
            run.per_gigabyte(run.client_cpu)
        }),
        Column::new("errors", "errors", 0, |run| run.errors.values().sum::<u64>() as f64),
        Column::new("unfinished", "unfinished", 0, |run| run.unfinished as f64),
    ];

    pub(super) fn new(window: RangeInclusive<Sample>, tally: Tally, frames: &Frames) -> Self {
        let (begin, end) = window.into_inner();
        let both = begin.server.zip(end.server);
        Self {
            window: end.at - begin.at,
            value_bytes: end.value_bytes - begin.value_bytes,
            batch_bytes: end.batch_bytes - begin.batch_bytes,
            requests: end.requests - begin.requests,
            records_each: frames.records,
            server_cpu: both.map(|(begin, end)| end.cpu.saturating_sub(begin.cpu)),
            server_peak_kib: end.server.map(|usage| usage.peak_kib),
            client_cpu: end.client_cpu.saturating_sub(begin.client_cpu),
            latency_us: tally.latency_us,
            errors: tally.errors,
            unfinished: tally.unfinished,
        }
    }

    /// What the server refused, in one line; `None` if nothing.
    #[must_use]
    pub fn refusals(&self) -> Option<String> {
        let list: Vec<_> = self
            .errors
            .iter()
            .map(|(&(partition, code), count)| {
                format!("partition {partition}: {count} times {}", error_name(code))
            })
            .collect();
        (!list.is_empty()).then(|| list.join(", "))
    }

    fn megabytes(&self) -> f64 {
        self.value_bytes as f64 / 1e6
    }

    /// NaN if nothing was acknowledged.
    fn per_gigabyte(&self, cpu: Duration) -> f64 {
        match self.value_bytes {
            0 => f64::NAN,
            bytes => cpu.as_secs_f64() * 1e9 / bytes as f64,
        }
    }

    fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1000.0
    }
}

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use logboom_model::{Form, MappingOptions, MappingReport, Message as _, Origin, group, map, text};
use logboom_wire::records::{BatchBuilder, Codec, Limits, Scratch, read};
use serde_json::json;

use crate::clock::thread_cpu;
use crate::load::Values;
use crate::table::{Column, Row, json, markdown};
use crate::{Failure, Result};

const BATCH_BYTES: usize = 100 << 10;
/// Different batches.
const BATCHES: u64 = 8;

const COLUMNS: &[Column<Figures>] = &[
    Column {
        key: "mb_per_cpu_second",
        title: "MB per CPU s",
        decimals: 0,
        get: |it| it.mb_per_cpu_second,
    },
    Column {
        key: "cpu_seconds_per_gb",
        title: "CPU s/GB",
        decimals: 3,
        get: |it| 1e3 / it.mb_per_cpu_second,
    },
    Column {
        key: "cpu_ns_per_record",
        title: "CPU ns per record",
        decimals: 0,
        get: |it| it.ns_per_record,
    },
];

/// Measure the read side in one thread: from records in memory to logs
///
/// Batches of 100 KiB without compression are read again and again, and made into
///
///   raw        logs with one field, `content`
///   json       logs with a field for each member of the JSON object
///   protobuf   json, and the encoded LogGroup
///   lines      json, and a line of JSON for each log, as `read --format json` prints it
///
/// Works take turns. What counts is the processor time of the thread, since others may use the machine
/// as well, and the values of records; 1 MB is 10^6 bytes.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Bytes of each record's value
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    record_bytes: usize,
    /// Times that everything is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Milliseconds of processor time of each measurement
    #[arg(long, value_name = "MS", default_value_t = 500)]
    duration: u64,
    /// Also write everything as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What a run has found.
#[derive(Debug)]
struct Figures {
    mb_per_cpu_second: f64,
    ns_per_record: f64,
}

/// What is made of a batch.
#[derive(Debug, Clone, Copy)]
enum Work {
    Logs(Form),
    Protobuf,
    Lines,
}

const WORKS: [(&str, Work); 4] = [
    ("raw", Work::Logs(Form::Raw)),
    ("json", Work::Logs(Form::Json)),
    ("protobuf", Work::Protobuf),
    ("lines", Work::Lines),
];

impl Args {
    /// Measures, and prints the table.
    ///
    /// # Errors
    ///
    /// If the records cannot be encoded, or the file not written.
    pub fn run(self) -> Result<()> {
        let records = (BATCH_BYTES / self.record_bytes.max(1)).max(1);
        let batches: Vec<_> = (0..BATCHES)
            .map(|seed| batch(self.record_bytes, records, seed))
            .collect::<Result<_>>()?;
        let mut rows: Vec<Row<Figures>> =
            WORKS.iter().map(|(name, _)| Row { name: (*name).into(), runs: Vec::new() }).collect();
        for _ in 0..self.runs.max(1) {
            for ((_, work), row) in WORKS.iter().zip(&mut rows) {
                let time = Duration::from_millis(self.duration);
                let seconds_per_batch = measure(*work, &batches, time)?;
                row.runs.push(Figures {
                    mb_per_cpu_second: (records * self.record_bytes) as f64
                        / seconds_per_batch
                        / 1e6,
                    ns_per_record: seconds_per_batch / records as f64 * 1e9,
                });
            }
        }
        print!("{}", markdown("made", COLUMNS, &rows));
        let Some(path) = self.json else { return Ok(()) };
        let report = json!({
            "command": "map", "record_bytes": self.record_bytes, "works": json(COLUMNS, &rows),
        });
        std::fs::write(&path, format!("{report:#}\n"))
            .map_err(Failure::while_doing(format_args!("write {}", path.display())))
    }
}

fn batch(record_bytes: usize, records: usize, seed: u64) -> Result<Vec<u8>> {
    let mut values = Values::new(record_bytes, seed);
    let mut builder = BatchBuilder::new();
    for record in 0..records {
        let timestamp_ms = 1_795_000_000_000 + record as i64;
        builder
            .append(timestamp_ms, None, Some(&values.next_value()), &[])
            .map_err(Failure::while_doing("encode a batch"))?;
    }
    Ok(builder.build(Codec::None))
}

/// Seconds of processor time for each batch.
fn measure(work: Work, batches: &[Vec<u8>], time: Duration) -> Result<f64> {
    let mut scratch = Scratch::new();
    let mut line = String::new();
    let (start, mut done) = (thread_cpu(), 0_u32);
    while done == 0 || thread_cpu() - start < time {
        for batch in batches {
            do_work(work, batch, &mut scratch, &mut line)?;
            done += 1;
        }
    }
    Ok((thread_cpu() - start).as_secs_f64() / f64::from(done))
}

fn do_work(work: Work, batch: &[u8], scratch: &mut Scratch, line: &mut String) -> Result<()> {
    let form = if let Work::Logs(form) = work { form } else { Form::Json };
    let (options, mut report) = (MappingOptions::default(), MappingReport::default());
    let logs = read(batch, &Limits::default(), scratch)
        .and_then(|records| {
            let mut to_log = |record| map(&record, form, &options, 0, &mut report);
            records.map(|record| record.map(&mut to_log)).collect::<std::result::Result<_, _>>()
        })
        .map_err(Failure::while_doing("read a batch"))?;
    let peer = [127, 0, 0, 1].into();
    let group = group(logs, &Origin { peer, client_id: b"bench", shard: 0, first_offset: None });
    match work {
        Work::Logs(_) => drop(black_box(group)),
        Work::Protobuf => drop(black_box(group.encode_to_vec())),
        Work::Lines => {
            for log in &group.logs {
                line.clear();
                text::write_json(line, log, &group, None);
                black_box(&*line);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_measured() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let json = Some(file.path().to_owned());
        Args { record_bytes: 512, runs: 1, duration: 1, json }.run().unwrap();
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        let works = report["works"].as_array().unwrap();
        assert_eq!(works.len(), WORKS.len());
        assert!(works.iter().all(|work| work["median"]["mb_per_cpu_second"].as_f64() > Some(0.0)));
    }
}

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use serde_json::{Value, json};

use super::screen::Screen;
use super::{Amount, Codec, Content, Figures, Frames, Target, Workload, run};
use crate::table::{Row, json, json_ratios, markdown, markdown_ratios};
use crate::units::{bytes, size};
use crate::{Failure, Result, limits, proc};

/// Put load on any Kafka-protocol server: throughput, latency, CPU per GB, memory
///
/// SERVER is HOST:PORT for plaintext without a login, or a file in the format of librdkafka
/// (bootstrap.servers, security.protocol, sasl.username, sasl.password, ssl.ca.location), such as
/// the client.conf that a demo of logboom writes:
///
///   logboom-bench load logboom-data/demo/client.conf --topic demo --codec zstd
///   logboom-bench load client.conf --vs localhost:9092 --vs-topic logs --json figures.json
///
/// Each connection sends batches that were encoded beforehand, --in-flight of them at a time, to the
/// partitions of the topic in turns. With --rate it is an open loop: batches are due at fixed times,
/// and latency counts from when a batch was due, also while the server keeps others waiting.
///
/// What is counted is the values of acknowledged records, before compression; 1 MB is 10^6 bytes.
/// Processor time and peak memory are those of the process that listens on the port, if it runs on
/// this machine. Of several --runs the table has the median and from where to where they lie; with
/// --vs the servers take turns, and ratios are taken round by round.
///
/// An answer with an error, from any partition, makes the command fail.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// HOST:PORT, or a file with properties of librdkafka
    #[arg(value_name = "SERVER")]
    server: String,
    /// What is written to
    #[arg(long, value_name = "TOPIC", default_value = "demo")]
    topic: String,
    /// What the server is called in the table [default: its address]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its process [default: the one that listens on the port]
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Another server, measured in turns with the first
    #[arg(long, value_name = "SERVER", help_heading = "Comparison")]
    vs: Option<String>,
    /// What is written to there [default: --topic]
    #[arg(long, value_name = "TOPIC", requires = "vs", help_heading = "Comparison")]
    vs_topic: Option<String>,
    /// What it is called in the table [default: its address]
    #[arg(long, value_name = "NAME", requires = "vs", help_heading = "Comparison")]
    vs_name: Option<String>,
    /// Its process [default: the one that listens on the port]
    #[arg(long, value_name = "PID", requires = "vs", help_heading = "Comparison")]
    vs_pid: Option<u32>,
    /// Times that each server is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Also write everything as JSON to this file, for `logboom-bench report`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    load: LoadArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Bytes of each record's value
    #[arg(long, value_name = "SIZE", default_value = "512", value_parser = bytes)]
    record_bytes: u64,
    /// Bytes of the values of a batch, before compression
    #[arg(long, value_name = "SIZE", default_value = "100 KiB", value_parser = bytes)]
    batch_bytes: u64,
    /// Compression
    #[arg(long, value_enum, default_value_t = Codec::None)]
    codec: Codec,
    /// Different batches that are sent in turns
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = number())]
    distinct: u32,
    /// Who has to have a batch: nobody, the server, or all replicas. With 0, what was written to the
    /// socket counts as done
    #[arg(long, value_parser = ["0", "1", "all"], default_value = "1")]
    acks: String,
    /// Producers
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = number())]
    connections: u32,
    /// Batches of each connection that wait for their answer at a time
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = number())]
    in_flight: u32,
    /// Partitions that are written to [default: all of the topic]
    #[arg(long, value_name = "N", value_parser = number())]
    partitions: Option<u32>,
    /// Seconds before measuring begins
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    warm_up: f64,
    /// Seconds that are measured
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    duration: f64,
    /// Measure until so much is acknowledged, instead of a time
    #[arg(long, value_name = "SIZE", conflicts_with = "duration", value_parser = bytes)]
    bytes: Option<u64>,
    /// Bytes of values that are due in a second, whatever the server does
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    rate: Option<u64>,
    /// Threads that the producers share
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number())]
    threads: u32,
}

impl Args {
    /// Measures, prints the table, and shows on standard error how far it is.
    ///
    /// # Errors
    ///
    /// If a server cannot be reached, or answers with errors. Figures are printed all the same.
    pub fn run(self) -> Result<()> {
        let workload = self.load.workload();
        limits::check(workload.connections)?;
        let targets = self.targets()?;
        let mut rows: Vec<Row<Figures>> = targets
            .iter()
            .map(|target| Row { name: target.name.clone(), runs: Vec::new() })
            .collect();
        let mut failed = None;
        for round in 1..=self.runs {
            for (target, row) in targets.iter().zip(&mut rows) {
                let mut screen = Screen::new(format!("{} {round}/{}", row.name, self.runs));
                let figures = run(target, &workload, &mut |progress| screen.show(progress))
                    .inspect_err(|_| screen.end("failed"))?;
                screen.end(&summary(&figures));
                if let Some(refusals) = figures.refusals() {
                    failed = Some(Failure::new(format!("{} refused: {refusals}", row.name)));
                }
                row.runs.push(figures);
            }
        }
        println!("{}\n", self.load.text());
        print!("{}", markdown("server", Figures::COLUMNS, &rows));
        if let [first, second] = &rows[..] {
            let name = format!("{} / {}", first.name, second.name);
            print!("{}", markdown_ratios(&name, Figures::COLUMNS, &first.runs, &second.runs));
        }
        if let Some(path) = &self.json {
            let report = self.json(&targets, &rows)?;
            std::fs::write(path, format!("{report:#}\n"))
                .map_err(Failure::while_doing(format_args!("write {}", path.display())))?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn targets(&self) -> Result<Vec<Target>> {
        let name = |target: &mut Target, name: &Option<String>, pid| {
            target.pid = pid;
            if let Some(name) = name {
                target.name.clone_from(name);
            }
        };
        let mut first = Target::parse(&self.server, &self.topic)?;
        name(&mut first, &self.name, self.server_pid);
        let Some(vs) = &self.vs else { return Ok(vec![first]) };
        let mut second = Target::parse(vs, self.vs_topic.as_ref().unwrap_or(&self.topic))?;
        name(&mut second, &self.vs_name, self.vs_pid);
        Ok(vec![first, second])
    }

    fn json(&self, targets: &[Target], rows: &[Row<Figures>]) -> Result<Value> {
        let mut servers = json(Figures::COLUMNS, rows);
        for (server, target) in servers.as_array_mut().into_iter().flatten().zip(targets) {
            server["security"] = target.security().into();
        }
        let ratio = match rows {
            [first, second] => json_ratios(Figures::COLUMNS, &first.runs, &second.runs),
            _ => Value::Null,
        };
        Ok(json!({
            "command": "load",
            "version": env!("CARGO_PKG_VERSION"),
            "kernel": proc::kernel(),
            "cores": available_parallelism().map_or(1, usize::from),
            "title": self.load.text(),
            "workload": self.load.json()?,
            "servers": servers,
            "ratio": ratio,
        }))
    }
}

impl LoadArgs {
    fn workload(&self) -> Workload {
        let seconds = Duration::from_secs_f64;
        Workload {
            content: self.content(),
            acks: match self.acks.as_str() {
                "0" => 0,
                "1" => 1,
                _ => -1,
            },
            connections: self.connections as usize,
            depth: self.in_flight as usize,
            partitions: self.partitions.map(|partitions| partitions as usize),
            warm_up: seconds(self.warm_up),
            amount: self.bytes.map_or(Amount::Time(seconds(self.duration)), Amount::Bytes),
            rate: self.rate,
            threads: self.threads as usize,
        }
    }

    const fn content(&self) -> Content {
        Content {
            record_bytes: self.record_bytes,
            batch_bytes: self.batch_bytes,
            codec: self.codec,
            distinct: self.distinct as usize,
        }
    }

    /// The load in one line.
    fn text(&self) -> String {
        let rate = self.rate.map(|rate| format!(", {} MB/s due", rate as f64 / 1e6));
        format!(
            "{} records in batches of {}, codec {}, acks {}, {} connections with {} in flight{}",
            size(self.record_bytes),
            size(self.batch_bytes),
            self.codec.name(),
            self.acks,
            self.connections,
            self.in_flight,
            rate.unwrap_or_default()
        )
    }

    fn json(&self) -> Result<Value> {
        Ok(json!({
            "record_bytes": self.record_bytes,
            "batch_bytes": self.batch_bytes,
            "codec": self.codec.name(),
            "compression_ratio": Frames::new(&self.content(), "", 0, 0)?.compression_ratio(),
            "distinct_batches": self.distinct,
            "acks": self.acks,
            "connections": self.connections,
            "in_flight": self.in_flight,
            "partitions": self.partitions,
            "warm_up_seconds": self.warm_up,
            "seconds": self.bytes.is_none().then_some(self.duration),
            "bytes": self.bytes,
            "rate_bytes_per_second": self.rate,
            "client_threads": self.threads,
        }))
    }
}

/// The figures that a person looks at first.
fn summary(figures: &Figures) -> String {
    let text = |key: &str| {
        let column = Figures::COLUMNS.iter().find(|column| column.key == key);
        column.map_or_else(String::new, |it| format!("{:.*}", it.decimals, (it.get)(figures)))
    };
    let mut line = format!("{} MB/s", text("mb_per_second"));
    if figures.server_cpu.is_some() {
        line += &format!(", {} CPU s/GB", text("server_cpu_seconds_per_gb"));
    }
    line += &format!(", p99 {} ms", text("latency_p99_ms"));
    if figures.unfinished > 0 {
        line += &format!(", {} batches did not get their turn", figures.unfinished);
    }
    if let Some(refusals) = figures.refusals() {
        line += &format!(", refused: {refusals}");
    }
    line
}

fn number() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        Ok(_) => Err("it is a number of seconds, at most a day".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

//! Sends with the crate `rdkafka`; `../worker.py` describes the job and the report.
//!
//! The settings of the job are all that the library is given, so that a program that embeds it can be
//! stood in for exactly.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use serde::Deserialize;
use serde_json::{json, Value};

/// How long the check of the topic may take, as in Vector.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// Beyond the time after which the library itself gives a record up.
const GRACE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct Job {
    report: String,
    topic: String,
    values: Vec<String>,
    give_up_ms: u64,
    settings: BTreeMap<String, String>,
}

/// Writes the report.
struct Reporter {
    began: Instant,
    file: Mutex<File>,
}

impl Reporter {
    fn line(&self, mut line: Value) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        line["after_ms"] = elapsed.into();
        let mut file = self.file.lock().expect("no thread panics with the lock");
        writeln!(file, "{line}").expect("the report can be written");
    }

    fn trouble(&self, kind: &str, error: &KafkaError, text: &str) {
        let code = error.rdkafka_error_code().map(|code| format!("{code:?}")).unwrap_or_default();
        self.line(json!({"kind": kind, "code": code, "text": text}));
    }
}

impl ClientContext for Reporter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        eprintln!("{level:?} librdkafka: {facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble("error", &error, reason);
    }
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        match result {
            Ok(message) => self.line(json!({
                "kind": "delivered",
                "index": index,
                "shard": message.partition(),
                "offset": message.offset(),
            })),
            Err((error, _)) => self.failed(index, error),
        }
    }
}

impl Reporter {
    fn failed(&self, index: usize, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        let (code, text) = code.map_or_else(
            || (String::new(), error.to_string()),
            |code| (format!("{code:?}"), code.to_string()),
        );
        self.line(json!({"kind": "failed", "index": index, "code": code, "text": text}));
    }
}

fn main() -> ExitCode {
    let began = Instant::now();
    let path = std::env::args().nth(1).expect("the job is the only argument");
    if path == "--version" {
        println!("{}", rdkafka::util::get_rdkafka_version().1);
        return ExitCode::SUCCESS;
    }
    let job: Job = serde_json::from_reader(File::open(path).expect("the job can be read"))
        .expect("the job is JSON");
    let file = Mutex::new(File::create(&job.report).expect("the report can be written"));
    let mut config = ClientConfig::new();
    for (key, value) in &job.settings {
        config.set(key, value);
    }
    let producer: BaseProducer<Reporter> =
        match config.create_with_context(Reporter { began, file }) {
            Ok(producer) => producer,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        };
    send(&producer, &job, began);
    producer.context().line(json!({"kind": "end"}));
    ExitCode::SUCCESS
}

/// Checks the topic as Vector does before it starts, then sends all values.
fn send(producer: &BaseProducer<Reporter>, job: &Job, began: Instant) {
    let reporter = producer.context();
    if let Err(error) = producer.client().fetch_metadata(Some(&job.topic), CHECK_TIMEOUT) {
        reporter.trouble("error", &error, &error.to_string());
    }
    for (index, value) in job.values.iter().enumerate() {
        let record = BaseRecord::<(), str, usize>::with_opaque_to(&job.topic, index).payload(value);
        if let Err((error, _)) = producer.send(record) {
            reporter.failed(index, &error);
        }
        producer.poll(Duration::ZERO);
    }
    let deadline = began + Duration::from_millis(job.give_up_ms) + CHECK_TIMEOUT + GRACE;
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(POLL);
    }
}

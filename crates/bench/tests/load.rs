//! Load on a server of a few lines that is as bad as a test wants it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
    RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use kafka_protocol::records::RecordBatchDecoder;
use logboom_bench::load::{Amount, Codec, Content, Figures, Target, Workload, run};

/// A server with three partitions.
#[derive(Debug, Default)]
struct Fake {
    /// Batches for this partition are refused.
    refused: Option<i32>,
    /// A connection ends after so many batches.
    batches_max: Option<u64>,
    records: AtomicU64,
}

/// CORRUPT_MESSAGE
const REFUSAL: i16 = 2;

impl Fake {
    fn start(self) -> (SocketAddr, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, server) = (listener.local_addr().unwrap(), Arc::new(self));
        let shared = Arc::clone(&server);
        let accept = move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&shared);
                thread::Builder::new().spawn(move || server.serve(stream)).unwrap();
            }
        };
        thread::Builder::new().spawn(accept).unwrap();
        (address, server)
    }

    /// Until either side has had enough.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut batches = 0;
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let mut body = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut body).ok()?;
            let mut body = Bytes::from(body);
            let header = RequestHeader::decode(&mut body, 1).unwrap();
            let id = header.correlation_id;
            let answer = match header.request_api_key {
                18 => encode(id, 0, &versions()),
                3 => encode(id, 4, &metadata(&mut body)),
                0 if self.batches_max.is_some_and(|max| batches >= max) => return None,
                0 => {
                    batches += 1;
                    let request = ProduceRequest::decode(&mut body, 7).unwrap();
                    match request.acks {
                        0 => Vec::new(),
                        _ => encode(id, 7, &self.produce(&request)),
                    }
                }
                other => panic!("a request {other}"),
            };
            stream.write_all(&answer).ok()?;
        }
    }

    fn produce(&self, request: &ProduceRequest) -> ProduceResponse {
        let topic = &request.topic_data[0];
        let data = &topic.partition_data[0];
        let mut answer = PartitionProduceResponse::default().with_index(data.index);
        if self.refused == Some(data.index) {
            answer.error_code = REFUSAL;
        } else {
            let set = RecordBatchDecoder::decode(&mut data.records.clone().unwrap()).unwrap();
            self.records.fetch_add(set.records.len() as u64, Ordering::Relaxed);
        }
        let topic = TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_partition_responses(vec![answer]);
        ProduceResponse::default().with_responses(vec![topic])
    }
}

fn versions() -> ApiVersionsResponse {
    let produce = ApiVersion::default().with_api_key(0).with_min_version(3).with_max_version(9);
    ApiVersionsResponse::default().with_api_keys(vec![produce])
}

fn metadata(body: &mut Bytes) -> MetadataResponse {
    let request = MetadataRequest::decode(body, 4).unwrap();
    let partition = |index| MetadataResponsePartition::default().with_partition_index(index);
    let topic = MetadataResponseTopic::default()
        .with_name(request.topics.unwrap()[0].name.clone())
        .with_partitions((0..3).map(partition).collect());
    MetadataResponse::default().with_topics(vec![topic])
}

fn encode<R: Encodable + HeaderVersion>(id: i32, version: i16, answer: &R) -> Vec<u8> {
    let mut body = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(id);
    header.encode(&mut body, R::header_version(version)).unwrap();
    answer.encode(&mut body, version).unwrap();
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body[..]].concat()
}

fn workload() -> Workload {
    Workload {
        content: Content { record_bytes: 100, batch_bytes: 1_000, codec: Codec::Lz4, distinct: 2 },
        acks: 1,
        connections: 4,
        depth: 3,
        partitions: None,
        warm_up: Duration::ZERO,
        amount: Amount::Bytes(200_000),
        rate: None,
        threads: 2,
    }
}

fn load(address: SocketAddr, workload: &Workload) -> Result<Figures, String> {
    let target = Target::parse(&address.to_string(), "logs").unwrap();
    run(&target, workload, &mut |_| ()).map_err(|failure| failure.to_string())
}

#[test]
fn what_is_acknowledged_is_what_the_server_has() {
    let (address, server) = Fake::default().start();
    let figures = load(address, &workload()).unwrap();
    assert!(figures.value_bytes >= 200_000, "{figures:?}");
    assert_eq!(figures.value_bytes, figures.requests * 1_000);
    assert_eq!((figures.refusals(), figures.unfinished), (None, 0));
    // Measuring begins later and ends earlier than sending does.
    let records = server.records.load(Ordering::Relaxed);
    assert!(records >= figures.requests * 10, "{records} {figures:?}");
    assert_eq!(figures.latency_us.len() * 10, records);
    // The server is a thread of this very process.
    assert!(figures.server_cpu.is_some() && figures.server_peak_kib.is_some());
}

#[test]
fn batches_are_due_at_fixed_times_in_an_open_loop() {
    let (address, server) = Fake::default().start();
    // One a millisecond.
    let workload = Workload { rate: Some(1_000_000), ..workload() };
    let figures = load(address, &workload).unwrap();
    let seconds = figures.window.as_secs_f64();
    assert!(seconds > 0.18, "200 batches are not due before: {seconds} s");
    // On a busy machine some do not get their turn. They have waited, and the server has not seen them.
    let due = figures.latency_us.len();
    let seen = (due - figures.unfinished) * 10..=due * 10;
    assert!(seen.contains(&server.records.load(Ordering::Relaxed)), "{seen:?}");
}

#[test]
fn a_rate_that_no_machine_makes_is_refused() {
    let (address, _server) = Fake::default().start();
    let said = load(address, &Workload { rate: Some(1 << 40), ..workload() }).unwrap_err();
    assert!(said.contains("a batch would be due every"), "{said}");
}

#[test]
fn refusals_are_counted_for_each_partition() {
    let (address, _server) = Fake { refused: Some(2), ..Fake::default() }.start();
    let figures = load(address, &workload()).unwrap();
    assert_eq!(figures.errors.keys().copied().collect::<Vec<_>>(), [(2, REFUSAL)]);
    let said = figures.refusals().unwrap();
    assert!(said.starts_with("partition 2: ") && said.ends_with("CorruptMessage (2)"), "{said}");
}

#[test]
fn nothing_is_sent_to_other_partitions_than_are_asked_for() {
    let (address, _server) = Fake { refused: Some(2), ..Fake::default() }.start();
    let figures = load(address, &Workload { partitions: Some(2), ..workload() }).unwrap();
    assert_eq!(figures.refusals(), None);
    let said = load(address, &Workload { partitions: Some(4), ..workload() }).unwrap_err();
    assert!(said.contains("the topic logs has 3 partitions"), "{said}");
}

#[test]
fn batches_that_nobody_answers_count_when_they_are_sent() {
    let (address, _server) = Fake::default().start();
    let figures = load(address, &Workload { acks: 0, ..workload() }).unwrap();
    assert!(figures.value_bytes >= 200_000, "{figures:?}");
}

#[test]
fn a_connection_that_ends_is_a_failure() {
    let (address, _server) = Fake { batches_max: Some(5), ..Fake::default() }.start();
    let said = load(address, &workload()).unwrap_err();
    assert!(said.contains("connection"), "{said}");
}

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{MetadataRequest, ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};

use super::address::Address;
use super::batches::Batch;
use super::connection::{Reader, Writer};
use super::delivery::Event;
use super::dialogue::{RequestEncoder, broken, decode, expect_id};
use super::error::Error;
use super::login::{Session, Versions};
use super::outbox::Answer;
use super::{Acks, Destination};

/// A connection on which many requests are on their way at once. A thread reads their answers, which
/// come in the order of the requests.
#[derive(Debug)]
pub(super) struct Link {
    number: u64,
    address: Address,
    versions: Versions,
    writer: Writer,
    encoder: RequestEncoder,
    topic: TopicName,
    acks: Acks,
    /// How long the server may take to store a batch, and how long to wait for any answer.
    patience: Duration,
    asked: VecDeque<Asked>,
    /// Since when the oldest request has been waiting for its answer.
    waiting_since: Option<Instant>,
}

/// A request without an answer.
#[derive(Debug)]
struct Asked {
    id: i32,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Batch { shard: u32 },
    SignOfLife,
}

/// What an answer belongs to.
#[derive(Debug)]
pub(super) enum Answered {
    /// A batch for this shard.
    Batch { shard: u32, answer: Answer },
    /// What was written before the server was asked for it has arrived.
    SignOfLife,
}

impl Link {
    /// Takes over a connection that is logged in. Its events will have this number.
    pub(super) fn start(
        session: Session,
        number: u64,
        destination: &Destination,
        acks: Acks,
        patience: Duration,
        events: Sender<Event>,
    ) -> Result<Self, Error> {
        let Session { dialogue, versions } = session;
        let (connection, address, encoder) = dialogue.into_parts();
        let reader = connection.reader;
        reader.wait_forever().map_err(|error| Error::lost(&address, &error))?;
        let read = move || read_answers(reader, number, &events);
        let thread = thread::Builder::new().name("logboom-answers".into()).spawn(read);
        thread.map_err(Error::internal)?;
        Ok(Self {
            number,
            address,
            versions,
            writer: connection.writer,
            encoder,
            topic: TopicName(StrBytes::from_string(destination.topic.clone())),
            acks,
            patience,
            asked: VecDeque::new(),
            waiting_since: None,
        })
    }

    /// The number of its events.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Who is at the other end.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether every request has its answer.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// When the server will have been silent for too long.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        self.waiting_since.map(|since| since + self.patience)
    }

    /// Sends a batch.
    pub(super) fn send(&mut self, batch: &Batch, now: Instant) -> Result<(), Error> {
        let partition = PartitionProduceData::default()
            .with_index(batch.shard as i32)
            .with_records(Some(batch.bytes.clone()));
        let topic = TopicProduceData::default()
            .with_name(self.topic.clone())
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(self.acks.code())
            .with_timeout_ms(i32::try_from(self.patience.as_millis()).unwrap_or(i32::MAX))
            .with_topic_data(vec![topic]);
        let id = self.write(&request, self.versions.produce)?;
        // With acks=0 the server answers nothing at all.
        if self.acks != Acks::None {
            self.expect(id, What::Batch { shard: batch.shard }, now);
        }
        Ok(())
    }

    /// Asks for an answer that says nothing but that everything before it has arrived.
    pub(super) fn ask_for_sign_of_life(&mut self, now: Instant) -> Result<(), Error> {
        let request = MetadataRequest::default()
            .with_topics(Some(Vec::new()))
            .with_allow_auto_topic_creation(false);
        let id = self.write(&request, self.versions.metadata)?;
        self.expect(id, What::SignOfLife, now);
        Ok(())
    }

    /// Takes the next answer.
    ///
    /// # Errors
    ///
    /// If it is not the answer to the oldest request.
    pub(super) fn answered(&mut self, frame: Bytes, now: Instant) -> Result<Answered, Error> {
        let garbage = |reason: String| Error::not_kafka(&self.address, reason);
        let Some(Asked { id, what }) = self.asked.pop_front() else {
            return Err(garbage("an answer to nothing".to_owned()));
        };
        self.waiting_since = (!self.asked.is_empty()).then_some(now);
        expect_id(&frame, id).map_err(garbage)?;
        let What::Batch { shard } = what else { return Ok(Answered::SignOfLife) };
        let answer = decode::<ProduceRequest>(frame, self.versions.produce).map_err(garbage)?;
        let partition = find(&answer, &self.topic, shard)
            .ok_or_else(|| garbage("the shard is missing in the answer".to_owned()))?;
        Ok(Answered::Batch { shard, answer: self.outcome(partition) })
    }

    /// Ends the connection.
    pub(super) fn close(mut self) {
        self.writer.close();
    }

    fn outcome(&self, partition: &PartitionProduceResponse) -> Answer {
        match partition.error_code {
            0 => Answer::Stored(Some(partition.base_offset).filter(|offset| *offset >= 0)),
            code => {
                let words = partition.error_message.as_deref();
                Answer::Refused { code, error: Error::refused(&self.topic, code, words) }
            }
        }
    }

    fn write<R: Request>(&mut self, request: &R, version: i16) -> Result<i32, Error> {
        let (id, frame) = self.encoder.encode(request, version)?;
        self.writer.write_frame(&frame).map_err(|error| broken(&self.address, &error))?;
        Ok(id)
    }

    fn expect(&mut self, id: i32, what: What, now: Instant) {
        self.waiting_since.get_or_insert(now);
        self.asked.push_back(Asked { id, what });
    }
}

/// What an answer says about one shard of a topic.
fn find<'a>(
    answer: &'a ProduceResponse,
    topic: &TopicName,
    shard: u32,
) -> Option<&'a PartitionProduceResponse> {
    let topic = answer.responses.iter().find(|one| one.name == *topic)?;
    topic.partition_responses.iter().find(|one| u32::try_from(one.index) == Ok(shard))
}

/// Turns answers into events until the connection ends.
fn read_answers(mut reader: Reader, number: u64, events: &Sender<Event>) {
    loop {
        let answer = reader.read_frame();
        let is_last = answer.is_err();
        if events.send(Event::Answer { link: number, answer }).is_err() || is_last {
            return;
        }
    }
}

//! From a produce request to appended batches, and from their completions to one answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use logboom_access::{Form, Principal};
use logboom_conn::{Command, Produce, ProduceTicket};
use logboom_sans_io::Inbox;
use logboom_store::{Append, AppendError, Appended, ProducerStamp, Shard};
use logboom_wire::error::ErrorCode;
use logboom_wire::records::{self as wire, BatchError, Scratch};
use logboom_wire::request::ProducePartition;
use logboom_wire::response::PartitionOutcome;

use crate::logs::form_number;
use crate::refusal::{Refusal, shown};
use crate::refusals::Refused;
use crate::session::{Client, Listener};
use crate::snapshot::Snapshot;
use crate::topics::{self, Target};
use crate::{Code, Engine};

/// More batches in one request than any client sends: each is one of the partition or a few. Without
/// a bound, tiny batches would grow to several times their size while they wait for the disk.
pub const BATCHES_PER_REQUEST_MAX: usize = 10_000;

/// Answers one produce request: checks every partition, appends what passes, and sends the answer
/// once the last append is durable.
pub(crate) fn produce(engine: &Arc<Engine>, client: &Client, request: Produce) {
    engine.counters().produce_requests.increment();
    let plan = Plan::new(engine, client, &request);
    let answer = Arc::new(Answer {
        peer: client.peer,
        listener: Arc::clone(&client.listener),
        principal: client.principal.clone(),
        inbox: Arc::clone(&client.inbox),
        state: Mutex::new(State {
            ticket: Some(request.ticket),
            outcomes: plan.outcomes,
            // One more than there are batches, so that the first ones to complete do not answer
            // before the last one was submitted.
            missing: plan.appends.len() + 1,
        }),
    });
    for (partition, append) in plan.appends {
        submit(engine, &answer, partition, append);
    }
    answer.complete(|_| ());
}

/// What to do for a request.
struct Plan {
    /// One for each partition; those that wait for the store have no error yet.
    outcomes: Vec<PartitionOutcome>,
    /// The batches to append, each with the number of its partition within the request.
    appends: Vec<(usize, Append)>,
}

impl Plan {
    fn new(engine: &Engine, client: &Client, request: &Produce) -> Self {
        let snapshot = engine.snapshot();
        let view = request.request();
        let mut scratch = engine.take_scratch();
        let mut plan = Self { outcomes: Vec::new(), appends: Vec::new() };
        for topic in view.topics() {
            let target = match view.transactional_id {
                None => topics::find(&snapshot.directory, client.principal.as_deref(), topic.name),
                Some(_) => Err(Refusal::new(
                    ErrorCode::TransactionalIdAuthorizationFailed,
                    Code::Transactional,
                    "a request with a transactional id",
                )),
            };
            for partition in topic.partitions() {
                let batches = target.as_ref().map_err(Refusal::clone).and_then(|target| {
                    let check = Check { engine, snapshot: &snapshot, client, request, target };
                    let batches_max = BATCHES_PER_REQUEST_MAX - plan.appends.len();
                    check.partition(partition, batches_max, &mut scratch)
                });
                plan.add(batches.map_err(|refusal| {
                    let Refusal { code, detail, .. } = &refusal;
                    let place =
                        format!("{detail}; shard {} of {}", partition.index, shown(topic.name));
                    client.refused(engine, *code, &place);
                    refusal
                }));
            }
        }
        engine.return_scratch(scratch);
        plan
    }

    fn add(&mut self, batches: Result<Vec<Append>, Refusal>) {
        let partition = self.outcomes.len();
        match batches {
            Ok(batches) => {
                self.appends.extend(batches.into_iter().map(|append| (partition, append)));
                self.outcomes.push(PartitionOutcome::failed(ErrorCode::None, None));
            }
            Err(refusal) => self.outcomes.push(refusal.outcome()),
        }
    }
}

/// All that the check of one partition depends on.
struct Check<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    client: &'a Client,
    request: &'a Produce,
    target: &'a Target<'a>,
}

impl Check<'_> {
    /// Checks the batches for one partition. All of them must pass, or none is appended.
    fn partition(
        &self,
        partition: ProducePartition<'_>,
        batches_max: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<Append>, Refusal> {
        let shard = self.shard(partition.index)?;
        let mut appends = Vec::new();
        for batch in wire::batches(partition.records.unwrap_or_default()) {
            let batch = batch.map_err(refusal_of_batch)?;
            if appends.len() == batches_max {
                let detail = format!("more than {BATCHES_PER_REQUEST_MAX} batches in one request");
                return Err(Refusal::new(ErrorCode::MessageTooLarge, Code::BatchTooLarge, detail));
            }
            let summary = wire::validate(&batch, self.engine.batch_limits(), scratch)
                .map_err(refusal_of_batch)?;
            let producer = match summary.producer {
                Some(stamp) => Some(producer_in_shard(stamp, self.target.form)?),
                None => None,
            };
            appends.push(Append {
                shard,
                batch: self.request.slice(batch.bytes),
                record_count: summary.record_count,
                form: form_number(self.target.form),
                peer: self.client.peer.ip(),
                client_id: self.request.client_id.clone().unwrap_or_default(),
                append_time_ms: self.engine.clock().unix_ms(),
                producer,
            });
        }
        match appends.is_empty() {
            true => Err(Refusal::new(
                ErrorCode::InvalidRecord,
                Code::UndecodableBatch,
                "a partition without records",
            )),
            false => Ok(appends),
        }
    }

    fn shard(&self, index: i32) -> Result<Shard, Refusal> {
        let logstore = self.target.logstore;
        let stream = self
            .client
            .principal
            .as_deref()
            .and_then(|principal| self.snapshot.stream(principal.project(), &logstore.name));
        let index = u32::try_from(index).ok().filter(|index| *index < logstore.shards);
        match (stream, index) {
            (Some(stream), Some(index)) => Ok(Shard::new(stream, index)),
            _ => Err(Refusal::new(
                ErrorCode::UnknownTopicOrPartition,
                Code::UnknownShard,
                format!("there are shards 0 to {}", logstore.shards.saturating_sub(1)),
            )),
        }
    }
}

/// A producer as its shard knows it.
///
/// Producers count their batches for each topic, and `X` and `X.json` are two topics of one shard. So
/// a producer that writes to both is two producers for the store, told apart by the lowest bit of
/// the id. The ids that were given out are far from the largest for which that is possible.
fn producer_in_shard(stamp: wire::ProducerStamp, form: Form) -> Result<ProducerStamp, Refusal> {
    let id = stamp.id.checked_mul(2).ok_or_else(|| {
        let detail = "a producer id that was never given out";
        Refusal::new(ErrorCode::UnknownProducerId, Code::Sequence, detail)
    })?;
    Ok(ProducerStamp {
        id: id + i64::from(form_number(form)),
        epoch: stamp.epoch,
        base_sequence: stamp.base_sequence,
    })
}

/// Appends a batch and, when that is durable or has failed, notes the outcome.
fn submit(engine: &Arc<Engine>, answer: &Arc<Answer>, partition: usize, append: Append) {
    let records = u64::from(append.record_count);
    let bytes = append.batch.len() as u64;
    let (for_later, answer) = (Arc::clone(engine), Arc::clone(answer));
    engine.store().append(append, move |result| {
        let outcome = match result {
            Ok(appended) => {
                for_later.count_stored(&appended, records, bytes);
                Ok(appended)
            }
            Err(error) => {
                for_later.note_append_error(&error);
                let refusal = refusal_of_store(&error);
                answer.report(&for_later, &refusal);
                Err(refusal)
            }
        };
        answer.complete(|outcomes| note(&mut outcomes[partition], outcome));
    });
}

/// The answer to one request while some of its batches are on their way to the disk.
struct Answer {
    peer: SocketAddr,
    listener: Arc<Listener>,
    principal: Option<Arc<Principal>>,
    inbox: Arc<Inbox<Command>>,
    state: Mutex<State>,
}

struct State {
    ticket: Option<ProduceTicket>,
    outcomes: Vec<PartitionOutcome>,
    missing: usize,
}

impl Answer {
    /// Notes what one completion brought, and answers if it was the last.
    fn complete(&self, note: impl FnOnce(&mut [PartitionOutcome])) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut state.outcomes);
        state.missing -= 1;
        if state.missing > 0 {
            return;
        }
        let outcomes = std::mem::take(&mut state.outcomes);
        let ticket = state.ticket.take();
        drop(state);
        if let Some(ticket) = ticket {
            self.inbox.push(Command::Produced(ticket, outcomes));
        }
    }

    fn report(&self, engine: &Engine, refusal: &Refusal) {
        let refused = Refused {
            peer: self.peer,
            listener: &self.listener.name,
            project: self.principal.as_ref().map(|principal| principal.project().as_str()),
            client: None,
            detail: &refusal.detail,
            help: refusal.code.help(),
        };
        let now = engine.clock().monotonic();
        engine.refusals().report(engine.counters(), refusal.code, &refused, now);
    }
}

/// Merges the outcome of one batch into that of its partition: the offset of the first batch, and
/// any error before success.
fn note(outcome: &mut PartitionOutcome, result: Result<Appended, Refusal>) {
    match result {
        Ok(appended) if outcome.error == ErrorCode::None && outcome.base_offset < 0 => {
            outcome.base_offset = appended.base_offset;
            outcome.log_start_offset = appended.log_start_offset;
        }
        Ok(_) => {}
        Err(refusal) => *outcome = refusal.outcome(),
    }
}

fn refusal_of_batch(error: BatchError) -> Refusal {
    let kafka = error.error_code();
    let code = match kafka {
        ErrorCode::CorruptMessage => Code::CorruptBatch,
        ErrorCode::MessageTooLarge => Code::BatchTooLarge,
        ErrorCode::UnsupportedCompressionType => Code::UnknownCodec,
        _ => Code::UndecodableBatch,
    };
    Refusal::new(kafka, code, error.to_string())
}

/// What a failed append means for the client. Everything it should send again gets
/// `KAFKA_STORAGE_ERROR`, which clients retry after a look at the metadata; never
/// `NETWORK_EXCEPTION`, at which several of them drop the data.
fn refusal_of_store(error: &AppendError) -> Refusal {
    let (kafka, code) = match error {
        AppendError::NoSpace | AppendError::Unavailable(_) => {
            (ErrorCode::KafkaStorageError, Code::DiskFull)
        }
        AppendError::OutOfOrderSequence { .. } => {
            (ErrorCode::OutOfOrderSequenceNumber, Code::Sequence)
        }
        AppendError::ProducerFenced { .. } => (ErrorCode::InvalidProducerEpoch, Code::Sequence),
        AppendError::TooLarge { .. } => (ErrorCode::MessageTooLarge, Code::BatchTooLarge),
        AppendError::Empty => (ErrorCode::InvalidRecord, Code::UndecodableBatch),
        _ => (ErrorCode::KafkaStorageError, Code::SyncFailed),
    };
    Refusal::new(kafka, code, error.to_string())
}

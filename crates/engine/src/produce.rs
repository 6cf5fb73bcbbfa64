//! From a produce request to appended batches: every partition is checked, what passes is appended,
//! and the rest is refused.

use std::sync::Arc;

use bytes::Bytes;
use logboom_access::{Form, Logstore};
use logboom_conn::Produce;
use logboom_planted::planted;
use logboom_store::{Append, ProducerStamp, Shard, TailChecksum};
use logboom_wire::error::ErrorCode;
use logboom_wire::records::{
    self, BATCH_CHECKSUMMED_FROM, BatchError, Limits, RawBatch, Scratch, Summary,
};
use logboom_wire::request::{ProducePartition, ProduceRequest};
use logboom_wire::response::PartitionOutcome;

use crate::client::Client;
use crate::logs::form_number;
use crate::refusal::{Detail, Refusal};
use crate::snapshot::Snapshot;
use crate::topics::{self, Target};
use crate::{Engine, answer, notices};

/// More batches in one request than any client sends: each is one of the partition or a few. Without
/// a bound, tiny batches would grow to several times their size while they wait for the disk.
pub const BATCHES_PER_REQUEST_MAX: usize = 10_000;

/// How many times its own size a request may decompress to, all of its batches together; one that
/// is small, to as much as a single batch may. Otherwise the time to check a request would be
/// bounded by [`BATCHES_PER_REQUEST_MAX`] bombs of full size.
pub const DECOMPRESSION_PER_REQUEST_MAX: usize = 10;

/// How many refused partitions of one request are told why in detail. The others get the title of
/// the refusal, which takes no memory while the answer waits for its turn.
pub const REFUSALS_EXPLAINED_MAX: usize = 16;

/// How much of a client id is stored with a batch, in bytes. It is repeated with every batch, so
/// that one of 32 KiB in front of thousands of tiny batches would fill the disk.
pub const CLIENT_ID_BYTES_MAX: usize = 255;

/// Answers one produce request: checks every partition, appends what passes, and sends the answer
/// once the last append is durable.
pub(crate) fn produce(engine: &Arc<Engine>, client: &Client, request: Produce) {
    engine.counters().produce_requests.increment();
    let mut scratch = engine.take_scratch();
    let Plan { outcomes, appends, .. } = Plan::new(engine, client, &request, &mut scratch);
    engine.return_scratch(scratch);
    answer::append(engine, client, request, outcomes, appends);
}

/// What to do for a request.
#[derive(Default)]
struct Plan {
    /// One for each partition; those that wait for the store have no error yet.
    outcomes: Vec<PartitionOutcome>,
    /// The batches to append, each with the number of its partition within the request.
    appends: Vec<(usize, Append)>,
    /// How many refusals were put into words.
    explained: usize,
}

impl Plan {
    fn new(engine: &Engine, client: &Client, request: &Produce, scratch: &mut Scratch) -> Self {
        let snapshot = engine.snapshot();
        let view = request.request();
        let mut check = Check::new(engine, &snapshot, client, request, scratch);
        let outcomes = Vec::with_capacity(view.partition_count());
        let mut plan = Self { outcomes, ..Self::default() };
        for topic in view.topics().filter(|topic| topic.partitions().len() > 0) {
            let target = match view.transactional_id {
                None if planted!(FirstTopicForAll) => {
                    check.topic(view.topics().next().map_or(topic.name, |first| first.name))
                }
                None => check.topic(topic.name),
                Some(_) => Err(Refusal::Transactional),
            };
            for partition in topic.partitions() {
                let checked = match &target {
                    Ok(target) => plan.accept(&mut check, target, partition),
                    Err(refusal) => Err(refusal.clone()),
                };
                if let Err(refusal) = checked {
                    plan.refuse(&check, &refusal, topic.name, partition.index);
                }
            }
        }
        plan
    }

    /// Appends all batches for a partition, or none.
    fn accept(
        &mut self,
        check: &mut Check<'_>,
        target: &Target<'_>,
        partition: ProducePartition<'_>,
    ) -> Result<(), Refusal> {
        let (number, before) = (self.outcomes.len(), self.appends.len());
        let appends = &mut self.appends;
        check
            .partition(target, partition, |append| appends.push((number, append)))
            .inspect_err(|_| self.appends.truncate(before))?;
        self.outcomes.push(PartitionOutcome::failed(ErrorCode::None, None));
        Ok(())
    }

    fn refuse(&mut self, check: &Check<'_>, refusal: &Refusal, topic: &str, index: i32) {
        let detail = || {
            let nearest = check.nearest(refusal, topic);
            Detail { refusal, topic, shard: Some(index), nearest }.to_string()
        };
        check.client.refused(check.engine, refusal.code(), detail);
        let explain = self.explained < REFUSALS_EXPLAINED_MAX;
        self.explained += usize::from(explain);
        self.outcomes.push(refusal.outcome(explain.then(detail)));
    }
}

/// All that the check of a request depends on, and what is left of its allowances.
struct Check<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    client: &'a Client,
    request: &'a Produce,
    client_id: Bytes,
    append_time_ms: i64,
    scratch: &'a mut Scratch,
    batches_left: usize,
    /// For all batches of the request together.
    decompressed_bytes_max: u64,
    /// What the scratch had decompressed before this request.
    decompressed_bytes_before: u64,
}

impl<'a> Check<'a> {
    fn new(
        engine: &'a Engine,
        snapshot: &'a Snapshot,
        client: &'a Client,
        request: &'a Produce,
        scratch: &'a mut Scratch,
    ) -> Self {
        let client_id = request.client_id.clone().unwrap_or_default();
        let allowance = records_bytes(&request.request())
            .saturating_mul(DECOMPRESSION_PER_REQUEST_MAX)
            .max(engine.batch_limits().decompressed_bytes_max);
        Self {
            engine,
            snapshot,
            client,
            request,
            client_id: client_id.slice(..client_id.len().min(CLIENT_ID_BYTES_MAX)),
            append_time_ms: engine.clock().unix_ms(),
            batches_left: BATCHES_PER_REQUEST_MAX,
            decompressed_bytes_max: allowance as u64,
            decompressed_bytes_before: scratch.bytes_decompressed(),
            scratch,
        }
    }

    fn topic(&self, name: &str) -> Result<Target<'a>, Refusal> {
        topics::find(&self.snapshot.directory, self.client.principal.as_deref(), name)
    }

    fn nearest(&self, refusal: &Refusal, name: &str) -> Option<String> {
        let principal = self.client.principal.as_deref();
        topics::nearest(&self.snapshot.directory, principal, refusal, name)
    }

    /// Checks the batches for one partition. All of them must pass, or none may be appended.
    fn partition(
        &mut self,
        target: &Target<'_>,
        partition: ProducePartition<'_>,
        mut append: impl FnMut(Append),
    ) -> Result<(), Refusal> {
        let shard = self.shard(target.logstore, partition.index)?;
        let mut batches = 0;
        for batch in records::batches(partition.records.unwrap_or_default()) {
            let batch = batch.map_err(Refusal::Batch)?;
            if batches == self.batches_left {
                return Err(Refusal::TooManyBatches { batches_max: BATCHES_PER_REQUEST_MAX });
            }
            let summary = self.validate(&batch)?;
            notices::of_batch(self.engine, self.client, &summary, self.append_time_ms);
            let producer =
                summary.producer.map(|stamp| producer_in_shard(stamp, target.form)).transpose()?;
            batches += 1;
            append(Append {
                shard,
                batch: self.request.slice(batch.bytes),
                record_count: summary.record_count,
                form: form_number(if planted!(FormForgotten) { Form::Raw } else { target.form }),
                peer: self.client.peer.ip(),
                client_id: self.client_id.clone(),
                append_time_ms: self.append_time_ms,
                producer,
                checksum: summary
                    .crc32c
                    .map(|crc32c| TailChecksum { start: BATCH_CHECKSUMMED_FROM, crc32c }),
            });
        }
        self.batches_left -= batches;
        if batches == 0 { Err(Refusal::NoRecords) } else { Ok(()) }
    }

    fn validate(&mut self, batch: &RawBatch<'_>) -> Result<Summary, Refusal> {
        let configured = self.engine.batch_limits();
        let spent = self.scratch.bytes_decompressed() - self.decompressed_bytes_before;
        let left = self.decompressed_bytes_max.saturating_sub(spent);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if left >= configured.decompressed_bytes_max {
            return records::validate(batch, configured, self.scratch).map_err(Refusal::Batch);
        }
        let limits = Limits { decompressed_bytes_max: left, ..*configured };
        records::validate(batch, &limits, self.scratch).map_err(|error| match error {
            BatchError::DecompressedTooLarge { .. } => {
                Refusal::RequestTooLarge { decompressed_bytes_max: self.decompressed_bytes_max }
            }
            error => Refusal::Batch(error),
        })
    }

    fn shard(&self, logstore: &Logstore, index: i32) -> Result<Shard, Refusal> {
        let principal = self.client.principal.as_deref();
        let stream = principal
            .and_then(|principal| self.snapshot.stream(principal.project(), &logstore.name));
        let index = u32::try_from(index).ok().filter(|index| *index < logstore.shards);
        let index = index.map(|index| index.saturating_sub(planted!(ShardsCountedFromOne).into()));
        match (stream, index) {
            (Some(stream), Some(index)) => Ok(Shard::new(stream, index)),
            _ => Err(Refusal::UnknownShard { shards: logstore.shards }),
        }
    }
}

/// A producer as its shard knows it.
///
/// Producers count their batches for each topic, and `X` and `X.json` are two topics of one shard. So
/// a producer that writes to both is two producers for the store, told apart by the lowest bit of
/// the id. The ids that were given out are far from the largest for which that is possible.
fn producer_in_shard(stamp: records::ProducerStamp, form: Form) -> Result<ProducerStamp, Refusal> {
    let id = stamp.id.checked_mul(2).ok_or(Refusal::UnknownProducer)?;
    Ok(ProducerStamp {
        id: if planted!(FormsShareProducer) { id } else { id + i64::from(form_number(form)) },
        epoch: stamp.epoch,
        base_sequence: stamp.base_sequence,
    })
}

/// How many bytes of records a request holds, as they were sent.
fn records_bytes(request: &ProduceRequest<'_>) -> usize {
    let partitions = request.topics().flat_map(|topic| topic.partitions());
    partitions.map(|partition| partition.records.map_or(0, <[u8]>::len)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_producer_that_writes_to_both_topics_of_a_logstore_is_two(
            id in 0..=i64::MAX / 2,
            other in 0..=i64::MAX / 2,
            epoch: i16,
            base_sequence: i32,
        ) {
            let of = |id, form| {
                let stamp = records::ProducerStamp { id, epoch, base_sequence };
                producer_in_shard(stamp, form).expect("an id that can be given out")
            };
            let (raw, json) = (of(id, Form::Raw), of(id, Form::Json));
            prop_assert!(raw.id >= 0 && json.id >= 0);
            prop_assert_ne!(raw.id, json.id);
            prop_assert_ne!(raw.id, of(other, Form::Json).id);
            prop_assert_eq!(raw.id == of(other, Form::Raw).id, id == other);
            prop_assert_eq!((json.epoch, json.base_sequence), (epoch, base_sequence));
        }

        #[test]
        fn an_id_too_large_for_that_is_unknown(id in i64::MAX / 2 + 1..=i64::MAX) {
            let stamp = records::ProducerStamp { id, epoch: 0, base_sequence: 0 };
            prop_assert_eq!(producer_in_shard(stamp, Form::Raw), Err(Refusal::UnknownProducer));
        }
    }
}

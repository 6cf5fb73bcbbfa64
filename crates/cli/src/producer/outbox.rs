//! Batches until they are acknowledged: in which order they are sent, and when they are sent again.
//!
//! The batches of a shard are sent in order, and up to five of them before the first is answered.
//! What fails or was on its way when a connection broke is sent again with the same sequence numbers,
//! so that the server stores it once (KIP-98).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use logboom_wire::error::ErrorCode;

use super::batches::Batch;
use super::error::{Error, ErrorKind};

/// Batches of a shard that may be on their way at once. A server recognises the last five of a
/// producer when they come again (KIP-98), so with more of them one could be stored twice.
const IN_FLIGHT_PER_SHARD_MAX: usize = 5;

/// Batches that are kept. Together with their bytes this bounds the memory of a producer.
const BATCHES_MAX: usize = 16;

/// Bytes of batches that are kept: above this no further one is taken.
const BYTES_MAX: usize = 32 << 20;

/// How long to wait before the second attempt; each further time it is doubled.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// What the server said about a batch.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is stored. The offset of its first record, if the server told.
    Stored(Option<i64>),
    /// It is not, or nobody knows.
    Refused { code: i16, error: Error },
}

/// What an answer means.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The batch is stored, its first record at this offset if the server told.
    Stored(Batch, Option<i64>),
    /// It will be sent again, because of this.
    Again(Error),
}

/// A wait that grows from attempt to attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(BACKOFF_MIN)
    }
}

impl Backoff {
    /// How long to wait this time.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(BACKOFF_MAX);
        wait
    }
}

/// Batches that are not acknowledged yet.
#[derive(Debug)]
pub(super) struct Outbox {
    shards: Vec<Shard>,
    /// The shard that may send next, so that all get their turn.
    turn: usize,
    window_max: usize,
    batches: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Shard {
    /// Oldest first. Those that are on their way stand in the order in which they were sent.
    queue: VecDeque<Entry>,
    /// How many may be on their way. One, until the server has stored something and whenever
    /// something went wrong: a server that knows nothing of a producer takes any sequence number
    /// for its first, and must not be shown the second batch when it did not store the first.
    window: usize,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    batch: Batch,
    on_its_way: bool,
}

impl Outbox {
    /// An outbox for so many shards. Without an idempotent producer only one batch of a shard may be
    /// on its way, because nothing else keeps the order when one is sent again.
    pub(super) fn new(shards: u32, idempotent: bool) -> Self {
        let shard = || Shard {
            queue: VecDeque::new(),
            window: 1,
            backoff: Backoff::default(),
            retry_at: None,
        };
        Self {
            shards: (0..shards.max(1)).map(|_| shard()).collect(),
            turn: 0,
            window_max: if idempotent { IN_FLIGHT_PER_SHARD_MAX } else { 1 },
            batches: 0,
            bytes: 0,
        }
    }

    /// Whether another batch may be pushed.
    pub(super) fn has_room(&self) -> bool {
        self.batches < BATCHES_MAX && self.bytes < BYTES_MAX
    }

    /// Whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Adds a batch behind the others of its shard.
    pub(super) fn push(&mut self, batch: Batch) {
        self.batches += 1;
        self.bytes += batch.bytes.len();
        let shard = &mut self.shards[batch.shard as usize];
        shard.queue.push_back(Entry { batch, on_its_way: false });
    }

    /// The batch to send now, which counts as being on its way from here on.
    pub(super) fn send(&mut self, now: Instant) -> Option<Batch> {
        let count = self.shards.len();
        let ready = |index: &usize| self.shards[*index].may_send(now);
        let index = (0..count).map(|step| (self.turn + step) % count).find(ready)?;
        self.turn = (index + 1) % count;
        self.shards[index].send()
    }

    /// When a shard that waits after a failure may send again, if one does.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let waiting = self.shards.iter().filter(|shard| shard.sent() == 0);
        waiting.filter_map(|shard| shard.retry_at).min()
    }

    /// Takes the answer to the oldest batch on its way to this shard.
    ///
    /// # Errors
    ///
    /// If sending it again would be of no use.
    pub(super) fn answered(
        &mut self,
        shard: u32,
        answer: Answer,
        now: Instant,
    ) -> Result<Verdict, Error> {
        let shard = self
            .shards
            .get_mut(shard as usize)
            .ok_or_else(|| Error::internal("an answer for no shard"))?;
        let no_batch = || Error::internal("an answer for no batch");
        let index = shard.queue.iter().position(|entry| entry.on_its_way).ok_or_else(no_batch)?;
        let offset = match answer {
            Answer::Stored(offset) => offset,
            // It came twice and is too old for the server to remember where it is.
            Answer::Refused { code, .. } if code == ErrorCode::DuplicateSequenceNumber.code() => {
                None
            }
            Answer::Refused { code, error } => {
                // After a batch that was not stored, those behind it are out of order.
                let follows = index > 0 && code == ErrorCode::OutOfOrderSequenceNumber.code();
                if error.kind != ErrorKind::Busy && !follows {
                    return Err(error);
                }
                shard.failed(index, now);
                return Ok(Verdict::Again(error));
            }
        };
        let Entry { batch, .. } = shard.queue.remove(index).ok_or_else(no_batch)?;
        shard.succeeded(index, self.window_max);
        self.batches -= 1;
        self.bytes -= batch.bytes.len();
        Ok(Verdict::Stored(batch, offset))
    }

    /// Whatever was on its way will get no answer.
    pub(super) fn connection_lost(&mut self) {
        for shard in &mut self.shards {
            shard.window = 1;
            shard.retry_at = None;
            for entry in &mut shard.queue {
                entry.on_its_way = false;
            }
        }
    }

    /// The first line that is not acknowledged.
    pub(super) fn first_line(&self) -> Option<u64> {
        let entries = self.shards.iter().flat_map(|shard| &shard.queue);
        entries.map(|entry| entry.batch.first_line).min()
    }
}

impl Shard {
    fn sent(&self) -> usize {
        self.queue.iter().filter(|entry| entry.on_its_way).count()
    }

    fn may_send(&self, now: Instant) -> bool {
        let sent = self.sent();
        let waited = self.retry_at.is_none_or(|at| at <= now);
        waited && sent < self.window && self.queue.len() > sent
    }

    fn send(&mut self) -> Option<Batch> {
        let entry = self.queue.iter_mut().find(|entry| !entry.on_its_way)?;
        entry.on_its_way = true;
        self.retry_at = None;
        Some(entry.batch.clone())
    }

    /// The batch with this index has to be sent again, once those behind it are answered.
    fn failed(&mut self, index: usize, now: Instant) {
        if let Some(entry) = self.queue.get_mut(index) {
            entry.on_its_way = false;
        }
        self.window = 1;
        if self.retry_at.is_none() {
            self.retry_at = Some(now + self.backoff.next());
        }
    }

    fn succeeded(&mut self, index: usize, window_max: usize) {
        // One behind a batch that failed is no sign that things go well again.
        if index == 0 {
            self.window = window_max;
            self.backoff = Backoff::default();
        }
    }
}

#[cfg(test)]
mod tests;

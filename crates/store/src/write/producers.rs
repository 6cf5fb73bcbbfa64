//! What a shard remembers of its idempotent producers (KIP-98), so that a batch that is sent again
//! is stored once.
//!
//! Pure state: it is changed by batches in the order of the log, so reading the log again gives
//! the same state.

use std::collections::{BTreeMap, VecDeque};

use logboom_planted::planted;

use crate::error::AppendError;
use crate::options::Options;
use crate::types::ProducerStamp;

/// How many batches of a producer are remembered: an idempotent producer has at most so many in
/// flight (`max.in.flight.requests.per.connection`).
pub(crate) const BATCHES_MAX: usize = 5;

/// Sequence numbers are counted modulo this; they do not become negative.
const SEQUENCES: i64 = 1 << 31;

/// A batch of a producer, by what a retry repeats of it and what the answer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SequencedBatch {
    pub(crate) base_sequence: i32,
    pub(crate) record_count: u32,
    pub(crate) base_offset: i64,
    pub(crate) append_time_ms: i64,
}

/// One producer in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    /// Where its latest batch is in the log.
    pub(crate) last_lsn: u64,
    /// Oldest first, at least 1, at most [`BATCHES_MAX`].
    pub(crate) batches: VecDeque<SequencedBatch>,
}

/// The producers of one shard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Producers {
    by_id: BTreeMap<i64, Producer>,
    /// The same, by [`Producer::last_lsn`].
    by_age: BTreeMap<u64, i64>,
    /// Producers that are not in the log because their first batch was refused for a while.
    held: BTreeMap<i64, Held>,
}

/// The place of a first batch that was refused and will be sent again.
#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: i16,
    base_sequence: i32,
    since_ms: i64,
}

/// What is to be done with a stamped batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Store,
    Stored(SequencedBatch),
}

impl Producers {
    /// Judges a batch of `record_count` records that arrives at `now_ms`. Changes nothing.
    ///
    /// An unknown producer may begin anywhere: it may have been forgotten. But not behind a batch
    /// that was refused just now: what it sends meanwhile would be stored before that one, which
    /// then could never be stored.
    pub(crate) fn check(
        &self,
        stamp: ProducerStamp,
        record_count: u32,
        now_ms: i64,
        options: &Options,
    ) -> Result<Verdict, AppendError> {
        let expiry_ms = options.producer_expiry_ms();
        let known = self.by_id.get(&stamp.id).filter(|known| !known.expired(now_ms, expiry_ms));
        let Some(known) = known else {
            let held = self.held.get(&stamp.id).filter(|held| {
                held.epoch == stamp.epoch
                    && held.base_sequence < stamp.base_sequence
                    && now_ms.saturating_sub(held.since_ms) <= expiry_ms
            });
            return match held {
                Some(_) if planted!(FirstBatchOvertaken) => Ok(Verdict::Store),
                Some(held) => Err(AppendError::OutOfOrderSequence { expected: held.base_sequence }),
                None => Ok(Verdict::Store),
            };
        };
        if stamp.epoch < known.epoch && !planted!(OldEpochAccepted) {
            return Err(AppendError::ProducerFenced { epoch: known.epoch });
        }
        let expected = if stamp.epoch > known.epoch {
            0
        } else {
            let repeats = |batch: &&SequencedBatch| {
                batch.base_sequence == stamp.base_sequence && batch.record_count == record_count
            };
            if let Some(batch) = known.batches.iter().find(repeats) {
                return Ok(Verdict::Stored(*batch));
            }
            known.next_sequence()
        };
        let gap = stamp.base_sequence > expected;
        if stamp.base_sequence != expected && !(gap && planted!(GapAccepted)) {
            return Err(AppendError::OutOfOrderSequence { expected });
        }
        Ok(Verdict::Store)
    }

    /// Takes note of a batch that was refused at `now_ms`, for a reason that will pass.
    ///
    /// Kept in memory only: after a restart no batch is under way any more that could overtake it.
    pub(crate) fn hold(&mut self, stamp: ProducerStamp, now_ms: i64, options: &Options) {
        let known = self.by_id.contains_key(&stamp.id);
        if known || self.held.len() >= options.producers_per_shard_max {
            return;
        }
        let ProducerStamp { id, epoch, base_sequence } = stamp;
        let held = self.held.entry(id).or_insert(Held { epoch, base_sequence, since_ms: now_ms });
        if held.epoch < epoch || (held.epoch == epoch && base_sequence < held.base_sequence) {
            *held = Held { epoch, base_sequence, since_ms: now_ms };
        }
    }

    /// Takes note of a batch that is in the log at `lsn`, and forgets the producer that was silent
    /// longest if there are more than [`Options::producers_per_shard_max`].
    pub(crate) fn record(
        &mut self,
        stamp: ProducerStamp,
        batch: SequencedBatch,
        lsn: u64,
        options: &Options,
    ) {
        let (now_ms, expiry_ms) = (batch.append_time_ms, options.producer_expiry_ms());
        self.held.remove(&stamp.id);
        let known = self.remove(stamp.id);
        let continues =
            known.filter(|known| known.epoch == stamp.epoch && !known.expired(now_ms, expiry_ms));
        let mut batches = continues.map(|known| known.batches).unwrap_or_default();
        if batches.len() + usize::from(planted!(FifthBatchForgotten)) == BATCHES_MAX {
            batches.pop_front();
        }
        batches.push_back(batch);
        let producer = Producer { epoch: stamp.epoch, last_lsn: lsn, batches };
        self.insert(stamp.id, producer, options);
    }

    /// Takes over what a footer says of a producer.
    pub(crate) fn restore(&mut self, id: i64, producer: Producer, options: &Options) {
        self.remove(id);
        self.insert(id, producer, options);
    }

    /// Forgets those of whom nothing is known after `gap_lsn` and nothing that has not expired: what
    /// they wrote last may have been in a segment that has been removed, and what an older one says of
    /// them is out of date.
    pub(crate) fn forget_outdated(&mut self, gap_lsn: u64, start: i64) {
        self.by_id.retain(|_, producer| producer.last_lsn >= gap_lsn || producer.reaches(start));
        self.by_age.retain(|_, id| self.by_id.contains_key(id));
    }

    /// Forgets who has been silent for too long.
    pub(crate) fn expire(&mut self, now_ms: i64, options: &Options) {
        let expiry_ms = options.producer_expiry_ms();
        self.by_id.retain(|_, producer| !producer.expired(now_ms, expiry_ms));
        self.by_age.retain(|_, id| self.by_id.contains_key(id));
        self.held.retain(|_, held| now_ms.saturating_sub(held.since_ms) <= expiry_ms);
    }

    /// Those whose latest batch is at `lsn` or after it, in the order of their ids.
    pub(crate) fn since(&self, lsn: u64) -> impl Iterator<Item = (i64, &Producer)> {
        let recent = move |producer: &&Producer| producer.last_lsn >= lsn;
        self.by_id.iter().map(|(id, producer)| (*id, producer)).filter(move |(_, p)| recent(p))
    }

    /// Where the latest batch of a producer is.
    pub(crate) fn last_lsn(&self, id: i64) -> Option<u64> {
        self.by_id.get(&id).map(|producer| producer.last_lsn)
    }

    fn insert(&mut self, id: i64, producer: Producer, options: &Options) {
        self.by_age.insert(producer.last_lsn, id);
        self.by_id.insert(id, producer);
        while self.by_id.len() > options.producers_per_shard_max {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_id.remove(&oldest);
        }
    }

    fn remove(&mut self, id: i64) -> Option<Producer> {
        let producer = self.by_id.remove(&id)?;
        self.by_age.remove(&producer.last_lsn);
        Some(producer)
    }
}

impl Producer {
    fn expired(&self, now_ms: i64, expiry_ms: i64) -> bool {
        let last = self.batches.back().map_or(i64::MIN, |batch| batch.append_time_ms);
        now_ms.saturating_sub(last) > expiry_ms
    }

    /// Whether its latest batch ends behind that offset.
    fn reaches(&self, offset: i64) -> bool {
        let end = |batch: &SequencedBatch| {
            batch.base_offset.saturating_add(batch.record_count.into()) > offset
        };
        self.batches.back().is_some_and(end)
    }

    fn next_sequence(&self) -> i32 {
        let next = self.batches.back().map_or(0, |batch| {
            let records = i64::from(batch.record_count) - i64::from(planted!(SequenceOffByOne));
            (i64::from(batch.base_sequence) + records).rem_euclid(SEQUENCES)
        });
        i32::try_from(next).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const EXPIRY_MS: i64 = 1000;

    fn options() -> Options {
        Options {
            producer_expiry: Duration::from_secs(1),
            producers_per_shard_max: 3,
            ..Options::default()
        }
    }

    fn stamp(id: i64, epoch: i16, base_sequence: i32) -> ProducerStamp {
        ProducerStamp { id, epoch, base_sequence }
    }

    /// Producers, and a log to put their batches into.
    #[derive(Default)]
    struct Log {
        producers: Producers,
        next: u32,
        now_ms: i64,
    }

    impl Log {
        /// The base offset, and whether it was new.
        fn append(&mut self, stamp: ProducerStamp, count: u32) -> Result<(i64, bool), AppendError> {
            match self.producers.check(stamp, count, self.now_ms, &options())? {
                Verdict::Stored(batch) => Ok((batch.base_offset, false)),
                Verdict::Store => {
                    let base_offset = i64::from(self.next);
                    let batch = SequencedBatch {
                        base_sequence: stamp.base_sequence,
                        record_count: count,
                        base_offset,
                        append_time_ms: self.now_ms,
                    };
                    let lsn = u64::from(self.next);
                    self.producers.record(stamp, batch, lsn, &options());
                    self.next += count;
                    Ok((base_offset, true))
                }
            }
        }
    }

    #[test]
    fn a_repeated_batch_is_found_among_the_last_five_only() {
        let mut log = Log::default();
        for number in 0..6 {
            assert_eq!(
                log.append(stamp(1, 0, number * 10), 10),
                Ok((i64::from(number) * 10, true))
            );
        }
        for number in 1..6 {
            let again = log.append(stamp(1, 0, number * 10), 10);
            assert_eq!(again, Ok((i64::from(number) * 10, false)));
        }
        let too_old = log.append(stamp(1, 0, 0), 10);
        assert_eq!(too_old, Err(AppendError::OutOfOrderSequence { expected: 60 }));
    }

    #[test]
    fn a_gap_or_a_half_repeated_batch_is_out_of_order() {
        let mut log = Log::default();
        log.append(stamp(1, 0, 0), 10).unwrap();
        for base_sequence in [11, 5, -1] {
            let answer = log.append(stamp(1, 0, base_sequence), 10);
            assert_eq!(answer, Err(AppendError::OutOfOrderSequence { expected: 10 }));
        }
        let shorter = log.append(stamp(1, 0, 0), 9);
        assert_eq!(shorter, Err(AppendError::OutOfOrderSequence { expected: 10 }));
    }

    #[test]
    fn an_old_epoch_is_fenced_and_a_new_one_begins_at_zero() {
        let mut log = Log::default();
        log.append(stamp(1, 3, 0), 10).unwrap();
        assert_eq!(log.append(stamp(1, 2, 10), 1), Err(AppendError::ProducerFenced { epoch: 3 }));
        let not_zero = log.append(stamp(1, 4, 10), 1);
        assert_eq!(not_zero, Err(AppendError::OutOfOrderSequence { expected: 0 }));
        assert_eq!(log.append(stamp(1, 4, 0), 10), Ok((10, true)));
        assert_eq!(log.append(stamp(1, 4, 0), 10), Ok((10, false)));
    }

    #[test]
    fn sequence_numbers_begin_again_at_zero_after_the_largest() {
        let mut log = Log::default();
        log.append(stamp(1, 0, i32::MAX - 1), 2).unwrap();
        assert_eq!(log.append(stamp(1, 0, 0), 3), Ok((2, true)));
        log.append(stamp(2, 0, i32::MAX), 3).unwrap();
        assert_eq!(log.append(stamp(2, 0, 2), 1), Ok((8, true)));
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        let mut log = Log::default();
        assert_eq!(log.append(stamp(1, 7, 500), 1), Ok((0, true)));
        assert_eq!(log.append(stamp(1, 7, 501), 1), Ok((1, true)));
    }

    #[test]
    fn a_producer_that_was_silent_for_too_long_is_unknown() {
        let mut log = Log::default();
        log.append(stamp(1, 3, 0), 1).unwrap();
        log.now_ms = EXPIRY_MS;
        assert_eq!(log.append(stamp(1, 3, 0), 1), Ok((0, false)));
        log.now_ms = EXPIRY_MS + 1;
        assert_eq!(log.append(stamp(1, 1, 90), 1), Ok((1, true)));
        assert_eq!(log.append(stamp(1, 1, 0), 1).map_err(|_| ()), Err(()));
        log.producers.expire(2 * EXPIRY_MS + 2, &options());
        assert_eq!(log.producers.since(0).count(), 0);
        assert!(log.producers.by_age.is_empty());
    }

    #[test]
    fn beyond_the_limit_the_producer_that_was_silent_longest_is_forgotten() {
        let mut log = Log::default();
        for id in [1, 2, 3] {
            log.append(stamp(id, 0, 0), 1).unwrap();
        }
        log.append(stamp(1, 0, 1), 1).unwrap();
        log.append(stamp(4, 0, 0), 1).unwrap();
        let left: Vec<i64> = log.producers.since(0).map(|(id, _)| id).collect();
        assert_eq!(left, [1, 3, 4]);
        assert_eq!(log.append(stamp(2, 0, 0), 1), Ok((5, true)));
    }

    #[test]
    fn a_restored_producer_is_as_it_was() {
        let mut log = Log::default();
        log.append(stamp(1, 0, 0), 2).unwrap();
        log.append(stamp(1, 0, 2), 2).unwrap();
        let mut copy = Producers::default();
        for (id, producer) in log.producers.since(0) {
            copy.restore(id, producer.clone(), &options());
        }
        log.producers = copy;
        assert_eq!(log.append(stamp(1, 0, 0), 2), Ok((0, false)));
        assert_eq!(log.append(stamp(1, 0, 4), 1), Ok((4, true)));
    }
}

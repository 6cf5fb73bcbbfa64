//! What is submitted, and what the store says to it.

use bytes::Bytes;
use logboom_store::{AppendError, Appended, ProducerStamp, Shard, Store};

use super::model::Entry;
use super::world::{World, append_of, shard};
use crate::coverage::State;
use crate::outcome::Violation;
use crate::random::Stream;

/// What is to become of a submission, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    Duplicate,
    Gap,
    OldEpoch,
}

impl World {
    /// Submits a few batches.
    pub(crate) fn append(&mut self) {
        for _ in 0..self.dice.between(Stream::Workload, 1, 5) {
            let index = self.dice.below(Stream::Workload, self.plan.shards.into());
            let shard = shard(u32::try_from(index).expect("a small number"));
            let stamped = self.dice.chance(Stream::Workload, 400);
            let entry = self.entry(shard, stamped);
            self.submit(shard, entry);
        }
    }

    fn entry(&mut self, shard: Shard, stamped: bool) -> Entry {
        self.batches += 1;
        let id = self.batches;
        let bytes = self.dice.below(Stream::Workload, self.plan.batch_bytes_max);
        let mut batch = format!("batch {id} ").into_bytes();
        let bytes = usize::try_from(bytes).expect("a small number");
        batch.resize(batch.len().max(bytes), b'a' + u8::try_from(id % 26).expect("a letter"));
        let record_count = u32::try_from(self.dice.between(Stream::Workload, 1, 3)).expect("small");
        let model = &self.shards[&shard];
        // After a failure nobody knows which sequence number would be right.
        let producer = (stamped && model.unknown.is_empty()).then(|| {
            let producers = self.plan.producers.unsigned_abs();
            let id = 77 + i64::try_from(self.dice.below(Stream::Workload, producers)).expect("few");
            ProducerStamp { id, epoch: 1, base_sequence: model.next_sequence(id) }
        });
        Entry { id, batch: Bytes::from(batch), record_count, time_ms: self.now_ms, producer }
    }

    fn submit(&mut self, shard: Shard, entry: Entry) {
        let Some(store) = &self.store else { return };
        let answers = std::sync::Arc::clone(&self.answers);
        let id = entry.id;
        store.append(append_of(shard, &entry, self.now_ms), move |result| {
            let mut answers = answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            answers.push((shard, id, result));
        });
        self.shards.get_mut(&shard).expect("a shard of the plan").waiting.push(entry);
    }

    /// One round of group commit, and what it answers.
    pub(crate) fn commit(&mut self) -> Result<(), Violation> {
        if self.dice.chance(Stream::Workload, 200) {
            self.try_trick()?;
        }
        self.commit_once()?;
        Ok(())
    }

    pub(crate) fn commit_all(&mut self) -> Result<(), Violation> {
        for _ in 0..1_000 {
            if !self.commit_once()? {
                return Ok(());
            }
        }
        Err(Violation::new("a commit makes progress", "a thousand rounds and still not done"))
    }

    fn commit_once(&mut self) -> Result<bool, Violation> {
        let Some(store) = self.store.clone() else { return Ok(false) };
        let first = self.shards.values().filter_map(|model| model.waiting.first()).map(|e| e.id);
        let first = first.min().unwrap_or(self.batches + 1);
        let end = store.log_end();
        if self.dice.chance(Stream::Schedule, 300) {
            self.overlap(&store);
        }
        let more = store.commit_group();
        // Also the footer of a segment that ended just now may have hit its frames.
        self.notice_misdirected(first);
        // By name: retention may have removed as many segments as were begun.
        let segment = crate::disk::last_segment(&self.disk);
        self.segment_groups += u64::from(store.log_end() > end);
        if segment != self.segment {
            self.dice.reached(State::SegmentSealed);
            self.segment_first = first;
            // A roll comes before the group that needs it, or after the last one.
            self.segment_groups = 0;
        }
        self.segment = segment;
        self.take_answers()?;
        Ok(more)
    }

    /// Commits several groups as threads do: later ones are written before the first is synced, and
    /// they are synced in any order.
    fn overlap(&self, store: &Store) {
        let groups_max = 2 + self.dice.index(Stream::Schedule, 3);
        let mut written: Vec<_> = (0..groups_max).map_while(|_| store.write_group()).collect();
        while !written.is_empty() {
            written.swap_remove(self.dice.index(Stream::Schedule, written.len())).sync();
        }
    }

    /// Takes note of a write that went astray. It may have hit anything of the segment that is being
    /// written, and what was to be written is missing.
    pub(crate) fn notice_misdirected(&mut self, first_written: u64) {
        if self.control.take_misdirected() {
            self.harmed = true;
            let first = self.segment_first.min(first_written);
            self.excused_from = Some(self.excused_from.map_or(first, |from| from.min(first)));
        }
    }

    /// Compares what the store has answered with what it may answer.
    pub(crate) fn take_answers(&mut self) -> Result<(), Violation> {
        let answers = std::mem::take(
            &mut *self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        for (shard, id, answer) in answers {
            self.judge(shard, id, answer)?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        shard: Shard,
        id: u64,
        answer: Result<Appended, AppendError>,
    ) -> Result<(), Violation> {
        let model = self.shards.get_mut(&shard).expect("a shard of the plan");
        if model.waiting.first().map(|entry| entry.id) != Some(id) {
            let detail = format!("{shard}: batch {id} is answered out of turn");
            return Err(Violation::new("answers come once and in order", detail));
        }
        let entry = model.waiting.remove(0);
        self.dice.trace(|| format!("{shard}: batch {id}: {answer:?}"));
        match answer {
            Ok(appended) => {
                self.dice.reached(State::BatchAcknowledged);
                self.dice.note(2, appended.base_offset.unsigned_abs());
                let expected = model.next_offset();
                if !model.unknown.is_empty() || appended.duplicate {
                    let detail = format!("{shard}: batch {id}, {appended:?}");
                    return Err(Violation::new("nothing is stored after a failure", detail));
                }
                if appended.base_offset != expected {
                    let got = appended.base_offset;
                    let detail = format!("{shard}: batch {id} at {got} instead of {expected}");
                    return Err(Violation::new("offsets are dense", detail));
                }
                if entry
                    .producer
                    .is_some_and(|stamp| stamp.base_sequence != model.stored_sequence(stamp.id))
                {
                    let detail = format!("{shard}: batch {id}");
                    return Err(Violation::new("a producer leaves no gap", detail));
                }
                model.push(entry);
                let next = self.store.as_ref().map(|store| store.offsets(shard).next);
                if next.is_some_and(|next| next < model.next_offset()) {
                    let detail = format!("{shard}: batch {id}");
                    return Err(Violation::new("what is acknowledged can be read", detail));
                }
            }
            Err(AppendError::Poisoned(_) | AppendError::Closed) => {
                self.dice.reached(State::BatchUnknown);
                self.dice.note(3, id);
                model.unknown.push(entry);
            }
            Err(error) => {
                self.dice.reached(State::BatchRefused);
                self.dice.note(4, id);
                self.judge_refusal(shard, &entry, &error)?;
            }
        }
        Ok(())
    }

    /// A refusal is definite, so there must be a reason for it.
    fn judge_refusal(
        &mut self,
        shard: Shard,
        entry: &Entry,
        error: &AppendError,
    ) -> Result<(), Violation> {
        match error {
            AppendError::NoSpace | AppendError::Unavailable(_) => Ok(()),
            // A batch of the same producer before this one was refused for want of space.
            AppendError::OutOfOrderSequence { expected }
                if self.leaves_gap(shard, entry, *expected) =>
            {
                Ok(())
            }
            error => {
                let detail = format!("{shard}: batch {}: {error}", entry.id);
                Err(Violation::new("a good batch is not refused", detail))
            }
        }
    }

    /// Whether the batch does not continue what is stored of its producer, which is `expected`.
    fn leaves_gap(&self, shard: Shard, entry: &Entry, expected: i32) -> bool {
        entry.producer.is_some_and(|stamp| {
            let stored = self.shards[&shard].stored_sequence(stamp.id);
            expected == stored && stamp.base_sequence != stored
        })
    }

    /// Sends something again, or with a wrong sequence number or epoch, and looks at the answer.
    fn try_trick(&mut self) -> Result<(), Violation> {
        let index = self.dice.below(Stream::Workload, self.plan.shards.into());
        let shard = shard(u32::try_from(index).expect("a small number"));
        let producers = self.plan.producers.unsigned_abs();
        let producer =
            77 + i64::try_from(self.dice.below(Stream::Workload, producers)).expect("few");
        let tricks = [Trick::Duplicate, Trick::Gap, Trick::OldEpoch];
        let trick = tricks[self.dice.index(Stream::Workload, tricks.len())];
        let age = self.dice.index(Stream::Workload, 5);
        self.commit_all()?;
        let Some(store) = self.store.clone() else { return Ok(()) };
        let model = &self.shards[&shard];
        if !model.is_settled() || store.health() != logboom_store::Health::Ready {
            return Ok(());
        }
        let Some((offset, mut entry)) = model.of_producer(producer).nth(age).cloned() else {
            return Ok(());
        };
        if let Some(stamp) = &mut entry.producer {
            match trick {
                Trick::Duplicate => {}
                Trick::Gap => stamp.base_sequence = model.next_sequence(producer) + 1,
                Trick::OldEpoch => stamp.epoch = 0,
            }
        }
        let hits = self.control.hits();
        let answer = append_now(&store, shard, &entry, self.now_ms);
        let as_expected = match (trick, &answer) {
            (Trick::Duplicate, Ok(appended)) => {
                self.dice.reached(State::DuplicateAnswered);
                appended.duplicate && appended.base_offset == offset
            }
            (Trick::Gap, Err(AppendError::OutOfOrderSequence { .. })) => {
                self.dice.reached(State::SequenceRefused);
                true
            }
            (Trick::OldEpoch, Err(AppendError::ProducerFenced { .. })) => {
                self.dice.reached(State::EpochFenced);
                true
            }
            (_, Err(AppendError::Poisoned(_))) => self.control.hits() > hits,
            _ => false,
        };
        if as_expected {
            return Ok(());
        }
        let detail = format!("{shard}: {trick:?} of batch {} at {offset}: {answer:?}", entry.id);
        Err(Violation::new("idempotent producers are told apart", detail))
    }
}

/// Appends one batch and waits for the answer.
pub(crate) fn append_now(
    store: &logboom_store::Store,
    shard: Shard,
    entry: &Entry,
    now_ms: i64,
) -> Result<Appended, AppendError> {
    let answer = std::sync::Arc::new(std::sync::Mutex::new(Err(AppendError::Closed)));
    let slot = std::sync::Arc::clone(&answer);
    store.append(append_of(shard, entry, now_ms), move |result| {
        *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = result;
    });
    while store.commit_group() {}
    let answer = answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    answer.clone()
}

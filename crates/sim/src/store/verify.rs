//! What is in the store is what must be in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use logboom_store::{
    Crash, Health, LogCursor, OffsetRange, ReadError, Reader, Shard, Store, StoredBatch,
};

use super::expiry::check_expired;
use super::restart::open;
use super::world::World;
use crate::coverage::State;
use crate::outcome::Violation;
use crate::random::Stream;

impl World {
    /// Compares a store that has just been opened with the model. What is seen now must stay.
    pub(crate) fn verify(&mut self) -> Result<(), Violation> {
        self.dice.set_faults(false);
        let result = self.verify_without_faults();
        self.dice.set_faults(true);
        result
    }

    fn verify_without_faults(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let shards: Vec<Shard> = self.shards.keys().copied().collect();
        for shard in shards {
            self.take_over(&store, shard)?;
        }
        self.check_log(&store)?;
        for (name, stream) in &self.streams {
            if store.stream("project", name) != Ok(*stream) {
                return Err(Violation::new("a Logstore keeps its number", name.as_str()));
            }
        }
        Ok(())
    }

    /// Finds out which of the batches of unknown fate are in the log.
    fn take_over(&mut self, store: &Store, shard: Shard) -> Result<(), Violation> {
        let offsets = store.offsets(shard);
        let model = self.shards.get_mut(&shard).expect("a shard of the plan");
        if offsets.start < model.start {
            let detail = format!("{shard}: from {} to {}", model.start, offsets.start);
            return Err(Violation::new("a start only moves forward", detail));
        }
        model.start = offsets.start;
        let mut unknown = std::mem::take(&mut model.unknown).into_iter();
        while model.next_offset() < offsets.next {
            let Some(survivor) = unknown.next() else {
                let detail = format!("{shard}: offset {}", model.next_offset());
                return Err(Violation::new("nothing appears that nobody sent", detail));
            };
            self.dice.reached(State::SurvivedUnacknowledged);
            model.push(survivor);
        }
        if unknown.next().is_some() {
            self.dice.reached(State::LostUnacknowledged);
        }
        while model.next_offset() > offsets.next {
            let lost = model.certain.pop().expect("an offset above 0 has a batch");
            if self.excused_from.is_none_or(|from| lost.1.id < from) {
                let detail = format!("{shard}: batch {} at {}", lost.1.id, lost.0);
                return Err(Violation::new("nothing acknowledged is lost", detail));
            }
        }
        if model.next_offset() != offsets.next {
            let detail = format!("{shard}: {} instead of {}", offsets.next, model.next_offset());
            return Err(Violation::new("offsets are dense", detail));
        }
        check_expired(store, shard)?;
        self.read_from(store, shard, offsets)
    }

    /// Reads a shard to its end and compares.
    fn read_from(
        &self,
        store: &Store,
        shard: Shard,
        offsets: OffsetRange,
    ) -> Result<(), Violation> {
        let mut from = offsets.start;
        while from < offsets.next {
            let hits = self.control.hits();
            match store.read(shard, from, usize::MAX) {
                Ok(batches) => {
                    self.check(shard, from, &batches)?;
                    let Some(last) = batches.last() else {
                        let detail = format!("{shard}: nothing at {from}");
                        return Err(Violation::new("what is acknowledged can be read", detail));
                    };
                    from = last.end_offset();
                }
                // Reading stops before what is damaged, and says so when it is asked for that.
                Err(error) => return self.excuse(shard, &error, hits),
            }
        }
        Ok(())
    }

    pub(crate) fn check(
        &self,
        shard: Shard,
        offset: i64,
        batches: &[StoredBatch],
    ) -> Result<(), Violation> {
        self.shards[&shard].check(offset, batches).map_err(|detail| {
            Violation::new("an offset means one batch for ever", format!("{shard}: {detail}"))
        })
    }

    /// An error is right only if something is broken.
    fn excuse(&self, shard: Shard, error: &ReadError, hits: u64) -> Result<(), Violation> {
        let broken = self.harmed || self.control.hits() > hits || self.disk.has_stopped();
        if broken && matches!(error, ReadError::Damaged(_)) {
            self.dice.reached(State::ReadRefused);
            return Ok(());
        }
        Err(Violation::new("what is acknowledged can be read", format!("{shard}: {error}")))
    }

    /// The log in order holds what the shards hold, in the order in which it was submitted.
    fn check_log(&self, store: &Store) -> Result<(), Violation> {
        let hits = self.control.hits();
        let (batches, _) = match store.read_log(LogCursor::START, usize::MAX) {
            Ok(read) => read,
            Err(error) => return self.excuse(super::world::shard(0), &error, hits),
        };
        let mut per_shard: BTreeMap<Shard, Vec<StoredBatch>> = BTreeMap::new();
        let mut last_id = 0;
        for batch in batches {
            let model = self.shards.get(&batch.shard);
            let place = model.and_then(|model| {
                let found = |(offset, _): &(i64, _)| offset.cmp(&batch.base_offset);
                let index = model.certain.binary_search_by(found).ok()?;
                Some(model.certain[index].1.id)
            });
            let Some(id) = place else {
                let detail = format!("{} at {}", batch.shard, batch.base_offset);
                return Err(Violation::new("nothing appears that nobody sent", detail));
            };
            if id <= last_id {
                let detail = format!("batch {id} after batch {last_id}");
                return Err(Violation::new("the log is in the order of submission", detail));
            }
            last_id = id;
            per_shard.entry(batch.shard).or_default().push(batch);
        }
        for (shard, batches) in per_shard {
            self.check(shard, self.shards[&shard].start, &batches)?;
        }
        Ok(())
    }

    /// Reads a little from somewhere.
    pub(crate) fn read(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let index = self.dice.below(Stream::Workload, self.plan.shards.into());
        let shard = super::world::shard(u32::try_from(index).expect("a small number"));
        let offsets = store.offsets(shard);
        let length = (offsets.next - offsets.start).unsigned_abs();
        let skip = i64::try_from(self.dice.below(Stream::Workload, length + 1)).expect("small");
        let from = offsets.start + skip;
        let bytes_max = usize::try_from(self.dice.below(Stream::Workload, 4_000)).expect("small");
        let hits = self.control.hits();
        match store.read(shard, from, bytes_max) {
            Ok(batches) => {
                if batches.is_empty() && from < offsets.next {
                    let detail = format!("{shard}: nothing at {from}");
                    return Err(Violation::new("what is acknowledged can be read", detail));
                }
                self.check(shard, from, &batches)
            }
            Err(error) => self.excuse(shard, &error, hits),
        }
    }

    /// What can be read now can be read after a power cut in this moment, and after a second
    /// recovery, and nothing else can.
    pub(crate) fn check_durable(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        if self.harmed || self.disk.has_stopped() {
            return Ok(());
        }
        let crash = match self.dice.below(Stream::Workload, 3) {
            0 => Crash::LoseUnsynced,
            1 => Crash::KeepUnsynced,
            _ => Crash::Tear(self.dice.below(Stream::Workload, u64::MAX)),
        };
        let mut disk = self.disk.fork().restart(crash);
        disk.set_foreign_bytes(0);
        for round in 0..2 {
            let (forked, recovery) = open(&disk, self).map_err(|error| {
                Violation::new("a store can be opened after any crash", error.to_string())
            })?;
            if round > 0 && recovery.truncated_bytes > 0 {
                let detail = format!("{} bytes cut off again", recovery.truncated_bytes);
                return Err(Violation::new("recovering twice is recovering once", detail));
            }
            let healthy = store.health() != Health::Closed;
            for (shard, model) in &self.shards {
                let (now, then) = (store.offsets(*shard), forked.offsets(*shard));
                // What waits was not even written, unless the store has been poisoned.
                let exact = model.unknown.is_empty() && healthy;
                if then.next < now.next || (exact && then.next != now.next) {
                    let detail = format!("{shard}: {now:?} becomes {then:?}");
                    return Err(Violation::new("what can be read is durable", detail));
                }
                let batches = forked.read(*shard, then.start, usize::MAX).map_err(|error| {
                    let detail = format!("{shard}: {error}");
                    Violation::new("what is acknowledged can be read", detail)
                })?;
                let known = batches.into_iter().filter(|batch| batch.base_offset < now.next);
                self.check(*shard, then.start, &known.collect::<Vec<_>>())?;
            }
            drop(forked);
            disk = disk.restart(Crash::LoseUnsynced);
        }
        Ok(())
    }

    /// A reader in another process sees nothing that is not durable.
    pub(crate) fn check_reader(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        if self.harmed || self.disk.has_stopped() {
            return Ok(());
        }
        self.dice.set_faults(false);
        let result = self.follow(&store);
        self.dice.set_faults(true);
        result
    }

    fn follow(&mut self, store: &Store) -> Result<(), Violation> {
        let broken = |error: &dyn std::fmt::Display| {
            Violation::new("a reader in another process can read", error.to_string())
        };
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(Arc::new(self.disk.clone()), &self.plan.options)
                .map_err(|error| broken(&error))?,
        };
        reader.refresh().map_err(|error| broken(&error))?;
        let told_everything = store.statistics().mark_failures == 0;
        let healthy = store.health() == Health::Ready;
        for shard in self.shards.keys() {
            let (seen, offsets) = (reader.offsets(*shard), store.offsets(*shard));
            let behind = seen.next > offsets.next || (told_everything && seen.next < offsets.next);
            let early = seen.start > offsets.start && healthy;
            if behind || early || (told_everything && healthy && seen.start < offsets.start) {
                let detail = format!("{shard}: sees {seen:?} of {offsets:?}");
                return Err(Violation::new("a reader sees what is durable", detail));
            }
            let batches =
                reader.read(*shard, seen.start, usize::MAX).map_err(|error| broken(&error))?;
            self.check(*shard, seen.start, &batches)?;
        }
        self.dice.reached(State::ReaderFollowed);
        self.reader = Some(reader);
        Ok(())
    }
}

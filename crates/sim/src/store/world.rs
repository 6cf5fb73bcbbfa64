use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use logboom_store::{
    Append, AppendError, Appended, Crash, Health, MemDisk, Reader, Recovery, Shard, Store, StreamId,
};

use super::model::ShardModel;
use super::plan::Plan;
use crate::coverage::State;
use crate::dice::Dice;
use crate::disk::DiskControl;
use crate::fault::FaultSet;
use crate::outcome::Violation;
use crate::random::Stream;

/// When every run begins, in ms since 1970.
const START_MS: i64 = 1_700_000_000_000;

/// Answers of the store, in the order in which they came.
pub(crate) type Answers = Arc<Mutex<Vec<(Shard, u64, Result<Appended, AppendError>)>>>;

/// Everything about one run.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) disk: MemDisk,
    pub(crate) control: DiskControl,
    pub(crate) store: Option<Store>,
    /// Of another process.
    pub(crate) reader: Option<Reader>,
    pub(crate) shards: BTreeMap<Shard, ShardModel>,
    pub(crate) streams: BTreeMap<String, StreamId>,
    pub(crate) answers: Answers,
    pub(crate) batches: u64,
    pub(crate) now_ms: i64,
    /// The device holds something that nobody wrote there. What is read may be refused from now on,
    /// but must never be wrong.
    pub(crate) harmed: bool,
    /// Batches from that number on may be gone, because their own write went astray.
    pub(crate) excused_from: Option<u64>,
    /// The first batch of the segment that is being written.
    pub(crate) segment_first: u64,
    /// The name of the segment that is being written.
    pub(crate) segment: String,
    /// How many groups that segment holds for certain.
    pub(crate) segment_groups: u64,
    /// The store has refused to open for damage that is really there.
    pub(crate) refused: bool,
}

impl World {
    pub(crate) fn new(dice: &Dice, faults: FaultSet) -> Self {
        let plan = Plan::draw(dice, faults);
        let shards = (0..plan.shards).map(|index| (shard(index), ShardModel::default())).collect();
        Self {
            disk: MemDisk::with_capacity(plan.capacity_bytes),
            dice: dice.clone(),
            plan,
            control: DiskControl::default(),
            store: None,
            reader: None,
            shards,
            streams: BTreeMap::new(),
            answers: Answers::default(),
            batches: 0,
            now_ms: START_MS,
            harmed: false,
            excused_from: None,
            segment_first: 0,
            segment: String::new(),
            segment_groups: 0,
            refused: false,
        }
    }

    pub(crate) fn passed_ms(&self) -> u64 {
        self.now_ms.abs_diff(START_MS)
    }

    /// The whole life of a store: work with faults, and then, without any, everything must be there.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        self.dice.set_faults(false);
        self.open()?;
        self.dice.set_faults(true);
        for _ in 0..self.plan.steps {
            self.step()?;
            if self.refused {
                return Ok(());
            }
        }
        self.finish()
    }

    fn step(&mut self) -> Result<(), Violation> {
        self.draw_faults()?;
        if self.refused {
            return Ok(());
        }
        if self.store.is_none() {
            self.open()?;
            return Ok(());
        }
        let step = self.dice.below(Stream::Workload, 100);
        self.dice.note(1, step);
        self.dice.trace(|| format!("step {step}, {} batches so far", self.batches));
        match step {
            0..40 => self.append(),
            40..72 => self.commit()?,
            72..80 => self.read()?,
            80..86 => self.retain()?,
            86..88 => self.stream()?,
            88..91 => self.reopen()?,
            91..94 => self.wait(),
            94..97 => self.check_durable()?,
            _ => self.check_reader()?,
        }
        self.notice_misdirected(self.batches);
        self.notice_failure()
    }

    /// What happens when the faults are over.
    fn finish(&mut self) -> Result<(), Violation> {
        self.dice.set_faults(false);
        self.control.stop_in(None);
        self.disk.set_foreign_bytes(0);
        let crash = crate::disk::draw_crash(&self.dice);
        if self.store.is_none() || self.dice.chance(Stream::Workload, 500) {
            self.crash(crash)?;
            self.open()?;
        }
        if self.refused {
            return Ok(());
        }
        self.heal()?;
        self.append();
        self.commit_all()?;
        self.check_durable()?;
        self.check_reader()?;
        self.reopen()?;
        self.crash(Crash::LoseUnsynced)?;
        self.open()
    }

    /// A store that was poisoned is opened anew; one that had no space finds some.
    fn heal(&mut self) -> Result<(), Violation> {
        self.commit_all()?;
        self.notice_failure()?;
        if self.store.is_none() {
            self.open()?;
        }
        Ok(())
    }

    fn wait(&mut self) {
        let ms = self.dice.between(Stream::Workload, 1, 60_000);
        self.now_ms += i64::try_from(ms).expect("a minute");
    }

    fn stream(&mut self) -> Result<(), Violation> {
        let name = format!("logstore-{}", self.streams.len());
        let Some(store) = &self.store else { return Ok(()) };
        if let Ok(stream) = store.stream("project", &name) {
            if self.streams.values().any(|known| *known == stream) {
                return Err(Violation::new("a Logstore has a number of its own", name));
            }
            self.streams.insert(name, stream);
        }
        Ok(())
    }

    /// Closes the store and opens it again, which needs no repair.
    pub(crate) fn reopen(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.take() else { return Ok(()) };
        store.close();
        self.notice_misdirected(self.batches);
        self.take_answers()?;
        let whole = store.health() == Health::Closed;
        drop(store);
        self.settle();
        let recovery = self.open_for(whole)?;
        let Some(Recovery { truncated_bytes, .. }) = recovery else { return Ok(()) };
        if whole && truncated_bytes > 0 && !self.harmed {
            let detail = format!("{truncated_bytes} bytes were cut off");
            return Err(Violation::new("a store that was closed needs no repair", detail));
        }
        if whole {
            self.dice.reached(State::ClosedWhole);
        }
        Ok(())
    }

    /// A store that takes nothing more is left, as a server does.
    fn notice_failure(&mut self) -> Result<(), Violation> {
        let Some(store) = &self.store else { return Ok(()) };
        match store.health() {
            Health::Poisoned(_) => {
                self.dice.reached(State::StorePoisoned);
                let crash = crate::disk::draw_crash(&self.dice);
                self.crash(crash)
            }
            Health::NoSpace => {
                self.dice.reached(State::StoreFull);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

pub(crate) const fn shard(index: u32) -> Shard {
    Shard::new(StreamId::new(index / 2), index)
}

/// A batch on its way into the store.
pub(crate) fn append_of(shard: Shard, entry: &super::model::Entry, now_ms: i64) -> Append {
    Append {
        shard,
        batch: entry.batch.clone(),
        record_count: entry.record_count,
        form: 1,
        peer: [10, 0, 9, 3].into(),
        client_id: bytes::Bytes::from_static(b"client"),
        append_time_ms: now_ms,
        producer: entry.producer,
        checksum: None,
    }
}

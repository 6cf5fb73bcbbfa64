//! A store, the disk below it, and a model of what must be in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use logboom_store::{
    Append, AppendError, Crash, Fault, Health, MemDisk, OperationKind, Reader, Retention, Shard,
    Store, StoredBatch, StreamId,
};

use super::{Answers, NOW_MS, batch, open, read_whole_log, stamped, try_open};

/// What a workload is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A batch for one of the shards.
    Append { shard: u32, bytes: usize },
    /// A batch of an idempotent producer for one of the shards.
    Stamped { shard: u32 },
    /// A batch for every shard, in one group.
    Group { bytes: usize },
    /// Several groups of a batch each, of which the later ones are written before the first is
    /// synced; `order` says in which order they are synced.
    Overlap { groups: u8, bytes: usize, order: u64 },
    /// A Logstore gets a number.
    Stream,
    /// The oldest data goes.
    Retention { bytes: u64 },
    /// The store is closed and opened again.
    Reopen,
}

/// A batch as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    batch: Bytes,
    record_count: u32,
    /// The base sequence, if it is one of a producer.
    sequence: Option<i32>,
}

#[derive(Debug, Clone, Default)]
struct ShardModel {
    /// From offset 0 on, also what has expired.
    certain: Vec<Entry>,
    /// Submitted, and never acknowledged: a prefix of it may be in the log.
    unknown: Vec<Entry>,
    start: i64,
}

impl ShardModel {
    fn next_offset(&self) -> i64 {
        self.certain.iter().map(|entry| i64::from(entry.record_count)).sum()
    }

    fn next_sequence(&self) -> i32 {
        let stamped = self.certain.iter().rev().find_map(|entry| entry.sequence);
        stamped.map_or(0, |sequence| sequence + 1)
    }
}

pub(crate) const SHARDS: u32 = 2;
const PRODUCER: i64 = 77;

/// Everything about one run.
pub(crate) struct World {
    pub(crate) disk: MemDisk,
    pub(crate) store: Option<Store>,
    /// Of another process, which has been there all the time since the machine started.
    reader: Option<Reader>,
    shards: BTreeMap<Shard, ShardModel>,
    streams: BTreeMap<String, StreamId>,
    batches: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|index| (shard(index), ShardModel::default())).collect();
        let disk = MemDisk::new();
        let streams = BTreeMap::new();
        Self { store: Some(open(&disk)), reader: None, disk, shards, streams, batches: 0 }
    }

    /// The same world on a disk of its own, without a store.
    pub(crate) fn fork(&self) -> Self {
        Self {
            disk: self.disk.fork(),
            store: None,
            reader: None,
            shards: self.shards.clone(),
            streams: self.streams.clone(),
            batches: self.batches,
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.run(step);
        if !self.disk.has_stopped() {
            self.check_reader();
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Append { shard: index, bytes } => {
                let entry = self.entry(bytes, None);
                self.append(vec![(shard(index), entry)]);
            }
            Step::Stamped { shard: index } => {
                let sequence = self.shards[&shard(index)].next_sequence();
                // After a failure nobody knows which sequence number would be right.
                if self.shards[&shard(index)].unknown.is_empty() {
                    let entry = self.entry(20, Some(sequence));
                    self.append(vec![(shard(index), entry)]);
                }
            }
            Step::Group { bytes } => {
                let group = (0..SHARDS).map(|index| (shard(index), self.entry(bytes, None)));
                let group = group.collect();
                self.append(group);
            }
            Step::Overlap { groups, bytes, order } => self.overlap(groups, bytes, order),
            Step::Stream => {
                let name = format!("logstore-{}", self.streams.len());
                if let Ok(stream) = self.store().stream("project", &name) {
                    assert!(self.streams.values().all(|known| *known != stream));
                    self.streams.insert(name, stream);
                }
            }
            Step::Retention { bytes } => self.retain(bytes),
            Step::Reopen => {
                let store = self.store();
                store.close();
                let whole = store.health() == Health::Closed;
                self.store = None;
                drop(store);
                if let Ok((store, recovery)) = try_open(&self.disk) {
                    assert!(recovery.truncated_bytes == 0 || !whole, "closing leaves no repair");
                    if !self.disk.has_stopped() {
                        self.disk.clear_hook();
                        self.verify(store);
                    }
                }
            }
        }
    }

    /// Ends the processes and restarts the machine.
    pub(crate) fn crash(&mut self, crash: Crash) {
        self.store = None;
        self.reader = None;
        self.disk = self.disk.restart(crash);
    }

    /// Opens the store and compares everything with the model.
    pub(crate) fn recover(&mut self) {
        self.verify(open(&self.disk));
    }

    /// Compares a store that has just been opened with the model. What is seen now must stay.
    fn verify(&mut self, store: Store) {
        let mut visible = BTreeMap::new();
        for (shard, model) in &mut self.shards {
            let offsets = store.offsets(*shard);
            assert!(offsets.start >= model.start, "a start moved back");
            model.start = offsets.start;
            let mut unknown = std::mem::take(&mut model.unknown).into_iter();
            while model.next_offset() < offsets.next {
                let survivor = unknown.next().expect("a record nobody sent");
                model.certain.push(survivor);
            }
            assert_eq!(model.next_offset(), offsets.next, "something acknowledged is lost");
            let batches = store.read(*shard, offsets.start, usize::MAX).unwrap();
            model.check(&batches);
            visible.insert(*shard, batches);
        }
        let mut log: BTreeMap<Shard, Vec<StoredBatch>> =
            self.shards.keys().map(|shard| (*shard, Vec::new())).collect();
        for batch in read_whole_log(&store) {
            log.get_mut(&batch.shard).unwrap().push(batch);
        }
        assert_eq!(log, visible, "the log in order holds what the shards hold");
        for (name, stream) in &self.streams {
            assert_eq!(store.stream("project", name), Ok(*stream));
        }
        self.store = Some(store);
        self.check_producers();
    }

    /// Stops the machine before the operation of that number that changes the disk.
    pub(crate) fn stop_at(&self, operation: usize) {
        let mut left = operation;
        self.disk.set_hook(Box::new(move |operation| {
            if operation.kind.changes_the_disk() {
                if left == 0 {
                    return Some(Fault::Stop);
                }
                left -= 1;
            }
            None
        }));
    }

    /// Lets the next sync or write of a segment or of the catalogue fail.
    pub(crate) fn fail_next(&self, kind: OperationKind) {
        super::fail_once(&self.disk, kind, "", Fault::Fail(std::io::ErrorKind::Other));
    }

    fn store(&self) -> Store {
        self.store.clone().expect("the store is open")
    }

    fn entry(&mut self, bytes: usize, sequence: Option<i32>) -> Entry {
        self.batches += 1;
        let mut batch = format!("batch {} ", self.batches).into_bytes();
        batch.resize(batch.len().max(bytes), b'.');
        let record_count = match sequence {
            Some(_) => 1,
            None => u32::try_from(self.batches % 3 + 1).unwrap(),
        };
        Entry { batch: batch.into(), record_count, sequence }
    }

    fn append(&mut self, group: Vec<(Shard, Entry)>) {
        let store = self.store();
        let answers = Answers::default();
        for (number, (shard, entry)) in group.iter().enumerate() {
            answers.submit(&store, number, entry.append(*shard));
        }
        while store.commit_group() {}
        self.note(&group, &answers);
    }

    fn overlap(&mut self, groups: u8, bytes: usize, mut order: u64) {
        let store = self.store();
        let answers = Answers::default();
        let mut entries = Vec::new();
        let mut written = Vec::new();
        for number in 0..usize::from(groups) {
            let (shard, entry) = (shard(0), self.entry(bytes, None));
            answers.submit(&store, number, entry.append(shard));
            entries.push((shard, entry));
            written.extend(store.write_group());
        }
        while !written.is_empty() {
            let next = order % written.len() as u64;
            order /= written.len() as u64;
            written.remove(usize::try_from(next).unwrap()).sync();
        }
        while store.commit_group() {}
        self.note(&entries, &answers);
    }

    /// Compares answers with the model, and takes over what they say.
    fn note(&mut self, group: &[(Shard, Entry)], answers: &Answers) {
        let store = self.store();
        for (number, answer) in answers.take() {
            let (shard, entry) = &group[number];
            let model = self.shards.get_mut(shard).unwrap();
            match answer {
                Ok(appended) => {
                    assert!(model.unknown.is_empty(), "acknowledged after a failure");
                    assert_eq!(appended.base_offset, model.next_offset());
                    assert!(!appended.duplicate);
                    model.certain.push(entry.clone());
                    let offsets = store.offsets(*shard);
                    assert!(offsets.next >= model.next_offset(), "acknowledged and not readable");
                }
                Err(AppendError::Poisoned(_) | AppendError::Closed) => {
                    model.unknown.push(entry.clone());
                }
                // Every other error is definite: it must never be seen.
                Err(_) => {}
            }
        }
    }

    fn retain(&mut self, bytes: u64) {
        let store = self.store();
        let retention = Retention { bytes: Some(bytes), ..Retention::default() };
        let _ = store.apply_retention(&|_| retention, NOW_MS);
        for (shard, model) in &mut self.shards {
            let start = store.offsets(*shard).start;
            assert!(start >= model.start && start <= model.next_offset());
            model.start = start;
        }
    }

    /// A reader in another process sees nothing that is not durable, and everything that was
    /// acknowledged.
    fn check_reader(&mut self) {
        let Some(store) = &self.store else { return };
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(Arc::new(self.disk.clone()), &super::options()).unwrap(),
        };
        reader.refresh().unwrap();
        let told_everything = store.statistics().mark_failures == 0;
        let healthy = store.health() == Health::Ready;
        for (shard, model) in &self.shards {
            let (seen, offsets) = (reader.offsets(*shard), store.offsets(*shard));
            assert!(seen.next <= offsets.next);
            assert!(seen.next == offsets.next || !told_everything);
            // A start that could not be made durable may be seen by others, and counts at the next
            // open.
            assert!(seen.start <= offsets.start || !healthy);
            assert!(seen.start >= offsets.start || !told_everything);
            let batches = reader.read(*shard, seen.start, usize::MAX).unwrap();
            let visible = ShardModel { start: seen.start, ..model.clone() };
            if seen == offsets && visible.next_offset() == seen.next {
                visible.check(&batches);
            }
        }
        self.reader = Some(reader);
    }

    /// What a producer sends again is not stored again.
    fn check_producers(&mut self) {
        let store = self.store();
        for (shard, model) in &self.shards {
            let mut offset = 0;
            let mut stamped = Vec::new();
            for entry in &model.certain {
                stamped.extend(entry.sequence.map(|_| (offset, entry)));
                offset += i64::from(entry.record_count);
            }
            let recent = stamped.iter().rev().take(5).filter(|(offset, _)| *offset >= model.start);
            for (offset, entry) in recent {
                let answer = super::append(&store, entry.append(*shard)).unwrap();
                assert_eq!((answer.duplicate, answer.base_offset), (true, *offset));
            }
        }
    }
}

impl Entry {
    fn append(&self, shard: Shard) -> Append {
        let append = Append { batch: self.batch.clone(), ..batch(shard, self.record_count, 0, 0) };
        match self.sequence {
            Some(sequence) => stamped(append, PRODUCER, 0, sequence),
            None => append,
        }
    }
}

impl ShardModel {
    /// Whether these are all batches from the start on, byte for byte.
    fn check(&self, batches: &[StoredBatch]) {
        let mut offset = 0;
        let mut batches = batches.iter();
        for entry in &self.certain {
            let end = offset + i64::from(entry.record_count);
            if end > self.start {
                let found = batches.next().expect("a batch is missing");
                assert_eq!(found.base_offset, offset);
                assert_eq!(found.record_count, entry.record_count);
                assert!(found.batch == entry.batch, "a batch is not as it was");
            }
            offset = end;
        }
        assert_eq!(batches.next(), None, "a batch too many");
    }
}

pub(crate) fn shard(index: u32) -> Shard {
    Shard::new(StreamId::new(index), index)
}

/// How many operations change the disk while something is done.
pub(crate) fn count_operations(disk: &MemDisk, run: impl FnOnce()) -> usize {
    let trace = super::Trace::of(disk);
    run();
    disk.clear_hook();
    trace.take().into_iter().filter(|(kind, _)| kind.changes_the_disk()).count()
}
